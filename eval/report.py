"""One self-contained HTML page and one Markdown page about runs: settings, versions, tables,
pictures.

python eval/report.py runs/NAME [runs/OTHER …] [--out FOLDER]
"""

from cardjax.commands.door import enter

if __name__ == "__main__":
    enter("report")
