"""The single game solved over wealth: the value of a round includes what its outcome leaves for
later bets.

`BestResponse` considers each round on its own, which is optimal if the budget never binds.
Otherwise the outcome of one round limits the orders of later ones. The player with the largest
expected total then solves, backwards from V_T = 0,
    V_t(W, k) = E[max over valid actions of E[reward + V_{t+1}(W', k') | View]],
where k is the kind of the last round's event, k' the kind of this one's, and W' = W + pnl. Some of
this is exact and some is approximate:

- The distribution of S given the View is exact (`sum_distribution`), and so are the transitions
  of the events. Slippage is exact where every size fits under L_cap, as all orders do at the
  default of 10. Where L_cap hides depth, W' uses the expected slippage. Rewards of the kind pnl
  are still exact, but ln W ignores the variance of slippage, which is 1e-6 of its growth in
  configs/hidden_depth.yaml.
- The market's other draws (cards, hints, mid and depth) are `n_draws` points per kind of event,
  which are evenly spread from one random shift. With the default of 2048 points, V_0 differs by
  0.14% from shift to shift, and by 1.3% in tight_budget (with 8192 points, 0.08% and 0.4%). In
  every draw one side has an edge; a mid within half a spread of mu is integrated out as a pass. The
  induction therefore leaves out bets against the odds. These pay only where V is locally convex,
  and are worth 1e-6 points per game in tight_budget.
- V is stored at `n_wealth` equally spaced wealths up to `span` · W0. It is linear between them and
  constant beyond. In debt, which only impact can bring about, it is 0, and the induction lets it
  fall to 0 over one step of the grid.
- All remaps count as one kind, so a remap that persists is valued as an average remap. They are
  1.5% of the fresh draws.

benchmarks/wealth_gap.py measures how much planning gains, and how far V_0 is from what the policy
earns.
"""

from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import ndtr, ndtri

from cardjax.env import (
    EVENT_KINDS,
    N_ROUNDS,
    CardMarket,
    EnvParams,
    State,
    View,
    cards,
    draws,
    liquidity,
    quotes,
)
from cardjax.env.events import N_REMAPS, NO_EVENT, REMAP
from cardjax.env.execution import MAX_SIZE, largest_sizes, mask_of
from cardjax.env.market import Market, new_players
from cardjax.env.observation import event_of
from cardjax.policies.planning.outcomes import (
    N_SUMS,
    expected_log_growth,
    order_pnl,
    sum_distribution,
)
from cardjax.policies.planning.value import N_KINDS, N_WEALTH, SPAN, WealthValue, wealth_grid
from cardjax.policies.stage_game import NOBODY, action_of, expected_pnl, good_side

Objective = Literal["pnl", "log_wealth"]

SMALLEST_SHARE = 1e-30
"""Replaces a chance of an edge that is 0 in float32, so that the normal quantile is finite."""
STEPS = (np.float64(1.1673039782614187) ** -np.arange(1, 5) * 2.0**32).astype(np.uint32)
"""Multiples of these four, modulo 2^32, fill the unit cube evenly. They are powers of the root of
x^5 = x + 1 (Roberts's R4).
"""


@partial(jax.jit, static_argnames=("objective", "n_draws", "n_wealth"))
def solve(
    env_params: EnvParams,
    objective: Objective,
    key: Array,
    n_draws: int = 2048,
    n_wealth: int = N_WEALTH,
    span: float = SPAN,
) -> WealthValue:
    """The value of the single game under optimal play, by backward induction.

    The module's docstring says what is approximate.

    Args:
        objective: "pnl" (also the optimum of expected_pnl) or "log_wealth".
        key: the random key for the shift of the market's draws.
        n_draws: market draws per kind of event.
        n_wealth: how many wealths the value is stored at.
        span: the largest of these wealths, in units of W0.
    """
    grid = wealth_grid(env_params, n_wealth, span)
    rounds = _prepare(env_params, objective, _edges(env_params, key, n_draws), grid)
    fresh, following = _kind_chances(env_params)
    chances = jnp.where(jnp.arange(N_ROUNDS)[:, None, None] == 0, fresh, following)

    def back(later: Array, chance: Array) -> tuple[Array, Array]:
        now = jnp.matmul(chance, _best(rounds, later), precision=jax.lax.Precision.HIGHEST)
        return now, now

    end = jnp.zeros((N_KINDS, n_wealth), jnp.float32)
    _, value = jax.lax.scan(back, end, chances, reverse=True)
    return WealthValue(jnp.concatenate([value, end[None]]), grid)


class _Edges(NamedTuple):
    """Market draws in which one side has an edge; leaves [6, n_draws, …], or those of one draw."""

    view: View
    chance: Array
    """The probability that a draw with these cards and hints has an edge at all."""


class _Rounds(NamedTuple):
    """What the induction needs to know of a round, for a pass and for the sizes 1..10 on the side
    with the edge.
    """

    reward: Array
    """float32 [6, n_draws, 11, n_wealth], −inf where not valid."""
    landing: Array
    """float32 [6, n_draws, 11, 2 n_wealth − 1]: the distribution of pnl in steps of the grid, from
    −(n_wealth − 1) on.
    """
    chance: Array
    """float32 [6, n_draws]."""


def _edges(params: EnvParams, key: Array, n_draws: int) -> _Edges:
    """Evenly spread draws of the market for each kind of event.

    The mid is drawn on the condition that one side has an edge.
    """
    shift = jax.random.bits(key, (len(STEPS),), jnp.uint32)
    words = shift + jnp.arange(n_draws, dtype=jnp.uint32)[:, None] * STEPS
    base = jnp.broadcast_to(jnp.arange(REMAP)[:, None], (REMAP, n_draws))
    remaps = REMAP + jnp.arange(n_draws) * N_REMAPS // n_draws
    event = jnp.concatenate([base, remaps[None]]).astype(jnp.int32)
    return jax.vmap(jax.vmap(partial(_edge, params)), (None, 0))(words, event)


def _edge(params: EnvParams, words: Array, event: Array) -> _Edges:
    """One round's market, given that |mid − mu| exceeds half the spread."""
    ranks, _ = cards.deal(words[0], event)
    n_hints = cards.draw_n_hints(words[1], params)
    mu, sigma = quotes.posterior(event, cards.hint_counts(ranks, n_hints))
    half_spread = quotes.spread_of(sigma, params) / 2
    chance = jnp.maximum(
        2 * ndtr(-half_spread / jnp.maximum(params.sigma_q, SMALLEST_SHARE)), SMALLEST_SHARE
    )
    u = draws.uniform(words[2])
    tail = ndtri(chance * jnp.maximum(jnp.minimum(u, 1 - u), 2.0**-25))
    quote = quotes.draw_quote(jnp.where(u < 0.5, tail, -tail), mu, sigma, params)
    # Nothing is ordered on the other side, so one draw can serve as the depth of both.
    depth = liquidity.draw_depth(draws.normal(words[3]), sigma, quote.spread, params)
    total = cards.values_of(ranks, event).sum(-1)
    market = Market(event, ranks, n_hints, total, mu, sigma, quote, depth, depth)
    state = State(market, new_players(1, params), jnp.int32(0))
    return _Edges(CardMarket(1, squeeze=True).view(state, params), chance)


def _kind_chances(params: EnvParams) -> tuple[Array, Array]:
    """The probabilities of the next event's kind: of a fresh event, [6], and given the last event's
    kind, [6, 6].
    """
    base = jnp.stack([jnp.asarray(getattr(params.events, name)) for name in EVENT_KINDS[:REMAP]])
    remap = jnp.asarray(params.events.remap)
    drawn = jnp.concatenate([(1 - remap) * base / base.sum(), remap[None]])
    fresh = jnp.where(params.flags.enable_events, drawn, jnp.eye(N_KINDS)[NO_EVENT])
    keep = jnp.where(params.flags.enable_events, params.event_persist, 0)
    return fresh, keep * jnp.eye(N_KINDS) + (1 - keep) * fresh


def _prepare(params: EnvParams, objective: Objective, edges: _Edges, grid: Array) -> _Rounds:
    view = edges.view
    sizes = action_of(good_side(view).is_sell[..., None], jnp.arange(MAX_SIZE + 1))
    distribution = sum_distribution(event_of(view), view.hint_counts)
    all_pnl = order_pnl(params, view)
    pnl = jnp.take_along_axis(all_pnl, sizes[..., None], -2)

    if objective == "pnl":
        own = jnp.take_along_axis(expected_pnl(params, view, NOBODY), sizes, -1)
        reward = jnp.broadcast_to(own[..., None], (*own.shape, grid.shape[0]))
    else:
        reward = jnp.moveaxis(
            expected_log_growth(distribution[..., None, :], pnl[..., None, :, :], grid), -2, -1
        )
    quote = (x[..., None] for x in (view.bid, view.ask, view.s_max))
    bid, ask, s_max, wealth = jnp.broadcast_arrays(*quote, grid)
    mask = mask_of(*largest_sizes(bid, ask, s_max, wealth, params))
    valid = jnp.take_along_axis(jnp.moveaxis(mask, -1, -2), sizes[..., None], -2)
    return _Rounds(
        jnp.where(valid, reward, -jnp.inf),
        _landing(distribution, pnl / grid[1], grid.shape[0]),
        edges.chance,
    )


def _landing(distribution: Array, steps: Array, n: int) -> Array:
    """The distribution [..., a, 2n − 1] of moves on the grid, by `steps` [..., a, 43] with
    probabilities `distribution` [..., 43].

    Each move is shared between its two neighbours on the grid, so that the mean of a table is the
    mean of the table's linear interpolation. A move that is longer than the grid is cut to the
    grid's length, and still ends at or past the end of the grid.
    """
    position = jnp.clip(steps, 1 - n, n - 1) + (n - 1)
    below = jnp.minimum(position.astype(jnp.int32), 2 * n - 3)
    above = position - below
    chance = jnp.broadcast_to(distribution[..., None, :], steps.shape)

    def one(below: Array, low: Array, high: Array) -> Array:
        return jnp.zeros(2 * n - 1, jnp.float32).at[below].add(low).at[below + 1].add(high)

    flat = [x.reshape(-1, N_SUMS) for x in (below, chance * (1 - above), chance * above)]
    return jax.vmap(one)(*flat).reshape(*steps.shape[:-1], 2 * n - 1)


def _best(rounds: _Rounds, later: Array) -> Array:
    """The value before a round of each kind, [6, n], from the value after it.

    Without an edge, wealth does not change.
    """
    n = later.shape[-1]
    rich = jnp.broadcast_to(later[:, -1:], (N_KINDS, n - 1))
    beyond = jnp.concatenate([jnp.zeros_like(rich), later, rich], -1)
    moved = beyond[:, np.arange(2 * n - 1)[:, None] + np.arange(n)]
    after = jnp.einsum("kdam,kmw->kdaw", rounds.landing, moved, precision=jax.lax.Precision.HIGHEST)
    gain = jnp.max(rounds.reward + after, -2) - later[:, None]
    before: Array = later + jnp.mean(rounds.chance[..., None] * gain, 1)
    return before
