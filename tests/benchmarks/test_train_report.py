"""What is shown of train_speed.py's figures."""

import pytest


@pytest.fixture
def rows():
    from timing import Spread
    from train_report import row

    about = {"rounds": 10_240, "compile_seconds": 5.0}
    own = row("floor", "ippo", Spread(0.2, 0.1, 0.3), about, Spread(1.9, 1.8, 2.5))
    own |= {
        "precision": "float32",
        "seeds": 1,
        "devices": 1,
        "floor_seconds": 0.1,
        "floor_low": 0.09,
        "floor_high": 0.2,
    }
    peer = row(
        "peers",
        "ippo",
        Spread(20.0, 19.0, 21.0),
        about | {"compile_seconds": float("nan")},
        Spread(100, 90, 120),
    )
    return [own | {"floor_gflops_per_second": 116.0}, peer | {"program": "SB3", "seeds": 1}]


def test_tables(rows):
    from train_report import floor_table, peers_table

    beside_floor = (
        "| ippo | float32 | 1 | 1 | 200 (100–300) | 51,200 | 100 (90–200) | 116 "
        "| 1.90 (1.80–2.50) | 5.0 |"
    )
    assert beside_floor in floor_table(rows[:1]).splitlines()
    assert (
        "| SB3 | 1 | 20000 (19000–21000) | 512 | 100 (90–120) |  |"
        in peers_table("ippo", rows[1:]).splitlines()
    )


@pytest.mark.parametrize("shown", [slice(0, 2), slice(0, 1), slice(1, 2)])
def test_bars_of_what_was_measured(rows, shown, tmp_path):
    from train_report import draw

    draw(tmp_path / "bars.svg", rows[shown])
    text = (tmp_path / "bars.svg").read_text()
    assert text.startswith("<?xml")
    assert ("single-player" in text) == (shown.stop == 2)
    assert ("its floor" in text) == (shown.start == 0)
