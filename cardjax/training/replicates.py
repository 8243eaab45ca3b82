"""A training's compiled programs: every seed of every run of a group is a replicate, and all
replicates share one program.

Each core trains one replicate at a time, in turns where there are more replicates than cores.
Batched matrix products are slower there than plain ones, and a loop over replicates inside the
program would copy the state of each in and out, its replay included.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import NamedSharding, PartitionSpec
from jax.stages import Compiled, Lowered

from cardjax.agents.learner import Learner
from cardjax.config import RunConfig
from cardjax.env.declaration import value_at
from cardjax.env.trees import ArrayTree
from cardjax.evaluation.evaluate import domain_key
from cardjax.run.identity import seeds_of
from cardjax.runtime import processes
from cardjax.runtime.devices import GAMES, REPLICATES, make_mesh, over_replicates, state_shardings
from cardjax.training.grid import with_traced_values

T = TypeVar("T")

TRAINING = 0
"""The key domain of training; evaluation uses others."""


class Replicates:
    """The replicates of runs that differ in traced values alone, a run's seeds together.

    Their state is a list with an entry for each turn, leaves [replicates of the turn, …]. What
    does not vary between the runs stays a constant of the program.
    """

    def __init__(self, learner: Learner, configs: Sequence[RunConfig], varied: Sequence[str]):
        self._learner = learner
        each = [config for config in configs for _ in seeds_of(config)]
        values = {name: np.stack([value_at(config, name) for config in each]) for name in varied}
        self.env_params = jax.tree.map(
            lambda *leaves: np.stack(leaves), *(config.env for config in each)
        )
        self.n_replicates = len(each)
        train = configs[0].train
        self._mesh = make_mesh(self.n_replicates, train.n_envs, train.shard_games)
        seeds = np.array([seed for config in configs for seed in seeds_of(config)], np.uint32)
        self._starts = [self._along_replicates(turn) for turn in self._turns((seeds, values))]
        self._init = jax.jit(over_replicates(self._init_one, self._mesh), inline=True)
        shapes = jax.eval_shape(self._init, *self._starts[0])
        self._of_turn = jax.tree.map(
            lambda leaf, to: leaf.update(sharding=to), shapes, self._shardings(shapes)
        )

    @property
    def shapes(self) -> ArrayTree:
        """Of the state of all replicates on the host: jax.ShapeDtypeStruct, leaves
        [n_replicates, …].
        """
        data = jax.eval_shape(processes.keys_as_data, self._of_turn)
        return jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct((self.n_replicates, *leaf.shape[1:]), leaf.dtype),
            data,
        )

    def start(self) -> tuple[list[ArrayTree], "Chunk"]:
        """`init()` and `compile()`. XLA leaves cores idle for half of a compilation, so it does
        both at once.
        """
        lowered = self._lowered_init(), self._lowered_chunk()
        with ThreadPoolExecutor() as threads:
            init, chunk = threads.map(lambda program: program.compile(), lowered)
        return [init(*start) for start in self._starts], self._chunk(chunk)

    def init(self) -> list[ArrayTree]:
        """The state before the first update."""
        init = self._lowered_init().compile()
        return [init(*start) for start in self._starts]

    def compile(self) -> "Chunk":
        """The program that trains all replicates."""
        return self._chunk(self._lowered_chunk().compile())

    def policy_params(self, state: list[ArrayTree]) -> ArrayTree:
        """Every replicate's, leaves [n_replicates, …], as NumPy arrays in every process."""
        turns = [
            self._params_of(turn, values)
            for turn, (_, values) in zip(state, self._starts, strict=True)
        ]
        return _joined([processes.to_host(turn) for turn in turns])

    def to_host(self, state: list[ArrayTree]) -> ArrayTree:
        """The state as NumPy arrays (keys as their data), shaped as `shapes` says, in every
        process.
        """
        if jax.process_count() > 1:
            return processes.to_host(state[0])
        return jax.tree.map(_stacked, *map(processes.keys_as_data, state))

    def from_host(self, saved: ArrayTree) -> list[ArrayTree]:
        """The inverse of `to_host`."""
        shardings = self._shardings(self._of_turn)
        return [processes.to_devices(turn, self._of_turn, shardings) for turn in self._turns(saved)]

    def after_learning(
        self, state: list[ArrayTree], learned: Mapping[str, ArrayTree]
    ) -> list[ArrayTree]:
        """The state with NumPy arrays, leaves [n_replicates, …], in place of some of its fields."""
        shardings = self._shardings(self._of_turn)

        def of_turn(turn: Any, fields: Mapping[str, ArrayTree]) -> ArrayTree:
            placed = {
                name: processes.to_devices(
                    value, getattr(self._of_turn, name), getattr(shardings, name)
                )
                for name, value in fields.items()
            }
            return turn._replace(**placed)

        turns = self._turns(dict(learned)) if learned else []
        return [of_turn(*each) for each in zip(state, turns, strict=True)] if turns else state

    def _turns(self, tree: T) -> list[T]:
        """Leaves [n_replicates, …] as each turn's. One process's cores take turns; elsewhere all
        replicates are trained at once.
        """
        by_cores = (
            jax.default_backend() == "cpu"
            and jax.process_count() == 1
            and self._mesh.shape[GAMES] == 1
        )
        size = self._mesh.shape[REPLICATES] if by_cores else self.n_replicates
        return [
            jax.tree.map(lambda leaf, i=i: leaf[i : i + size], tree)
            for i in range(0, self.n_replicates, size)
        ]

    def _chunk(self, program: Compiled) -> "Chunk":
        return Chunk(program, [values for _, values in self._starts])

    @cached_property
    def _params_of(self) -> Callable[..., ArrayTree]:
        def one(state: ArrayTree, values: Mapping[str, Array]) -> ArrayTree:
            return with_traced_values(self._learner, values).policy_params(state)

        return jax.jit(over_replicates(one, self._mesh))

    def _init_one(self, seed: Array, values: Mapping[str, Array]) -> ArrayTree:
        return with_traced_values(self._learner, values).init(domain_key(seed, TRAINING))

    def _lowered_init(self) -> Lowered:
        return jax.jit(self._init, out_shardings=self._shardings(self._of_turn)).lower(
            *self._starts[0]
        )

    def _lowered_chunk(self) -> Lowered:
        def chunk(
            state: ArrayTree, values: Mapping[str, Array], n: Array
        ) -> tuple[ArrayTree, dict[str, Array]]:
            # Under jit what is traced for the shapes is not traced again for the loop.
            update = jax.jit(with_traced_values(self._learner, values).update, inline=True)
            shapes = jax.eval_shape(update, state)[1]
            sums = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

            def one(_: Array, carry: tuple[ArrayTree, ArrayTree]) -> tuple[ArrayTree, ArrayTree]:
                state, metrics = update(carry[0])
                return state, jax.tree.map(jnp.add, carry[1], metrics)

            state, sums = jax.lax.fori_loop(0, n, one, (state, sums))
            return state, jax.tree.map(lambda leaf: leaf / n, sums)

        # One process reads all its devices itself. A collective would end the program if one of
        # them came late to it, as after a computer's sleep.
        metrics = NamedSharding(
            self._mesh, PartitionSpec() if jax.process_count() > 1 else PartitionSpec(REPLICATES)
        )
        out = (self._shardings(self._of_turn), metrics)
        program = jax.jit(
            over_replicates(chunk, self._mesh, n_shared=1), donate_argnums=0, out_shardings=out
        )
        return program.lower(self._of_turn, self._starts[0][1], np.int32(1))

    def _shardings(self, state: object) -> Any:
        return state_shardings(state, self._learner.PER_GAME, self._learner.n_envs, self._mesh)

    def _along_replicates(self, tree: Any) -> Any:
        sharding = NamedSharding(self._mesh, PartitionSpec(REPLICATES))
        return processes.to_devices(tree, tree, jax.tree.map(lambda _: sharding, tree))


class Chunk:
    """(state, n) → (state after n updates, the metrics' means over them [n_replicates]); one
    program for every n.
    """

    def __init__(self, program: Compiled, values: Sequence[Mapping[str, Array]]):
        self._program, self._values = program, values

    def __call__(
        self, state: list[ArrayTree], n: int
    ) -> tuple[list[ArrayTree], dict[str, np.ndarray]]:
        """The state's buffers are reused: the argument is gone afterwards."""
        turns, metrics = [], []
        for turn, values in zip(state, self._values, strict=True):
            after, means = jax.block_until_ready(self._program(turn, values, np.int32(n)))
            turns.append(after)
            metrics.append({name: np.asarray(mean) for name, mean in means.items()})
        return turns, _joined(metrics)


def _joined(turns: list[T]) -> T:
    """The turns' NumPy leaves [replicates of the turn, …] as leaves [n_replicates, …]."""
    return (
        turns[0]
        if len(turns) == 1
        else jax.tree.map(lambda *leaves: np.concatenate(leaves), *turns)
    )


def _stacked(*turns: Array) -> np.ndarray:
    """The same for arrays on this process's devices, each replicate of which is copied but once: a
    replay has gigabytes.
    """
    whole = np.empty((sum(map(len, turns)), *turns[0].shape[1:]), turns[0].dtype)
    for part, turn in zip(np.split(whole, len(turns)), turns, strict=True):
        for shard in turn.addressable_shards:
            part[shard.index] = np.asarray(shard.data)
    return whole
