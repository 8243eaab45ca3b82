"""Backward induction over the rounds of a game: what planning over wealth and over inventory have
in common.

With V_T given, the value before a round is
    V_t(x, k) = E[max over valid actions of E[reward + V_{t+1}(x', k') | View]],
where x is the state that orders change, k the kind of the last round's event and k' the kind of
this one's. The chain of events' kinds is exact (`backwards`), but for the remaps, which count as
one kind: one that persists is valued as an average remap. They are 1.5% of the fresh draws. The
market's other draws (cards, hints, mid and depth) are `n_draws` points per kind of event, which are
evenly spread from one random shift (`spread_markets`).
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import (
    EVENT_KINDS,
    N_ROUNDS,
    CardMarket,
    EnvParams,
    ParameterError,
    State,
    View,
    cards,
    draws,
    liquidity,
    quotes,
)
from cardjax.env.events import N_REMAPS, NO_EVENT, REMAP
from cardjax.env.state import Market, new_players

N_KINDS = len(EVENT_KINDS)
STEPS = (np.float64(1.1673039782614187) ** -np.arange(1, 5) * 2.0**32).astype(np.uint32)
"""Multiples of these four, modulo 2^32, fill the unit cube evenly. They are powers of the root of
x^5 = x + 1 (Roberts's R4).
"""

Error = Callable[[Array, Array, EnvParams], tuple[Array, Array]]
"""(word uint32, half the spread in points, params) → the maker's error in units of sigma_q, and the
probability of the errors that such a draw stands for.
"""


def refuse_maker(view: View) -> None:
    """Refuse a View whose quotes a player made: planners know the law of the `oracle`'s alone.

    Raises:
        ParameterError: it is one.
    """
    if view.depth_is_shown is not None:
        allowed = "must be oracle for a planner, who knows the law of that maker's quotes"
        raise ParameterError("env.maker", "agent", allowed)


def backwards(best: Callable[[Array], Array], end: Array, params: EnvParams) -> Array:
    """The value by the number of rounds played, the kind of the last event and the state:
    float32 [T + 1, 6, n]. Row 0, which has no last event, is the same for all kinds.

    Args:
        best: the value after a round by that round's kind, [6, n] → the value before its market is
            drawn, if it will be of that kind, [6, n].
        end: the value after the last round, float32 [6, n].
    """
    fresh, following = _kind_chances(params)
    chances = jnp.where(jnp.arange(N_ROUNDS)[:, None, None] == 0, fresh, following)

    def back(later: Array, chance: Array) -> tuple[Array, Array]:
        now = jnp.matmul(chance, best(later), precision=jax.lax.Precision.HIGHEST)
        return now, now

    _, value = jax.lax.scan(back, end, chances, reverse=True)
    return jnp.concatenate([value, end[None]])


def spread_markets(params: EnvParams, key: Array, n_draws: int, error: Error) -> tuple[View, Array]:
    """Evenly spread draws of the market for each kind of event: a single player's views with the
    initial budget, leaves [6, n_draws, …], and the probabilities that `error` gave, [6, n_draws].

    One draw serves as the depth of both sides, of which an order needs one.
    """
    shift = jax.random.bits(key, (len(STEPS),), jnp.uint32)
    words = shift + jnp.arange(n_draws, dtype=jnp.uint32)[:, None] * STEPS
    base = np.broadcast_to(np.arange(REMAP)[:, None], (REMAP, n_draws))
    remaps = REMAP + np.arange(n_draws) * N_REMAPS // n_draws
    event = jnp.asarray(np.concatenate([base, remaps[None]]), jnp.int32)
    return jax.vmap(jax.vmap(partial(_market, params, error), (0, 0)), (None, 0))(words, event)


def any_error(word: Array, half_spread: Array, params: EnvParams) -> tuple[Array, Array]:
    """All the maker's errors: an `Error`."""
    return draws.normal(word), jnp.float32(1)


def _market(params: EnvParams, error: Error, words: Array, event: Array) -> tuple[View, Array]:
    ranks, _ = cards.deal(words[0], event)
    n_hints = cards.draw_n_hints(words[1], params)
    mu, sigma = quotes.posterior(event, cards.hint_counts(ranks, n_hints))
    z, chance = error(words[2], quotes.spread_of(sigma, params) / 2, params)
    quote = quotes.draw_quote(z, mu, sigma, params)
    depth = liquidity.draw_depth(draws.normal(words[3]), sigma, quote.spread, params)
    total = cards.values_of(ranks, event).sum(-1)
    market = Market(event, ranks, n_hints, total, mu, sigma, quote, depth, depth)
    state = State(market, new_players(1, params), jnp.int32(0))
    return CardMarket(1, squeeze=True).view(state, params), chance


def _kind_chances(params: EnvParams) -> tuple[Array, Array]:
    """The probabilities of the next event's kind: of a fresh event, [6], and given the last event's
    kind, [6, 6].
    """
    base = jnp.stack([jnp.asarray(getattr(params.events, name)) for name in EVENT_KINDS[:REMAP]])
    remap = jnp.asarray(params.events.remap)
    drawn = jnp.concatenate([(1 - remap) * base / base.sum(), remap[None]])
    same = np.eye(N_KINDS, dtype=np.float32)
    fresh = jnp.where(params.flags.enable_events, drawn, same[NO_EVENT])
    keep = jnp.where(params.flags.enable_events, params.event_persist, jnp.float32(0))
    return fresh, keep * same + (1 - keep) * fresh
