"""Has something become slower? Ratios of speeds, measured side by side in one run, against bounds
that are committed.

    python benchmarks/guard.py [--only env_over_c,…] [--repeats 7] [--update [better|all]]

By hand or nightly, on a machine that does nothing else; it takes about two minutes. Ratios move
less with the machine than seconds do, but they move: benchmarks/bounds.yaml says what the bounds
were measured on, and with what tolerance they are held. `--update` writes the ratios of this run
into it, those that are better than their bounds or all.

Exit codes: 0 all ratios are within their bounds, 1 one is worse, or has no bound, or could not be
measured, 2 wrong arguments or a file of bounds that cannot be read.
"""

import argparse
import contextlib
import csv
import math
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import yaml
from presenting import markdown
from timing import Parser, a_count

ROOT = Path(__file__).resolve().parent.parent
BOUNDS = Path(__file__).with_name("bounds.yaml")
HEADER = """\
# The bounds of benchmarks/guard.py. A ratio may be worse than its bound by the tolerance, a share
# of the bound.
# `python benchmarks/guard.py --update` writes this file.
"""
HIGHER, LOWER = "higher", "lower"


class Ratio(NamedTuple):
    """Something that is measured."""

    meaning: str
    better: str
    """higher or lower."""
    measure: Callable[[int], float | None]
    """repeats → the median ratio, None where something that it needs is not installed."""


class Finding(NamedTuple):
    """A ratio of this run beside its bound; either may be missing."""

    name: str
    value: float | None
    bound: float | None


def within(value: float | None, bound: float | None, better: str, tolerance: float) -> bool:
    """Whether a ratio is no worse than its bound, but for the tolerance. A missing one, or NaN, is
    not.
    """
    if value is None or bound is None or math.isnan(value):
        return False
    return (
        value >= bound * (1 - tolerance) if better == HIGHER else value <= bound * (1 + tolerance)
    )


def is_better(value: float, bound: float | None, better: str) -> bool:
    """Whether a bound may be tightened to this value; any value is better than no bound."""
    return bound is None or (value > bound if better == HIGHER else value < bound)


def updated(
    findings: Sequence[Finding], bounds: Mapping[str, float], which: str
) -> dict[str, float]:
    """The bounds after a run; `which` is better or all. What was not measured stays."""
    new = dict(bounds)
    for name, value, bound in findings:
        if value is None or math.isnan(value):
            continue
        if which == "all" or is_better(value, bound, RATIOS[name].better):
            new[name] = round(value, 3)
    return new


def over_c(repeats: int) -> float | None:
    from env_speed import C

    return _in_csv(
        "env_speed.py", ["--sizes", "2048", "--peers", "none"], repeats, "ours_over_it", contender=C
    )


def over_cart_pole(repeats: int) -> float | None:
    from peers import CART_POLE

    options = ["--sizes", "8192", "--peers", CART_POLE]
    return _in_csv("env_speed.py", options, repeats, "ours_over_it", contender=CART_POLE)


def sixteen_seeds(repeats: int) -> float | None:
    options = ["--subjects", "update", "--axes", "seeds", "--seeds", "1,16"]
    return _in_csv("scaling.py", options, repeats, "per_unit_median", value="16")


def _in_csv(
    script: str, options: list[str], repeats: int, column: str, **where: str
) -> float | None:
    """A column of that row of another benchmark's CSV; None without such a row, or where the
    benchmark failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.csv"
        command = [sys.executable, str(Path(__file__).with_name(script)), *options]
        result = subprocess.run(
            [*command, "--repeats", str(repeats), "--csv", str(file)], stdout=sys.stderr
        )
        if result.returncode:
            return None
        with file.open(newline="") as rows:
            for row in csv.DictReader(rows):
                if where.items() <= row.items():
                    return float(row[column])
    return None


def over_products(repeats: int) -> float | None:
    """Two seeds of the shipped IPPO on all cores, as train/ runs them, over their matrix products
    alone.
    """
    from timing import ratio, take_turns
    from train_programs import Job
    from workers import Worker

    config = str(ROOT / "configs" / "ippo.yaml")
    overrides = ["train.n_seeds=2", "ppo.matmul_precision=float32"]
    programs = ["cardjax", "floor"]
    worker = Worker("train_programs.py", Job(programs, "ippo", config, overrides, 1.0))
    times = take_turns({name: partial(worker.seconds, name) for name in programs}, repeats)
    worker.close()
    return ratio(times["cardjax"], times["floor"]).median


RATIOS = {
    "env_over_c": Ratio("market / plain C, rounds/s at 2,048 games", HIGHER, over_c),
    "env_over_cart_pole": Ratio(
        "market / gymnax CartPole, steps/s at 8,192 games", HIGHER, over_cart_pole
    ),
    "update_over_products": Ratio("IPPO update / its matrix products, time", LOWER, over_products),
    "sixteen_seeds": Ratio(
        "16 IPPO seeds in one program / 16 runs of one, time", LOWER, sixteen_seeds
    ),
}


class Bounds(NamedTuple):
    """The file of bounds."""

    measured_on: str
    tolerance: float
    bounds: dict[str, float]


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parse_arguments(argv)
    try:
        held = read_bounds(arguments.bounds, may_be_missing=arguments.update is not None)
    except (OSError, ValueError) as error:
        print(f"guard.py: {arguments.bounds}: {error}", file=sys.stderr)
        return 2
    findings = [
        Finding(name, RATIOS[name].measure(arguments.repeats), held.bounds.get(name))
        for name in arguments.only
    ]
    if arguments.update is not None:
        new = updated(findings, held.bounds, arguments.update)
        held = held._replace(
            bounds=new, measured_on=machine() if new != held.bounds else held.measured_on
        )
        write_bounds(arguments.bounds, held)
        findings = [finding._replace(bound=new.get(finding.name)) for finding in findings]
    print(table(findings, held.tolerance))
    worse = [
        f.name
        for f in findings
        if not within(f.value, f.bound, RATIOS[f.name].better, held.tolerance)
    ]
    if worse:
        print(f"\nworse than its bound, without one, or not measured: {', '.join(worse)}")
    return 1 if worse else 0


def table(findings: Sequence[Finding], tolerance: float) -> str:
    header = ["ratio", "", "measured", "bound", "better is", f"within {tolerance:.0%}"]
    cells = []
    for name, value, bound in findings:
        meaning, better, _ = RATIOS[name]
        held = "yes" if within(value, bound, better, tolerance) else "NO"
        figures = [f"{x:.3f}" if x is not None else "–" for x in (value, bound)]
        cells.append([name, meaning, *figures, better, held])
    return markdown(header, cells)


def read_bounds(path: Path, may_be_missing: bool) -> Bounds:
    """The file's content.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not what `write_bounds` writes; one line says why.
    """
    if may_be_missing and not path.exists():
        return Bounds("", 0.1, {})
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"no YAML ({str(error).splitlines()[0]})") from None
    if not isinstance(content, dict) or set(content) != {"measured_on", "tolerance", "bounds"}:
        raise ValueError("has to hold measured_on, tolerance and bounds, and nothing else")
    bounds, tolerance = content["bounds"], content["tolerance"]
    if not _is_number(tolerance) or not 0 <= tolerance < 1:
        raise ValueError(f"tolerance: {tolerance!r} is no number in [0, 1)")
    if not isinstance(bounds, dict) or not all(
        _is_number(bound) and bound > 0 for bound in bounds.values()
    ):
        raise ValueError("bounds: has to map names to numbers above 0")
    if unknown := set(bounds) - set(RATIOS):
        raise ValueError(
            f"bounds: no ratio {', '.join(map(str, sorted(unknown)))}; "
            f"there are {', '.join(RATIOS)}"
        )
    return Bounds(str(content["measured_on"]), float(tolerance), dict(bounds))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def write_bounds(path: Path, held: Bounds) -> None:
    path.write_text(
        HEADER + yaml.safe_dump(held._asdict(), sort_keys=False, width=120), encoding="utf-8"
    )


def machine() -> str:
    """The processor and how many of its cores are used."""
    name = platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(
            (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
            name,
        )
    return f"{name}, {len(os.sched_getaffinity(0))} core(s)"


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(description="Ratios of speeds against committed bounds.")
    parser.add_argument(
        "--only", default=",".join(RATIOS), help=f"of {', '.join(RATIOS)} (default all)"
    )
    parser.add_argument(
        "--repeats", type=a_count, default=7, help="turns of each comparison (default 7)"
    )
    parser.add_argument(
        "--bounds",
        type=Path,
        default=BOUNDS,
        metavar="FILE",
        help="(default benchmarks/bounds.yaml)",
    )
    parser.add_argument(
        "--update",
        nargs="?",
        const="better",
        choices=("better", "all"),
        help="write this run's ratios as bounds: those that are better (default), or all",
    )
    arguments = parser.parse_args(argv)
    arguments.only = arguments.only.split(",")
    if unknown := set(arguments.only) - set(RATIOS):
        parser.error(f"--only: no {', '.join(sorted(unknown))}; there are {', '.join(RATIOS)}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
