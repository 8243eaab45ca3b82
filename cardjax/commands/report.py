"""Write one HTML and one Markdown page about runs: settings, versions, tables, pictures."""

import argparse
from pathlib import Path

from cardjax.commands.shared import add_out_argument
from cardjax.reports.run_pages import write_report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN_DIR", help="run folders")
    add_out_argument(parser, metavar="FOLDER", help="where to (default: the first run's folder)")


def run(arguments: argparse.Namespace) -> None:
    """report.html and report.md."""
    write_report(arguments.runs, arguments.out or arguments.runs[0])
