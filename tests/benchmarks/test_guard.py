"""The comparison with bounds; what is measured, the tests replace by numbers."""

import math

import pytest
import yaml


@pytest.fixture
def guard(monkeypatch):
    """The module with two ratios that are one number each: `fast`, the higher the better, and
    `cost`, the lower.
    """
    import guard

    measured = {"fast": 2.0, "cost": 1.5}
    ratios = {
        "fast": guard.Ratio("speed", guard.HIGHER, lambda repeats: measured["fast"]),
        "cost": guard.Ratio("time", guard.LOWER, lambda repeats: measured["cost"]),
    }
    monkeypatch.setattr(guard, "RATIOS", ratios)
    monkeypatch.setattr(guard, "measured", measured, raising=False)
    return guard


@pytest.fixture
def bounds(tmp_path):
    """Writes a file of bounds and gives its path."""

    def write(tolerance=0.0, **bounds):
        path = tmp_path / "bounds.yaml"
        path.write_text(
            yaml.safe_dump({"measured_on": "test", "tolerance": tolerance, "bounds": bounds})
        )
        return path

    return write


@pytest.mark.parametrize(
    ("fast", "cost", "code"),
    [(2.0, 1.5, 0), (1.9, 1.6, 0), (2.1, 1.5, 1), (2.0, 1.4, 1)],
    ids=["equal", "better", "slower", "dearer"],
)
def test_a_worse_ratio_fails_and_an_equal_one_passes(guard, bounds, capsys, fast, cost, code):
    assert guard.main(["--bounds", str(bounds(fast=fast, cost=cost))]) == code
    said = capsys.readouterr().out
    assert ("NO" in said) == bool(code)


def test_the_tolerance_is_a_share_of_the_bound(guard, bounds):
    assert guard.main(["--bounds", str(bounds(0.1, fast=2.2, cost=1.37))]) == 0
    assert guard.main(["--bounds", str(bounds(0.1, fast=2.25, cost=1.5))]) == 1
    assert guard.main(["--bounds", str(bounds(0.1, fast=2.0, cost=1.35))]) == 1


@pytest.mark.parametrize("value", [None, math.nan])
def test_what_could_not_be_measured_fails(guard, bounds, value):
    guard.measured["fast"] = value
    path = bounds(fast=2.0, cost=1.5)
    assert guard.main(["--bounds", str(path)]) == 1
    assert guard.main(["--bounds", str(path), "--only", "cost"]) == 0


def test_a_ratio_without_a_bound_fails(guard, bounds, capsys):
    assert guard.main(["--bounds", str(bounds(fast=2.0))]) == 1
    assert capsys.readouterr().out.strip().endswith("cost")


def test_update_tightens_and_never_loosens(guard, bounds):
    path = bounds(fast=1.8, cost=1.2)
    assert guard.main(["--bounds", str(path), "--update"]) == 1
    assert yaml.safe_load(path.read_text())["bounds"] == {"fast": 2.0, "cost": 1.2}
    assert guard.main(["--bounds", str(path)]) == 1


def test_update_all_takes_this_run(guard, bounds):
    path = bounds(fast=1.8, cost=1.2)
    assert guard.main(["--bounds", str(path), "--update", "all"]) == 0
    held = yaml.safe_load(path.read_text())
    assert held["bounds"] == {"fast": 2.0, "cost": 1.5}
    assert held["measured_on"] == guard.machine()
    assert guard.main(["--bounds", str(path)]) == 0


def test_without_update_the_file_stays(guard, bounds):
    path = bounds(fast=1.0, cost=9.0)
    before = path.read_bytes()
    assert guard.main(["--bounds", str(path)]) == 0
    assert path.read_bytes() == before


def test_update_starts_a_file_and_a_missing_one_is_an_error_otherwise(guard, tmp_path):
    path = tmp_path / "new.yaml"
    assert guard.main(["--bounds", str(path)]) == 2
    assert guard.main(["--bounds", str(path), "--update"]) == 0
    assert guard.main(["--bounds", str(path)]) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "no YAML"),
        ("bounds: {fast: 1}", "measured_on"),
        ("{measured_on: x, tolerance: 1, bounds: {fast: 1}}", "tolerance"),
        ("{measured_on: x, tolerance: 0.1, bounds: {fast: quick}}", "numbers above 0"),
        ("{measured_on: x, tolerance: 0.1, bounds: {slow: 1}}", "no ratio slow"),
    ],
)
def test_a_wrong_file_of_bounds_is_refused(guard, tmp_path, capsys, text, said):
    path = tmp_path / "bounds.yaml"
    path.write_text(text)
    assert guard.main(["--bounds", str(path)]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--only", "speed"], ["--repeats", "0"], ["--update", "worse"], ["--nothing"]]
)
def test_wrong_arguments_end_with_2(guard, arguments):
    with pytest.raises(SystemExit) as end:
        guard.main(arguments)
    assert end.value.code == 2


def test_the_committed_bounds_hold_every_ratio(benchmarks):
    import guard

    held = guard.read_bounds(benchmarks / "bounds.yaml", may_be_missing=False)
    assert set(held.bounds) == set(guard.RATIOS)
    assert held.tolerance > 0
