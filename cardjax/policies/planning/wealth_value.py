"""The single game solved over wealth: the value of a round includes what its outcome leaves for
later bets.

`BestResponse` considers each round on its own, which is optimal if the budget never binds.
Otherwise the outcome of one round limits the orders of later ones. The player with the largest
expected total then solves the game backwards (`induction.py`) from V_T = 0, where the state is
wealth and W' = W + pnl. Some of this is exact and some is approximate:

- The distribution of S given the View is exact (`sum_distribution`). Slippage is exact where every
  size fits under L_cap, as all orders do at the default of 10. Where L_cap hides depth, W' uses the
  expected slippage. Rewards of the kind pnl are still exact, but ln W ignores the variance of
  slippage, which is 1e-6 of its growth in configs/hidden_depth.yaml.
- With the default of 2048 draws per kind of event, V_0 differs by 0.14% from shift to shift, and by
  1.3% in tight_budget (with 8192 draws, 0.08% and 0.4%). In every draw one side has an edge; a mid
  within half a spread of mu is integrated out as a pass. The induction therefore leaves out bets
  against the odds. These pay only where V is locally convex, and are worth 1e-6 points per game in
  tight_budget.
- V is stored at `n_wealth` equally spaced wealths up to SPAN · W0. It is linear between them and
  constant beyond. In debt, which only impact can bring about, it is 0, and the induction lets it
  fall to 0 over one step of the grid.

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

from cardjax.env import N_ROUNDS, EnvParams, View, draws
from cardjax.env.declaration import Number
from cardjax.env.execution import MAX_SIZE, largest_sizes, mask_of
from cardjax.env.observation import event_of
from cardjax.policies.planning.induction import N_KINDS, backwards, spread_markets
from cardjax.policies.planning.outcomes import (
    N_SUMS,
    expected_log_growth,
    order_pnl,
    sum_distribution,
)
from cardjax.policies.stage_game import NOBODY, action_of, expected_pnl, good_side

Objective = Literal["pnl", "log_wealth"]

SMALLEST_SHARE = 1e-30
"""Replaces a chance of an edge that is 0 in float32, so that the normal quantile is finite."""
N_WEALTH = 129
SPAN = 4.0


class WealthValue(NamedTuple):
    """The expected sum of the rewards that are still to come, by the number of rounds played, the
    kind of the last event, and wealth.
    """

    value: Array
    """float32 [T + 1, 6, n], points or ln W. Row 0, which has no last event, is the same for all
    kinds, and row T is 0.
    """
    grid: Array
    """float32 [n], points: equally spaced wealths, starting at 0."""


@partial(jax.jit, static_argnames=("objective", "n_draws", "n_wealth"))
def solve(
    env_params: EnvParams,
    objective: Objective,
    key: Array,
    n_draws: int = 2048,
    n_wealth: int = N_WEALTH,
) -> WealthValue:
    """The value of the single game under optimal play, by backward induction.

    The module's docstring says what is approximate.

    Args:
        objective: "pnl" (also the optimum of expected_pnl) or "log_wealth".
        key: the random key for the shift of the market's draws.
        n_draws: market draws per kind of event.
        n_wealth: how many wealths the value is stored at.
    """
    grid = wealth_grid(env_params, n_wealth)
    view, chance = spread_markets(env_params, key, n_draws, _error_with_edge)
    rounds = _prepare(env_params, objective, view, chance, grid)
    end = jnp.zeros((N_KINDS, n_wealth), jnp.float32)
    return WealthValue(backwards(partial(_best, rounds), end, env_params), grid)


def value_at(
    value: WealthValue, n_played: Array | int, kind: Array | int, wealth: Number | float
) -> Array:
    """The expected sum of the rewards to come, float32; the arguments broadcast.

    Args:
        n_played: rounds played, 0..T.
        kind: index into EVENT_KINDS of the last round's event; before the first round, any number.
        wealth: points. Beyond the grid, the value is that at the grid's end. In debt, when a player
            may only pass, it is 0.
    """
    n = value.grid.shape[0]
    wealth = jnp.asarray(wealth, jnp.float32)
    position = jnp.clip(wealth / value.grid[1], 0, n - 1)
    below = jnp.minimum(position.astype(jnp.int32), n - 2)
    at = (jnp.asarray(n_played) * N_KINDS + jnp.asarray(kind)) * n + below
    flat = value.value.reshape(-1)
    low, high = flat[at], flat[at + 1]
    return jnp.where(wealth < 0, 0, low + (position - below) * (high - low))


def myopic_value(env_params: EnvParams, n_wealth: int = N_WEALTH) -> WealthValue:
    """Zero after every round, with which `WealthPlanner` considers each round on its own.

    The table is zeros for both objectives. For log_wealth that means V_{t+1} = ln W', since rewards
    are differences of ln W. The other arguments are those of `solve`, so that one
    compiled program can play with either value.
    """
    return WealthValue(
        jnp.zeros((N_ROUNDS + 1, N_KINDS, n_wealth), jnp.float32),
        wealth_grid(env_params, n_wealth),
    )


def wealth_grid(params: EnvParams, n_wealth: int) -> Array:
    """`n_wealth` equally spaced wealths from 0 to SPAN · W0, points."""
    return jnp.linspace(0, SPAN * jnp.asarray(params.initial_wealth, jnp.float32), n_wealth)


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


def _error_with_edge(word: Array, half_spread: Array, params: EnvParams) -> tuple[Array, Array]:
    """An error of more than half the spread, so that one side has an edge: an `induction.Error`."""
    chance = jnp.maximum(
        2 * ndtr(-half_spread / jnp.maximum(params.sigma_q, SMALLEST_SHARE)), SMALLEST_SHARE
    )
    u = draws.uniform(word)
    tail = ndtri(chance * jnp.maximum(jnp.minimum(u, 1 - u), 2.0**-25))
    return jnp.where(u < 0.5, tail, -tail), chance


def _prepare(
    params: EnvParams, objective: Objective, view: View, chance: Array, grid: Array
) -> _Rounds:
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
        chance,
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
