"""Running moments, for normalising what a network sees and what it is paid. Carried in the
learner's state.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

SMALLEST_VARIANCE = 0.1
"""A column that varies less is not blown up further. Those of rare events would, at the moment when
they count, be larger than all others together; and one that does not vary yet may do so later."""
RIDGE = 1e-4
"""Added to the correlation matrix: columns that determine each other (bid, ask, mid, spread) leave
it singular.
"""
N_ITERATIONS = 24
LARGEST_COUNT = 1e8
"""Past it a float32 could not count on; from there the moments are an exponential average over as
many rows.
"""


class Moments(NamedTuple):
    """Number, mean and variance of what has been seen."""

    n_seen: Array
    """float32 [], rows."""
    mean: Array
    """float32 [D], or [] for a scalar quantity."""
    variance: Array
    """of the population: float32 [D], [] for a scalar, or the covariance [D, D]."""


class Normalizer(NamedTuple):
    """Moments of observations, and the linear map that they give."""

    moments: Moments
    matrix: Array
    """float32 [D] or [D, D]: what the centred observation is multiplied by."""


def no_moments(shape: tuple[int, ...], covariance: bool = False) -> Moments:
    """Before anything is seen: mean 0 and variance 1 (or the identity), weighing nothing."""
    one = jnp.eye(shape[0], dtype=jnp.float32) if covariance else jnp.ones(shape, jnp.float32)
    return Moments(jnp.float32(0), jnp.zeros(shape, jnp.float32), one)


def seen(moments: Moments, x: Array) -> Moments:
    """The moments after the rows of x [..., D] too. Chan, Golub & LeVeque 1979, the parallel
    update.
    """
    rows = x.reshape(-1, *moments.mean.shape)
    n, mean = jnp.float32(rows.shape[0]), rows.mean(0)
    centred, apart = rows - mean, mean - moments.mean
    if moments.variance.ndim > moments.mean.ndim:
        variance, apart_squared = _product(centred.T, centred) / n, jnp.outer(apart, apart)
    else:
        variance, apart_squared = jnp.square(centred).mean(0), jnp.square(apart)
    total = moments.n_seen + n
    share = n / total
    between = share * (1 - share) * apart_squared
    return Moments(
        n_seen=jnp.minimum(total, jnp.float32(LARGEST_COUNT)),
        mean=moments.mean + share * apart,
        variance=(1 - share) * moments.variance + share * variance + between,
    )


def new_normalizer(kind: str, n: int) -> Normalizer | None:
    """A normaliser of n columns that has seen nothing and changes nothing; None for kind none."""
    if kind == "none":
        return None
    moments = no_moments((n,), covariance=kind == "whiten")
    return Normalizer(moments, moments.variance)


def after_seeing(normalizer: Normalizer | None, x: Array) -> Normalizer | None:
    """The normaliser after observations [..., D] too."""
    if normalizer is None:
        return None
    moments = seen(normalizer.moments, x)
    whitens = moments.variance.ndim == 2
    variance = jnp.maximum(
        jnp.diagonal(moments.variance) if whitens else moments.variance, SMALLEST_VARIANCE
    )
    scale = jax.lax.rsqrt(variance)
    if not whitens:
        return Normalizer(moments, scale)
    correlation = moments.variance * scale[:, None] * scale
    missing = 1 - jnp.diagonal(correlation)
    return Normalizer(
        moments, scale[:, None] * inverse_root(correlation + jnp.diag(missing + RIDGE))
    )


def normalized(normalizer: Normalizer | None, x: Array) -> Array:
    """x [..., D] centred and scaled, or whitened: then all columns have variance 1 and no
    correlation.
    """
    if normalizer is None:
        return x
    centred, matrix = x - normalizer.moments.mean, normalizer.matrix
    return centred @ matrix if matrix.ndim == 2 else centred * matrix


def inverse_root(a: Array) -> Array:
    """a^(−1/2) of a positive definite matrix [D, D], by the coupled Newton–Schulz iteration. Higham
    2008, eq. 6.35.

    Matrix products alone: the eigendecompositions that would do it are library calls that can
    deadlock under `vmap` on two cores, and their signs jump from one update to the next where this
    changes as little as `a` does.
    """
    eye = jnp.eye(a.shape[0], dtype=a.dtype)
    norm = jnp.sqrt(jnp.square(a).sum())

    def improve(_: int, roots: tuple[Array, Array]) -> tuple[Array, Array]:
        y, z = roots
        step = np.float32(0.5) * (3 * eye - _product(z, y))
        return _product(y, step), _product(step, z)

    _, z = jax.lax.fori_loop(0, N_ITERATIONS, improve, (a / norm, eye))
    return z * jax.lax.rsqrt(norm)


def _product(a: Array, b: Array) -> Array:
    # A GPU's default precision of 10 bits is not enough for an inverse.
    return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)
