import argparse
import csv
import sys

import pytest


def test_contenders_take_turns_and_turns_go_back_and_forth():
    from timing import take_turns

    order = []
    measures = {name: lambda name=name: order.append(name) or float(len(order)) for name in "abc"}
    samples = take_turns(measures, 3)
    assert "".join(order) == "abccbaabc"
    assert samples["a"] == [1, 6, 7]


def test_a_ratio_is_each_turns_own():
    from timing import ratio, spread

    assert ratio([2, 20, 9], [1, 10, 3]) == (2, 2, 3)
    assert spread([3, 1, 2]) == (2, 1, 3)


def test_a_rate_counts_whole_calls_and_makes_one_at_least():
    from timing import rate

    calls = []
    assert rate(lambda: calls.append(1), 1_000_000, 0.0) > 1
    assert calls == [1]


@pytest.mark.parametrize(
    ("text", "value"), [("8", (8,)), ("1,2^20", (1, 2**20)), ("65_536", (65536,))]
)
def test_counts(text, value):
    from timing import counts

    assert counts(text) == value


@pytest.mark.parametrize("text", ["", "0", "-2", "2^-1", "1.5", "1,,2", "x"])
def test_what_is_no_count_is_refused(text):
    from timing import counts

    with pytest.raises(argparse.ArgumentTypeError):
        counts(text)


def test_no_more_threads_than_cores():
    from timing import a_number_of_threads, n_cores

    assert a_number_of_threads(str(n_cores())) == n_cores()
    with pytest.raises(argparse.ArgumentTypeError, match="cores"):
        a_number_of_threads(str(n_cores() + 1))


def test_a_table_and_its_csv(tmp_path):
    from presenting import markdown, write_csv

    assert markdown(["name", "x"], [["a", 1]]) == "| name | x |\n| --- | ---: |\n| a | 1 |"
    write_csv(tmp_path / "new" / "rows.csv", [{"name": "a", "x": 1.5}])
    with (tmp_path / "new" / "rows.csv").open() as file:
        assert list(csv.DictReader(file)) == [{"name": "a", "x": "1.5"}]


def test_devices_are_held_to_device_seconds():
    from scaling import units_of

    assert units_of("seeds", 16, 1) == 16
    assert units_of("devices", 4, 2) == 0.5


def test_a_wrong_argument_is_one_line_and_exit_code_2(monkeypatch, capsys):
    import accelerator

    monkeypatch.setattr(sys, "argv", ["accelerator.py", "--parts", "chess"])
    with pytest.raises(SystemExit) as end:
        accelerator.parse_arguments()
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("accelerator.py: argument --parts: 'chess' is none of streams")
    assert error.count("\n") == 1
