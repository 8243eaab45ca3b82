"""eval/report.py on runs that were trained here."""

import json

import pytest

from cardjax.commands.main import main
from cardjax.evaluation.plots import FIGURES
from cardjax.runtime.report import CAPTIONS


def test_a_run_becomes_two_pages(finished, tmp_path, capsys):
    main(["report", str(finished), "--out", str(tmp_path / "new")])
    page, text = (
        (tmp_path / "new" / "report.html").read_text(),
        (tmp_path / "new" / "report.md").read_text(),
    )
    assert capsys.readouterr().out.splitlines() == [
        str(tmp_path / "new" / f"report.{kind}") for kind in ("html", "md")
    ]
    assert "data:image/png;base64," in page and 'src="data' in page
    summary = json.loads((finished / "summary.json").read_text())
    assert f"{summary['total_steps']:,} rounds per seed" in text
    assert all(entry["opponent"] in text for entry in summary["results"])
    assert (
        "train.n_envs" in text and "version of jax" in text
    )  # what was changed, and what it depends on


def test_the_key_figures_and_the_pictures_come_before_the_long_table(finished, tmp_path):
    main(["report", str(finished), "--out", str(tmp_path)])
    page = (tmp_path / "report.html").read_text()
    assert page.index("<td>score</td>") < page.index("<img") < page.index("every metric")
    assert "on validation draws, which training never saw" in page
    assert "the moving mean of the returns" in page  # a caption in words
    assert page.index("every metric") < page.index("variance pnl")


def test_every_diagnostic_has_a_caption():
    assert set(FIGURES) <= set(CAPTIONS)


def test_several_runs_are_compared(finished, tmp_path):
    main(["report", str(finished), str(finished), "--out", str(tmp_path)])
    assert "## Comparison" in (tmp_path / "report.md").read_text()


@pytest.mark.parametrize("missing", ["no folder", "no summary"])
def test_what_is_no_finished_run_is_refused(missing, tmp_path, capsys):
    folder = tmp_path / "nothing"
    if missing == "no summary":
        folder.mkdir()
        (folder / "meta.json").write_text('{"algorithm": "ippo"}')
        (folder / "config.yaml").write_text("{}\n")
    with pytest.raises(SystemExit) as stop:
        main(["report", str(folder)])
    assert stop.value.code == 2
    assert {"no folder": "is not a run folder", "no summary": "has no summary.json"}[
        missing
    ] in capsys.readouterr().err
    assert not (folder / "report.md").exists()
