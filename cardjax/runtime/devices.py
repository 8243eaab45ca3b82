"""Which devices a run uses, and how its seeds are spread over them."""

import contextlib
import os
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, PartitionSpec


def use_all_cores(n_parts: int) -> None:
    """Split the CPU into as many devices as have an equal share of `n_parts`, at most one a core.

    XLA's CPU device leaves part of a second core idle; one device a core does not. It has to be called before JAX
    first touches a device, and changes nothing after that or on other platforms.
    """
    cores = len(os.sched_getaffinity(0))
    with contextlib.suppress(RuntimeError):  # JAX has already touched a device
        jax.config.update("jax_num_cpu_devices", largest_divisor(n_parts, cores))


def largest_divisor(n: int, at_most: int) -> int:
    """The largest divisor of n that is no larger than `at_most`."""
    return next(d for d in range(min(n, at_most), 0, -1) if n % d == 0)


def over_seeds(function: Callable[..., Any], n_seeds: int, n_shared: int = 0) -> Callable[..., Any]:
    """`function` of one seed's leaves → a function of stacked leaves [n_seeds, …], spread over the local devices.

    Args:
        function: pure; its last `n_shared` arguments are the same for all seeds.
    """
    devices = jax.local_devices()
    devices = devices[: largest_divisor(n_seeds, len(devices))]
    mesh = Mesh(np.array(devices), ("seeds",))

    def mapped(*args: Any) -> Any:
        n_own = len(args) - n_shared
        batched = jax.vmap(function, (0,) * n_own + (None,) * n_shared)
        specs = (PartitionSpec("seeds"),) * n_own + (PartitionSpec(),) * n_shared
        out = PartitionSpec("seeds")
        return jax.shard_map(batched, mesh=mesh, in_specs=specs, out_specs=out, check_vma=False)(*args)

    return mapped
