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
import json
import math
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = Path(__file__).with_name("accelerator_programs.py")
PARTS = ("streams", "market", "training")
TARGET = 0.98
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
NAN = float("nan")


class Row(NamedTuple):
    """One line of the CSV file."""

    part: str
    subject: str
    size: int
    """Games of the market, seeds of a training, numbers of a stream."""
    quantity: str
    value: float


class Measurement(NamedTuple):
    """What a process is asked for."""

    part: str
    subject: str
    size: int
    job: dict[str, Any]


def main() -> None:
    arguments = parse_arguments()
    deadline = time.monotonic() + 60 * arguments.minutes
    with tempfile.TemporaryDirectory() as scratch:
        environment = environment_with(arguments.wheels, Path(scratch))
        report, rows = measure(arguments, environment, Path(scratch), deadline)
    if not rows:
        said = f"nothing was measured within --minutes {arguments.minutes:g}"
        print(f"accelerator.py: {said}", file=sys.stderr)
        raise SystemExit(1)
    print(report)
    if arguments.markdown is not None:
        arguments.markdown.parent.mkdir(parents=True, exist_ok=True)
        arguments.markdown.write_text(report + "\n", encoding="utf-8")
    if arguments.csv is not None:
        from presenting import write_csv

        write_csv(arguments.csv, [row._asdict() for row in rows])


def measure(
    arguments: argparse.Namespace, environment: dict[str, str], scratch: Path, deadline: float
) -> tuple[str, list[Row]]:
    """The report and its rows."""
    measurements = planned(arguments, scratch)
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(worker(m.job, environment)) for m in measurements]
        if "streams" in arguments.parts:
            on_cpu = {**environment, "JAX_PLATFORMS": "cpu"}
            job = {"part": "streams", "output": str(scratch / "cpu.npz")}
            reference = stack.enter_context(worker(job, on_cpu))
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
    measured = list(zip(measurements, answers, strict=True))
    rows = [
        Row(m.part, m.subject, m.size, quantity, value)
        for m, answer in measured
        for quantity, value in (answer or {}).items()
        if not isinstance(value, str)
    ]
    sections = [about(measured)]
    if "streams" in arguments.parts:
        differences = compared(scratch / "cpu.npz", scratch / "accelerator.npz")
        rows += differences
        sections.append(streams_table(differences))
    bandwidth = next((a["bytes_per_second"] for m, a in measured if m.part == "copy" and a), NAN)
    if "market" in arguments.parts:
        sections.append(market_table(measured, bandwidth))
    if "training" in arguments.parts:
        sections.append(training_table(measured))
    if missing := [f"{m.subject} ({m.size})" for m, answer in measured if answer is None]:
        sections.append(f"Not measured, for want of time or memory: {', '.join(missing)}.")
    return "\n\n".join(sections), rows


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


class Worker:
    """A process of accelerator_programs.py."""

    def __init__(self, process: "subprocess.Popen[bytes]"):
        self._process, self._read = process, b""

    def answer(self, deadline: float) -> dict[str, Any] | None:
        """Its next line, or None if it ended or came too late."""
        while (line := self._line(deadline)) is not None:
            if line.startswith(b"{"):  # libraries print a line on import
                answer: dict[str, Any] = json.loads(line)
                return answer
        return None

    def go(self, deadline: float) -> dict[str, Any] | None:
        """What it measured, or None if it could not."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(b"\n")
            self._process.stdin.flush()
        return self.answer(deadline)

    def close(self) -> None:
        """End it, and free what it has on the device."""
        self._process.kill()
        self._process.wait()

    def _line(self, deadline: float) -> bytes | None:
        assert self._process.stdout is not None
        while b"\n" not in self._read:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                return None
            more = os.read(self._process.stdout.fileno(), 65536)
            if not more:
                return None
            self._read += more
        line, _, self._read = self._read.partition(b"\n")
        return line


@contextlib.contextmanager
def worker(job: dict[str, Any], environment: dict[str, str]) -> Iterator[Worker]:
    """A process that does the job; it does not outlive the block."""
    command = [sys.executable, str(PROGRAMS), json.dumps(job)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as process:
        try:
            yield Worker(process)
        finally:
            process.kill()


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


def compared(cpu: Path, accelerator: Path) -> list[Row]:
    """For each setting how many numbers its streams have, and how many differ from the CPU's."""
    if not (cpu.exists() and accelerator.exists()):
        return []
    import numpy as np

    counts: dict[str, list[float]] = {}
    with np.load(cpu) as expected, np.load(accelerator) as got:
        for name in expected.files:
            setting, _, _ = name.partition(": ")
            a, b = expected[name], got[name]
            kind = "whole" if a.dtype.kind in "iub" else "float"
            n_different = int(np.count_nonzero(_bits(a) != _bits(b)))
            of = counts.setdefault(setting, [0, 0, 0, 0, 0.0])
            of[0 if kind == "whole" else 2] += a.size
            of[1 if kind == "whole" else 3] += n_different
            if kind == "float" and n_different:
                apart = np.abs(a.astype(float) - b.astype(float))
                of[4] = max(of[4], float(np.nanmax(apart / np.maximum(1, np.abs(a)))))
    names = ("whole", "whole_different", "float", "float_different", "largest_difference")
    return [
        Row("streams", setting, 0, quantity, value)
        for setting, values in counts.items()
        for quantity, value in zip(names, values, strict=True)
    ]


def _bits(x: Any) -> Any:
    """An array's elements as unsigned integers of the same size."""
    return x.view(f"u{x.dtype.itemsize}")


def about(measured: Sequence[tuple[Measurement, dict[str, Any] | None]]) -> str:
    """What was measured on."""
    answer = next((a for m, a in measured if m.part == "copy"), None)
    if answer is None:
        return "The device did not answer."
    gigabytes = answer["bytes_per_second"] / 1e9
    return (
        f"{answer['device']}, jax {answer['jax']}, float32; a copy moves {gigabytes:,.0f} GB/s, "
        "reading and writing counted."
    )


def streams_table(differences: Sequence[Row]) -> str:
    from presenting import markdown

    settings = list(dict.fromkeys(row.subject for row in differences))
    of = {(row.subject, row.quantity): row.value for row in differences}
    header = ["streams beside the CPU's", "whole numbers", "differ", "floats", "differ", "by"]
    return markdown(
        header,
        [
            [
                name,
                *(
                    f"{of[name, quantity]:,.0f}"
                    for quantity in ("whole", "whole_different", "float", "float_different")
                ),
                f"{of[name, 'largest_difference']:.1e}",
            ]
            for name in settings
        ],
    )


def market_table(
    measured: Sequence[tuple[Measurement, dict[str, Any] | None]], bandwidth: float
) -> str:
    """Speeds and their share of the floor: games down, observations unread and written across."""
    from presenting import markdown

    of = {(m.subject, m.size): a for m, a in measured if m.part == "market" and a}
    sizes = list(dict.fromkeys(m.size for m, _ in measured if m.part == "market"))
    header = ["games at once"]
    for subject in ("unread", "written"):
        header += [f"{subject}: M rounds/s", "of the floor", "compile, s"]
    table = []
    for n in sizes:
        cells = [f"{n:,}"]
        for subject in ("unread", "written"):
            answer = of.get((subject, n))
            if answer is None:
                cells += ["–"] * 3
                continue
            speed = answer["rounds_per_second"]
            share = speed * answer["bytes_per_round"] / bandwidth
            cells += [f"{speed / 1e6:,.1f}", f"{share:.0%}", f"{answer['compile_seconds']:.0f}"]
        table.append(cells)
    floor = [
        f"{subject} {answer['bytes_per_round']} bytes"
        for subject in ("unread", "written")
        if (answer := next((a for (s, _), a in of.items() if s == subject), None))
    ]
    said = "A round has to read and write at least, with observations " + ", ".join(floor) + "."
    return markdown(header, table) + "\n\n" + said


def training_table(measured: Sequence[tuple[Measurement, dict[str, Any] | None]]) -> str:
    from presenting import markdown

    header = [
        "learner",
        "seeds",
        "M rounds/s, all seeds",
        f"seconds to {TARGET}",
        "seconds",
        "M rounds of each",
        "score then",
        "compile, s",
        "peak memory, GB",
    ]
    table = [
        [
            m.subject,
            m.size,
            f"{a['rounds_per_second'] / 1e6:,.2f}",
            _or_dash(a["seconds_to_target"], ".1f"),
            f"{a['seconds']:.1f}",
            f"{a['rounds'] / 1e6:.1f} of {a['of_rounds'] / 1e6:.1f}",
            f"{a['score']:.3f}",
            f"{a['compile_seconds']:.0f}",
            _or_dash(a["peak_bytes"] / 1e9, ".2f"),
        ]
        for m, a in measured
        if m.part == "training" and a
    ]
    return markdown(header, table)


def _or_dash(value: float, form: str) -> str:
    return "–" if math.isnan(value) else format(value, form)


def parse_arguments() -> argparse.Namespace:
    from timing import a_count, counts, some_of

    parser = argparse.ArgumentParser(description="The market and the learners on one accelerator.")
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
