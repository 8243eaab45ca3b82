"""The commands that compare players, where the maker is one of them."""

import json
from importlib import import_module

import pytest

from cardjax.commands.main import main

MARKET = ["--preset", "maker", "--episodes", "128"]


@pytest.fixture(scope="module", autouse=True)
def few_games():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(import_module("cardjax.evaluation.evaluate"), "GAMES_AT_ONCE", 64)
        yield


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """The entries of a cross-play by maker and takers."""
    file = tmp_path_factory.mktemp("roles") / "x.json"
    makers = ["--makers", "competitive", "monopolist", "env.noise.rate=20"]
    policies = ["--policies", "equilibrium", "pass"]
    main(["cross-play", *policies, *makers, *MARKET, "--json", str(file)])
    entries = json.loads(file.read_text())
    return {(entry["maker"], entry["takers"]): entry for entry in entries}


def test_cross_play_has_what_both_roles_earn_in_every_pair(table):
    assert set(table) == {
        (maker, takers)
        for maker in ("competitive", "monopolist")
        for takers in ("equilibrium", "pass")
    }
    for (maker, takers), entry in table.items():
        paid = entry["maker_from_noise"] - 2 * entry["taker_expected_pnl"]
        assert entry["maker_expected_pnl"] == pytest.approx(paid, rel=0.02)
        assert (entry["maker_score"] == pytest.approx(1, abs=1e-4)) == (maker == "monopolist")
        assert entry["taker_score"] == pytest.approx(int(takers == "equilibrium"), abs=1e-4)
        assert "maker_exploitability" not in entry
    earned = {pair: entry["maker_expected_pnl"] for pair, entry in table.items()}
    assert earned["monopolist", "equilibrium"] > 2 * earned["competitive", "equilibrium"]


def test_a_comparison_is_the_difference_of_what_each_earns_in_the_same_markets(
    table, tmp_path, capsys
):
    file = tmp_path / "c.json"
    makers = ["--policies", "competitive", "monopolist", "--takers", "equilibrium"]
    main(["compare", *makers, *MARKET, "--json", str(file)])
    said = capsys.readouterr().out
    assert "competitive less monopolist, equilibrium takes, 128 games in the same markets" in said
    entries = json.loads(file.read_text())
    assert [entry["role"] for entry in entries] == ["maker", "takers"]
    for entry, figure in zip(entries, ("maker_expected_pnl", "taker_expected_pnl"), strict=True):
        one, other = (table[maker, "equilibrium"] for maker in ("competitive", "monopolist"))
        assert entry["expected_pnl"] == pytest.approx(one[figure] - other[figure], rel=1e-3)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["compare", "--policies", "pass", "level1", *MARKET],
            "--policies = pass: is no run, which has both roles: give --maker or --takers",
        ),
        (
            ["compare", "--policies", "pass", "level1", "--opponent", "pass", *MARKET],
            "--opponent = pass: is for env.maker = oracle alone",
        ),
        (
            ["compare", "--policies", "a", "b", "--maker", "a", "--takers", "b", *MARKET],
            "--takers = b: must not stand beside --maker",
        ),
        (
            ["compare", "--policies", "pass", "level1", "--maker", "oracle", *MARKET],
            "--maker = oracle: must be one of competitive, monopolist, random_quotes",
        ),
        (
            ["cross-play", "--policies", "pass", "--makers", "nobody", *MARKET],
            "--makers = nobody: must be one of competitive, monopolist, random_quotes",
        ),
        (
            ["cross-play", "--policies", "pass", "level1", "--makers", "monopolist"],
            "--makers = monopolist: is for env.maker = agent alone",
        ),
        (
            ["compare", "--policies", "pass", "level1", "--takers", "pass"],
            "--takers = pass: is for env.maker = agent alone",
        ),
    ],
)
def test_what_has_no_meaning_is_refused_in_one_line(words, said, capsys):
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert said in line
