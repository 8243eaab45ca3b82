"""Write one HTML and one Markdown page about runs: settings, versions, tables, pictures."""

import argparse
from pathlib import Path

from cardjax.commands.shared import add_out_argument
from cardjax.env.declaration import ParameterError
from cardjax.reports.run_pages import write_report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("runs", nargs="*", type=Path, metavar="RUN_DIR", help="run folders")
    parser.add_argument(
        "--policies",
        "--policy",
        nargs="+",
        default=[],
        type=Path,
        metavar="RUN_DIR",
        help="the same behind an option",
    )
    add_out_argument(parser, metavar="FOLDER", help="where to (default: the first run's folder)")


def run(arguments: argparse.Namespace) -> None:
    """report.html and report.md."""
    runs = [*arguments.runs, *arguments.policies]
    if not runs:
        raise ParameterError("RUN_DIR", "", "must be one or more run folders")
    write_report(runs, arguments.out or runs[0])
