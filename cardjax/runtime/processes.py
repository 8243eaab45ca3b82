"""One training in several processes: joining them, and moving arrays between their devices and the
host.

Every process runs the same program on a part of the state; the first one alone reads and writes the
run's folder.
"""

from typing import Any, TypeVar

import jax
import numpy as np
from jax import Array
from jax.experimental import multihost_utils
from jax.sharding import NamedSharding

from cardjax.env.declaration import ParameterError
from cardjax.env.trees import ArrayTree

T = TypeVar("T")


def join(coordinator: str | None, n_processes: int | None, process_id: int | None) -> None:
    """Wait until all processes of a training have met; without arguments there is one.

    Args:
        coordinator: HOST:PORT of process 0, or "auto" to read all three from the cluster's
            environment (Slurm, Open MPI, Kubernetes, Cloud TPU: whatever jax.distributed knows).
        n_processes: how many there are.
        process_id: which one this is, from 0.

    Raises:
        ParameterError: only some of the three are given, or they do not fit together, or nobody
            answers.
    """
    check_address(coordinator, n_processes, process_id)
    if coordinator is None:
        return None
    if coordinator == "auto":
        return _initialize()
    return _initialize(
        coordinator_address=coordinator, num_processes=n_processes, process_id=process_id
    )


def check_address(coordinator: str | None, n_processes: int | None, process_id: int | None) -> None:
    """Refuse what `join` could not use, before JAX is asked: it would abort at some of it.

    Raises:
        ParameterError: what is not allowed.
    """
    address = "must be HOST:PORT of process 0, with --processes"
    if coordinator is None:
        if n_processes is not None or process_id is not None:
            raise ParameterError("--coordinator", "", address)
        return
    if coordinator == "auto":
        return
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 2**16:
        raise ParameterError("--coordinator", coordinator, address)
    if n_processes is None or n_processes < 1:
        raise ParameterError("--processes", n_processes, "must be a whole number of at least 1")
    if process_id is None or not 0 <= process_id < n_processes:
        raise ParameterError(
            "--process-id", process_id, f"must be a whole number in [0, {n_processes - 1}]"
        )


def _initialize(**arguments: Any) -> None:
    config: Any = jax.config
    config.update("jax_enable_preemption_service", False)  # it takes SIGTERM away from us
    try:
        jax.distributed.initialize(**arguments)
    except (RuntimeError, ValueError) as error:
        said = f"the processes did not meet ({' '.join(str(error).split())[:200]})"
        raise ParameterError(
            "--coordinator", arguments.get("coordinator_address", "auto"), said
        ) from None


def is_first() -> bool:
    """Whether this process is the one that reads and writes files."""
    return jax.process_index() == 0


def to_host(tree: T) -> T:
    """The whole tree as NumPy arrays, in every process; keys of randomness as their data."""
    data = keys_as_data(tree)
    if jax.process_count() == 1:
        return jax.device_get(data)
    return multihost_utils.process_allgather(data, tiled=True)


def keys_as_data(tree: T) -> T:
    """The tree with its keys of randomness as uint32 arrays."""
    return jax.tree.map(lambda leaf: jax.random.key_data(leaf) if is_key(leaf) else leaf, tree)


def to_devices(tree: ArrayTree, like: T, shardings: object) -> T:
    """The inverse of `to_host`: placed as `shardings` says, with keys where `like` has keys."""

    def place(leaf: np.ndarray, old: Array, sharding: NamedSharding) -> Array:
        array = jax.make_array_from_callback(
            np.shape(leaf), sharding, lambda index: np.asarray(leaf)[index]
        )
        return jax.random.wrap_key_data(array) if is_key(old) else array

    return jax.tree.map(place, tree, like, shardings)


def from_first(tree: T) -> T:
    """The first process's NumPy arrays, in every process; the others' shapes and types must be the
    same.
    """
    if jax.process_count() == 1:
        return tree
    return jax.tree.map(np.asarray, multihost_utils.broadcast_one_to_all(tree))


def any_process(flag: bool) -> bool:
    """Whether the flag is up in any process."""
    return (
        flag
        if jax.process_count() == 1
        else bool(multihost_utils.process_allgather(np.array([flag])).any())
    )


def meet(name: str) -> None:
    """Wait for the others."""
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(name)


def is_key(leaf: Array | np.ndarray) -> bool:
    """Whether an array holds keys of randomness."""
    return jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
