"""True and displayed depth of one side of the quote. RULES.md, "Liquidity"."""

import jax.numpy as jnp
from jax import Array

from cardjax.env.params import EnvParams


def depth_scale(sigma: Array, spread: Array, params: EnvParams) -> Array:
    """L_bar = kappa / (max(sigma, 1e-6) · (spread + 1e-8)), the mean of true depth before clipping,
    in units.
    """
    return params.liquidity.kappa / (
        jnp.maximum(sigma, jnp.float32(1e-6)) * (spread + jnp.float32(1e-8))
    )


def draw_depth(z: Array, sigma: Array, spread: Array, params: EnvParams) -> Array:
    """True depth L = clip(exp(ln L_bar − tau²/2 + tau · z), L_min, L_max), in units; `z` is a
    standard normal.
    """
    tau = params.liquidity.tau
    raw = depth_scale(sigma, spread, params) * jnp.exp(tau * z - tau * tau / 2)
    return jnp.clip(raw, params.liquidity.min, params.liquidity.max)


def displayed(depth: Array, params: EnvParams) -> Array:
    """What players see of a true depth: min(L, L_cap)."""
    return jnp.minimum(depth, params.liquidity.cap)
