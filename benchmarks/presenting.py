"""What a benchmark leaves behind: a Markdown table on the screen, the rows as CSV, and a plot."""

import csv
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

COLOURS = ("#0072B2", "#000000", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#888888")
"""Okabe and Ito's (2008), which people of every colour vision tell apart; markers and dashes differ
as well.
"""
MARKERS, DASHES = "osD^vP*X<>h", ("-", "--", "-.", ":")


class Line(NamedTuple):
    """A curve of a plot, all of one length: abscissas, medians, and the least and the greatest of
    the repeats.
    """

    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


def markdown(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table with every column to the right, but for the first where it holds words."""
    left = bool(rows) and isinstance(rows[0][0], str) and not rows[0][0][:1].isdigit()
    rule = ["---" if left else "---:", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in (header, rule, *rows))


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """The rows, which have the same keys, below a header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def plot(
    path: Path,
    panels: Mapping[str, Mapping[str, Line]],
    x_labels: Sequence[str],
    y_label: str,
    scales: tuple[str, str] = ("log", "log"),
) -> None:
    """Panels side by side: title → label → line, the repeats' spread shaded. The suffix says the
    format.

    Args:
        path: the file.
        panels: their lines by label; a label looks the same in all, and has one entry in the
            legend.
        x_labels: one for each panel.
        y_label: of the first.
        scales: of abscissas and ordinates, log or linear.
    """
    import matplotlib
    from matplotlib.figure import Figure

    style: dict[Any, Any] = {
        "font.size": 8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "savefig.dpi": 200,
    }
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(1.4 + 3.4 * len(panels), 3.2), layout="constrained")
        labels = list(dict.fromkeys(itertools.chain.from_iterable(panels.values())))
        entries: dict[str, Any] = {}
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axis, (title, lines), x_label in zip(axes, panels.items(), x_labels, strict=True):
            for label, line in lines.items():
                i = labels.index(label)
                look = {
                    "color": COLOURS[i % len(COLOURS)],
                    "marker": MARKERS[i % len(MARKERS)],
                    "markersize": 3.5,
                }
                entries[label] = axis.plot(
                    line.x, line.y, DASHES[(i // 2 + i // 8) % len(DASHES)], linewidth=1.2, **look
                )[0]
                axis.fill_between(
                    line.x, line.low, line.high, color=look["color"], alpha=0.15, linewidth=0
                )
            axis.set(xscale=scales[0], yscale=scales[1], xlabel=x_label, title=title)
            ticks = sorted(set(itertools.chain.from_iterable(line.x for line in lines.values())))
            axis.set_xticks(ticks, [f"{x:,}" for x in ticks], rotation=40, ha="right")
            axis.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
            axis.grid(alpha=0.25, linewidth=0.5)
        axes[0].set_ylabel(y_label)
        axes[-1].legend(
            entries.values(),
            entries,
            frameon=False,
            fontsize=7,
            loc="center left",
            bbox_to_anchor=(1.0, 0.5),
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)
