"""Dense layers with ReLU between them, and their derivatives written out over columns.

Activations are [width, rows]: the products of a gradient then need no transposed copies, except of
the weights. With bfloat16, factors of products are rounded to 8 bits of precision while sums,
biases and weights stay float32. A CPU with tiles for it (Intel AMX) is several times as fast that
way; docs/performance.md says what it costs in score. The definition is `plain_dense_layers`.
"""

import functools
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.experimental.layout import Layout, with_layout_constraint
from jax.typing import DTypeLike

from cardjax.kernels.columns import rows


class Layer(NamedTuple):
    """Weights of a dense layer."""

    kernel: Array
    """float32 [n_inputs, width]."""
    bias: Array
    """float32 [width]."""


class Saved(NamedTuple):
    """What the backward pass needs of the forward one."""

    layers: Sequence[Layer]
    factors: list[Array]
    """Each layer's input and the last one's output, rounded as they were multiplied."""
    like_x: Array
    """A scalar of the inputs' dtype."""


def plain_dense_layers(dtype: DTypeLike, layers: Sequence[Layer], x: Array) -> Array:
    """The definition of `dense_layers`, differentiated by JAX."""

    def rounded(factor: Array) -> Array:
        return factor.astype(dtype).astype(jnp.float32)

    for i, (kernel, bias) in enumerate(layers):
        x = rounded(x) @ rounded(kernel) + bias
        if i < len(layers) - 1:
            x = jax.nn.relu(x)
    return x


def dense_layers(dtype: DTypeLike, layers: Sequence[Layer], x: Array) -> Array:
    """Outputs float32 [..., width] of inputs x [..., n_inputs].

    Args:
        dtype: what factors of products are rounded to, float32 or bfloat16.

    Raises:
        ValueError: another dtype, whose products were never compared with the definition's.
    """
    if jnp.dtype(dtype) not in (jnp.float32, jnp.bfloat16):
        raise ValueError(f"dense layers multiply float32 or bfloat16, not {jnp.dtype(dtype)}")
    flat = x.reshape(-1, x.shape[-1])
    return rows(_over_columns(jnp.dtype(dtype), layers, flat), x.shape[:-1])


def product_dtype(precision: str) -> jnp.dtype:
    """What is multiplied, by its name: auto is bfloat16 on CPUs that have tiles for it."""
    if precision == "auto":
        on_tiles = jax.default_backend() == "cpu" and has_tiles()
        precision = "bfloat16" if on_tiles else "float32"
    return jnp.dtype(precision)


@functools.cache
def has_tiles() -> bool:
    """Whether Linux says that this processor multiplies bfloat16 tiles (Intel AMX)."""
    try:
        return "amx_bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        return False


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _over_columns(dtype: jnp.dtype, layers: Sequence[Layer], x: Array) -> Array:
    """Outputs [width, rows] of inputs x [rows, n_inputs]."""
    return _forward(dtype, layers, x)[0]


def _forward(dtype: jnp.dtype, layers: Sequence[Layer], x: Array) -> tuple[Array, Saved]:
    factors = [x.astype(dtype)]
    for i, layer in enumerate(layers):
        # The inputs are rows; everything that follows is columns.
        transposed = stored_by_rows(layer.kernel.astype(dtype).T, dtype)
        y = product(transposed, factors[-1], 1, 0 if i else 1)
        # Without a bias to add, a transpose that follows would be folded into the product.
        y = stored_by_rows(y, dtype) + layer.bias[:, None]
        if i < len(layers) - 1:
            y = jnp.maximum(y, 0)
        factors.append(y.astype(dtype))
    return y, Saved(layers, factors, jnp.zeros((), x.dtype))


def _backward(dtype: jnp.dtype, saved: Saved, upstream: Array) -> tuple[list[Layer], Array]:
    layers, factors, like_x = saved
    gradient = []
    for i in reversed(range(len(layers))):
        if i < len(layers) - 1:
            upstream = jnp.where(factors[i + 1] > 0, upstream, 0)
        u = stored_by_rows(upstream.astype(dtype), dtype)
        kernel = layers[i].kernel.astype(dtype)
        if i:
            by_kernel = product(factors[i], u, 1, 1)
            upstream = product(kernel, u, 1, 0)
        else:
            by_kernel = stored_by_rows(product(u, factors[0], 1, 0), dtype).T
            upstream = product(u, kernel, 0, 1)
        gradient.append(Layer(by_kernel, _sums(u)))
    return gradient[::-1], upstream.astype(like_x.dtype)


_over_columns.defvjp(_forward, _backward)


def product(a: Array, b: Array, of_a: int, of_b: int) -> Array:
    """The product over axis `of_a` of a and axis `of_b` of b, with float32 sums."""
    axes = (((of_a,), (of_b,)), ((), ()))
    return jax.lax.dot_general(a, b, axes, preferred_element_type=jnp.float32)


def _sums(x: Array) -> Array:
    """float32 sums along the rows; tiles are fastest at it, and take no fewer than 16 columns."""
    if x.dtype == jnp.float32:
        return x.sum(1)
    return product(x, jnp.ones((x.shape[1], 16), x.dtype), 1, 0)[:, 0]


@partial(jax.jit, static_argnums=1, inline=True)
def stored_by_rows(x: Array, dtype: jnp.dtype) -> Array:
    """x itself, an operand or a result of products in `dtype`; in bfloat16 on a CPU, row by row.

    XLA folds a transpose into the product that reads or makes it, and has no tiles for the result.
    """
    if dtype == jnp.float32 or jax.default_backend() != "cpu":
        return x
    return with_layout_constraint(x, Layout((0, 1)))
