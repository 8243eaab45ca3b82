"""Rows to columns and back: the only file in which they change places.

Networks, losses and replay speak of rows, [..., n]. A CPU would rather have columns, [n, rows]: a
sum or a softmax over 21 actions is then 21 long additions, which vectorise, where a loop over the
last of the axes [rows, 21] does not. XLA cancels a change to columns that directly follows a
change to rows, so kernels can speak of rows to each other at no cost.
"""

from jax import Array


def columns(x: Array) -> Array:
    """[..., n] as [n, rows]: the leading axes become one."""
    return x.reshape(-1, x.shape[-1]).T


def rows(x: Array, leading: tuple[int, ...]) -> Array:
    """[n, rows] as [*leading, n], the inverse of `columns`."""
    return x.T.reshape(*leading, x.shape[0])
