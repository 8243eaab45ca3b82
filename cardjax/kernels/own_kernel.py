"""A function that the CPU's compiler computes once, whoever reads its results."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import jax
from jax.experimental.xla_metadata import set_xla_metadata

P = ParamSpec("P")
T = TypeVar("T")


def own_kernel(function: Callable[P, T]) -> Callable[P, T]:
    """Compiles `function` as a computation of its own on a CPU, and leaves it as it is elsewhere.

    XLA's CPU compiler fuses whatever it does not count as expensive into every reader of it, and
    computes it once for each of them. Integer arithmetic never counts as expensive, be it the
    twenty rounds of a hash. What is called here is computed once, in loops over its own few
    results. The plain twin is `function` itself, and the values are the same up to the rounding
    that fusion changes.

    Args:
        function: arrays, or pytrees of arrays, to arrays; `jax.jit` refuses anything else.
    """
    compiled = jax.jit(function)

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        if jax.default_backend() != "cpu":
            return function(*args, **kwargs)
        return set_xla_metadata(compiled(*args, **kwargs), inlineable="false")

    return call
