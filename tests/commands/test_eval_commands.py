"""The command lines of eval/ other than evaluate.py: their tables, files and refusals."""

import csv
import json
import math
import sys

import pytest

import cardjax
from cardjax.commands.main import main
from cardjax.env import CardMarket, make_params
from cardjax.evaluation.evaluate import Player, games_in_batches
from cardjax.evaluation.protocol import DRAWS
from cardjax.evaluation.quoting import evaluate_quoting
from cardjax.loading.players import find_maker
from cardjax.policies import EvOracle, Pass


@pytest.fixture(autouse=True)
def few_games(monkeypatch):
    monkeypatch.setattr(sys.modules["cardjax.evaluation.evaluate"], "GAMES_AT_ONCE", 64)


@pytest.fixture
def protocol(tmp_path):
    path = tmp_path / "eval.yaml"
    path.write_text(
        "eval:\n  games: 128\n  shifts:\n    dear: {alpha: 3}\n"
        "    calm: {flags.enable_impact: off}\n"
    )
    return str(path)


def test_out_of_distribution_the_yardstick_moves_with_the_market(tmp_path, protocol, capsys):
    files = tmp_path / "o.json", tmp_path / "o.csv"
    main(
        [
            "ood",
            "--policy",
            "equilibrium",
            "--config",
            protocol,
            "--json",
            str(files[0]),
            "--csv",
            str(files[1]),
        ]
    )
    said = capsys.readouterr().out
    assert all(name in said for name in ("as it is", "dear", "calm", "128 games"))
    entries = json.loads(files[0].read_text())
    assert [entry["market"] for entry in entries] == ["as it is", "dear", "calm"]
    assert all(entry["score"] == pytest.approx(1, abs=1e-6) for entry in entries)
    earned = [entry["mean_expected_pnl"] for entry in entries]
    assert earned[1] < earned[0] < earned[2]
    rows = list(csv.DictReader(files[1].open()))
    assert [float(row["mean_expected_pnl"]) for row in rows] == earned
    assert float(rows[0]["mean_expected_pnl_ci95_low"]) < earned[0]


def test_the_draws_are_those_that_are_asked_for(tmp_path, capsys):
    file, earned = tmp_path / "c.json", {}
    for draws in ("test", "validation"):
        options = ["--policies", "ev_oracle", "pass", "--mode", "single", "--episodes", "64"]
        main(["compare", *options, "--draws", draws, "--json", str(file)])
        (entry,) = json.loads(file.read_text())
        earned[draws] = entry["expected_pnl"]
    player, (market, params) = Player(EvOracle(), [None]), cardjax.make("single")
    for draws, domain in DRAWS.items():
        ((totals,),) = games_in_batches(market, params, player, {"self": Pass()}, 64, 0, domain)
        assert earned[draws] == pytest.approx(totals.expected_pnl.mean(), abs=1e-4)
    assert earned["test"] != pytest.approx(earned["validation"], abs=1e-2)


def test_a_comparison_prints_the_difference_and_writes_it(tmp_path, capsys):
    file = tmp_path / "c.json"
    main(
        [
            "compare",
            "--policies",
            "equilibrium",
            "pass",
            "--episodes",
            "512",
            "--json",
            str(file),
            "--opponent",
            "pass",
        ]
    )
    assert "equilibrium less pass, 512 games" in capsys.readouterr().out
    (entry,) = json.loads(file.read_text())
    assert entry["expected_pnl_ci95"][0] < entry["expected_pnl"] < entry["expected_pnl_ci95"][1]
    assert (entry["first"], entry["second"], entry["unit"], entry["n_units"]) == (
        "equilibrium",
        "pass",
        "games",
        512,
    )


def test_what_is_infinite_or_no_number_is_null_to_every_json_reader(tmp_path):
    def refuse(constant):
        raise AssertionError(constant)

    file = tmp_path / "c.json"
    main(["compare", "--policies", "pass", "pass", "--episodes", "64", "--json", str(file)])
    (entry,) = json.loads(file.read_text(), parse_constant=refuse)
    assert entry["fewer_games"] is None
    assert entry["expected_pnl_ci95"] == [None, None]


def test_power_falls_with_games(tmp_path, capsys):
    file = tmp_path / "p.json"
    plan = ["--planned-games", "1000", "4000", "--json", str(file)]
    main(["power", "--policies", "equilibrium", "pass", "--episodes", "128", *plan])
    few, many = json.loads(file.read_text())
    assert (few["seeds"], few["games"], many["games"]) == (1, 1000, 4000)  # no training seeds
    assert few["detectable_difference"] == pytest.approx(
        2 * many["detectable_difference"], rel=0.01
    )
    assert f"{few['detectable_difference']:.4f}" in capsys.readouterr().out


def test_a_breakdown_follows_the_table(tmp_path, capsys):
    file = tmp_path / "b.json"
    arguments = ["--policy", "ev_oracle", "--opponent", "self", "--episodes", "64"]
    main(["evaluate", *arguments, "--by", "hints", "--json", str(file)])
    assert "ev_oracle against self, 64 games" in capsys.readouterr().out
    whole, *bins = json.loads(file.read_text())
    assert [found["hints"] for found in bins] == [0, 1, 2, 3]
    assert sum(found["loss"] for found in bins) == pytest.approx(10 * whole["regret"], rel=1e-3)


@pytest.mark.slow
def test_a_maker_and_takers_are_evaluated_together(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys.modules["cardjax.evaluation.quoting"], "REPLIED_GAMES", 4)
    file, markets = tmp_path / "m.json", ["--sweep", "env.noise.rate=10,20"]
    words = ["evaluate", "--preset", "maker", "--policy", "equilibrium", "--episodes", "128"]
    main([*words, *markets, "--json", str(file)])
    said, entries = capsys.readouterr().out, json.loads(file.read_text())
    assert "monopolist quotes, equilibrium takes, 128 games" in said
    assert [entry["at"] for entry in entries] == [{"env.noise.rate": 10}, {"env.noise.rate": 20}]
    for entry in entries:
        assert entry["maker_score"] == pytest.approx(1, abs=1e-5)
        assert entry["taker_score"] == pytest.approx(1, abs=1e-5)
    assert entries[0]["maker_from_noise"] < entries[1]["maker_from_noise"]


def test_cross_play_prints_a_square(tmp_path, capsys):
    file = tmp_path / "x.csv"
    main(
        ["cross-play", "--policies", "pass", "equilibrium", "--episodes", "64", "--csv", str(file)]
    )
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[4:6]] == ["pass", "equilibrium"]
    assert lines[2].split()[-1] == "exploitability"
    assert float(lines[4].split()[-1]) > 1 > 1e-3 > float(lines[5].split()[-1])
    rows = list(csv.DictReader(file.open()))
    assert [(row["player"], row["opponent"]) for row in rows] == [
        (a, b) for a in ("pass", "equilibrium") for b in ("pass", "equilibrium")
    ]


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        (
            "ood",
            ["--policy", "nobody"],
            "--policy = nobody: is neither a run folder nor a policy",
        ),
        (
            "ood",
            ["--policy", "pass", "--config", "/nowhere.yaml"],
            "config = /nowhere.yaml: cannot be read",
        ),
        (
            "ood",
            ["--policy", "pass", "--episodes", "0"],
            "--episodes = 0: must be a whole number in [1, ",
        ),
        ("compare", ["--policies", "pass", "nobody"], "--policy = nobody"),
        (
            "evaluate",
            ["--policy", "pass", "--by", "luck"],
            "--by = luck: must be one or more of event, hints",
        ),
        (
            "power",
            ["--policies", "pass", "pass", "--planned-seeds", "2"],
            "--planned-seeds = 2: must be at least 3",
        ),
        ("power", ["--policies", "pass", "pass", "--power", "1"], "--power = 1.0"),
        (
            "compare",
            ["--policies", "pass", "pass", "--opponent", "nobody"],
            "--opponent = nobody",
        ),
        (
            "compare",
            ["--policies", "pass", "pass", "--seed", "-1"],
            "--seed = -1: must be a whole number in [0",
        ),
        (
            "cross-play",
            ["--policies", "pass", "--mode", "single"],
            "a single player meets nobody",
        ),
        (
            "cross-play",
            ["--policies", "pass", "--csv", "/nowhere/x.csv"],
            "--csv = /nowhere/x.csv: must be a file",
        ),
        (
            "evaluate",
            ["--policy", "pass", "--maker", "monopolist"],
            "--maker = monopolist: is for env.maker = agent",
        ),
        (
            "evaluate",
            ["--policy", "pass", "--preset", "maker", "--maker", "oracle"],
            "--maker = oracle: must be one of competitive, monopolist, random_quotes",
        ),
        (
            "evaluate",
            ["--policy", "pass", "--preset", "maker", "--opponent", "level1"],
            "--opponent = level1: is for env.maker = oracle alone",
        ),
        (
            "cross-play",
            ["--policies", "pass", "train.n_envs=3"],
            "train.n_envs=3: must be an env.* override",
        ),
        (
            "evaluate",
            ["pass", "--sweep", "env.n_players=2,3"],
            "env.n_players = 2,3: cannot differ in one grid of markets",
        ),
        # A policy may be named without its option, too.
        *((name, ["nobody"], "--policy = nobody: is neither") for name in ("ood", "evaluate")),
        *(
            (name, ["env.alpha=0.1", "nobody", "pass"], "--policy = nobody: is neither")
            for name in ("compare", "power")
        ),
        ("cross-play", ["nobody", "pass"], "--policy = nobody: is neither"),
        ("compare", ["env.alpha=0.1"], "--policies = : must be policies, each NAME"),
        ("ood", ["--policy", "pass", "level1"], "argument = level1: must be an env.* override"),
        ("ood", ["--policy", ""], "--policy = : is neither a run folder nor a policy"),
        ("diagnose", ["nobody"], "--policy = nobody: is neither"),
        (
            "dataset",
            ["nobody", "--games", "2", "--out", "x.parquet"],
            "--policy = nobody: is neither",
        ),
        ("export", ["nobody", "--out", "x.npz"], "run = nobody: is not a run folder"),
        ("export", ["--out", "x.npz"], "--policy = : must be RUN_DIR|FILE.npz"),
        ("export", ["--policy", "a", "b", "--out", "x.npz"], "argument = b: is neither an option"),
        ("report", ["--policy", "nobody"], "run = nobody: is not a run folder"),
        ("report", ["ippo"], "run = ippo: is a policy that comes with cardjax"),
        (
            "train",
            ["ippo", "init_from=ippo"],
            "init_from = ippo: is a policy that comes with cardjax",
        ),
        ("train", ["--resume", "ippo"], "run = ippo: is a policy that comes with cardjax"),
        ("report", [], "RUN_DIR = : must be one or more run folders"),
    ],
)
def test_what_is_not_allowed_is_one_line_and_exit_code_2(command, arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, *arguments])
    assert stop.value.code == 2
    said = capsys.readouterr().err.strip()
    assert message in said and "\n" not in said


@pytest.mark.parametrize(
    "words",
    [
        # Of players for whom other tests compile their programs too.
        ["evaluate", "--policy", "ev_oracle", "--opponent", "self", "--sweep", "env.alpha=0.1,1"],
        ["compare", "--policies", "equilibrium", "pass"],
        ["cross-play", "--policies", "pass", "equilibrium"],
        ["ood", "--policy", "equilibrium"],
    ],
    ids=lambda words: words[0],
)
def test_a_progress_bar_ends_where_the_command_does(bars, protocol, words, capsys):
    main([*words, "--config", protocol, "--episodes", "96"])
    (bar,) = bars
    assert bar.n == bar.total > 96


def test_runs_of_different_games_are_not_compared(monkeypatch, capsys):
    from cardjax.loading import players

    games = {"known": CardMarket(2), "carried": CardMarket(2, inventory=True)}
    monkeypatch.setattr(players, "is_trained", games.__contains__)
    monkeypatch.setattr(
        players,
        "find_player",
        lambda name, overrides=(): players.Found(Player(Pass(), [{}]), games[name], make_params()),
    )
    with pytest.raises(SystemExit) as stop:
        main(["compare", "--policies", *games, "--episodes", "16"])
    said = "--policies = carried: was trained with env.inventory = on, not off, as known was"
    assert stop.value.code == 2 and said in capsys.readouterr().err


FIXED = """
import dataclasses
import jax.numpy as jnp

@dataclasses.dataclass(frozen=True)
class Fixed:
    def init(self, key, batch):
        return jnp.zeros(batch, jnp.int32)

    def act(self, params, carry, view, key):
        # Ask 1.5 points and 6 units, bid 4 points and 2 units; the carry counts rounds.
        quote = jnp.where((carry == view.round)[..., None], jnp.array([5 * 5 + 2, 9 * 5]), 0)
        return carry + 1, quote.astype(jnp.int32)

class Halting:
    def init(self, key, batch):
        return ()
"""


def noise_profit(offset, depth, rate=20, decay=0.5):
    """offset · E[min(N, depth)] for N ~ Poisson(rate · exp(−decay · offset)), term by term."""
    mean = rate * math.exp(-decay * offset)
    chances = [math.exp(-mean) * mean**n / math.factorial(n) for n in range(100)]
    return offset * sum(min(n, depth) * chance for n, chance in enumerate(chances))


def test_a_maker_of_one_s_own_is_evaluated_from_the_command_line_and_in_python(
    tmp_path, capsys, bars
):
    """Where takers know no more than the maker, its profit is that from noise, known exactly."""
    (tmp_path / "mine.py").write_text(FIXED)
    name, file = f"{tmp_path / 'mine.py'}:Fixed", tmp_path / "m.json"
    market = ["--preset", "maker", "--mode", "single", "env.maker_lag=0"]
    options = ["--policy", "pass", "--episodes", "64", "--json", str(file)]
    main(["evaluate", *options, "--maker", name, "--by", "hints", *market])
    (bar,) = bars
    assert bar.n == bar.total > 64
    shown = " ".join(capsys.readouterr().out.split())
    assert f"{name} quotes, pass takes, 64 games" in shown and "maker: loss taker: P&L" in shown
    assert "no intervals: they need 100 games" in shown and "±" not in shown
    entry, *by_hints = json.loads(file.read_text())
    assert [found["hints"] for found in by_hints] == [0, 1, 2, 3]
    own, best = noise_profit(1.5, 6) + noise_profit(4, 2), 2 * noise_profit(2.5, 10)
    for found in (entry, *by_hints):
        assert found["maker_score"] == pytest.approx(own / best, rel=1e-5)
    loss = sum(found["maker_loss"] for found in by_hints)
    assert loss == pytest.approx(10 * (best - own), rel=1e-4)
    assert entry["maker_exploitability"] == pytest.approx(10 * (best - own), rel=1e-4)
    assert entry["maker_offset"] == 2.75 and entry["maker_to_takers"] == 0

    env, params = cardjax.make("single", preset="maker", maker_lag=0)
    result = evaluate_quoting(env, params, find_maker(name, env), Player(Pass(), [None]), 64)
    assert result.metrics["maker_pnl"].mean == pytest.approx(entry["maker_pnl"], rel=1e-6)

    for wrong, said in (
        (f"{tmp_path / 'mine.py'}:Halting", "it has no act"),
        (f"{tmp_path / 'mine.py'}:Nobody", "Nobody"),
        ("nobody", "must be one of competitive, monopolist, random_quotes, a run folder"),
    ):
        with pytest.raises(SystemExit) as end:
            main(["evaluate", *options, "--maker", wrong, *market])
        error = capsys.readouterr().err
        assert end.value.code == 2 and said in error and error.count("\n") == 1
        assert error.startswith("--maker = ")
