"""A report as sections of text, tables and pictures, and its two forms: one HTML page and one
Markdown page.
"""

import base64
import html
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cardjax.evaluation.interpretation import UNITS, is_told, sentence
from cardjax.evaluation.statistics import Interval
from cardjax.evaluation.text_tables import with_half_width

STYLE = """
body {
  font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #222;
}
h1, h2, h3 { line-height: 1.2; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #ddd; }
table {
  border-collapse: collapse; font-size: 0.875rem; margin: 1rem 0; display: block; overflow-x: auto;
}
th, td {
  padding: 0.25rem 0.75rem; border-bottom: 1px solid #eee; text-align: right; vertical-align: top;
}
th:first-child, td:first-child, td.text, th.text { text-align: left; }
td:not(.text) { white-space: nowrap; }
td { font-variant-numeric: tabular-nums; }
img { max-width: 100%; height: auto; }
figure { margin: 1.5rem 0; }
figcaption { color: #555; font-size: 0.875rem; }
"""
HEADLINES = (
    "score",
    "mean_payoff",
    "mean_expected_pnl",
    "mean_pnl",
    "exploitability_share",
    "trade_rate",
    "ruin_probability",
    "maker_score",
    "taker_score",
    "maker_markup",
    "maker_expected_pnl",
    "taker_expected_pnl",
    "maker_exploitability_share",
    "taker_exploitability_share",
)


class PageTable(NamedTuple):
    """Cells as text; the first column and those in `text` are set to the left."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    text: Sequence[int] = ()


class Picture(NamedTuple):
    """A PNG and what it shows."""

    path: Path
    caption: str


class Section(NamedTuple):
    """A heading and what stands under it, in order: paragraphs (str), tables, pictures."""

    heading: str
    content: Sequence["str | PageTable | Picture"]


def as_html(title: str, sections: Sequence[Section]) -> str:
    """One self-contained page: styles and pictures are inside."""
    body = "\n".join(
        f"<h2>{html.escape(section.heading)}</h2>\n"
        + "\n".join(_html(item) for item in section.content)
        for section in sections
    )
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}</title>"
    )
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{STYLE}</style></head>\n'
        f"<body><h1>{html.escape(title)}</h1>\n{body}\n</body></html>\n"
    )


def as_markdown(title: str, sections: Sequence[Section], folder: Path) -> str:
    """One page; pictures are linked, relative to `folder` where they lie under it."""
    parts = [f"# {title}"]
    for section in sections:
        parts += [f"## {section.heading}", *(_markdown(item, folder) for item in section.content)]
    return "\n\n".join(parts) + "\n"


def metrics_table(entry: Mapping[str, Any], names: Iterable[str] = UNITS) -> PageTable:
    """Metrics of a result's JSON entry: value, 95% interval, unit, and what it says; without those
    that are not told (`interpretation.is_told`).
    """
    rows = [
        (
            name.replace("_", " "),
            number(entry[name]),
            interval(entry, name),
            UNITS[name],
            sentence(name, entry),
        )
        for name in names
        if name in entry and is_told(name, entry.get(f"{name}_ci95", (None, None)))
    ]
    return PageTable(("metric", "mean", "95% interval", "unit", "what it says"), rows, text=(4,))


def headline_table(
    entries: Sequence[Mapping[str, Any]], first: str, names: Sequence[str]
) -> PageTable:
    """The headline figures of several results, ± half their intervals; `names` are the rows' first
    cells.
    """
    shown = [metric for metric in HEADLINES if any(metric in entry for entry in entries)]
    rows = [
        (name, *(_with_half_width(entry, metric) for metric in shown))
        for name, entry in zip(names, entries, strict=True)
    ]
    return PageTable((first, *(metric.replace("_", " ") for metric in shown)), rows)


def number(value: float | None) -> str:
    """Four significant digits; "–" for what is not defined."""
    if value is None:
        return "–"
    return "0" if value == 0 else f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def _with_half_width(entry: Mapping[str, Any], name: str) -> str:
    value, bounds = entry.get(name), entry.get(f"{name}_ci95", [None, None])
    if value is None or None in bounds:
        return number(value)
    return with_half_width(Interval(value, *bounds))


def interval(entry: Mapping[str, Any], name: str) -> str:
    """The 95% interval of a figure of a result's JSON entry; "–" where there is none."""
    low, high = entry.get(f"{name}_ci95", [None, None])
    return "–" if low is None or high is None else f"{number(low)} to {number(high)}"


def _html(item: "str | PageTable | Picture") -> str:
    if isinstance(item, str):
        return f"<p>{html.escape(item)}</p>"
    if isinstance(item, Picture):
        data = base64.b64encode(item.path.read_bytes()).decode()
        caption = html.escape(item.caption)
        image = f'<img alt="{caption}" src="data:image/png;base64,{data}">'
        return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"

    def cells(row: Sequence[str], tag: str) -> str:
        marks = (' class="text"' if i in item.text else "" for i in range(len(row)))
        return "".join(
            f"<{tag}{mark}>{html.escape(cell)}</{tag}>"
            for cell, mark in zip(row, marks, strict=True)
        )

    body = "\n".join(f"<tr>{cells(row, 'td')}</tr>" for row in item.rows)
    head = f"<tr>{cells(item.headings, 'th')}</tr>"
    return f"<table><thead>{head}</thead>\n<tbody>{body}</tbody></table>"


def _markdown(item: "str | PageTable | Picture", folder: Path) -> str:
    if isinstance(item, str):
        return item
    if isinstance(item, Picture):
        near = item.path.is_relative_to(folder)
        return (
            f"![{item.caption}]({item.path.relative_to(folder) if near else item.path.resolve()})"
        )
    left = [i == 0 or i in item.text for i in range(len(item.headings))]
    rule = [":---" if to_left else "---:" for to_left in left]
    lines = [item.headings, rule, *item.rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines
    )
