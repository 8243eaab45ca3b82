"""Dense layers with ReLU after each, and their derivatives, written out over columns.

Activations are [width, rows]: the products of a gradient then need no transposed copies but of the
weights, and what follows, a softmax over 21 actions for instance, runs along the rows.

With "bfloat16", what is multiplied is rounded to 8 bits; sums, biases and weights stay float32. A
CPU with tiles for it (Intel AMX) is several times faster so; docs/performance.md says what it costs
in score.
"""

import functools
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.experimental.layout import Layout, with_layout_constraint


class Layer(NamedTuple):
    """Weights of a dense layer."""

    kernel: Array
    """float32 [n_inputs, width]."""
    bias: Array
    """float32 [width]."""


def product_dtype(precision: str) -> Any:
    """What is multiplied, by one of config.PRECISIONS: auto is bfloat16 on CPUs that have tiles for
    it.
    """
    if precision == "auto":
        precision = "bfloat16" if jax.default_backend() == "cpu" and has_tiles() else "float32"
    return jnp.dtype(precision)


@functools.cache
def has_tiles() -> bool:
    """Whether Linux says that this processor multiplies bfloat16 tiles (Intel AMX)."""
    try:
        return "amx_bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        return False


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def perceptron(dtype: Any, rectified: bool, layers: Sequence[Layer], x: Array) -> Array:
    """Outputs float32 [width, rows] of inputs x [rows, n_inputs].

    Args:
        dtype: what products are taken in, float32 or bfloat16.
        rectified: whether there is a ReLU after the last layer too.
    """
    return _forward(dtype, rectified, layers, x)[0]


def _forward(dtype: Any, rectified: bool, layers: Sequence[Layer], x: Array) -> tuple[Array, Any]:
    kept = [x.astype(dtype)]
    for i, layer in enumerate(layers):
        # The inputs are rows, all that follows is columns.
        y = (
            product(as_rows(layer.kernel.astype(dtype).T, dtype), kept[-1], 1, 0 if i else 1)
            + layer.bias[:, None]
        )
        if i < len(layers) - 1 or rectified:
            y = jnp.maximum(y, 0)
        kept.append(y.astype(dtype))
    return y, (layers, kept, jnp.zeros((), x.dtype))


def _backward(
    dtype: Any, rectified: bool, saved: Any, upstream: Array
) -> tuple[list[Layer], Array]:
    layers, kept, like_x = saved
    gradient = []
    for i in reversed(range(len(layers))):
        if i < len(layers) - 1 or rectified:
            upstream = jnp.where(kept[i + 1] > 0, upstream, 0)
        u, kernel = as_rows(upstream.astype(dtype), dtype), layers[i].kernel.astype(dtype)
        by_kernel = product(kept[i], u, 1, 1) if i else as_rows(product(u, kept[0], 1, 0), dtype).T
        gradient.append(Layer(by_kernel, _sums(u)))
        upstream = product(kernel, u, 1, 0) if i else product(u, kernel, 0, 1)
    return gradient[::-1], upstream.astype(like_x.dtype)


perceptron.defvjp(_forward, _backward)


def product(a: Array, b: Array, of_a: int, of_b: int) -> Array:
    """The product over axis `of_a` of a and `of_b` of b, with float32 sums."""
    return jax.lax.dot_general(
        a, b, (((of_a,), (of_b,)), ((), ())), preferred_element_type=jnp.float32
    )


def _sums(x: Array) -> Array:
    """float32 sums along the rows; tiles make them fastest, and take no fewer than sixteen columns."""
    if x.dtype == jnp.float32:
        return x.sum(1)
    return product(x, jnp.ones((x.shape[1], 16), x.dtype), 1, 0)[:, 0]


@partial(jax.jit, static_argnums=1, inline=True)
def as_rows(x: Array, dtype: Any) -> Array:
    """x itself, an operand or a result of products in `dtype`; on a CPU in bfloat16 stored row by
    row.

    XLA folds a transpose into the product that reads or makes it, and has no tiles for what comes
    of that.
    """
    if dtype == jnp.float32 or jax.default_backend() != "cpu":
        return x
    return with_layout_constraint(x, Layout((0, 1)))
