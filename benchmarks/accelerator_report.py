"""The rows and tables of accelerator.py."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from presenting import markdown

TARGET = 0.98
"""The score to which a training's seconds are counted."""
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


Measured = Sequence[tuple[Measurement, dict[str, Any] | None]]
"""What was asked for and what came of it, None where it did not end in time."""


def rows_of(measured: Measured) -> list[Row]:
    """Every number that was measured."""
    return [
        Row(m.part, m.subject, m.size, quantity, value)
        for m, answer in measured
        for quantity, value in (answer or {}).items()
        if not isinstance(value, str)
    ]


def report_of(measured: Measured, differences: Sequence[Row]) -> str:
    """The tables of those parts that were asked for, and what is missing."""
    parts = {m.part for m, _ in measured}
    bandwidth = next((a["bytes_per_second"] for m, a in measured if m.part == "copy" and a), NAN)
    sections = [about(measured)]
    if differences:
        sections.append(streams_table(differences))
    if "market" in parts:
        sections.append(market_table(measured, bandwidth))
    if "training" in parts:
        sections.append(training_table(measured))
    if missing := [f"{m.subject} ({m.size})" for m, answer in measured if answer is None]:
        sections.append(f"Not measured, for want of time or memory: {', '.join(missing)}.")
    return "\n\n".join(sections)


def compared(cpu: Path, accelerator: Path) -> list[Row]:
    """For each setting how many numbers its streams have, and how many differ from the CPU's."""
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


def about(measured: Measured) -> str:
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


def market_table(measured: Measured, bandwidth: float) -> str:
    """Speeds and their share of the floor: games down, observations unread and written across."""
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


def training_table(measured: Measured) -> str:
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
