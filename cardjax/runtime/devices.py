"""Which devices a run uses, and how its replicates (seeds, or points × seeds) and games are spread
over them.
"""

import contextlib
import math
import os
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax import Array
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from cardjax.env.declaration import ParameterError
from cardjax.env.trees import ArrayTree

REPLICATES, GAMES = "replicates", "games"


def use_all_cores(
    n_replicates: int, n_games: int, shard_games: str = "auto", n_processes: int = 1
) -> None:
    """Split the CPU into as many devices as get an equal share of the work, at most one a core.

    XLA's CPU device leaves part of a second core idle; one device a core does not. It has to be
    called before JAX first touches a device, and changes nothing after that, on other platforms, or
    where JAX_NUM_CPU_DEVICES is set.
    """
    if "JAX_NUM_CPU_DEVICES" in os.environ:
        return
    cores = len(os.sched_getaffinity(0))
    shard = shard_games == "always" or (shard_games == "auto" and n_processes > 1)
    fitting = [
        d for d in range(1, cores + 1) if _spread(n_replicates, n_games, shard, d * n_processes)
    ]
    with contextlib.suppress(RuntimeError):  # JAX has already touched a device
        jax.config.update("jax_num_cpu_devices", max(fitting, default=1))


def make_mesh(n_replicates: int, n_games: int, shard_games: str = "auto") -> Mesh:
    """The devices as a table [replicates, games]: replicates go first, since they share nothing;
    games take what is left.

    Args:
        n_replicates: seeds, or points × seeds.
        n_games: train.n_envs, the games of a replicate.
        shard_games: train.shard_games.

    Raises:
        ParameterError: several processes, and no way to give all their devices an equal share.
    """
    devices = jax.devices()
    several = jax.process_count() > 1
    shard = shard_games == "always" or (
        shard_games == "auto" and (several or devices[0].platform != "cpu")
    )
    for n in [len(devices)] if several else range(len(devices), 0, -1):
        shape = _spread(n_replicates, n_games, shard, n)
        if shape is not None:
            return Mesh(np.array(devices[:n]).reshape(shape), (REPLICATES, GAMES))
    allowed = (
        f"{len(devices)} devices of {jax.process_count()} processes cannot have equal shares "
        f"of {n_replicates} replicates"
    )
    raise ParameterError(
        "train.n_envs", n_games, f"{allowed} (points × seeds) and the games of each"
    )


def _spread(
    n_replicates: int, n_games: int, shard_games: bool, n_devices: int
) -> tuple[int, int] | None:
    """(devices along the replicates, devices along the games) that make up n_devices, None if
    nothing does.
    """
    along_replicates = math.gcd(n_replicates, n_devices)
    along_games = n_devices // along_replicates
    fits = along_games == 1 or (shard_games and n_games % along_games == 0)
    return (along_replicates, along_games) if fits else None


def over_replicates(
    function: Callable[..., Any], mesh: Mesh, n_shared: int = 0
) -> Callable[..., Any]:
    """`function` of one replicate's leaves → a function of stacked leaves [n_replicates, …], spread
    over the mesh.

    Replicates are mapped by hand (shard_map), one group of them per device; along the games' axis
    XLA's partitioner follows the arguments' shardings and puts in the sums over devices that a
    gradient needs. A core takes its replicates one after another, because batched matrix products
    are slower there than plain ones; an accelerator takes them at once.

    Args:
        function: pure; its last `n_shared` arguments are the same for all replicates.
    """

    def mapped(*args: ArrayTree) -> ArrayTree:
        n_own = len(args) - n_shared
        by_one_core = jax.default_backend() == "cpu" and mesh.shape[GAMES] == 1
        batched = (_one_by_one if by_one_core else _at_once)(function, n_own)
        if mesh.shape[REPLICATES] == 1 and mesh.shape[GAMES] > 1:
            return batched(*args)
        by_hand = {REPLICATES} if mesh.shape[GAMES] > 1 else {REPLICATES, GAMES}
        specs = (PartitionSpec(REPLICATES),) * n_own + (PartitionSpec(),) * n_shared
        out = PartitionSpec(REPLICATES)
        return jax.shard_map(
            batched, mesh=mesh, in_specs=specs, out_specs=out, axis_names=by_hand, check_vma=False
        )(*args)

    return mapped


def _one_by_one(function: Callable[..., Any], n_own: int) -> Callable[..., Any]:
    return lambda *args: jax.lax.map(lambda own: function(*own, *args[n_own:]), args[:n_own])


def _at_once(function: Callable[..., Any], n_own: int) -> Callable[..., Any]:
    return lambda *args: jax.vmap(function, (0,) * n_own + (None,) * (len(args) - n_own))(*args)


def state_shardings(state: Any, per_game: Sequence[str], n_games: int, mesh: Mesh) -> Any:
    """Where a learner's stacked state lives: fields named in `per_game` along both axes, the others
    along the replicates.

    Args:
        state: a NamedTuple of arrays, or of their shapes, [n_replicates, …].
        per_game: names of the fields with leaves [n_replicates, n_games, …]; others in them, such
            as a count, are left whole.
    """

    def placed(name: str, field: object) -> object:
        def one(leaf: Array | jax.ShapeDtypeStruct) -> NamedSharding:
            by_game = name in per_game and leaf.ndim > 1 and leaf.shape[1] == n_games
            return NamedSharding(
                mesh, PartitionSpec(REPLICATES, GAMES) if by_game else PartitionSpec(REPLICATES)
            )

        return jax.tree.map(one, field)

    return type(state)(
        *(placed(name, field) for name, field in zip(state._fields, state, strict=True))
    )
