"""What a game consists of between two rounds: the market, the players, and what is remembered."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from cardjax.env.maker import MakerSeat
from cardjax.env.params import EnvParams
from cardjax.env.past import Past
from cardjax.env.quotes import Quote


class Market(NamedTuple):
    """One round's exogenous draws and what follows from them, the same for all players."""

    event: Array
    """int32: the event's id, 0..160."""
    ranks: Array
    """int32 [3]: the cards' ranks, 2..14; the first `n_hints` are revealed."""
    n_hints: Array
    """int32: how many cards are revealed, 0..3."""
    S: Array
    """float32: what a unit pays, the sum of the cards' values, points. Hidden."""
    mu: Array
    """float32: E[S | event, revealed cards], points, or if the event is hidden, E[S | all that is
    public].
    """
    sigma: Array
    """float32: the standard deviation of S given the same, points."""
    quote: Quote
    """The maker's prices."""
    depth_bid: Array
    """float32: the true depth that sellers use, units. Hidden beyond what is displayed."""
    depth_ask: Array
    """float32: the true depth that buyers use, units. Hidden beyond what is displayed."""


class Players(NamedTuple):
    """What each player carries from round to round; every attribute has shape [A]."""

    wealth: Array
    """float32: W, points."""
    last_position: Array
    """int32: the signed size of the last executed order, units; 0 before a game's first."""
    last_slippage: Array
    """float32: the last executed order's slippage, points per unit; 0 before a game's first."""
    last_fill_ratio: Array
    """float32: the last executed order's fill ratio; 1 before a game's first."""
    inventory: Array | None = None
    """int32: the units that are held, owed if negative; None where nothing is carried."""


class State(NamedTuple):
    """The whole game between two rounds."""

    market: Market
    """The market that is up for trade."""
    players: Players
    """The players, with what the last round left them."""
    round: Array
    """int32: rounds already played, 0..9."""
    past: Past | None = None
    """What is known from earlier rounds; None where the event is known, since it says it all."""
    maker: MakerSeat | None = None
    """The seat of a maker that plays; None where the quotes are drawn."""


def new_players(n_players: int, params: EnvParams, inventory: bool = False) -> Players:
    """The players at a game's start: wealth W0, "last" values 0, 0 and 1, and nothing held."""
    nothing = jnp.zeros(n_players, jnp.float32)
    return Players(
        wealth=nothing + params.initial_wealth,
        last_position=jnp.zeros(n_players, jnp.int32),
        last_slippage=nothing,
        last_fill_ratio=nothing + 1,
        inventory=jnp.zeros(n_players, jnp.int32) if inventory else None,
    )
