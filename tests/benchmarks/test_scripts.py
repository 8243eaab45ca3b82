"""The scripts at sizes at which nothing is timed: that they measure what was asked for, and write
it down.
"""

import csv
import shutil
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest


def run(benchmarks, script, *options):
    command = [sys.executable, str(benchmarks / script), *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_env_speed_measures_every_contender(benchmarks, tmp_path):
    rows, plot = tmp_path / "rows.csv", tmp_path / "plot.svg"
    options = [
        "--sizes",
        "2^2",
        "--repeats",
        1,
        "--seconds",
        0.001,
        "--threads",
        1,
        "--peers",
        "none",
    ]
    result = run(benchmarks, "env_speed.py", *options, "--csv", rows, "--plot", plot)
    assert result.returncode == 0, result.stderr
    expected = {"cardjax", "cardjax, observations unread", "cardjax, public calls and split keys"}
    expected |= {"plain C"} if shutil.which("gcc") else set()
    written = rows_of(rows)
    assert {(row["games"], row["contender"]) for row in written} == {
        ("4", name) for name in expected
    }
    assert all(float(row["low"]) <= float(row["median"]) <= float(row["high"]) for row in written)
    assert {row["threads"] for row in written} == {"1"}
    assert "| cardjax |" in result.stdout
    assert ("best against best" in result.stdout) == ("plain C" in expected)
    assert plot.read_text().startswith("<?xml")


@pytest.mark.parametrize(
    "options", [["--sizes", "0"], ["--peers", "chess"], ["--threads", "99999"], ["--repeats", "x"]]
)
def test_env_speed_refuses_wrong_options(benchmarks, options, monkeypatch):
    import env_speed

    monkeypatch.setattr(sys, "argv", ["env_speed.py", *options])
    with pytest.raises(SystemExit) as end:
        env_speed.parse_arguments()
    assert end.value.code == 2


@pytest.mark.parametrize("name", ["gymnax CartPole", "gymnax CartPole as documented"])
def test_a_peer_plays_at_random_and_begins_anew_by_itself(name):
    pytest.importorskip("gymnax")
    from peers import available

    games, missing = available([name])
    assert missing == []
    game = games[name]
    keys = jax.random.split(jax.random.key(0), 200)

    def step(state, key):
        _, after, reward = game.play(key, state)
        return after, (after.time, reward)

    times, rewards = jax.jit(lambda: jax.lax.scan(step, game.reset(keys[0]), keys)[1])()
    assert (np.asarray(rewards) == 1).all()
    ends = np.flatnonzero(np.asarray(times) == 0)
    assert len(ends) > 3  # random play keeps the pole up for some twenty steps
    assert len(set(np.diff(ends))) > 1


def test_a_library_that_is_not_installed_is_named(monkeypatch):
    import peers

    monkeypatch.setitem(sys.modules, "pgx", None)
    assert peers.available(["pgx Leduc"]) == ({}, ["pgx Leduc"])


@pytest.mark.slow
def test_scaling_measures_the_points_relative_to_the_first(monkeypatch, tmp_path):
    import scaling

    rows = tmp_path / "rows.csv"
    options = [
        "--subjects",
        "env",
        "--axes",
        "games",
        "--games",
        "2,6",
        "--repeats",
        "1",
        "--seconds",
        "0.001",
    ]
    monkeypatch.setattr(sys, "argv", ["scaling.py", *options, "--csv", str(rows)])
    scaling.main()
    first, second = rows_of(rows)
    assert (first["games"], second["games"]) == ("2", "6")
    assert float(first["relative_median"]) == 1
    relative = float(second["seconds_median"]) / float(first["seconds_median"])
    assert float(second["relative_median"]) == pytest.approx(relative)
    assert float(second["per_unit_median"]) == pytest.approx(relative / 3)


@pytest.mark.parametrize(
    "options",
    [["--axes", "depth"], ["--subjects", "env", "--axes", "seeds"], ["--devices", "99999"]],
)
def test_scaling_refuses_wrong_options(options, monkeypatch):
    import scaling

    monkeypatch.setattr(sys, "argv", ["scaling.py", *options])
    with pytest.raises(SystemExit) as end:
        scaling.parse_arguments()
    assert end.value.code == 2


def test_a_rollout_goes_on_where_the_last_call_left_it(monkeypatch):
    import rollouts

    calls = []
    monkeypatch.setattr(rollouts, "rounds_of", lambda n_games, *limits: 3)

    def play(key, state):
        jax.debug.callback(lambda step: calls.append(int(step)), state)
        return state * 10, state + 1, 1.0

    rollout = rollouts.compiled_rollout(rollouts.Game(lambda key: jnp.int32(0), play), 1)
    rollout.call()
    jax.effects_barrier()
    assert rollout.n_steps == 3
    assert sorted(calls) == [0, 1, 2, 3, 4, 5]


def test_no_two_trainings_share_a_run_folder(benchmarks):
    import learners

    made = {}
    for training in {training for group in learners.GROUPS.values() for training in group}:
        assert made.setdefault(learners.folder_of(training, 6), training) == training


def test_published_figures_are_measured_once_on_draws_of_their_own(monkeypatch, tmp_path):
    import published

    asked = []

    class Entry:
        def as_json(self):
            return {"opponent": "self", "score": 0.5}

    def evaluate(market, env_params, player, opponents, n_games, seed, domain):
        asked.append((n_games, seed, domain))
        return [Entry()]

    monkeypatch.setattr(published, "find_player", lambda folder: ("player", "market", "params"))
    monkeypatch.setattr(published, "opponents_for", lambda market: {})
    monkeypatch.setattr(published, "evaluate", evaluate)
    first = published.published(tmp_path, 100)
    assert first == published.published(tmp_path, 100) == [{"opponent": "self", "score": 0.5}]
    published.published(tmp_path, 200)
    seed, domain = published.PUBLISHED_SEED, published.TEST
    assert asked == [(100, seed, domain), (200, seed, domain)]


def test_a_reference_table_shows_the_range_of_equilibria_for_several_players_alone(benchmarks):
    import results

    entry = {"score": 0.9, "score_ci95": [0.89, 0.91], "equilibrium_range": [1.103, 1.1034]}
    rows = [("level1", "games", entry | {"score_of_best_equilibrium": 0.816})]
    assert results.equilibrium_range(rows) == (
        "The rounds' pure equilibria pay 1.103 of the symmetric one.\n\n"
    )
    heading, _, row = results.table(rows, "two").splitlines()
    assert "score / best equilibrium" in heading and "0.900 ± 0.010 | 0.816 |" in row
    assert "best equilibrium" not in results.table(rows, "single")
    assert results.equilibrium_range([("pass", "games", {"score": 0.0})]) == ""


def test_the_reference_tables_are_of_presets_that_their_learners_and_matches_can_play(benchmarks):
    import results

    from cardjax.config import load_config, presets_by_name

    assert set(presets_by_name()) - set(results.presets()) == {"maker"}
    assert all("maker" not in group for group in results.presets_by_rules())
    dqn, ippo, _ = results.LEARNERS
    assert results.further(dqn, "inventory") == ("dqn.gamma=1",)
    assert results.further(ippo, "inventory") == ("ppo.gamma=1",)
    assert results.further(ippo, "commons") == ()
    config = load_config(None, ["env.preset=inventory", *results.further(ippo, "inventory")])
    assert config.ppo.gamma == 1 and config.game.inventory


@pytest.mark.slow
def test_the_price_of_a_memory_is_measured_beside_none(benchmarks):
    import memory_speed

    rows = memory_speed.measure(8, ["train.n_envs=8", "ppo.n_minibatches=2"], 2)
    assert [row[:2] for row in rows] == [["2 × 8", name] for name in ("none", "gru", "lstm")]
    assert rows[0][3].startswith("1.00") and float(rows[2][3].split()[0]) > 0


def test_accelerator_counts_numbers_whose_bits_differ(benchmarks, tmp_path):
    import accelerator

    whole, numbers = np.arange(6, dtype=np.int32), np.array([1, 2, 0, np.nan], np.float32)
    np.savez(tmp_path / "a.npz", **{"two: event": whole, "two: reward": numbers})
    other = np.array([1, np.nextafter(np.float32(2), np.float32(3)), -0.0, np.nan], np.float32)
    np.savez(tmp_path / "b.npz", **{"two: event": whole + (whole == 3), "two: reward": other})
    rows = accelerator.compared(tmp_path / "a.npz", tmp_path / "b.npz")
    found = {row.quantity: row.value for row in rows}
    assert {row.subject for row in rows} == {"two"}
    apart = found.pop("largest_difference")
    assert found == {"whole": 6, "whole_different": 1, "float": 4, "float_different": 2}
    assert 0 < apart < 1e-6


def test_accelerator_counts_the_bytes_of_a_round(benchmarks):
    import accelerator_programs

    unread, written = map(accelerator_programs.bytes_of_a_round, (False, True))
    assert written - unread == 2 * 57 * 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--parts", "chess"], "'chess' is none of streams, market, training"),
        (["--wheels", "nowhere"], "--wheels nowhere: must be a folder of wheels"),
        (["--seeds", "0"], "no whole number from 1 up"),
    ],
)
def test_accelerator_refuses_wrong_options(benchmarks, monkeypatch, capsys, options, said):
    import accelerator

    monkeypatch.setattr(sys, "argv", ["accelerator.py", *options])
    with pytest.raises(SystemExit) as ended:
        accelerator.main()
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.slow
def test_accelerator_measures_all_its_parts_on_a_cpu(benchmarks, tmp_path):
    rows, tables = tmp_path / "rows.csv", tmp_path / "tables.md"
    options = ["--small", "--sizes", "2^4", "--seeds", 1, "--limit", 1, "--repeats", 1]
    options += ["--minutes", 15, "--csv", rows, "--markdown", tables]
    command = [sys.executable, str(benchmarks / "accelerator.py"), *map(str, options)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    written = rows_of(rows)
    differing = [row for row in written if row["quantity"].endswith("_different")]
    assert len(differing) == 10
    assert all(float(row["value"]) == 0 for row in differing)
    speeds = {
        (row["part"], row["subject"]): float(row["value"])
        for row in written
        if row["quantity"] == "rounds_per_second"
    }
    assert set(speeds) == {
        ("market", "unread"),
        ("market", "written"),
        ("training", "IPPO"),
        ("training", "IPPO, 4,096 games"),
        ("training", "DQN"),
    }
    assert min(speeds.values()) > 0
    assert tables.read_text().rstrip() in result.stdout
    assert "Not measured" not in result.stdout
