"""What train_speed.py shows: rows of figures, two tables, and bars."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from presenting import COLOURS, markdown
from timing import Spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TARGET = 1.6
"""What an update may cost, in its matrix products."""
Row = dict[str, Any]


def row(part: str, name: str, seconds: Spread, about: dict[str, float], ratios: Spread) -> Row:
    """A row of the CSV file: seconds are of one update."""
    return {
        "part": part,
        "name": name,
        "program": "cardjax",
        "precision": "",
        "seeds": 0,
        "devices": 0,
        "rounds_per_update": about["rounds"],
        "seconds": seconds.median,
        "seconds_low": seconds.low,
        "seconds_high": seconds.high,
        "rounds_per_second": about["rounds"] / seconds.median,
        "ratio": ratios.median,
        "ratio_low": ratios.low,
        "ratio_high": ratios.high,
        "compile_seconds": about["compile_seconds"],
        "floor_seconds": float("nan"),
        "floor_low": float("nan"),
        "floor_high": float("nan"),
        "floor_gflops_per_second": float("nan"),
    }


def floor_table(rows: list[Row]) -> str:
    header = (
        "configuration",
        "precision",
        "seeds",
        "devices",
        "ms per update",
        "rounds/s",
        "its matrix products, ms",
        "GFLOP/s",
        "update / products",
        "compile, s",
    )
    cells = []
    for r in rows:
        own = (
            f"{1e3 * r['seconds']:.0f} ({1e3 * r['seconds_low']:.0f}–{1e3 * r['seconds_high']:.0f})"
        )
        low, high = 1e3 * r["floor_low"], 1e3 * r["floor_high"]
        products = f"{1e3 * r['floor_seconds']:.0f} ({low:.0f}–{high:.0f})"
        cells.append(
            (
                r["name"],
                r["precision"],
                r["seeds"],
                r["devices"],
                own,
                f"{r['rounds_per_second']:,.0f}",
                products,
                f"{r['floor_gflops_per_second']:.0f}",
                _ratio(r),
                f"{r['compile_seconds']:.1f}",
            )
        )
    return markdown(header, cells)


def peers_table(name: str, rows: list[Row]) -> str:
    header = (
        f"single player, {name}",
        "seeds",
        "ms per update",
        "rounds/s",
        "cardjax, critic of V, is faster by",
        "compile, s",
    )
    cells = []
    for r in rows:
        own = (
            f"{1e3 * r['seconds']:.0f} ({1e3 * r['seconds_low']:.0f}–{1e3 * r['seconds_high']:.0f})"
        )
        compiled = (
            "" if r["compile_seconds"] != r["compile_seconds"] else f"{r['compile_seconds']:.1f}"
        )
        cells.append(
            (r["program"], r["seeds"], own, f"{r['rounds_per_second']:,.0f}", _ratio(r), compiled)
        )
    return markdown(header, cells)


def _seeds(r: Row) -> str:
    return f"{r['seeds']} seed{'s' if r['seeds'] > 1 else ''}"


def _ratio(r: Row) -> str:
    digits = 2 if r["ratio"] < 10 else 0
    return f"{r['ratio']:.{digits}f} ({r['ratio_low']:.{digits}f}–{r['ratio_high']:.{digits}f})"


def draw(path: Path, rows: list[Row]) -> None:
    """Bars: an update in units of its matrix products, and the peers' rounds per second. The suffix
    says the format.
    """
    import matplotlib
    from matplotlib.figure import Figure

    style: dict[Any, Any] = {
        "font.size": 8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "savefig.dpi": 200,
    }
    parts = [part for part in ("floor", "peers") if any(r["part"] == part for r in rows)]
    with matplotlib.rc_context(style):
        figure = Figure(
            figsize=(4.6 * len(parts), 1.0 + 0.24 * max(len(rows) // len(parts), 6)),
            layout="constrained",
        )
        for axis, part in zip(figure.subplots(1, len(parts), squeeze=False)[0], parts, strict=True):
            (_draw_floor if part == "floor" else _draw_peers)(
                axis, [r for r in rows if r["part"] == part]
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)


def _draw_floor(axis: "Axes", rows: list[Row]) -> None:
    labels = [f"{r['name']}, {r['precision']}, {_seeds(r)}" for r in rows]
    values = [r["ratio"] for r in rows]
    reach = [
        [r["ratio"] - r["ratio_low"] for r in rows],
        [r["ratio_high"] - r["ratio"] for r in rows],
    ]
    axis.barh(labels, values, xerr=reach, color=COLOURS[0], height=0.6, error_kw={"linewidth": 0.8})
    axis.axvline(1, color="black", linewidth=0.8)
    axis.axvline(TARGET, color=COLOURS[2], linewidth=0.8, linestyle="--")
    axis.invert_yaxis()
    axis.set(
        xlabel="time of an update / of its matrix products",
        title=f"Ours and its floor (dashed: target, {TARGET})",
    )


def _draw_peers(axis: "Axes", rows: list[Row]) -> None:
    values = [r["rounds_per_second"] for r in rows]
    bars = axis.barh(
        [f"{r['program']}, {_seeds(r)} ({r['name']})" for r in rows],
        values,
        color=COLOURS[3],
        height=0.6,
    )
    axis.bar_label(bars, [f" {value:,.0f}" for value in values])
    axis.invert_yaxis()
    axis.set(xscale="log", xlabel="rounds a second", title="PPO on the single-player game")
    axis.set_xlim(
        10 ** math.floor(math.log10(min(values) / 2)), 10 ** math.ceil(math.log10(max(values) * 3))
    )
    axis.minorticks_off()
