"""What a memory and the event itself are worth where the event is hidden."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env.market import CardMarket
from cardjax.env.params import EnvParams
from cardjax.evaluation.decision import OneOf
from cardjax.evaluation.evaluate import TEST, game_batches
from cardjax.evaluation.match import Seats, play_games
from cardjax.evaluation.statistics import Interval, t_interval
from cardjax.policies.best_response import BestResponse
from cardjax.policies.informed import Clairvoyant, Forgetful

PLAYERS = OneOf((Forgetful(), BestResponse(), Clairvoyant()))


class Worth(NamedTuple):
    """Expected P&L of a single player, points per game, with 95% intervals over games."""

    forgetful: Interval
    """what one earns who knows this round's hints alone."""
    optimum: Interval
    """what one earns who remembers everything: the exact optimum."""
    clairvoyant: Interval
    """what one would earn who knew the event."""
    memory: Interval
    """the optimum less `forgetful`, on the same draws."""
    event: Interval
    """`clairvoyant` less the optimum, on the same draws."""


def worth_of_information(
    env_params: EnvParams, n_games: int, seed: int = 0, domain: int = TEST
) -> Worth:
    """Three single players in the same market draws, in a game whose event is hidden.

    Args:
        env_params: of the market; whether it is played with hidden events does not matter.
        n_games: games of each player.
        seed: of the draws.
        domain: of the draws, as in `evaluate`.
    """
    earned = np.concatenate(
        [
            np.stack([np.asarray(_play(size, env_params, key, i))[:n] for i in range(3)], -1)
            for key, size, n in game_batches(n_games, seed, domain)
        ]
    ).astype(np.float64)
    forgetful, optimum, clairvoyant = earned.T
    figures = forgetful, optimum, clairvoyant, optimum - forgetful, clairvoyant - optimum
    return Worth(*map(t_interval, figures))


@partial(jax.jit, static_argnums=0)
def _play(n_games: int, env_params: EnvParams, key: Array, player: int) -> Array:
    """Each game's expected P&L, float32 [games]."""
    seat = Seats(PLAYERS, (jnp.int32(player), (env_params,) * len(PLAYERS.policies)), 1)
    market = CardMarket(1, event_info="hidden")
    return play_games(market, [seat], env_params, key, n_games).expected_pnl[:, 0]
