"""The maker's half of a round, where it is a player: what it knows, its quote, and what `step`
reports of it. The rules are in `maker.py`.
"""

import jax.numpy as jnp
from jax import Array

from cardjax.env import cards, maker
from cardjax.env.declaration import ParameterError
from cardjax.env.maker import MakerSeat, MakerView
from cardjax.env.params import EnvParams
from cardjax.env.state import State


def opened(key: Array, state: State, last: maker.Flow, params: EnvParams) -> State:
    """The round before the maker quotes: the quote of NO_QUOTE stands.

    Args:
        key: the round's.
        state: without a maker's seat.
        last: what the maker traded in the round before.
        params: the market's numbers and switches.
    """
    return _quoted(state._replace(maker=maker.opened(key, last)), params)


def view_of(state: State, params: EnvParams) -> MakerView:
    """What the maker knows before it quotes."""
    market = state.market
    mu, sigma = maker.posterior(market.event, market.ranks, market.n_hints, params)
    return MakerView(
        event=market.event,
        hints=cards.first_of(market.ranks, maker.n_seen(market.n_hints, params)),
        mu=mu,
        sigma=sigma,
        round=state.round,
        last=seat_of(state).last,
        action_mask=jnp.ones((maker.SIDES, maker.N_QUOTES), bool),
    )


def quote(state: State, action: Array, params: EnvParams) -> State:
    """The round with the maker's quote, of which `CardMarket.quote` says more."""
    choice, rejected = maker.checked(jnp.asarray(action).reshape((maker.SIDES,)))
    seat = seat_of(state)._replace(choice=choice, rejected=rejected)
    return _quoted(state._replace(maker=seat), params)


def info_of(state: State, settled: maker.Settled, params: EnvParams) -> dict[str, Array]:
    """What `step` reports of a maker that plays."""
    market, seat = state.market, seat_of(state)
    mean, _ = maker.posterior(market.event, market.ranks, market.n_hints, params)
    reward = maker.reward_of(settled, params)
    return {
        "maker_action": seat.choice,
        "maker_rejected": seat.rejected,
        "maker_mu": mean,
        "maker_pnl": settled.pnl[0] + settled.pnl[1],
        "maker_expected_pnl": settled.expected_pnl[0] + settled.expected_pnl[1],
        "maker_reward": reward[0] + reward[1],
        "maker_reward_by_side": reward,
        "noise_bought": settled.flow.noise_bought,
        "noise_sold": settled.flow.noise_sold,
    }


def seat_of(state: State) -> MakerSeat:
    """The seat of the maker.

    Raises:
        ParameterError: it does not play.
    """
    if state.maker is None:
        raise ParameterError("env.maker", maker.ORACLE, "must be agent for a maker that plays")
    return state.maker


def _quoted(state: State, params: EnvParams) -> State:
    """The round with the prices and depths of the maker's choice."""
    market = state.market
    mean, _ = maker.posterior(market.event, market.ranks, market.n_hints, params)
    return state._replace(
        market=market._replace(**maker.quoted(seat_of(state).choice, mean)._asdict())
    )
