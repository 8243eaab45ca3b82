"""Results as a table of text."""

import math
from collections.abc import Iterable, Mapping, Sequence

from cardjax.env.declaration import printable
from cardjax.evaluation.breakdown import Bin
from cardjax.evaluation.interpretation import is_told
from cardjax.evaluation.quoting_result import PLAYED, REPLIED, QuotingResult
from cardjax.evaluation.result import Result
from cardjax.evaluation.statistics import Interval
from cardjax.evaluation.yardsticks import ALONE, Yardstick

HEADINGS = ("opponent", "P&L per game", "expected P&L", "score", "trades", "size", "fill", "ruin")
LESS_CHARGE = "less charge"
"""What is scored where risk is charged for, beside the expected P&L."""
HELD = "held"
"""The deviation of the inventory where units are carried."""


def results_table(results: Sequence[Result], title: str = "") -> str:
    """A table of one row per opponent, with a last line that says what the intervals are over."""
    rows = [_row(result) for result in results]
    return f"{text_table(_headings(results), rows, title)}\n{_footnote(results)}"


def breakdown_table(bins: Sequence[Bin], title: str = "") -> str:
    """A row for each kind of round that occurred, and a last line on what the figures are."""
    shown = {"pnl": "P&L", "expected_pnl": "expected P&L", "score": "score", "loss": "loss"}
    meaning = (
        "P&L in points per round of the kind; loss against the "
        "exact benchmark in points per game, which adds up over the rows."
    )
    return _bins_table(bins, shown, meaning, title)


def quoting_breakdown_table(bins: Sequence[Bin], title: str = "") -> str:
    """As `breakdown_table`, of both roles where the maker is a player."""
    shown = {
        f"{role}_{name}": f"{role}: {words}"
        for role in ("maker", "taker")
        for name, words in (("expected_pnl", "P&L"), ("score", "score"), ("loss", "loss"))
    }
    meaning = (
        "Expected P&L in points per round of the kind; loss in points per game, which adds up over "
        "the rows: the maker's against the monopolist, a taker's against the equilibrium at the "
        "quotes that it met."
    )
    return _bins_table(bins, shown, meaning, title)


def _bins_table(bins: Sequence[Bin], shown: Mapping[str, str], meaning: str, title: str) -> str:
    """A row for each kind of round that occurred, with the figures of `shown`: name → heading."""
    seen = [found for found in bins if found.n_rounds]
    rows = [
        (
            *(str(value) for value in found.keys.values()),
            f"{found.figures['rounds'].mean:.2%}",
            *(
                with_half_width(found.figures[name], 4 if name.endswith("loss") else 3)
                for name in shown
            ),
        )
        for found in seen
    ]
    amounts = [
        figure for found in seen for name, figure in found.figures.items() if name != "rounds"
    ]
    table = text_table((*seen[0].keys, "rounds", *shown.values()), rows, title)
    return f"{table}\n{meaning}{without_interval(amounts)}"


def text_table(headings: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> str:
    """Rules above and below, the first column to the left, the others to the right; control
    characters are written out.
    """
    cells = [[printable(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headings))]
    lines = [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in cells
    ]
    rule = "─" * len(lines[0])
    above = [printable(line) for line in title.split("\n")] if title else []
    return "\n".join([*above, rule, lines[0], rule, *lines[1:], rule])


def grid_table(
    points: Sequence[Mapping[str, object]], results: Sequence[Sequence[Result]], title: str = ""
) -> str:
    """A table of one row per market and opponent, the values that vary in front."""
    rows = [
        (*map(str, point.values()), *_row(result))
        for point, of_point in zip(points, results, strict=True)
        for result in of_point
    ]
    note = _units([result for of_point in results for result in of_point])
    return f"{text_table((*points[0], *_headings(results[0])), rows, title)}\n{note}"


def _headings(results: Sequence[Result]) -> tuple[str, ...]:
    metrics, at = results[0].metrics, HEADINGS.index("score")
    charged = (LESS_CHARGE,) if "mean_payoff" in metrics else ()
    carried = (HELD,) if "std_inventory" in metrics else ()
    return (*HEADINGS[:at], *charged, *HEADINGS[at:-1], *carried, HEADINGS[-1])


def quoting_table(
    points: Sequence[Mapping[str, object]], results: Sequence[QuotingResult], title: str = ""
) -> str:
    """A line per metric of games whose maker is a player, with a column for every market, and what
    the intervals are over.
    """
    named = [", ".join(f"{key} = {value}" for key, value in point.items()) for point in points]
    rows = [
        (name, *(with_half_width(result.metrics[name]) for result in results), metric.unit)
        for name, metric in {**PLAYED, **REPLIED}.items()
    ]
    table = text_table(("", *(name or "figure" for name in named), "unit"), rows, title)
    figures = [figure for result in results for figure in result.metrics.values()]
    few = without_interval(figures)
    return f"{table}\n{results[0].in_words()}.{few} docs/evaluation.md says what they are."


def _row(result: Result) -> tuple[str, ...]:
    metrics = result.metrics
    cells = {
        "opponent": result.opponent,
        "P&L per game": with_half_width(result.mean_pnl, 2),
        "expected P&L": with_half_width(result.mean_expected_pnl, 3),
        LESS_CHARGE: with_half_width(result.mean_payoff, 3),
        "score": with_half_width(result.score, 3),
        "trades": decimal(metrics["trade_rate"].mean, ".1%"),
        "size": decimal(metrics["mean_size"].mean, ".1f"),
        "fill": decimal(metrics["fill_ratio"].mean, ".2f"),
        "ruin": decimal(metrics["ruin_probability"].mean, ".1%"),
    }
    if "std_inventory" in metrics:
        cells[HELD] = decimal(metrics["std_inventory"].mean, ".1f")
    return tuple(cells[heading] for heading in _headings([result]))


def bounded(interval: Interval) -> str:
    """A figure whose interval is not symmetric."""
    if interval.low is None or interval.high is None:
        return f"{interval.mean:.2f}"
    return f"{interval.mean:.2f} ({interval.low:.2f} to {interval.high:.2f})"


def with_half_width(interval: Interval, digits: int | None = None) -> str:
    """`0.967 ± 0.001`; the mean alone where there are no bounds.

    Args:
        digits: after the point; by default, where there are bounds, as many as leave two of the
            half-width.
    """
    half = interval.half_width
    if digits is None:
        digits = 3 if not half else min(6, max(0, 1 - math.floor(math.log10(half))))
    form = f".{digits}f"
    return decimal(interval.mean, form) + ("" if half is None else f" ± {half:{form}}")


def decimal(value: float | None, form: str) -> str:
    """A number as `form` has it, but for zero's sign, and a dash where there is none: the size of
    orders that were never given.
    """
    if value is None or math.isnan(value):
        return "–"
    text = format(value, form)
    return text.removeprefix("-") if not any(c in "123456789" for c in text) else text


def _footnote(results: Sequence[Result]) -> str:
    figures = (line for result in results for line in _against_self(result))
    return "\n".join([_units(results), *figures])


def _units(results: Sequence[Result]) -> str:
    intervals = " / ".join(sorted({result.in_words() for result in results}))
    score = _score_in_words(results[0].yardstick)
    few = without_interval(figure for result in results for figure in _shown(result))
    return f"Points per game and player; {intervals}.{few}\n{score}"


def _score_in_words(yardstick: Yardstick) -> str:
    if yardstick.missing:
        return f"No score: {yardstick.missing}."
    scored = "expected P&L less the charge for risk" if yardstick.charged else "expected P&L"
    return f"score: {scored} as a share of the exact {yardstick.name}'s on the same draws."


def without_interval(figures: Iterable[Interval]) -> str:
    """Why some of a table's figures stand without ± beside others that have it; "" if none do."""
    bare = [figure.low is None for figure in figures if not math.isnan(figure.mean)]
    return " What has no ± is decided by too few games." if any(bare) and not all(bare) else ""


def _shown(result: Result) -> list[Interval]:
    """The figures that have a ± in a table or below it."""
    own = [result.mean_pnl, result.mean_expected_pnl, result.mean_payoff, result.score]
    left_out = ("joint_surplus", "commons_position")
    return own + [figure for name, figure in result.against_self.items() if name not in left_out]


def _against_self(result: Result) -> list[str]:
    """The figures that only self-play has, one a line."""
    figures, lines = result.against_self, []
    if figures:
        gain = with_half_width(figures["exploitability"], 3)
        share = with_half_width(figures["exploitability_share"], 4)
        who, whose = "a best reply to", "equilibrium"
        if result.yardstick == ALONE:
            who, whose = "the optimum of each round instead of", "optimum"
        lines.append(
            f"exploitability: {who} the policy gains {gain} points per game, {share} of the "
            f"{whose}'s payoff."
        )
    seats = [figure for name, figure in figures.items() if name.startswith("exploitability_seat_")]
    if seats:
        by_seat = ", ".join(with_half_width(figure, 3) for figure in seats)
        lines.append(f"  The mean over the seats, which have weights of their own: {by_seat}.")
    if "best_equilibrium" in figures:
        lines.append(_other_equilibria(figures))
    if "commons_position" in figures and is_told(
        "commons_position", figures["commons_position"][1:]
    ):
        position = with_half_width(figures["commons_position"], 3)
        lines.append(
            f"commons position: {position}, from 0 at the equilibrium to 1 at the players' joint "
            "optimum."
        )
    return lines


def _other_equilibria(figures: Mapping[str, Interval]) -> str:
    """What the rounds' pure equilibria pay, and the score against them: one figure, or two ends."""

    def ends(name: str) -> str:
        worst, best = (with_half_width(figures[name.format(end)], 3) for end in ("worst", "best"))
        return worst if worst == best else f"{worst} to {best}"

    return (
        f"other equilibria: pure ones, most of them asymmetric, pay {ends('{}_equilibrium')} of "
        f"the symmetric one; the score against them is {ends('score_of_{}_equilibrium')}."
    )
