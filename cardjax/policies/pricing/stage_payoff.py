"""What takers earn together in the symmetric equilibrium of a round, as a function of their edge.

It is what `stage_game.symmetric_equilibrium` finds where all depth is displayed, for whole depths
and without budgets. The payoff is then piecewise linear in the edge (for more than two takers all
but one piece, which is cut into many), and everything scales with alpha.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env.declaration import Number
from cardjax.env.execution import MAX_SIZE

N_PIECES = 64
"""Into how many linear pieces a curved one is cut; at alpha = 0.3 they err by less than 0.002."""


class Kinks(NamedTuple):
    """A function that is 0 at 0 and piecewise linear, Σ bend · max(0, x − at)."""

    at: np.ndarray | Array
    """float32 [K]."""
    bend: np.ndarray | Array
    """float32 [K]: by how much the slope changes there."""


def takers_payoff(edge: Array, kinks: Kinks, alpha: Number) -> Array:
    """What all takers earn together on average, points, float32 [...].

    Args:
        edge: float32 [...], what a unit is worth more than its price, points; where it is 0 or
            less nobody trades.
        kinks: `payoff_kinks` of the side's depth and the number of takers.
        alpha: points per unit of overflow, 0 if impact is off.
    """
    beyond = jnp.maximum(edge[..., None] - alpha * jnp.asarray(kinks.at), 0)
    return (kinks.bend * beyond).sum(-1)


@functools.cache
def payoff_kinks(depth: int, n_takers: int) -> Kinks:
    """The payoff of all takers for alpha = 1, where `depth` units are displayed and no taker is
    short of money.

    With all at size i, and a share p of them one unit above on average, a taker is indifferent at
    the edge
        E[(i + 1) · over(q + 1) − i · over(q)],  q = A · i + J, J ~ Binomial(A − 1, p),
    where over is the overflow. From p = 0 to 1 this runs through all edges of a mix; above them all
    order i + 1 up to the first edge of the next mix, and earn i + 1 more for each point.
    """
    edges, payoffs = [0.0], [0.0]
    for size in range(MAX_SIZE):
        around = n_takers * size + np.arange(n_takers + 1)
        over = np.maximum(around - depth, 0).astype(np.float64)
        indifferent = (size + 1) * over[1:] - size * over[:-1]
        curved = bool(np.diff(indifferent, 2).any())
        p = np.linspace(0, 1, N_PIECES + 1 if curved else 2)
        edge, cost = _binomial_mean(indifferent, p), _binomial_mean(over[:-1], p)
        edges += list(edge)
        payoffs += list(size * (edge - cost))
    edges.append(edges[-1] + 1)
    payoffs.append(payoffs[-1] + MAX_SIZE)

    new = np.diff(edges, append=np.inf) > 1e-12  # where edges coincide, the last one counts
    at, payoff = np.array(edges)[new], n_takers * np.array(payoffs)[new]
    slope = np.diff(payoff) / np.diff(at)
    bend = np.diff(slope, prepend=0.0)
    bent = np.abs(bend) > 1e-9
    return Kinks(at[:-1][bent].astype(np.float32), bend[bent].astype(np.float32))


def stacked(kinks: Sequence[Kinks]) -> Kinks:
    """Several functions as one, leaves [n, K]; the shorter ones end with bends of 0."""
    longest = max(len(one.at) for one in kinks)

    def padded(leaf: np.ndarray | Array) -> np.ndarray:
        return np.pad(np.asarray(leaf), (0, longest - len(leaf)))

    return Kinks(
        *(np.stack([padded(leaf) for leaf in leaves]) for leaves in zip(*kinks, strict=True))
    )


def _binomial_mean(values: np.ndarray, p: np.ndarray) -> np.ndarray:
    """E[values[J]] for J ~ Binomial(len(values) − 1, p), [P]."""
    table = np.repeat(values[:, None], len(p), 1)
    while len(table) > 1:
        table = (1 - p) * table[:-1] + p * table[1:]
    return table[0]
