"""True and displayed depth of one side of the quote (docs/rules.md#depth)."""

import jax.numpy as jnp
from jax import Array

from cardjax.env.params import EnvParams


def depth_scale(sigma: Array, spread: Array, params: EnvParams) -> Array:
    """The mean of true depth before it is clipped, L_bar = kappa / (sigma · spread), units.

    sigma is held above 1e-6 and 1e-8 is added to the spread, so that L_bar is finite.

    Args:
        sigma: float32 [...], points.
        spread: float32 [...], points.
    """
    return params.liquidity.kappa / (
        jnp.maximum(sigma, jnp.float32(1e-6)) * (spread + jnp.float32(1e-8))
    )


def draw_depth(z: Array, sigma: Array, spread: Array, params: EnvParams) -> Array:
    """True depth, L = L_bar · exp(tau · z − tau²/2) held between L_min and L_max, units.

    Args:
        z: float32 [...], a standard normal.
        sigma: float32 [...], points.
        spread: float32 [...], points.
    """
    tau = params.liquidity.tau
    raw = depth_scale(sigma, spread, params) * jnp.exp(tau * z - tau * tau / 2)
    return jnp.clip(raw, params.liquidity.min, params.liquidity.max)


def displayed(depth: Array, params: EnvParams) -> Array:
    """What players see of a true depth: min(L, L_cap), units."""
    return jnp.minimum(depth, params.liquidity.cap)
