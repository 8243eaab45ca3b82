"""Figures of diagnostics, from nothing but their tables: one a table, at the width of a paper's
column.

Colours are Okabe and Ito's (2008), which people of every colour vision tell apart. The policy is
solid, with its 95% interval shaded or as a bar; the exact benchmark is dashed.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from cardjax.evaluation.figure_data import FigureData
from cardjax.evaluation.questions import BUY, SELL

BLUE, VERMILLION, BLACK = "#0072B2", "#D55E00", "#000000"
GREY = "0.45"
SIDE_COLOURS = {BUY: BLUE, SELL: VERMILLION}
ORDERS = {"buy": (BLUE, "o"), "pass": (GREY, "s"), "sell": (VERMILLION, "^")}
"""Action → its colour and marker."""
CALIBRATION_FIGURES = {
    "slope_of_orders": "slope",
    "explained_variance_of_orders": "explained variance",
    "stage_game_explained_variance_of_orders": "exact stage game's",
}
"""What stands beside the calibration's points: column → words."""
WIDTH = 3.5
"""Inches: a column of a two-column page."""
DPI = 300
STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "legend.fontsize": 7,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.titlepad": 3.5,
    "axes.titlelocation": "left",
    "lines.linewidth": 1.3,
    "lines.markersize": 3.2,
    "legend.frameon": False,
    "savefig.dpi": DPI,
    "figure.constrained_layout.use": True,
}


def draw(name: str, table: FigureData) -> Figure:
    """The figure of a diagnostic.

    Raises:
        KeyError: no diagnostic of that name.
    """
    with matplotlib.rc_context(STYLE):
        return FIGURES[name](table)


def save(figure: Figure, file: Path | IO[bytes]) -> None:
    """As PNG, at DPI, to a path or an open file."""
    with matplotlib.rc_context(STYLE):
        figure.savefig(file, format="png", dpi=DPI)


def _action_vs_edge(table: FigureData) -> Figure:
    figure, axes = _panels(3, 1, height=5.6)
    for side, colour in SIDE_COLOURS.items():
        rows = table.where(better=side)
        _curve(axes[0], rows, "edge", "size", colour)
        _benchmark(axes[0], rows, "edge", "benchmark_size", colour)
        above = side == BUY
        place: dict[str, Any] = {
            "x": 0.02,
            "y": 0.75 if above else 0.25,
            "va": "center",
            "transform": axes[0].transAxes,
        }
        axes[0].text(s="ask better" if above else "bid better", color=colour, **place)
    axes[0].axhline(0, color="0.8", lw=0.7, zorder=0)
    for panel, side in zip(axes[1:], (BUY, SELL), strict=True):
        for action, (colour, marker) in ORDERS.items():
            _curve(panel, table.where(better=side), "edge", action, colour, marker)
            _benchmark(panel, table.where(better=side), "edge", f"benchmark_{action}", colour)
        panel.set(ylabel="share", ylim=(-0.04, 1.04))
    for panel in axes:
        panel.axvline(0, color="0.8", lw=0.7, zorder=0)
    _letter(
        axes, ["mean signed size", "shares of rounds, ask better", "shares of rounds, bid better"]
    )
    axes[0].set(ylabel="units (+ buy, − sell)", ylim=(-10.8, 10.8))
    axes[-1].set_xlabel("edge of the better side (points per unit)")
    axes[-1].xaxis.set_major_locator(MaxNLocator(nbins=6))
    _legend(
        figure,
        [_line(colour, action, marker) for action, (colour, marker) in ORDERS.items()],
        table,
    )
    return figure


def _size_vs_depth(table: FigureData) -> Figure:
    figure, axes = _panels(2, 2, height=3.7)
    bands = _distinct(table, "edge_from")
    for panel, low in zip(axes, bands, strict=False):
        rows = table.where(edge_from=low)
        _depths(panel, rows)
        high = rows["edge_to"][0]
        panel.set_title(
            f"edge above {low:g} points" if math.isinf(high) else f"edge {low:g} to {high:g} points"
        )
    for panel in axes[len(bands) :]:
        panel.set_axis_off()
    axes[0].set_ylim(0, 10.6)
    figure.supxlabel("displayed depth on the better side (units)", fontsize=8)
    figure.supylabel("mean size on the better side (units)", fontsize=8)
    _legend(figure, [_line(BLUE, table.about["policy"])], table, BLACK)
    return figure


def _depths(axes: Axes, rows: FigureData) -> None:
    """Size against depth; the cap stands apart, since the depth behind it is not known."""
    capped = rows["depth_from"] == rows["depth_to"]
    below = dataclasses.replace(
        rows, rows=[row for row, cap in zip(rows.rows, capped, strict=True) if not cap]
    )
    at_cap = dataclasses.replace(
        rows, rows=[row for row, cap in zip(rows.rows, capped, strict=True) if cap]
    )
    _curve(axes, below, "depth", "size", BLUE)
    _benchmark(axes, below, "depth", "benchmark_size", BLACK)
    if at_cap.rows:
        cap = float(at_cap["depth_to"][0])
        axes.errorbar(
            cap + 1,
            at_cap["size"],
            _bars(at_cap, "size"),
            color=BLUE,
            marker="o",
            elinewidth=1.2,
            capsize=2,
        )
        axes.plot(
            [cap + 0.6, cap + 1.4],
            [at_cap["benchmark_size"][0]] * 2,
            color=BLACK,
            ls="--",
            lw=1,
            zorder=4,
        )
        ticks = [
            tick
            for tick in MaxNLocator(nbins=4, integer=True).tick_values(0, cap)
            if 0 < tick < cap
        ]
        axes.set_xticks([*ticks, cap + 1], [*(f"{tick:g}" for tick in ticks), f"≥ {cap:g}"])


def _sigma_sensitivity(table: FigureData) -> Figure:
    figure, axes = _panels(4, 1, height=6.4)
    for panel, name in zip(axes, ("trade_rate", "size_of_orders"), strict=False):
        _curve(panel, table, "sigma", name, BLUE)
        _benchmark(panel, table, "sigma", f"benchmark_{name}", BLACK)
        panel.set_ylim(bottom=0)
    _curve(axes[2], table, "sigma", "captured", BLUE)
    axes[2].axhline(1, color=BLACK, ls="--", lw=1)
    axes[2].set_ylim(*_limits([*_known(table, "captured"), 0.0, 1.0], at_least=-1.0, at_most=1.6))
    if table.rows:
        axes[3].bar(table["sigma"], table["share_of_value"], width=0.4, color="0.7")
    _label(
        axes,
        ["share of rounds", "units", f"share of\n{table.about['benchmark']}'s", "share of total"],
    )
    _letter(
        axes,
        [
            "trade rate",
            "mean size of orders",
            "expected P&L captured",
            "where the attainable expected P&L lies",
        ],
    )
    axes[-1].set_xlabel("posterior standard deviation σ (points)")
    _legend(figure, [_line(BLUE, table.about["policy"])], table, BLACK)
    return figure


def _opponent_response(table: FigureData) -> Figure:
    figure, axes = _panels(2, 2, height=3.9, sharey="row")
    observed, changed = table.where(kind="observed"), table.where(kind="counterfactual")
    for (side, colour), above, below in zip(SIDE_COLOURS.items(), axes[:2], axes[2:], strict=True):
        rows = observed.where(better=side)
        _curve(above, rows, "last", "size", colour)
        _benchmark(above, rows, "last", "benchmark_size", BLACK)
        _curve(below, changed.where(better=side), "last", "change", colour)
        below.axhline(0, color=BLACK, ls="--", lw=1, zorder=0)
    axes[0].set_ylim(0, 10.6)
    reach = np.abs([*_known(changed, "change_low"), *_known(changed, "change_high"), 0.1]).max()
    furthest = max(3.0, *np.abs([*_known(changed, "change"), 0.0]))
    axes[2].set_ylim(*_limits([-min(reach, furthest), min(reach, furthest)]))
    axes[0].set_ylabel("mean size (units)")
    axes[2].set_ylabel("change of size (units)")
    axes[0].set(xlim=(-10.9, 10.9), xticks=(-10, -5, 0, 5, 10))
    _letter(
        axes, ["observed, ask better", "observed, bid better", "counterfactual", "counterfactual"]
    )
    figure.supxlabel("others' last order (units; + bought, − sold)", fontsize=8)
    _legend(figure, [_line(GREY, table.about["policy"])], table, BLACK)
    return figure


def _value_calibration(table: FigureData) -> Figure:
    figure, (axes,) = _panels(1, 1, height=3.4)
    for action, face in (("order", BLUE), ("pass", "white")):
        rows = table.where(action=action)
        if rows.rows:
            bars: dict[str, Any] = {
                "fmt": "o",
                "color": BLUE,
                "mfc": face,
                "elinewidth": 1,
                "capsize": 1.5,
                "zorder": 3,
            }
            label = "orders, 95% interval" if action == "order" else "passes"
            axes.errorbar(
                rows["predicted"], rows["realised"], _bars(rows, "realised"), label=label, **bars
            )
    ends = _limits([*_known(table, "predicted"), *_known(table, "realised"), 0.0])
    axes.plot(ends, ends, color=GREY, ls="--", lw=1, label="identity")
    axes.set(
        xlim=ends,
        ylim=ends,
        xlabel=table.about["predicted"],
        ylabel=table.about["realised"],
        aspect="equal",
    )
    figure.legend(loc="outside upper center", ncols=3, columnspacing=1.2)
    said = filter(None, (_said(table, name, text) for name, text in CALIBRATION_FIGURES.items()))
    if table.where(action="order").rows and (text := "\n".join(said)):
        axes.text(
            0.98,
            0.03,
            "orders\n" + text,
            transform=axes.transAxes,
            ha="right",
            va="bottom",
            fontsize=7,
        )
    return figure


def _wealth_fan(table: FigureData) -> Figure:
    low, high, ruin = table["q05"].min(), table["q95"].max(), table["ruin_line"][0]
    broken = low - ruin > 2 * (high - low)
    if broken:
        # One axis down to ruin would press the fan into a line: the empty part is cut out.
        figure = Figure(figsize=(WIDTH, 3.1))
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(9, 1))
        _cut(axes, below)
        below.set(ylim=(ruin - 1, ruin + 1), yticks=[ruin])
    else:
        figure, (axes,) = _panels(1, 1, height=3.1)
        below = axes
    rounds = table["round"]
    axes.fill_between(
        rounds, table["q05"], table["q95"], color=BLUE, alpha=0.2, lw=0, label="90% of players"
    )
    axes.fill_between(
        rounds, table["q25"], table["q75"], color=BLUE, alpha=0.4, lw=0, label="50% of players"
    )
    axes.plot(rounds, table["median"], color=BLUE, label="median")
    bars = {"color": BLACK, "ls": "--", "lw": 1, "elinewidth": 1}
    axes.errorbar(rounds, table["mean"], _bars(table, "mean"), label="mean, 95% interval", **bars)
    line = below.axhline(ruin, color=VERMILLION, ls=":", lw=1.3, label="ruin")
    axes.set_ylim(*_limits([low, high] if broken else [low, high, ruin]))
    axes.set_ylabel("wealth (points)")
    below.set(xlabel="rounds played", xlim=(0, rounds[-1]))
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    handles = axes.get_legend_handles_labels()[0]
    handles = handles if line in handles else [*handles, line]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, columnspacing=1.2)
    return figure


def _cut(above: Axes, below: Axes) -> None:
    """The two parts of a broken y axis, with the strokes that say so."""
    above.spines.bottom.set_visible(False)
    above.tick_params(axis="x", length=0)
    strokes: dict[str, Any] = {
        "marker": [(-1, -0.6), (1, 0.6)],
        "ms": 7,
        "ls": "none",
        "color": BLACK,
        "mew": 0.8,
        "clip_on": False,
    }
    above.plot([0], [0], transform=above.transAxes, **strokes)
    below.plot([0], [1], transform=below.transAxes, **strokes)


def _belief_probe(table: FigureData) -> Figure:
    figure, axes = _panels(3, 2, height=5.4, sharey=True)
    kinds = list(dict.fromkeys(table["kind"].tolist())) if table.rows else []
    for panel, kind in zip(axes, kinds, strict=False):
        rows = table.where(kind=kind)
        panel.plot([0, 1], [0, 1], color=GREY, ls="--", lw=1, zorder=0)
        _curve(panel, rows, "read", "exact", BLUE)
        shares = (rows[f"explained_by_{source}"][0] for source in ("memory", "observation"))
        panel.set_title("{}\nR² {:.2f} (observation {:.2f})".format(kind, *shares), fontsize=7)
    for panel in axes[len(kinds) :]:
        panel.set_axis_off()
    axes[0].set(xlim=(-0.05, 1.05), ylim=(-0.05, 1.05))
    figure.supxlabel("probability read off the memory", fontsize=8)
    figure.supylabel("exact probability", fontsize=8)
    identity = Line2D([], [], color=GREY, ls="--", lw=1, label="identity")
    shade = Patch(color=GREY, alpha=0.3, lw=0, label="95% interval")
    handles = [_line(BLUE, table.about["policy"]), identity, shade]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, columnspacing=1.2)
    return figure


def _ablations(table: FigureData) -> Figure:
    figure, axes = _panels(2, 1, height=4.0)
    places = np.arange(len(table.rows))[::-1]
    seeds = [[float(score) for score in row.split()] for row in table["score_by_seed"]]
    each = [
        (score, place)
        for scores, place in zip(seeds, places, strict=True)
        if len(scores) > 1
        for score in scores
    ]
    axes[0].axvline(1, color=BLACK, ls="--", lw=1, zorder=0)
    if each:
        axes[0].plot(*np.transpose(each), "|", color=BLACK, ms=7, mew=0.9, zorder=4)
    axes[1].plot(
        table["benchmark_expected_pnl"], places, "D", color=BLACK, mfc="none", ms=5, zorder=2
    )
    scores = [*_known(table, "score"), *[score for score, _ in each], 0.0, 1.0]
    payoffs = [*_known(table, "expected_pnl"), *table["benchmark_expected_pnl"], 0.0]
    for panel, name, values in zip(axes, ("score", "expected_pnl"), (scores, payoffs), strict=True):
        panel.set(xlim=_limits(values), yticks=places, yticklabels=table["market"].tolist())
        _dots(panel, table, name, places)
        panel.set_ylim(-0.6, len(places) - 0.4)
        panel.grid(axis="y", color="0.92", lw=0.7)
        panel.set_axisbelow(True)
        panel.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes[0].set_xlabel(f"score (share of the {table.about['benchmark']}'s)")
    axes[1].set_xlabel("expected P&L (points per game)")
    _letter(axes, ["", ""])
    handles = [_line(BLUE, f"{table.about['policy']}, 95% interval")]
    handles += (
        [Line2D([], [], color=BLACK, marker="|", ls="none", ms=7, label="training seeds")]
        if each
        else []
    )
    handles.append(
        Line2D(
            [],
            [],
            color=BLACK,
            marker="D",
            mfc="none",
            ms=5,
            ls="none",
            label=table.about["benchmark"],
        )
    )
    figure.legend(handles=handles, loc="outside upper center", ncols=2, columnspacing=1.2)
    return figure


def _dots(axes: Axes, table: FigureData, name: str, places: np.ndarray) -> None:
    """Values with intervals; one that reaches out of the axis ends in an arrowhead."""
    axes.errorbar(
        table[name],
        places,
        xerr=_bars(table, name),
        fmt="o",
        color=BLUE,
        elinewidth=1.2,
        capsize=2,
        zorder=3,
    )
    low, high = axes.get_xlim()
    for end, marker, beyond in (
        (low, "<", table[f"{name}_low"] < low),
        (high, ">", table[f"{name}_high"] > high),
    ):
        for place in places[beyond]:
            axes.plot(end, place, marker, color=BLUE, ms=5, clip_on=False, zorder=5)


FIGURES: Mapping[str, Callable[[FigureData], Figure]] = {
    "action_vs_edge": _action_vs_edge,
    "size_vs_depth": _size_vs_depth,
    "sigma_sensitivity": _sigma_sensitivity,
    "opponent_response": _opponent_response,
    "value_calibration": _value_calibration,
    "wealth_fan": _wealth_fan,
    "belief_probe": _belief_probe,
    "ablations": _ablations,
}
"""Diagnostic → its figure."""


def _panels(
    n_rows: int, n_columns: int, height: float, sharey: bool | Literal["row"] = False
) -> tuple[Figure, list[Axes]]:
    """A figure, `height` inches high, with panels row by row, which share their x axis unless they
    are just two.
    """
    figure = Figure(figsize=(WIDTH, height))
    shared = n_columns > 1 or n_rows > 2
    axes = figure.subplots(
        n_rows, n_columns, sharex=shared, sharey=sharey or n_columns > 1, squeeze=False
    )
    panels: list[Axes] = axes.ravel().tolist()
    return figure, panels


def _letter(axes: Sequence[Any], texts: Sequence[str]) -> None:
    """(a), (b), … with a few words above each panel."""
    for panel, letter, text in zip(axes, "abcd", texts, strict=False):
        panel.set_title(f"({letter}) {text}")


def _curve(axes: Axes, table: FigureData, x: str, y: str, colour: str, marker: str = "o") -> None:
    """A line with its interval; what is not known is left out."""
    if table.rows:
        axes.plot(table[x], table[y], color=colour, marker=marker, zorder=3)
        low, high = table[f"{y}_low"], table[f"{y}_high"]
        axes.fill_between(table[x], low, high, color=colour, alpha=0.22, lw=0)


def _benchmark(axes: Axes, table: FigureData, x: str, y: str, colour: str) -> None:
    if table.rows:
        axes.plot(table[x], table[y], color=colour, ls="--", lw=1, zorder=4)


def _legend(
    figure: Figure, handles: Sequence[Line2D], table: FigureData, colour: str = GREY
) -> None:
    """Above the panels, out of the data's way; with the benchmark's dashes and what the shade
    means.
    """
    dashes = Line2D([], [], color=colour, ls="--", lw=1, label=table.about["benchmark"])
    shade = Patch(color=GREY, alpha=0.3, lw=0, label="95% interval")
    figure.legend(
        handles=[*handles, dashes, shade], loc="outside upper center", ncols=3, columnspacing=1.2
    )


def _line(colour: str, label: str, marker: str = "o") -> Line2D:
    return Line2D([], [], color=colour, marker=marker, label=label)


def _label(axes: Sequence[Any], texts: Sequence[str]) -> None:
    for panel, text in zip(axes, texts, strict=True):
        panel.set_ylabel(text)


def _bars(table: FigureData, name: str) -> np.ndarray | None:
    """[2, rows]: how far an interval reaches below and above; an unknown one by nothing."""
    reach = np.array([table[name] - table[f"{name}_low"], table[f"{name}_high"] - table[name]])
    return np.maximum(np.nan_to_num(reach), 0)


def _known(table: FigureData, name: str) -> np.ndarray:
    values = table[name] if len(table.rows) else np.zeros(0)
    return values[np.isfinite(values)]


def _distinct(table: FigureData, name: str) -> list[float]:
    return sorted(set(table[name].tolist())) if len(table.rows) else []


def _said(table: FigureData, name: str, text: str) -> str:
    """A figure with its interval, in words; nothing if it is not known."""
    row = table.rows[0] if table.rows else {}
    mean, low, high = (
        float(row.get(key, math.nan)) for key in (name, f"{name}_low", f"{name}_high")
    )
    if not math.isfinite(mean):
        return ""
    return f"{text} {mean:.2f}" + (f" [{low:.2f}, {high:.2f}]" if math.isfinite(low) else "")


def _limits(
    values: ArrayLike, at_least: float = -math.inf, at_most: float = math.inf
) -> tuple[float, float]:
    """The axis that shows all values and a margin, cut where it would reach too far."""
    low, high = max(float(np.min(values)), at_least), min(float(np.max(values)), at_most)
    margin = 0.06 * (high - low) or 0.5
    return low - margin, high + margin
