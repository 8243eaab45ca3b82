"""How far an order is expected to overflow a depth of which only min(L, L_cap) is shown
(docs/rules.md#depth).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import EnvParams
from cardjax.env.liquidity import depth_scale

SMALLEST_TAU = 1e-6
"""Stands for tau = 0, which is a point mass: it moves no expectation by more than 1e-6 of the
depth.
"""
SMALLEST_CHANCE = 1e-30
"""Below it a condition is one that float32 cannot weigh, and no market of this world meets."""


def expected_overflow(
    displayed: Array, sigma: Array, spread: Array, q: Array | np.ndarray, params: EnvParams
) -> Array:
    """E[max(0, q − L) | displayed], in units: the expected overflow of a side that is asked for q
    in all.

    A displayed depth below L_cap is the true one. At L_cap, the true depth is distributed as L
    given L ≥ L_cap; where L_cap ≤ L_min that says nothing, and L_min keeps the chance of every raw
    depth below it. L_max holds the rest of the upper tail either way. In float32 the error stays
    below 2e-6 · max(q, 1), for tau ≤ 5.

    The arguments broadcast against each other. Ask for the sizes that are needed rather than slice
    a table of them all: XLA fuses the table into every slice of it, and is then several times
    slower.

    Args:
        displayed: displayed depth of the side, units.
        sigma: posterior standard deviation, points; with `spread` it tells the depth's scale.
        spread: points.
        q: total sizes ≥ 0.

    Returns:
        float32, zero up to the displayed depth, nondecreasing and convex in q.
    """
    total = jnp.asarray(q, jnp.float32)
    hidden = displayed >= params.liquidity.cap
    return jnp.where(
        hidden, _overflow_past_cap(sigma, spread, total, params), jnp.maximum(total - displayed, 0)
    )


def _overflow_past_cap(sigma: Array, spread: Array, q: Array, params: EnvParams) -> Array:
    """E[max(0, q − L) | L ≥ cap].

    It is the integral of P(L ≤ y | L ≥ cap) over y in [a, q], where a = max(cap, L_min) is the
    least that L can be. The integrand is 1 from L_max on. Up to x = min(q, L_max) it is P(raw ≤ y,
    raw ≥ cap) / P(raw ≥ cap) or, where cap ≤ L_min, P(raw ≤ y); by parts, with z(y) = (ln y − ln
    L_bar) / tau + tau / 2 and Phi the normal distribution,
        x [Phi]ᵤ − L_bar [Phi]ᵥ,   the brackets from u = z(a) to z(x), and from v = z(a) − tau to
        z(x) − tau,
    is the integral of P(a ≤ raw ≤ y). L_bar [Phi]ᵥ is E[raw; a ≤ raw ≤ x], the lognormal's partial
    expectation.
    """
    tau = jnp.maximum(params.liquidity.tau, SMALLEST_TAU)
    low, high, cap = params.liquidity.min, params.liquidity.max, params.liquidity.cap
    least = jnp.minimum(jnp.maximum(cap, low), high)
    x = jnp.clip(q, least, high)
    mean = jnp.clip(depth_scale(sigma, spread, params), 1e-30, 1e30)

    offset = tau / 2 - jnp.log(mean) / tau
    z_least, z_x = jnp.log(least) / tau + offset, jnp.log(x) / tau + offset
    between = x * _normal_between(z_least, z_x) - mean * _normal_between(z_least - tau, z_x - tau)
    atom = (x - least) * _normal_below(z_least)
    chance = jnp.where(cap <= low, 1, _normal_below(-z_least))
    conditional = (between + jnp.where(cap <= low, atom, 0)) / jnp.maximum(chance, SMALLEST_CHANCE)
    # A tail too thin to weigh lies all at its start.
    within = jnp.where(chance > SMALLEST_CHANCE, jnp.clip(conditional, 0, x - least), x - least)
    return within + jnp.maximum(q - high, 0)


def _normal_below(z: Array) -> Array:
    """Phi(z), with full relative precision in the lower tail."""
    return 0.5 * jax.lax.erfc(z * jnp.float32(-(0.5**0.5)))


def _normal_between(low: Array, high: Array) -> Array:
    """Phi(high) − Phi(low) for low ≤ high, from the survival function where both lie in the upper
    tail.
    """
    sign = jnp.where(low > 0, jnp.float32(-1), jnp.float32(1))
    return sign * (_normal_below(sign * high) - _normal_below(sign * low))
