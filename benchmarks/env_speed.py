"""Rounds per second of the two-player market under random valid play, beside the same market in plain C.

    python benchmarks/env_speed.py [--sizes 1,64,8192] [--repeats 5] [--seconds 0.5] [--csv FILE]

Ours and C alternate in one run, on all cores, and both write every observation out; figures are medians, compilation
apart. One round is one step of one game, in which both players act. Without a C compiler only ours is timed.
"""

import argparse
import csv
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh, PartitionSpec

from cardjax.env import CardMarket, State, make_params

SIZES = (1, 16, 256, 2048, 8192, 32768, 131072)
ROUNDS_A_CALL = 2_000_000


def main() -> None:
    arguments = parse_arguments()
    n_cores = len(os.sched_getaffinity(0))
    jax.config.update("jax_num_cpu_devices", n_cores)
    limit = compile_limit()
    print(f"{n_cores} cores, jax {jax.__version__} on {jax.default_backend()}, {arguments.repeats} repeats, medians\n")
    print("| games | ours, M rounds/s | spread | without observations | plain C | ours / C | compile, s |")
    print("|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    rows = []
    for n_games in arguments.sizes:
        row = measure(n_games, arguments.repeats, arguments.seconds, limit)
        rows.append(row)
        print("| {games:,} | {ours:.2f} | {low:.2f}–{high:.2f} | {blind:.2f} | {c:.2f} | {ratio:.2f} | {compile:.1f} |"
              .format(**row), flush=True)  # fmt: skip
    best, best_c = max(rows, key=lambda r: r["ours"]), max(rows, key=lambda r: r["c"])
    print(f"\nbest against best: {best['ours']:.2f} / {best_c['c']:.2f} M rounds/s = {best['ours'] / best_c['c']:.2f}")
    if arguments.csv is not None:
        with arguments.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


def measure(n_games: int, repeats: int, seconds: float, limit: Path | None) -> dict[str, float]:
    """One row of the table; every figure in million rounds a second."""
    start = time.perf_counter()
    ours, blind = compiled_rollout(n_games, observe=True), compiled_rollout(n_games, observe=False)
    compile_seconds = (time.perf_counter() - start) / 2
    n_rounds = n_games * rounds_of(n_games)
    samples: list[tuple[float, float, float]] = []
    for _ in range(repeats):
        c = run_limit(limit, n_games, seconds) if limit else float("nan")
        samples.append((rate(ours, n_rounds, seconds), rate(blind, n_rounds, seconds), c))
    with_observations, without, c_rates = ([sample[i] for sample in samples] for i in range(3))
    return {
        "games": n_games,
        "ours": statistics.median(with_observations),
        "low": min(with_observations),
        "high": max(with_observations),
        "blind": statistics.median(without),
        "c": statistics.median(c_rates),
        "ratio": statistics.median(a / b for a, b in zip(with_observations, c_rates, strict=True)),
        "compile": compile_seconds,
    }


def compiled_rollout(n_games: int, observe: bool) -> Callable[[], object]:
    """A call that plays `rounds_of(n_games)` rounds of random valid play in every game and waits for the end."""
    market, params = CardMarket(n_players=2), make_params()
    devices = jax.devices()[: min(n_games, jax.device_count())]
    keys = jax.random.split(jax.random.key(0), n_games)
    states = jax.jit(jax.vmap(lambda key: market.reset(key, params)[1]))(keys)

    def play_round(key: Array, state: State, t: Array) -> tuple[Array, State, Array]:
        key = jax.random.fold_in(key, t)
        action = random_valid(jax.random.key_data(key), market.action_mask(state, params))
        observation, state, reward, *_ = market.step(key, state, action, params)
        return observation, state, reward

    def rollout(keys: Array, states: State) -> tuple[State, Array, Array]:
        n = keys.shape[0]

        def body(carry: tuple[State, Array, Array], t: Array) -> tuple[tuple[State, Array, Array], None]:
            state, _, total = carry
            observation, state, reward = jax.vmap(play_round, (0, 0, None))(keys, state, t)
            return (state, observation if observe else carry[1], total + reward), None

        blank = jnp.zeros((n, 2, market.observation_size if observe else 1))
        start = (states, blank, jnp.zeros((n, 2)))
        return jax.lax.scan(body, start, jnp.arange(rounds_of(n_games)))[0]

    mesh, games = Mesh(np.array(devices), ("games",)), PartitionSpec("games")
    spread = jax.jit(jax.shard_map(rollout, mesh=mesh, in_specs=(games, games), out_specs=games, check_vma=False))
    compiled = spread.lower(keys, states).compile()

    def call() -> object:
        return jax.block_until_ready(compiled(keys, states))

    call()
    return call


def random_valid(words: Array, mask: Array) -> Array:
    """A uniformly random valid action for each player; `words` uint32 [2], `mask` bool [2, 21]."""
    n_buys, n_sells = mask[:, 1:11].sum(-1), mask[:, 11:].sum(-1)
    draw = ((words >> 16) * (1 + n_buys + n_sells).astype(jnp.uint32) >> 16).astype(jnp.int32)
    return jnp.where(draw <= n_buys, draw, draw - n_buys + 10)


def rate(call: Callable[[], object], n_rounds: int, seconds: float) -> float:
    """Million rounds a second over at least `seconds`."""
    start, calls = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        call()
        calls += 1
    return calls * n_rounds / (time.perf_counter() - start) / 1e6


def rounds_of(n_games: int) -> int:
    """Rounds of one call: enough that the call's own cost does not count."""
    return min(20_000, max(20, ROUNDS_A_CALL // n_games))


def compile_limit() -> Path | None:
    """The compiled C market, or None without gcc."""
    if shutil.which("gcc") is None:
        print("no gcc: only ours is timed")
        return None
    binary = Path(tempfile.mkdtemp()) / "limit"
    source = Path(__file__).with_name("limit.c")
    flags = ["-O3", "-march=native", "-ffast-math", "-fopenmp"]
    subprocess.run(["gcc", *flags, str(source), "-lm", "-o", str(binary)], check=True)
    return binary


def run_limit(binary: Path, n_games: int, seconds: float) -> float:
    """C's million rounds a second, as it prints them."""
    result = subprocess.run([binary, str(n_games), str(seconds)], check=True, capture_output=True, text=True)
    return float(result.stdout.split()[0])


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Rounds per second of the market beside the same market in plain C.")
    parser.add_argument(
        "--sizes", type=lambda text: tuple(map(int, text.split(","))), default=SIZES, help="games at once"
    )
    parser.add_argument("--repeats", type=int, default=5, help="alternations (default 5)")
    parser.add_argument("--seconds", type=float, default=0.5, help="of each measurement (default 0.5)")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the rows")
    return parser.parse_args()


if __name__ == "__main__":
    main()
