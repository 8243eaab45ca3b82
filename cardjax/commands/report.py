"""`eval/report.py`: one HTML and one Markdown page about one run or several."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from cardjax.runtime.exits import run_command
from cardjax.runtime.report import write_report


def report_main(argv: Sequence[str] | None = None) -> None:
    """`eval/report.py RUN… [--out FOLDER]`."""
    parser = argparse.ArgumentParser(description="Write report.html and report.md about runs.")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run folders")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to (default: the first run's folder)"
    )
    arguments = parser.parse_args(argv)
    run_command(lambda: write_report(arguments.runs, arguments.out or arguments.runs[0]))
