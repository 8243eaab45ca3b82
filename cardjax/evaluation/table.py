"""Results as a table of text."""

from collections.abc import Sequence

from cardjax.evaluation.result import Result
from cardjax.evaluation.statistics import Interval

HEADINGS = ("opponent", "P&L per game", "expected P&L", "score", "trades", "size", "fill", "ruin")


def results_table(results: Sequence[Result], title: str = "") -> str:
    """A table of one row an opponent, with a last line that says what the intervals are over."""
    return (
        f"{text_table(HEADINGS, [_row(result) for result in results], title)}\n{_footnote(results)}"
    )


def text_table(headings: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> str:
    """Rules above and below, the first column to the left, the others to the right."""
    cells = [headings, *rows]
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
    return "\n".join([*([title] if title else []), rule, lines[0], rule, *lines[1:], rule])


def _row(result: Result) -> tuple[str, ...]:
    metrics = result.metrics
    return (
        result.opponent,
        with_half_width(result.mean_pnl, 2),
        with_half_width(result.mean_expected_pnl, 3),
        with_half_width(result.score, 3),
        f"{metrics['trade_rate'].mean:.1%}",
        f"{metrics['mean_size'].mean:.1f}",
        f"{metrics['fill_ratio'].mean:.2f}",
        f"{metrics['ruin_probability'].mean:.1%}",
    )


def with_half_width(interval: Interval, digits: int) -> str:
    """`0.967 ± 0.001`; the mean alone where there are no bounds."""
    if interval.low is None or interval.high is None:
        return f"{interval.mean:.{digits}f}"
    return f"{interval.mean:.{digits}f} ± {(interval.high - interval.low) / 2:.{digits}f}"


def _footnote(results: Sequence[Result]) -> str:
    units = {f"{result.n_units:,} {result.unit}" for result in results}
    note = f"points a game and player; ± is a 95% interval over {' / '.join(sorted(units))}"
    if any(result.unit != "games" for result in results):
        note += " and the games that they share"
    if any(result.unit == "games" for result in results):
        note += " (of one policy: it says nothing about other training seeds)"
    lines = [
        f"{note}.",
        "score: expected P&L as a share of the exact equilibrium's on the same draws.",
    ]
    return "\n".join([*lines, *(line for result in results for line in _against_self(result))])


def _against_self(result: Result) -> list[str]:
    """The figures that only self-play has, one a line."""
    figures, lines = result.against_self, []
    if figures:
        gain, share = (
            with_half_width(figures["exploitability"], 3),
            with_half_width(figures["exploitability_share"], 4),
        )
        lines.append(
            f"exploitability: a best reply to the policy gains {gain} a game, {share} of the equilibrium's."
        )
    if "commons_position" in figures:
        position = with_half_width(figures["commons_position"], 3)
        lines.append(
            f"commons position: {position}, from 0 at the equilibrium to 1 at the players' joint optimum."
        )
    return lines
