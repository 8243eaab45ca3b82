"""Seconds from typing a training's command to the end of its first update: with an empty
compilation cache, and again.

    python benchmarks/startup.py [--algorithm ippo] [--config configs/ippo.yaml] [--repeats 5]
    [--csv FILE]

Measured from outside: from the start of `python train/ALGORITHM.py` to the first row of
metrics.csv. A training logs 200 times, so `train.total_steps` is set to 200 updates, and the first
row comes after one update and not after eight. Nothing else differs from the shipped command. The
process is stopped there.

Cold and warm take turns: each cold start has a new cache folder (JAX_… settings that choose another
are taken out of the environment), and the warm one after it has the same. Python's bytecode and
matplotlib's fonts are cached in both.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from presenting import markdown, write_csv
from timing import Parser, a_count, spread

from cardjax.config import load_config
from cardjax.training.loop import LOG_POINTS

ROOT = Path(__file__).resolve().parent.parent
TARGETS = {"cold": 8.0, "warm": 4.0}
PATIENCE = 120.0
"""Seconds after which a start has failed."""


def main() -> None:
    arguments = parse_arguments()
    overrides = [f"train.total_steps={short_training(arguments.config)}"]
    samples: dict[str, list[float]] = {"cold": [], "warm": []}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        first_update(arguments, overrides, place, "unmeasured")  # fills bytecode and font caches
        for _ in range(arguments.repeats):
            shutil.rmtree(place / "cache", ignore_errors=True)
            for name in samples:
                samples[name].append(first_update(arguments, overrides, place, name))
    rows = []
    for name, seconds in samples.items():
        median, low, high = spread(seconds)
        rows.append(
            {"start": name, "seconds": median, "low": low, "high": high, "target": TARGETS[name]}
        )
    shown = [
        (r["start"], f"{r['seconds']:.2f}", f"{r['low']:.2f}–{r['high']:.2f}", f"≤ {r['target']:g}")
        for r in rows
    ]
    print(markdown(("start", "seconds to the first update", "spread", "target"), shown))
    if arguments.csv is not None:
        write_csv(arguments.csv, rows)


def short_training(path: Path) -> int:
    """Rounds of as many updates as there are log points."""
    config = load_config(path)
    return LOG_POINTS * config.train.n_envs * config.ppo.rollout_rounds


def first_update(
    arguments: argparse.Namespace, overrides: list[str], place: Path, name: str
) -> float:
    """Seconds until a fresh process has logged its first update.

    Args:
        place: runs are written in it, and the cache folder is `cache` below it.
        name: of the run.
    """
    script = ROOT / "train" / f"{arguments.algorithm}.py"
    command = [
        sys.executable,
        str(script),
        "--config",
        str(arguments.config.resolve()),
        *overrides,
        f"name={name}",
    ]
    shutil.rmtree(place / "runs" / name, ignore_errors=True)
    metrics = place / "runs" / name / "metrics.csv"
    with (place / "stderr").open("w") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=place, env=environment(place), stdout=errors, stderr=errors
        )
        try:
            while not logged(metrics):
                if process.poll() is not None or time.perf_counter() - start > PATIENCE:
                    raise SystemExit("no first update:\n" + (place / "stderr").read_text())
                time.sleep(0.005)
            return time.perf_counter() - start
        finally:
            process.kill()
            process.wait()


def logged(metrics: Path) -> bool:
    """Whether the file has a row below its header; it is replaced as a whole, so a row is never
    half there.
    """
    try:
        return len(metrics.read_text(encoding="utf-8").splitlines()) > 1
    except FileNotFoundError:
        return False


def environment(place: Path) -> dict[str, str]:
    """The caller's, with a cache folder of our own and matplotlib's kept outside it."""
    own: dict[str, Any] = dict(os.environ)
    for name in ("JAX_COMPILATION_CACHE_DIR", "JAX_ENABLE_COMPILATION_CACHE"):
        own.pop(name, None)
    paths = [str(ROOT), *filter(None, [own.get("PYTHONPATH")])]
    return own | {
        "XDG_CACHE_HOME": str(place / "cache"),
        "MPLCONFIGDIR": str(place / "matplotlib"),
        "PYTHONPATH": os.pathsep.join(paths),
    }


def parse_arguments() -> argparse.Namespace:
    parser = Parser(description="Seconds from a training's command to its first update.")
    parser.add_argument("--config", type=Path, help="by default the algorithm's shipped one")
    parser.add_argument("--algorithm", choices=("ippo", "mappo"), default="ippo")
    parser.add_argument(
        "--repeats", type=a_count, default=5, help="starts of each kind (default 5)"
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the rows")
    arguments = parser.parse_args()
    arguments.config = arguments.config or ROOT / "configs" / f"{arguments.algorithm}.yaml"
    return arguments


if __name__ == "__main__":
    main()
