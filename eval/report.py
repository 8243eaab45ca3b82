"""One self-contained HTML page and one Markdown page about runs: settings, versions, tables,
pictures.

python eval/report.py runs/NAME [runs/OTHER …] [--out FOLDER]
"""

from cardjax.commands.report import report_main

if __name__ == "__main__":
    report_main()
