"""A training's compiled programs: every seed of every run of a group is a row, and all rows are one program."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import NamedSharding, PartitionSpec

from cardjax.config import RunConfig
from cardjax.env.market import CardMarket
from cardjax.env.params import EnvParams
from cardjax.evaluation.evaluate import domain_key
from cardjax.policies.protocol import Policy
from cardjax.runtime import processes
from cardjax.runtime.devices import ROWS, make_mesh, over_rows, state_shardings
from cardjax.runtime.grid import value_of, with_traced_values

TRAINING = 0
"""The key domain of training; evaluation uses others."""


class Learner(Protocol):
    """Two pure functions and what the loop has to know of them: a dataclass, whose numbers a sweep replaces."""

    PER_GAME: tuple[str, ...]
    """Fields of the state whose leaves have the leading axis n_envs."""

    @property
    def market(self) -> CardMarket:
        """The game."""

    @property
    def env_params(self) -> EnvParams:
        """Its parameters."""

    @property
    def config(self) -> Any:
        """The hyperparameters, a declared dataclass."""

    @property
    def n_envs(self) -> int:
        """Games played at once."""

    @property
    def total_updates(self) -> int:
        """How many updates the training is planned for."""

    @property
    def rounds_per_update(self) -> int:
        """Rounds played by one update."""

    def init(self, key: Array) -> Any:
        """A fresh state: a NamedTuple with at least key, n_updates (int32 []) and games."""

    def update(self, state: Any) -> tuple[Any, dict[str, Array]]:
        """The next state, and scalar metrics."""

    def policy(self) -> Policy:
        """The player that is being trained, as it plays in evaluations."""

    def policy_params(self, state: Any) -> Any:
        """Its parameters in a state."""


def seeds_of(config: RunConfig) -> list[int]:
    """The seeds of a run: each trains as a run of its own with that seed would."""
    return [config.seed + i for i in range(config.train.n_seeds)]


class Rows:
    """The rows of runs that differ in traced values alone; states have leaves [n_rows, …], a run's seeds together.

    What does not vary between the runs stays a constant of the program.
    """

    def __init__(self, learner: Learner, configs: Sequence[RunConfig], varied: Sequence[str]):
        self._learner = learner
        each = [config for config in configs for _ in seeds_of(config)]
        self._values = {name: np.stack([value_of(config, name) for config in each]) for name in varied}
        self.env_params = jax.tree.map(lambda *leaves: np.stack(leaves), *(config.env for config in each))
        self.n_rows = len(each)
        train = configs[0].train
        self._mesh = make_mesh(self.n_rows, train.n_envs, train.shard_games)
        seeds = np.array([seed for config in configs for seed in seeds_of(config)], np.uint32)
        self._start = self._along_rows((seeds, self._values))
        self._init = jax.jit(over_rows(self._init_one, self._mesh), inline=True)
        shapes = jax.eval_shape(self._init, *self._start)
        self.shapes = jax.tree.map(lambda leaf, to: leaf.update(sharding=to), shapes, self._shardings(shapes))
        """of the state: jax.ShapeDtypeStruct with shardings in place of arrays."""

    def start(self) -> tuple[Any, "Chunk"]:
        """`init()` and `compile(shapes)`. XLA leaves cores idle for half of a compilation, so it does both at once."""
        lowered = self._lowered_init(), self._lowered_chunk(self.shapes)
        with ThreadPoolExecutor() as threads:
            init, chunk = threads.map(lambda program: program.compile(), lowered)
        return init(*self._start), Chunk(chunk, self._start[1])

    def init(self) -> Any:
        """The state before the first update."""
        return self._lowered_init().compile()(*self._start)

    def compile(self, state: Any) -> "Chunk":
        """The program that trains all rows; `state`: one, or `shapes`."""
        return Chunk(self._lowered_chunk(state).compile(), self._start[1])

    def policy_params(self, state: Any) -> Any:
        """Every row's, leaves [n_rows, …], as NumPy arrays in every process."""

        def one(state: Any, values: Mapping[str, Array]) -> Any:
            return with_traced_values(self._learner, values).policy_params(state)

        return processes.to_host(jax.jit(over_rows(one, self._mesh))(state, self._along_rows(self._values)))

    def from_host(self, saved: Any) -> Any:
        """A state's NumPy arrays (keys as their data) on the devices."""
        return processes.to_devices(saved, self.shapes, self._shardings(self.shapes))

    def _init_one(self, seed: Array, values: Mapping[str, Array]) -> Any:
        return with_traced_values(self._learner, values).init(domain_key(seed, TRAINING))

    def _lowered_init(self) -> Any:
        return jax.jit(self._init, out_shardings=self._shardings(self.shapes)).lower(*self._start)

    def _lowered_chunk(self, state: Any) -> Any:
        def chunk(state: Any, values: Mapping[str, Array], n: Array) -> tuple[Any, dict[str, Array]]:
            # Under jit what is traced for the shapes is not traced again for the loop.
            update = jax.jit(with_traced_values(self._learner, values).update, inline=True)
            shapes = jax.eval_shape(update, state)[1]
            sums = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

            def one(_: Array, carry: tuple[Any, Any]) -> tuple[Any, Any]:
                state, metrics = update(carry[0])
                return state, jax.tree.map(jnp.add, carry[1], metrics)

            state, sums = jax.lax.fori_loop(0, n, one, (state, sums))
            return state, jax.tree.map(lambda leaf: leaf / n, sums)

        # One process reads all its devices itself. A collective would end the program if one of them came late to it,
        # as after a computer's sleep.
        metrics = NamedSharding(self._mesh, PartitionSpec() if jax.process_count() > 1 else PartitionSpec(ROWS))
        out = (self._shardings(state), metrics)
        program = jax.jit(over_rows(chunk, self._mesh, n_shared=1), donate_argnums=0, out_shardings=out)
        return program.lower(state, self._start[1], np.int32(1))

    def _shardings(self, state: Any) -> Any:
        return state_shardings(state, self._learner.PER_GAME, self._learner.n_envs, self._mesh)

    def _along_rows(self, tree: Any) -> Any:
        sharding = NamedSharding(self._mesh, PartitionSpec(ROWS))
        return processes.to_devices(tree, tree, jax.tree.map(lambda _: sharding, tree))


class Chunk:
    """(state, n) → (state after n updates, the metrics' means over them [n_rows]); one program for every n."""

    def __init__(self, program: Any, values: Mapping[str, Array]):
        self._program, self._values = program, values

    def __call__(self, state: Any, n: int) -> tuple[Any, dict[str, np.ndarray]]:
        """The state's buffers are reused: the argument is gone afterwards."""
        state, metrics = jax.block_until_ready(self._program(state, self._values, np.int32(n)))
        return state, {name: np.asarray(values) for name, values in metrics.items()}
