"""What one accelerator makes of the market and of the learners, in eight minutes and without a
network.

    python benchmarks/accelerator.py [--wheels FOLDER] [--parts streams,market,training] [--small]
    [--sizes 2^12,2^16] [--seeds 1,16,128] [--minutes 8] [--csv FILE] [--markdown FILE]

- streams: the rounds of five settings, bit by bit beside the CPU's.
- market: rounds per second of random play by two players, with and without observations written
  out, beside the bandwidth floor: the bytes that a round must read and write, over the measured
  bandwidth of a copy.
- training: the shipped IPPO and DQN, and IPPO on four times as many games at once; all seeds in
  one program: rounds per second, and seconds of training until the seeds' mean score on validation
  draws is 0.98.

Every measurement has a process of its own. All of them compile at once and then take turns, so that
compilation, which is reported apart, fits into the time. What does not fit is named. Nothing has
to be installed: this file finds cardjax beside it, and takes what else is missing from a folder of
wheels. On a machine without an accelerator it measures the CPU; `--small` tries the whole with
small networks and few games.
"""

import argparse
import contextlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NoReturn

from accelerator_report import TARGET, Measured, Measurement, compared, report_of, rows_of
from presenting import write_csv
from timing import Parser, a_count, counts, some_of
from workers import timed_worker

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = "accelerator_programs.py"
PARTS = ("streams", "market", "training")
TRAININGS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "IPPO": ("ippo", "ippo.yaml", ()),
    "IPPO, 4,096 games": ("ippo", "ippo.yaml", ("train.n_envs=4096",)),
    "DQN": ("dqn", "dqn.yaml", ()),
}
"""Name → algorithm, its configuration in configs/, and what differs. A step over more games keeps
an accelerator busier; a CPU is as fast with fewer.
"""
SMALL = {
    "ippo": ("ppo.hidden=[16]", "ppo.n_minibatches=2"),
    "dqn": ("dqn.hidden=[16]", "dqn.n_gradient_steps=2", "dqn.capacity=20_000"),
}
SMALL_TRAINING = (
    "train.n_envs=64",
    "train.total_steps=20_000",
    "train.eval_games=256",
)


def main() -> None:
    arguments = parse_arguments()
    deadline = time.monotonic() + 60 * arguments.minutes
    with tempfile.TemporaryDirectory() as scratch:
        environment = environment_with(arguments.wheels, Path(scratch))
        measured = measure(arguments, environment, Path(scratch), deadline)
        streams = [Path(scratch) / f"{name}.npz" for name in ("cpu", "accelerator")]
        differences = compared(*streams) if all(file.exists() for file in streams) else []
    rows = rows_of(measured) + differences
    if not rows:
        said = f"nothing was measured within --minutes {arguments.minutes:g}"
        print(f"accelerator.py: {said}", file=sys.stderr)
        raise SystemExit(1)
    report = report_of(measured, differences)
    print(report)
    if arguments.markdown is not None:
        arguments.markdown.parent.mkdir(parents=True, exist_ok=True)
        arguments.markdown.write_text(report + "\n", encoding="utf-8")
    if arguments.csv is not None:
        write_csv(arguments.csv, [row._asdict() for row in rows])


def measure(
    arguments: argparse.Namespace, environment: dict[str, str], scratch: Path, deadline: float
) -> Measured:
    """What was measured; streams are left in `scratch`."""
    measurements = planned(arguments, scratch)
    with contextlib.ExitStack() as stack:
        workers = [
            stack.enter_context(timed_worker(PROGRAMS, m.job, environment)) for m in measurements
        ]
        if "streams" in arguments.parts:
            on_cpu = {**environment, "JAX_PLATFORMS": "cpu"}
            job = {"part": "streams", "output": str(scratch / "cpu.npz")}
            reference = stack.enter_context(timed_worker(PROGRAMS, job, on_cpu))
            reference.answer(deadline)
            reference.go(deadline)
        compiled = [each.answer(deadline) for each in workers]
        _progress("all have compiled", deadline)
        answers = []
        for m, each, seconds in zip(measurements, workers, compiled, strict=True):
            _progress(f"{m.part}: {m.subject}, {m.size}", deadline)
            answer = each.go(deadline) if seconds is not None else None
            answers.append(None if answer is None or seconds is None else answer | seconds)
            each.close()
    return list(zip(measurements, answers, strict=True))


def _progress(said: str, deadline: float) -> None:
    print(f"{deadline - time.monotonic():4.0f} s left: {said}", file=sys.stderr, flush=True)


def planned(arguments: argparse.Namespace, scratch: Path) -> list[Measurement]:
    """All that is measured, in its order."""
    limits: dict[str, Any] = {"repeats": arguments.repeats, "limit": arguments.limit}
    all_of_them = [Measurement("copy", "copy", 0, {"part": "copy"} | limits)]
    if "streams" in arguments.parts:
        job: dict[str, Any] = {
            "part": "streams",
            "output": str(scratch / "accelerator.npz"),
        }
        all_of_them.append(Measurement("streams", "streams", 0, job))
    if "market" in arguments.parts:
        for subject, observe in (("unread", False), ("written", True)):
            for n_games in arguments.sizes:
                job = {"part": "market", "games": n_games, "observe": observe} | limits
                all_of_them.append(Measurement("market", subject, n_games, job))
    if "training" in arguments.parts:
        for name, (algorithm, file, changes) in TRAININGS.items():
            for n_seeds in arguments.seeds:
                overrides = [f"train.n_seeds={n_seeds}", *changes]
                if arguments.small:
                    overrides += [*SMALL[algorithm], *SMALL_TRAINING]
                job = {
                    "part": "training",
                    "algorithm": algorithm,
                    "config": str(ROOT / "configs" / file),
                    "overrides": overrides,
                    "target": TARGET,
                    "limit": arguments.limit,
                }
                all_of_them.append(Measurement("training", name, n_seeds, job))
    return all_of_them


def environment_with(wheels: Path | None, scratch: Path) -> dict[str, str]:
    """What the processes see: cardjax, the wheels' packages, and no memory taken in advance."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    if wheels is not None:
        target = scratch / "site"
        files = sorted(map(str, wheels.glob("*.whl")))
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
        command += ["--no-compile", "--target", str(target), *files]
        if not files or subprocess.run(command).returncode:
            refuse(f"--wheels {wheels}: must be a folder of wheels that fit this Python")
        paths.insert(1, str(target))
    elif missing := [name for name in ("distrax", "optax") if not importlib.util.find_spec(name)]:
        refuse(f"{', '.join(missing)}: not installed; --wheels FOLDER takes packages from wheels")
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "JAX_ENABLE_COMPILATION_CACHE": "false",
    }


def refuse(why: str) -> NoReturn:
    """End with one line and exit code 2."""
    print(f"accelerator.py: {why}", file=sys.stderr)
    raise SystemExit(2)


def parse_arguments() -> argparse.Namespace:
    parser = Parser(description="The market and the learners on one accelerator.")
    parser.add_argument(
        "--wheels", type=Path, metavar="FOLDER", help="of packages that are not installed"
    )
    parser.add_argument(
        "--parts", type=some_of(PARTS), default=PARTS, help=f"of {', '.join(PARTS)} (all)"
    )
    parser.add_argument(
        "--sizes",
        type=counts,
        default=tuple(2**n for n in range(12, 21)),
        help="games at once (default 2^12 to 2^20)",
    )
    parser.add_argument(
        "--seeds", type=counts, default=(1, 16, 128), help="in one program (default 1,16,128)"
    )
    parser.add_argument("--repeats", type=a_count, default=5, help="turns (default 5)")
    parser.add_argument(
        "--limit", type=float, default=20.0, help="seconds of a measurement, at most (default 20)"
    )
    parser.add_argument("--minutes", type=float, default=8.0, help="of the whole (default 8)")
    parser.add_argument(
        "--small", action="store_true", help="small networks and few games, to try the program"
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the rows")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables")
    return parser.parse_args()


if __name__ == "__main__":
    main()
