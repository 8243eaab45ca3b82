"""What an order earns for each sum of the cards, and how likely each sum is.

Planning needs the distribution of a round's outcome, whereas the stage game only needs its mean.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import EnvParams, View
from cardjax.env.events import EVENTS
from cardjax.policies.hidden_depth import overflow_seen
from cardjax.policies.stage_game import ACTION_SELLS, SIZE_OF_ACTION, impact_of

N_SUMS = 43
"""S is a whole number of points in 0..42."""
POSITION = np.where(ACTION_SELLS, -SIZE_OF_ACTION, SIZE_OF_ACTION)
"""float32 [21]: the units that each action buys, negative if it sells."""


def sum_distribution(event: Array, hint_counts: Array) -> Array:
    """The exact distribution of S given event and hints, P(S = s) for s = 0..42: float32 [..., 43].

    Cards are drawn without replacement. Let r_c cards of value v_c be left, and let p_k(x) be the
    sum over c of r_c x^(k v_c). By Newton's identities, the numbers of ways to draw one, two or
    three cards with a given sum are the coefficients of e_1 = p_1, e_2 = (p_1² − p_2) / 2 and
    e_3 = (p_1³ − 3 p_1 p_2 + 2 p_3) / 6. All of them are whole numbers below 2^24, so only the
    division by their total is rounded.

    Args:
        event: int in 0..160, shape [...].
        hint_counts: int [..., 13], the revealed cards of each rank 2..14. There are at most three
            in total, and the event leaves each of them in the deck.
    """
    event, counts = jnp.asarray(event), jnp.asarray(hint_counts).astype(jnp.float32)
    value = jnp.asarray(EVENTS.value)[event]
    left = 4 * jnp.asarray(EVENTS.eligible)[event] - counts
    sums = np.arange(N_SUMS, dtype=np.float32)
    p1, p2, p3 = (jnp.sum(left[..., None] * (k * value[..., None] == sums), -2) for k in (1, 2, 3))
    square = _product(p1, p1)
    two, three = (square - p2) / 2, (_product(p1, square - 3 * p2) + 2 * p3) / 6

    n_hints, shown = counts.sum(-1)[..., None], (counts * value).sum(-1)[..., None]
    ways = jnp.select(
        [n_hints == 0, n_hints == 1, n_hints == 2],
        [three, two, p1],
        (sums == 0).astype(jnp.float32),
    )
    rest = (sums - shown).astype(jnp.int32)
    shifted = jnp.where(rest >= 0, jnp.take_along_axis(ways, jnp.maximum(rest, 0), -1), 0)
    return shifted / ways.sum(-1, keepdims=True)


def order_pnl(params: EnvParams, view: View) -> Array:
    """What each action earns for each S: points, float32 [..., 21, 43].

    Where depth is hidden, slippage is its expectation.
    """
    depth = jnp.where(ACTION_SELLS, view.displayed_bid[..., None], view.displayed_ask[..., None])
    slippage = impact_of(params) * overflow_seen(params, view, depth, SIZE_OF_ACTION)
    price = jnp.where(ACTION_SELLS, view.bid[..., None] - slippage, view.ask[..., None] + slippage)
    return jnp.asarray(POSITION)[:, None] * (np.arange(N_SUMS, dtype=np.float32) - price[..., None])


def expected_log_growth(distribution: Array, pnl: Array, wealth: Array) -> Array:
    """E[ln max(W + pnl, 1)] − ln max(W, 1), float32 [..., n].

    Args:
        distribution: the distribution of S, [..., 43].
        pnl: points, [..., n, 43].
        wealth: points, [...].
    """
    before = wealth[..., None, None]
    base = jnp.maximum(before, 1)
    return jnp.sum(
        distribution[..., None, :] * jnp.log1p((jnp.maximum(before + pnl, 1) - base) / base), -1
    )


def _product(a: Array, b: Array) -> Array:
    """The product of two polynomials, all given by their first 43 coefficients, [..., 43] each."""
    padded = jnp.pad(b, [(0, 0)] * (b.ndim - 1) + [(N_SUMS - 1, 0)])

    def add(j: Array, total: Array) -> Array:
        factor: Array = jax.lax.dynamic_index_in_dim(a, j, -1)
        shifted: Array = jax.lax.dynamic_slice_in_dim(padded, N_SUMS - 1 - j, N_SUMS, -1)
        return total + factor * shifted

    product: Array = jax.lax.fori_loop(0, N_SUMS, add, jnp.zeros_like(a))
    return product
