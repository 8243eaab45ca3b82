"""Learning curves: what is read off a metrics table by hand, and a picture that never stops a
training.
"""

import contextlib

import numpy as np
import pytest
from matplotlib.figure import Figure

from cardjax.evaluation.statistics import t_interval
from cardjax.run import curves
from cardjax.run.metrics_log import MetricsLog

BASELINES = {"random_valid": -20.0, "ev_oracle": 0.35}


def rows(scores):
    """Two seeds, whose mean score at 10, 20, … rounds is as given; None where none was measured."""
    table = []
    for i, score in enumerate(scores):
        for seed, off in ((0, -0.25), (1, 0.25)):
            table.append(
                {
                    "rounds": 10 * (i + 1),
                    "seed": seed,
                    "score": None if score is None else score + off,
                }
            )
    return table


@pytest.mark.parametrize(
    ("scores", "half", "most"),
    [
        ([-3, -1, 0.6, 0.95], 30, 40),
        ([0.6, 0.4, 0.6, 0.7], 30, None),
        ([0.95, 0.7, 0.5], None, None),
        ([None, 0.6, None, 0.95], 20, 40),
        ([float("nan")], None, None),
        ([-3.0], None, None),
        ([], None, None),
    ],
)
def test_rounds_to_a_score_by_hand(scores, half, most):
    assert curves.rounds_to_score(rows(scores)) == {"0.5": half, "0.9": most}


def test_a_baseline_off_the_axes_is_not_in_the_legend(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda self, file, **_: drawn.append(self))
    monkeypatch.setattr(curves, "replacing", contextlib.nullcontext)
    logged(tmp_path)
    curves.draw(tmp_path, BASELINES)
    legend = drawn[0].axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["exact benchmark", "ev_oracle"]


def test_the_moving_mean_looks_back_over_its_window():
    rounds, values = np.array([10.0, 20, 30, 40]), np.array([[1.0], [2], [4], [8]])
    np.testing.assert_array_equal(curves.moving_mean(rounds, values, 20)[:, 0], [1, 1.5, 3, 6])
    np.testing.assert_array_equal(curves.moving_mean(rounds, values, 0.5), values)


def logged(folder, seeds=(0, 1)):
    log = MetricsLog(folder, seeds)
    for n in (1, 2, 3):
        log.add(
            10 * n,
            n,
            n,
            [{"score": 0.1 * n + 0.01 * i, "reward_per_game": float(n)} for i in range(len(seeds))],
        )


@pytest.mark.parametrize(("n_seeds", "bands"), [(1, 0), (2, 0), (3, 1)])
def test_a_curve_has_a_band_from_three_seeds_on(tmp_path, monkeypatch, n_seeds, bands):
    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda self, file, **_: drawn.append(self))
    monkeypatch.setattr(curves, "replacing", contextlib.nullcontext)
    logged(tmp_path, range(n_seeds))
    curves.draw(tmp_path, BASELINES)
    assert [len(axes.collections) for axes in drawn[0].axes] == [bands, bands]


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_a_picture_is_drawn_and_replaced_as_a_whole(tmp_path, seeds):
    logged(tmp_path, seeds)
    curves.draw(tmp_path, BASELINES)
    assert (tmp_path / "curves.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert not list(tmp_path.glob("*.part"))


def test_a_run_without_metrics_has_a_picture_too(tmp_path):
    curves.draw(tmp_path, {})
    assert (tmp_path / "curves.png").is_file()


def test_what_cannot_be_drawn_is_a_warning(tmp_path):
    (tmp_path / "metrics.csv").write_text("rounds,seed,score\nmany,0,high\n")
    with pytest.warns(RuntimeWarning, match=r"curves.png was not drawn"):
        curves.draw(tmp_path, BASELINES)
    assert not (tmp_path / "curves.png").exists()


def of_seeds(*curves_of):
    """The table of seeds with these scores at 10, 20, … rounds."""
    return [
        {"rounds": 10 * (i + 1), "seed": seed, "score": score}
        for i, scores in enumerate(zip(*curves_of, strict=True))
        for seed, score in enumerate(scores)
    ]


def test_how_fast_seeds_learned_by_hand():
    rows = of_seeds([0.0, 0.8, 1.0], [0.8, 0.92, 0.92], [0.4, 0.99, 0.99])
    figures = curves.learning_figures(rows)
    areas = np.array([0.65, 0.89, 0.8425])
    assert figures["score_area"] == pytest.approx(areas.mean())
    np.testing.assert_allclose(figures["score_area_ci95"], t_interval(areas)[1:])
    first = figures["rounds_to"]["0.9"]
    crossings = np.array([25, 10 + 10 * 0.1 / 0.12, 10 + 10 * 0.5 / 0.59])
    assert (first["reached"], first["rounds"]) == (3, pytest.approx(np.median(crossings)))
    assert first["rounds_ci95"] == [None, None]  # of three, none would hold
    second = figures["rounds_to"]["0.95"]
    # The crossings are 27.5, never, and 19.32: half of the seeds have crossed after 27.5.
    assert (second["reached"], second["rounds"]) == (2, pytest.approx(27.5))


def test_of_five_seeds_some_may_never_get_there():
    crossing = [[0.0, 0.8, 1.0], [0.0, 0.9, 1.0], [0.8, 1.0, 1.0], [0.0, 0.0, 1.0]]
    found = curves.learning_figures(of_seeds(*crossing, [0.0, 0.5, 0.9]))["rounds_to"]["0.95"]
    assert (found["reached"], found["rounds"]) == (4, pytest.approx(27.5))
    assert found["rounds_ci95"] == [pytest.approx(17.5), None]
    lost = curves.learning_figures(of_seeds(*[[0.0, 0.5, 0.9]] * 3, *crossing[:2]))
    second = lost["rounds_to"]["0.95"]
    assert (second["reached"], second["rounds"]) == (2, None)
    assert second["rounds_ci95"] == [pytest.approx(25), None]


@pytest.mark.parametrize("n_seeds", [3, 5, 10])
def test_the_learning_figures_hold(n_seeds):
    """Of seeds that learn at different speeds and end near the last level, which some miss."""
    rng, rounds = np.random.default_rng(0), np.linspace(0, 4e6, 21)
    speed = 2.5e5 * np.exp(rng.normal(0, 0.3, (6000, 1)))
    ends = 1 - 0.012 * np.exp(rng.normal(0, 0.3, speed.shape))
    scores = ends - 1.2 * np.exp(-rounds / speed) + rng.normal(0, 0.002, (6000, 21))
    held = dict.fromkeys(["area", *map(str, curves.LEVELS)], 0)
    truth = {"area": np.trapezoid(scores, rounds, axis=1).mean() / rounds[-1]} | {
        str(level): np.median([curves._rounds_until(rounds, curve, level) for curve in scores])
        for level in curves.LEVELS
    }
    studies = scores[rng.integers(len(scores), size=(600, n_seeds))]
    for study in studies:
        table = [
            {"rounds": at, "seed": seed, "score": score}
            for at, of_seeds in zip(rounds, study.T, strict=True)
            for seed, score in enumerate(of_seeds)
        ]
        figures = curves.learning_figures(table)
        bounds = {"area": figures["score_area_ci95"]} | {
            level: found["rounds_ci95"] for level, found in figures["rounds_to"].items()
        }
        for name, (low, high) in bounds.items():
            held[name] += low is not None and low <= truth[name] <= (high or np.inf)
    assert 0.92 <= held.pop("area") / len(studies) <= 0.97
    if n_seeds < 5:
        assert set(held.values()) == {0}
    else:
        assert all(0.92 <= n / len(studies) <= 0.97 for n in held.values())


def test_two_seeds_have_no_interval_and_one_evaluation_no_area():
    figures = curves.learning_figures(of_seeds([1.0, 1.0], [0.0, 1.0]))
    assert (figures["score_area"], figures["score_area_ci95"]) == (0.75, [None, None])
    assert figures["rounds_to"]["0.98"] == {
        "reached": 2,
        "rounds": pytest.approx(14.9),
        "rounds_ci95": [None, None],
    }
    assert curves.learning_figures(of_seeds([1.0], [1.0])) == {}


def test_a_seed_that_falls_below_again_has_not_got_there():
    figures = curves.learning_figures(of_seeds([1.0, 0.5, 1.0]))
    assert figures["rounds_to"]["0.9"]["rounds"] == pytest.approx(28)
