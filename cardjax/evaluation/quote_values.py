"""What a quote is worth to the maker against the takers that it has, exactly, and what a best reply
to them would be worth.

A quote's value is the maker's expected P&L given what it knows: the mean over all cards that takers
may see beside its own, of what the takers' own probabilities of every order, from their views of
the quote, bring it; and what noise traders pay on average.

The best reply takes, on each side, the choice that is worth the most while the other side stays as
it is played, and then the best of these, of both together and of what was played. Where takers
treat the two sides of the quote apart, as scripted ones do, no quote is worth more; past that, the
figure is a lower bound.
"""

import functools
import itertools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import beliefs, quotes
from cardjax.env import maker as maker_rules
from cardjax.env.cards import N_CARDS, first_of, hint_counts
from cardjax.env.events import RANKS
from cardjax.env.market import CardMarket
from cardjax.env.observation import View
from cardjax.env.params import EnvParams
from cardjax.env.state import State
from cardjax.env.trees import ArrayTree
from cardjax.evaluation.decision import decide
from cardjax.evaluation.match import Seats
from cardjax.policies.stage_game import flow_of_all, impact_of

QuoteValue = Callable[[Array], Array]
"""From choices int32 [games, 2] to their values, float32 [games], points."""


class Natures(NamedTuple):
    """What the takers may see where the maker sees what it does, for one game."""

    ranks: Array
    """int32 [K, 3]: the cards that takers see come first."""
    n_hints: Array
    """int32 [K], how many these are."""
    chance: Array
    """float32 [K], of the ranks in this order; 0 where they cannot be."""


def natures(state: State, params: EnvParams, lag: int) -> Natures:
    """Of a game before the maker quotes.

    Args:
        state: of one game.
        params: the market's numbers.
        lag: `params.maker_lag`, or more.
    """
    market, (new, n_orders) = state.market, _new_cards(lag)
    n_seen = maker_rules.n_seen(market.n_hints, params)
    seen = first_of(market.ranks, n_seen)
    n_hints = n_seen + (new > 0).sum(-1).astype(np.int32)

    # The new cards stand behind those that the maker sees.
    place = jnp.arange(N_CARDS, dtype=jnp.int32) - n_seen
    behind = jnp.where(place >= 0, jnp.asarray(new)[:, jnp.maximum(place, 0)], 0)
    ranks = seen + behind
    fits = maker_rules.n_seen(n_hints, params) == n_seen
    possible = fits & (n_hints <= N_CARDS)
    shown = jnp.asarray(params.hints)[jnp.minimum(n_hints, N_CARDS)]
    likelihood = jax.vmap(beliefs.plain_likelihood)(ranks)[:, market.event]
    weight = jnp.where(possible, shown * likelihood * n_orders, 0)
    return Natures(ranks, jnp.minimum(n_hints, N_CARDS), weight / weight.sum())


def n_natures(lag: int) -> int:
    """K: how many cases there are."""
    return len(_new_cards(lag)[0])


@functools.cache
def _new_cards(lag: int) -> tuple[np.ndarray, np.ndarray]:
    """The cards that takers alone may see, int32 [K, 3] with zeros behind them, and in how many
    orders they may come, float32 [K].
    """
    rows, orders = [], []
    for n in range(min(lag, N_CARDS) + 1):
        for drawn in itertools.combinations_with_replacement(RANKS, n):
            rows.append([*drawn, *[0] * (N_CARDS - n)])
            orders.append(len(set(itertools.permutations(drawn))))
    return np.array(rows, np.int32), np.array(orders, np.float32)


def quote_value(
    market: CardMarket,
    takers: Seats,
    carry: ArrayTree,
    state: State,
    env_params: EnvParams,
    key: Array,
    lag: int,
) -> QuoteValue:
    """The function from choices to their values in a round.

    Args:
        market: with a player axis.
        takers: who decides at all its seats.
        carry: theirs before the round, leaves [games, A, …].
        state: of the round, leaves [games, …].
        env_params: the market's numbers.
        key: of takers who need one.
        lag: `env_params.maker_lag`, or more.
    """
    possible = jax.vmap(lambda game: natures(game, env_params, lag))(state)
    n = possible.chance.shape[-1]
    carries = jax.tree.map(
        lambda leaf: jnp.broadcast_to(leaf[:, None], (len(leaf), n, *leaf.shape[1:])), carry
    )

    def seen(state: State, ranks: Array, n_hints: Array, choice: Array) -> View:
        counts = hint_counts(ranks, n_hints)
        mu, sigma = quotes.posterior(state.market.event, counts)
        of_nature = state.market._replace(ranks=ranks, n_hints=n_hints, mu=mu, sigma=sigma)
        quoted = market.quote(state._replace(market=of_nature), choice, env_params)
        return market.view(quoted, env_params)

    views_of = jax.vmap(jax.vmap(seen, (None, 0, 0, None)))

    def value(choice: Array) -> Array:
        view = views_of(state, possible.ranks, possible.n_hints, choice)
        chosen = decide(takers.policy, takers.params, carries, view, key).probabilities
        of_takers = _earned(env_params, view, flow_of_all(chosen))
        lost = jnp.where(possible.chance > 0, possible.chance * of_takers, 0).sum(-1)
        offset, depth = maker_rules.offset_of(choice), maker_rules.depth_of(choice)
        noise = env_params.noise
        paid = offset * maker_rules.expected_noise(offset, depth, noise.rate, noise.decay)
        return paid.sum(-1) - lost

    return value


def best_reply(value: QuoteValue, played: Array) -> tuple[Array, Array]:
    """What the quote that was played is worth and what the best reply is, float32 [games] each; the
    module says which quotes are looked at.

    Args:
        value: from `quote_value`.
        played: int32 [games, 2].
    """
    choices = jnp.arange(maker_rules.N_QUOTES, dtype=jnp.int32)
    one_side = [
        jax.vmap(lambda choice, side=side: played.at[:, side].set(choice))(choices)
        for side in range(maker_rules.SIDES)
    ]
    # One after another, since all at once would not fit into memory.
    values = jax.lax.map(value, jnp.concatenate([*one_side, played[None]]))
    by_side = values[:-1].reshape(maker_rules.SIDES, maker_rules.N_QUOTES, -1)
    both = jnp.argmax(by_side, 1).astype(jnp.int32)
    return values[-1], jnp.maximum(values.max(0), value(both.T))


def _earned(env_params: EnvParams, view: View, flow: Array) -> Array:
    """What all takers together earn on average, float32 [...], where all depth is displayed.

    Args:
        env_params: the market's numbers.
        view: of all takers, leaves [..., A].
        flow: of all takers, float32 [..., 2, Q].
    """
    # All see the same prices and depths, and have the same mean.
    edge = jnp.stack([view.mu - view.ask, view.bid - view.mu], -1)[..., 0, :, None]
    depth = jnp.stack([view.displayed_ask, view.displayed_bid], -1)[..., 0, :, None]
    units = np.arange(flow.shape[-1], dtype=np.float32)
    impact = impact_of(env_params) * jnp.maximum(units - depth, 0)
    return (flow * units * (edge - impact)).sum((-1, -2))
