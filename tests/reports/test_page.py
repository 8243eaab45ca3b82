"""Reports: what a line says of a figure, and the two forms of a page."""

from html.parser import HTMLParser

import pytest

from cardjax.evaluation.exact_metrics import against_self
from cardjax.evaluation.interpretation import FORMULAS, UNITS, sentence
from cardjax.evaluation.metrics import METRICS, QUANTILES
from cardjax.reports.page import (
    PageTable,
    Picture,
    Section,
    as_html,
    as_markdown,
    headline_table,
    metrics_table,
    number,
)

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360000002000001e221bc330000"
    "000049454e44ae426082"
)


def entry(**figures):
    names = {name: value for name, value in figures.items() if not name.endswith("_ci95")}
    return (
        {name: figures.get(name, 0.5) for name in UNITS}
        | {f"{name}_ci95": [None, None] for name in UNITS}
        | figures
        | names
    )


def commons(position, half_width):
    """A position with its interval, as an entry holds them."""
    bounds = [position - half_width, position + half_width]
    return {"commons_position": position, "commons_position_ci95": bounds}


def test_every_metric_has_a_unit_and_a_formula():
    assert set(UNITS) == set(FORMULAS) >= {*METRICS, *QUANTILES, *against_self(2, by_seat=True)}
    assert all(UNITS.values()) and all(FORMULAS.values())


@pytest.mark.parametrize(
    ("name", "figures", "said"),
    [
        ("score", {"score": 0.98}, "Earns 98.0% of what"),
        ("score", {"score": -0.2}, "Loses money"),
        ("score", {"score": 0.999, "score_ci95": [0.99, 1.01]}, "cannot be told apart"),
        ("score", {"score": 0.9, "score_interval_shrinkage": 12.0}, "12 times better"),
        ("luck", {"luck": 0.1, "luck_ci95": [-0.1, 0.3]}, "inside the interval"),
        ("luck", {"luck": 0.2, "luck_ci95": [0.1, 0.3]}, "outside of it"),
        ("mean_pnl", {"mean_pnl": 1.0, "mean_pnl_ci95": [-1.0, 3.0]}, "may be 0 or of either sign"),
        ("mean_pnl", {"mean_pnl": 1.0, "mean_pnl_ci95": [0.5, 1.5]}, "chance does not explain"),
        ("ruin_probability", {"ruin_probability": 0.0}, "Nobody"),
        ("ruin_probability", {"ruin_probability": 0.02}, "One game in 50"),
        ("sharpe", {"sharpe": 0.2}, "96 games"),
        ("score", {"score": 1.1, "score_ci95": [1.05, 1.15]}, "more than the symmetric equilib"),
        ("score", {"score": 0.9, "score_ci95": [0.85, 0.95]}, "1 is the optimum of a single"),
        ("exploitability_share", {"exploitability_share": 0.05}, "earns 5.0% of the benchmark's"),
        ("exploitability_share", {"exploitability_share": -1e-6}, "no more than the policy"),
        ("regret", {"regret": 0.1, "regret_ci95": [0.05, 0.15]}, "falls short"),
        ("regret", {"regret": -0.1, "regret_ci95": [-0.2, -0.05]}, "earns more than the benchm"),
        ("rejection_rate", {"rejection_rate": 0.0}, "No order was refused"),
        ("rejection_rate", {"rejection_rate": 0.02}, "in 2.0% of the rounds"),
        ("joint_surplus", {"joint_surplus": 0.9}, "earn 90.0%"),
        ("joint_surplus", {"joint_surplus": -0.9}, "lose money"),
        ("sharpe", {"sharpe": -0.1}, "No reward"),
        ("best_equilibrium", {"best_equilibrium": 1.103}, "pays 10.3% more than the symmetric"),
        ("worst_equilibrium", {"worst_equilibrium": 0.98}, "pays 2.0% less than the symmetric"),
        ("best_equilibrium", {"best_equilibrium": 1.0}, "pays what the symmetric one pays"),
        ("score_of_best_equilibrium", {"score_of_best_equilibrium": 0.9}, "90.0% of what the best"),
        ("commons_position", commons(-1.0, 0.4), "earn less than selfish play would"),
        ("commons_position", commons(-0.1, 0.3), "Cannot be told apart from selfish play"),
        ("commons_position", commons(0.5, 0.3), "50% of the way"),
        ("commons_position", commons(0.95, 0.3), "apart from the players' joint optimum"),
        ("valid_order_rate", {"valid_order_rate": 0.9}, "10.0% of its orders were refused"),
        ("trade_rate", {"trade_rate": 0.0}, "Never trades"),
    ],
)
def test_a_line_says_what_the_figure_means(name, figures, said):
    assert said in sentence(name, entry(**figures))


@pytest.mark.parametrize("position", [-85.0, -3.1, 0.5, 40.0])
def test_a_position_that_is_noise_is_not_shown(position):
    """Where the joint optimum is nearly the equilibrium, the position divides by nearly nothing."""
    # The third is the half-width in the first table that a newcomer sees.
    for figures in (
        commons(position, 1.5),
        {"commons_position": position},
        commons(position, 0.57),
    ):
        assert sentence("commons_position", entry(**figures)) == ""
        assert "commons position" not in [row[0] for row in metrics_table(entry(**figures)).rows]


def test_every_metric_is_put_into_words_that_are_no_formula():
    said = {name: sentence(name, entry()) for name in UNITS if name != "commons_position"}
    assert not [name for name, text in said.items() if text == FORMULAS[name] or not text]


def test_what_is_not_defined_says_nothing():
    assert all(sentence(name, {name: None}) == "" for name in UNITS)


def test_the_metrics_table_has_a_line_for_every_figure_and_words_for_each():
    table = metrics_table(entry())
    told = [name for name in UNITS if name != "commons_position"]  # no interval, so not told
    assert [row[0] for row in table.rows] == [name.replace("_", " ") for name in told]
    assert all(row[4].endswith(".") for row in table.rows)
    assert metrics_table({"score": 0.5}).rows[0][:3] == ("score", "0.5", "–")


def test_a_half_width_decides_the_digits():
    figures = entry(
        score=0.96789, score_ci95=[0.9644, 0.9712], mean_pnl=12.3456, mean_pnl_ci95=[11.1, 13.5]
    )
    (row,) = headline_table([figures], "run", ["mine"]).rows
    assert row[:2] == ("mine", "0.9679 ± 0.0034")
    assert row[4] == "12.3 ± 1.2"


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0.0, "0"), (1.23456, "1.235"), (123456.0, "123,456")]
)
def test_numbers_are_short(value, text):
    assert number(value) == text


class Counter(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.opened, self.sources, self.depth = [], [], 0
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.opened.append(tag)
        self.sources += [value for name, value in attributes if name in ("src", "href")]


def test_the_html_page_is_self_contained_and_escapes_what_it_is_given(tmp_path):
    image = tmp_path / "a.png"
    image.write_bytes(PIXEL)
    table = PageTable(("a", "b"), [("<x>", "1 & 2")])
    page = as_html("<title>", [Section("one", ["a < b", table, Picture(image, 'say "cheese"')])])
    counted = Counter(page)
    assert counted.opened.count("table") == counted.opened.count("img") == 1
    assert all(source.startswith("data:image/png;base64,") for source in counted.sources)
    assert (
        "<x>" not in page
        and "&lt;x&gt;" in page
        and "1 &amp; 2" in page
        and "&lt;title&gt;" in page
    )


def test_the_markdown_page_links_its_pictures_and_keeps_its_columns(tmp_path):
    image = tmp_path / "run" / "a.png"
    table = PageTable(("a", "b"), [("x|y", "2")], text=(1,))
    page = as_markdown("t", [Section("one", ["text", table, Picture(image, "a curve")])], tmp_path)
    assert page.startswith("# t\n\n## one\n\ntext\n")
    assert "![a curve](run/a.png)" in page
    assert "| x\\|y | 2 |" in page and "| :--- | :--- |" in page
