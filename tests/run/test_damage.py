"""Damaged files of a run folder: whatever is in them, it is one line that names the file and the
field, from every command that reads them, and nothing is trained or written.
"""

import json
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cardjax.env import ParameterError
from cardjax.files.reading import read_json
from cardjax.loading import players
from cardjax.reports import run_pages
from cardjax.reports.page import as_html
from cardjax.run.metrics_log import MetricsLog, read_metrics
from cardjax.run.run_folder import Meta, Summary, read_meta, read_summary
from cardjax.training import runs

NO_JSON = {
    "empty": b"",
    "cut short": b'{"algorithm": "ip',
    "a NUL": b'{"algorithm": "ippo\0"}',
    "bytes that are no UTF-8": b'{"algorithm": "\xff\xfe"}',
    "a list": b"[]",
    "null": b"null",
    "a number": b"3",
    "text": b'"ippo"',
    "no number": b'{"total_steps": NaN}',
    "nested deeply": b'{"a": ' * 20_000,
    "nested less deeply": b"[" * 900 + b"]" * 900,
    "more digits than Python reads": b'{"total_steps": 1' + b"0" * 5000 + b"}",
}
WRONG = {
    "absent": None,
    "null": "null",
    "a list": "[]",
    "a list of lists": "[[[[]]]]",
    "a mapping": "{}",
    "a mapping of lists": '{"a": []}',
    "text": '"much"',
    "true": "true",
    "infinite": "1e999",
    "huge": "1" + "0" * 400,
}
"""Values of which a field takes some: where it does not, it is refused."""
FIELDS = {
    "meta.json": ["algorithm", "run_id", "versions", "device", "device.kind"],
    "summary.json": [
        "algorithm",
        "total_steps",
        "wall_seconds",
        "steps_per_second",
        "seeds",
        "interrupted",
        "rounds_to_score",
        "results",
        "results.0",
        "results.0.opponent",
        "results.0.unit",
        "results.0.score",
        "results.0.score_ci95",
        "results.0.mean_pnl",
        "results.0.ci95",
        "results.0.trade_rate",
        "results.0.trade_rate_ci95",
        "results.0.score_by_seed",
        "baselines",
        "train_seconds",
    ],
}
READERS = {"meta.json": read_meta, "summary.json": read_summary}


def readers_of(folder):
    """What reads a run's files, and would otherwise go on to train, play or write."""
    yield lambda: players.load_player(folder)
    yield lambda: runs.resume("ippo", folder)
    yield lambda: run_pages._sections(folder, run_pages._summary(folder))


def put(file, field, text):
    """JSON text in the place of a field; None takes the field away."""
    whole = content = json.loads(file.read_text())
    *way, last = [int(part) if part.isdigit() else part for part in field.split(".")]
    for part in way:
        content = content[part]
    if text is None:
        del content[last]
    else:
        content[last] = "its place"
    file.write_text(json.dumps(whole).replace('"its place"', text or ""))


def refusal_of(reader):
    """What a reader refuses a file with; None where it takes it."""
    try:
        reader()
    except ParameterError as error:
        return str(error)
    return None


def one_line(refusal, *said):
    assert "\n" not in str(refusal.value)
    assert all(part in str(refusal.value) for part in said)


@pytest.fixture(scope="module")
def folder(finished, tmp_path_factory):
    return shutil.copytree(finished, tmp_path_factory.mktemp("damage") / "run")


@pytest.fixture
def restored(folder, finished):
    """The run's folder, whose files are whole again afterwards."""
    yield folder
    for name in ("meta.json", "summary.json", "metrics.csv"):
        shutil.copy(finished / name, folder / name)


@pytest.mark.parametrize("damage", NO_JSON)
@pytest.mark.parametrize("name", READERS)
def test_what_is_no_mapping_of_json_is_refused(restored, name, damage):
    (restored / name).write_bytes(NO_JSON[damage])
    with pytest.raises(ParameterError) as refusal:
        READERS[name](restored)
    one_line(refusal, name)


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize(
    ("name", "field"), [(n, f) for n, fields in FIELDS.items() for f in fields]
)
def test_a_field_that_is_not_what_it_has_to_be_is_named(restored, name, field, wrong):
    put(restored / name, field, WRONG[wrong])
    said = refusal_of(lambda: READERS[name](restored))
    if said is None:  # it is allowed there, and then a report is written, or refused in one line
        said = refusal_of(lambda: run_pages._sections(restored, run_pages._summary(restored)))
        assert "\n" not in (said or "")
    else:
        *_, last = field.replace(".0", "[0]").split(".")
        assert "\n" not in said and name in said and last in said


@pytest.mark.parametrize("name", READERS)
def test_every_command_refuses_it_before_it_does_anything(restored, name):
    (restored / name).write_text("{}")
    files = {path: path.read_bytes() for path in restored.rglob("*") if path.is_file()}
    readers = list(readers_of(restored))
    for reader in readers if name == "meta.json" else readers[1:]:
        with pytest.raises(ParameterError) as refusal:
            reader()
        one_line(refusal, f"{name}: has no algorithm")
    assert {path: path.read_bytes() for path in restored.rglob("*") if path.is_file()} == files


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_a_field_holds_a_report_is_written_or_it_is_refused(folder, finished, data):
    name = data.draw(st.sampled_from(["meta.json", "summary.json"]))
    content = json.loads((finished / name).read_text())
    inner, field = content, data.draw(st.sampled_from(sorted(content)))
    while isinstance(inner[field], dict | list) and inner[field] and data.draw(st.booleans()):
        inner = inner[field]
        field = data.draw(
            st.sampled_from(sorted(inner) if isinstance(inner, dict) else range(len(inner)))
        )
    inner[field] = data.draw(JSON)
    try:
        (folder / name).write_text(json.dumps(content), encoding="utf-8", errors="surrogatepass")
        said = refusal_of(
            lambda: as_html("", run_pages._sections(folder, run_pages._summary(folder)))
        )
        assert "\n" not in (said or "")
    finally:
        shutil.copy(finished / name, folder / name)


HEADER = "rounds,train_seconds,wall_seconds,seed,score\n"
TABLES = {
    "text in rounds": (HEADER + "many,1,1,0,0.5\n", "rounds in line 2 must be a whole number"),
    "no rounds": (HEADER + ",1,1,0,0.5\n", "rounds in line 2 must be a whole number"),
    "half a round": (HEADER + "1.5,1,1,0,0.5\n", "rounds in line 2 must be a whole number"),
    "text in the score": (HEADER + "640,1,1,0,high\n", "score in line 2 must be a number"),
    "infinite seconds": (HEADER + "640,inf,1,0,0.5\n", "train_seconds in line 2"),
    "no header": ("640,1,1,0,0.5\n", "has no column rounds"),
    "nothing": ("", "has no column rounds"),
    "a column twice": (HEADER.replace("score", "seed") + "640,1,1,0,0\n", "names a column twice"),
    "extra cells": (HEADER + "640,1,1,0,0.5,7\n", "line 2 has 6 cells, not 5"),
    "missing cells": (HEADER + "640,1\n", "line 2 has 2 cells, not 5"),
    "a NUL": (HEADER + "640,1,1,0,\0\n", "metrics.csv"),
    "bytes that are no UTF-8": (
        (HEADER + "640,1,1,0,").encode() + b"\xff\n",
        "is not text in UTF-8",
    ),
    "an open quote": (HEADER + '640,1,1,0,"0.5\n', "is not CSV"),
    "a long number": (HEADER + f"{'9' * 5000},1,1,0,0.5\n", "rounds in line 2"),
    "another seed": (HEADER + "640,1,1,3,0.5\n", "one row per log point for each of the seeds 0"),
}


@pytest.mark.parametrize("damage", TABLES)
def test_a_damaged_table_of_metrics_is_refused_before_anything_is_trained(restored, damage):
    content, said = TABLES[damage]
    content = content if isinstance(content, bytes) else content.encode()
    (restored / "metrics.csv").write_bytes(content)
    with pytest.raises(ParameterError) as refusal:
        MetricsLog(restored, [0], keep_rounds=12_800)
    one_line(refusal, "metrics.csv", said)
    assert (restored / "metrics.csv").read_bytes() == content


def test_an_unfinished_run_with_a_damaged_table_is_not_continued(restored):
    (restored / "summary.json").unlink()
    (restored / "metrics.csv").write_text("many")
    files = {path: path.read_bytes() for path in restored.rglob("*") if path.is_file()}
    with pytest.raises(ParameterError) as refusal:
        runs.resume("ippo", restored)
    one_line(refusal, "metrics.csv: has no column rounds")
    assert {path: path.read_bytes() for path in restored.rglob("*") if path.is_file()} == files


def test_a_table_is_read_as_it_was_written(tmp_path):
    log = MetricsLog(tmp_path, [0])
    log.add(640, 0.1, 0.25, [{"score": float("inf"), "loss": 1 / 3}])
    row = {"rounds": 640, "train_seconds": 0.1, "wall_seconds": 0.25, "seed": 0}
    assert read_metrics(tmp_path / "metrics.csv") == [row | {"score": None, "loss": 1 / 3}]


def test_what_a_schema_does_not_name_is_kept(tmp_path):
    (tmp_path / "meta.json").write_text('{"algorithm": "ippo", "note": [1]}')
    assert read_json(tmp_path / "meta.json", Meta) == {"algorithm": "ippo", "note": [1]}
    assert "results" in Summary.__required_keys__
