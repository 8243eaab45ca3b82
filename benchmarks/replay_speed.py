"""Our replay beside flashbax's: add a rollout, draw batches by priority, update priorities. Needs
no flashbax to run.

python benchmarks/replay_speed.py [--games 1024] [--batch 2048] [--seeds 1] [--blocks 20]
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from timing import Parser

from cardjax.agents import replay
from cardjax.env.trees import ArrayTree

ROUNDS, WIDTH, STEPS, REPEATS = 10, 57, 10, 12


def ours(n_envs: int, batch: int, n_blocks: int) -> tuple[Any, Callable[..., Any]]:
    """(state, one update's traffic): a rollout in, STEPS batches out, each with new priorities."""
    block = {"x": jnp.zeros((n_envs, ROUNDS, WIDTH)), "r": jnp.zeros((n_envs, ROUNDS))}
    state = replay.empty(block, n_blocks, ROUNDS, prioritised=True)

    def step(state: Any, n: Array, key: Array) -> Any:
        state = replay.add(state, jax.tree.map(lambda x: x + n, block), n, ROUNDS)

        def learn(state: Any, key: Array) -> tuple[Any, Array]:
            index, probability = replay.draw(
                state, key, batch, jnp.minimum(n + 1, n_blocks) * ROUNDS
            )
            rows = jax.tree.map(
                lambda x: x[index.game, index.item // ROUNDS, index.item % ROUNDS], state.blocks
            )
            priority = 0.1 + jnp.abs(jnp.sin(index.item + index.game))
            return replay.set_priorities(state, index, priority), rows[
                "x"
            ].sum() + probability.sum()

        return jax.lax.scan(learn, state, jax.random.split(key, STEPS))

    return state, step


def flashbaxs(n_envs: int, batch: int, n_blocks: int) -> tuple[Any, Callable[..., Any]]:
    """The same with flashbax's prioritised item buffer."""
    import flashbax

    buffer = flashbax.make_prioritised_trajectory_buffer(
        add_batch_size=n_envs,
        sample_batch_size=batch,
        sample_sequence_length=1,
        period=1,
        min_length_time_axis=1,
        max_length_time_axis=n_blocks * ROUNDS,
        priority_exponent=1.0,
        device="cpu",
    )
    state = buffer.init({"x": jnp.zeros(WIDTH), "r": jnp.float32(0)})
    rollout = {"x": jnp.zeros((n_envs, ROUNDS, WIDTH)), "r": jnp.zeros((n_envs, ROUNDS))}

    def step(state: ArrayTree, n: Array, key: Array) -> ArrayTree:
        state = buffer.add(state, jax.tree.map(lambda x: x + n, rollout))

        def learn(state: ArrayTree, key: Array) -> tuple[ArrayTree, Array]:
            sample = buffer.sample(state, key)
            priority = 0.1 + jnp.abs(jnp.sin(sample.indices.astype(jnp.float32)))
            state = buffer.set_priorities(state, sample.indices, priority)
            return state, sample.experience["x"].sum() + sample.probabilities.sum()

        return jax.lax.scan(learn, state, jax.random.split(key, STEPS))

    return state, step


def starter(state: ArrayTree, step: Callable[..., Any], n_seeds: int) -> Callable[[int], float]:
    """A function of the update's number that runs it for all seeds and returns the milliseconds
    that it took.

    Seeds are a `vmap`, as in training, a single one too.
    """
    run = jax.jit(jax.vmap(step, (0, None, 0)), donate_argnums=0)
    states = [jax.tree.map(lambda x: jnp.repeat(x[None], n_seeds, 0), state)]

    def timed(number: int) -> float:
        keys = jax.random.split(jax.random.key(number), n_seeds)
        start = time.perf_counter()
        states[0], _ = jax.block_until_ready(run(states[0], jnp.int32(number), keys))
        return 1e3 * (time.perf_counter() - start)

    return timed


def main() -> None:
    """Print a line for each buffer: the best of REPEATS, taken in turns, so that a busy machine
    disturbs both alike.
    """
    arguments = parse_arguments()
    n_envs, batch, n_seeds, n_blocks = (
        arguments.games,
        arguments.batch,
        arguments.seeds,
        arguments.blocks,
    )
    print(
        f"{n_envs} games × {ROUNDS} rounds in, {STEPS} batches of {batch} out, "
        f"{n_envs * ROUNDS * n_blocks:,} kept, "
        f"{n_seeds} seed(s)"
    )
    runs = {}
    for make in (ours, flashbaxs):
        try:
            runs[make.__name__] = starter(*make(n_envs, batch, n_blocks), n_seeds)
        except ImportError:
            print(f"{make.__name__:10s} not installed")
    times = [{name: run(i) for name, run in runs.items()} for i in range(REPEATS)]
    for name in runs:
        print(f"{name:10s} {min(row[name] for row in times[1:]):8.1f} ms")


def parse_arguments() -> argparse.Namespace:
    parser = Parser(description="Our replay beside flashbax's.")
    parser.add_argument("--games", type=int, default=1024, help="played at once (default 1024)")
    parser.add_argument("--batch", type=int, default=2048, help="rows a draw (default 2048)")
    parser.add_argument("--seeds", type=int, default=1, help="side by side under vmap (default 1)")
    parser.add_argument("--blocks", type=int, default=20, help="rollouts kept (default 20)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
