"""By how much orders are expected to exceed a depth of which only min(L, L_cap) is displayed
(docs/rules.md#depth).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import EnvParams, View
from cardjax.env.liquidity import depth_scale

SMALLEST_TAU = 1e-6
"""Replaces tau = 0, where the depth is a point mass. It changes no expectation by more than 1e-6 of
the depth.
"""
SMALLEST_CHANCE = 1e-30
"""float32 cannot divide by a smaller probability, and no market comes near it."""


def overflow_seen(params: EnvParams, view: View, displayed: Array, q: Array | np.ndarray) -> Array:
    """The expected overflow of one side of a View's quote, in units.

    It is `expected_overflow` or, where all depth is displayed, max(0, q − displayed).

    Args:
        view: leaves [...].
        displayed: displayed depth of the side, units, [..., 1, …] with any further axes.
        q: total sizes that all players ask for, ≥ 0, which broadcast against `displayed`.
    """
    if view.depth_is_shown is not None:
        return jnp.maximum(q - displayed, 0)
    further = (..., *[None] * (displayed.ndim - view.sigma.ndim))
    return expected_overflow(displayed, view.sigma[further], view.spread[further], q, params)


def expected_overflow(
    displayed: Array, sigma: Array, spread: Array, q: Array | np.ndarray, params: EnvParams
) -> Array:
    """The expected overflow of one side of the quote, E[max(0, q − L) | displayed], in units.

    A displayed depth below L_cap is the true one. If the displayed depth is L_cap, the true depth
    is distributed as L given L ≥ L_cap. Where L_cap ≤ L_min, that condition says nothing, and L_min
    has the probability of every raw depth below it. In both cases L_max has the probability of the
    rest of the upper tail. In float32 the error is below 2e-6 · max(q, 1) for tau ≤ 5.

    The arguments broadcast against each other. Ask only for the sizes that you need instead of
    slicing a table of all of them: XLA fuses the table into each of its slices, which makes it
    several times slower.

    Args:
        displayed: displayed depth of the side, units.
        sigma: posterior standard deviation, points; with `spread` it determines the depth's scale.
        spread: points.
        q: total sizes that all players ask for, ≥ 0.

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

    This is the integral of P(L ≤ y | L ≥ cap) over y in [a, q], where a = max(cap, L_min) is the
    smallest possible L. The integrand is 1 from L_max on. Up to x = min(q, L_max) it is P(raw ≤ y,
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
    # If the tail's probability is too small for float32, all of it is taken to lie at its start.
    within = jnp.where(chance > SMALLEST_CHANCE, jnp.clip(conditional, 0, x - least), x - least)
    return within + jnp.maximum(q - high, 0)


def _normal_below(z: Array) -> Array:
    """Phi(z), with full relative precision in the lower tail."""
    return 0.5 * jax.lax.erfc(z * jnp.float32(-(0.5**0.5)))


def _normal_between(low: Array, high: Array) -> Array:
    """Phi(high) − Phi(low) for low ≤ high.

    Where both are in the upper tail, it is computed from the survival function.
    """
    sign = jnp.where(low > 0, jnp.float32(-1), jnp.float32(1))
    return sign * (_normal_below(sign * high) - _normal_below(sign * low))
