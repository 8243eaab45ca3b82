"""What sixteen seeds in one program cost beside sixteen runs of one seed, compilation apart, on this machine's CPU.

    python benchmarks/seeds_speed.py [--config configs/ippo.yaml] [--algorithm ippo] [--seeds 16] [--updates 4]

Both are the programs that train/ runs: all seeds spread over one device a core, and one seed on one device. They take
turns, and the medians of several repeats are compared.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

WORKER = """
import json, sys, time
import jax
from cardjax.config import load_config
from cardjax.runtime.devices import use_all_cores
from cardjax.runtime.learners import make_learner
from cardjax.runtime.rows import Rows

algorithm, path, n_seeds, n_updates = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
config = load_config(path, [f"train.n_seeds={n_seeds}"])
use_all_cores(n_seeds, config.train.n_envs, config.train.shard_games)
rows = Rows(make_learner(algorithm, config), [config], [])
state = rows.init()
chunk = rows.compile(state)
state, _ = chunk(state, 1)
print(json.dumps({"devices": jax.device_count()}), flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    state, _ = chunk(state, n_updates)
    print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)
"""


class Worker:
    """A process with a compiled program that runs some updates whenever it is asked to."""

    def __init__(self, arguments: argparse.Namespace, n_seeds: int):
        command = [sys.executable, "-c", WORKER, arguments.algorithm, str(arguments.config), str(n_seeds)]
        self._process = subprocess.Popen(
            [*command, str(arguments.updates)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.devices = self._answer()["devices"]

    def seconds(self) -> float:
        """Of one round of updates, by the worker's own clock."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return float(self._answer()["seconds"])

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _answer(self) -> dict[str, float]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the worker stopped before it answered")
        answer: dict[str, float] = json.loads(line)
        return answer


def main() -> None:
    arguments = parse_arguments()
    many, one = Worker(arguments, arguments.seeds), Worker(arguments, 1)
    times: dict[str, list[float]] = {"many": [], "one": []}
    for _ in range(arguments.repeats):
        times["many"].append(many.seconds())
        times["one"].append(one.seconds())
    together, alone = (statistics.median(times[name]) for name in ("many", "one"))
    print(f"{arguments.seeds} seeds in one program on {many.devices} device(s): {together:.2f} s")
    print(
        f"one seed on {one.devices} device(s): {alone:.2f} s, times {arguments.seeds}: {arguments.seeds * alone:.2f} s"
    )
    print(f"cost of {arguments.seeds} seeds beside {arguments.seeds} runs: {together / alone / arguments.seeds:.2f}")
    many.close()
    one.close()


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Sixteen seeds in one program beside sixteen runs.")
    parser.add_argument("--config", type=Path, default=ROOT / "configs" / "ippo.yaml")
    parser.add_argument("--algorithm", default="ippo")
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--updates", type=int, default=4, help="updates a measurement (default 4)")
    parser.add_argument("--repeats", type=int, default=5, help="measurements of each (default 5)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
