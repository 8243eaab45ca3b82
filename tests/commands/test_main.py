"""The command lines: one line on stderr and exit code 2 for what is not allowed, files and tables
for what is.
"""

import json
from argparse import Namespace

import pytest

from cardjax.commands.main import main
from cardjax.commands.shared import market_overrides
from cardjax.training import runs

CONTRACT = {
    "opponent",
    "mean_pnl",
    "ci95",
    "score",
    "score_ci95",
    "trade_rate",
    "mean_size",
    "ruin_probability",
}


@pytest.fixture
def refused(capsys, workplace):
    """refused(*words): the one line on stderr of a command that ends with exit code 2."""

    def run(*words):
        with pytest.raises(SystemExit) as end:
            main(words)
        assert end.value.code == 2
        output = capsys.readouterr()
        assert output.out == ""
        assert output.err.count("\n") == 1
        assert not (workplace / "runs").exists()
        return output.err

    return run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["env.alpha=-1"], "env.alpha = -1: must be a number in [0, 1000000]"),
        (["env.aplha=1"], "env.aplha = 1: unknown name; did you mean env.alpha"),
        (["fast"], "argument = fast: must be key=value"),
        (
            ["--config", "absent.yaml"],
            "config = absent.yaml: cannot be read (No such file or directory)",
        ),
        (["--config", "."], "config = .: cannot be read"),
        (["--resume", "absent"], "run = absent: is not a run folder"),
        (["--resume", "absent", "seed=1"], "run = absent: is not a run folder"),
        (
            ["--resume", "absent", "--config", "a.yaml"],
            "--resume = absent: takes neither --config nor --sweep: the run has its own",
        ),
        (
            ["train.n_envs=10", "ppo.n_minibatches=4"],
            "ppo.n_minibatches = 4: must divide train.n_envs = 10",
        ),
        (["ppo.opponents=[nobody]"], "ppo.opponents = nobody: is neither self, past nor a policy"),
        (
            ["ppo.opponents=[level1]", "--sweep", "lr=1,2", "env.kind=single"],
            "ppo.opponents = ['level1']: a single",
        ),
        (
            ["--processes", "2"],
            "--coordinator = : must be HOST:PORT of process 0, with --processes",
        ),
        *(
            (
                ["--coordinator", address, "--processes", "2", "--process-id", "0"],
                f"--coordinator = {address}: must be HOST:PORT of process 0, with --processes",
            )
            for address in ("foo", "localhost:abc", "localhost:", ":1", "localhost:70000")
        ),
        (
            ["--coordinator", "localhost:1"],
            "--processes = None: must be a whole number of at least 1",
        ),
        (
            ["--coordinator", "localhost:1", "--processes", "2"],
            "--process-id = None: must be a whole number in [0, 1]",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_training_refuses_in_one_line(refused, arguments, message):
    assert refused("train", "ippo", *arguments).startswith(message)


def test_of_a_run_that_is_continued_only_the_length_can_be_changed(refused, finished):
    said = "argument = seed=1: only train.total_steps=N may be given with --resume: the run has"
    assert refused("train", "--resume", str(finished), "seed=1").startswith(said)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--policy", "nobody"], "--policy = nobody: is neither a run folder nor a policy"),
        (["--policy", "."], "run = .: is not a run folder"),
        (["--policy", "pass", "--opponent", "nobody"], "--opponent = nobody: "),
        (
            ["--policy", "pass", "--mode", "single", "--opponent", "level1"],
            "--opponent = level1: a single player has none",
        ),
        (
            ["--policy", "pass", "--episodes", "0"],
            "--episodes = 0: must be a whole number in [1, ",
        ),
        (["--policy", "pass", "--seed", "-1"], "--seed = -1: must be a whole number in [0, "),
        (
            ["--policy", "pass", "--seed", "99999999999999999999"],
            "--seed = 99999999999999999999: must be",
        ),
        (["--policy", "pass", "--preset", "nope"], "env.preset = nope: must be one of"),
        (
            ["--policy", "pass", "--json", "absent/x.json"],
            "--json = absent/x.json: must be a file in a folder that",
        ),
        (["--policy", "pass", "--json", "."], "--json = .: must be a file in a folder that exists"),
        (["--policy", "pass", "seed=3"], "argument = seed=3: must be an env.* override"),
        (["--policy", "pass", "env.alpha=x"], "env.alpha = x: must be a number in [0, 1000000]"),
        (
            ["--policy", "pass", "--sweep", "env.alpha"],
            "--sweep = env.alpha: must be key=value,value",
        ),
        (
            ["--policy", "pass", "--sweep", "env.aplha=1,2"],
            "env.aplha = 1,2: unknown name; did you mean env.alpha",
        ),
        (
            ["--policy", "pass", "--sweep", "env.alpha=1,-2"],
            "env.alpha = -2: must be a number in [0, 1000000]",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_evaluating_refuses_in_one_line(refused, arguments, message):
    assert refused("evaluate", *arguments).startswith(message)


def test_the_scripts_themselves_refuse_in_one_line(tmp_path, script):
    # Started together, since each spends its seconds on imports.
    train = script("train/ippo.py", "env.alpha=-1", cwd=tmp_path)
    evaluate = script("eval/evaluate.py", "--policy", "nobody", cwd=tmp_path)
    for process, start in ((train, "env.alpha = -1: "), (evaluate, "--policy = nobody: ")):
        output, errors = process.communicate()
        assert process.returncode == 2
        assert output == ""
        assert errors.startswith(start)
        assert errors.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_run_starts_from_file_and_overrides(workplace, monkeypatch):
    started = {}
    monkeypatch.setattr(
        runs, "start", lambda algorithm, config: started.update({algorithm: config})
    )
    (workplace / "run.yaml").write_text("seed: 3\ntrain:\n  n_seeds: 2\n")
    # Overrides stand on both sides of an option.
    main(["train", "ippo", "seed=5", "--config", "run.yaml", "train.n_seeds=3"])
    assert (started["ippo"].seed, started["ippo"].train.n_seeds) == (5, 3)


def test_a_configuration_may_name_its_algorithm(refused, workplace, monkeypatch, capsys):
    started = []
    monkeypatch.setattr(runs, "start", lambda algorithm, config: started.append(algorithm))
    main(["train", "--config", "dqn.yaml"])
    main(["train", "--config", "dqn.yaml", "algorithm=ippo"])
    main(["train", "algorithm=mappo"])
    assert started == ["dqn", "ippo", "mappo"]
    capsys.readouterr()
    (workplace / "run.yaml").write_text("seed: 3\n")
    said = "ALGORITHM = : must be one of dqn, ippo, mappo, pqn, or FILE.py:NAME\n"
    assert refused("train", "--config", "run.yaml") == said


@pytest.mark.parametrize(
    ("options", "overrides"),
    [
        ({}, []),
        ({"mode": "single"}, ["env.kind=single"]),
        (
            {"events": "off", "impact": "on"},
            ["env.flags.enable_events=off", "env.flags.enable_impact=on"],
        ),
        ({"preset": "calm", "overrides": ["env.alpha=1"]}, ["env.alpha=1", "env.preset=calm"]),
    ],
    ids=str,
)
def test_options_are_overrides_by_another_name(options, overrides):
    nothing = {"overrides": [], "mode": None, "preset": None, "events": None, "impact": None}
    assert market_overrides(Namespace(**nothing | options)) == overrides


def evaluated(*arguments):
    main(["evaluate", *arguments, "--json", "results.json"])
    with open("results.json") as file:
        return json.load(file)


def test_a_policy_by_name_is_evaluated_into_a_table_and_a_file(workplace, capsys):
    results = evaluated(
        "--policy",
        "ev_oracle",
        "--opponent",
        "random_valid",
        "--opponent",
        "self",
        "--episodes",
        "100",
    )
    assert [result["opponent"] for result in results] == ["random_valid", "self"]
    assert all(set(result) >= CONTRACT and result["n_units"] == 100 for result in results)
    table = capsys.readouterr().out
    assert "ev_oracle, 100 games per opponent" in table
    assert sum(line.startswith(("random_valid ", "self ")) for line in table.splitlines()) == 2


def test_switching_impact_off_leaves_no_slippage(workplace):
    (result,) = evaluated(
        "--policy", "ev_oracle", "--opponent", "self", "--episodes", "64", "--impact", "off"
    )
    assert result["trade_rate"] > 0
    assert result["mean_slippage"] == 0


def test_a_grid_of_markets_is_one_call_and_each_result_says_where(workplace, capsys):
    arguments = ["--policy", "ev_oracle", "--opponent", "self", "--episodes", "64"]
    results = evaluated(*arguments, "--sweep", "env.alpha=0.1,1", "env.sigma_q=0.5")
    assert [result.pop("at") for result in results] == [
        {"env.alpha": a, "env.sigma_q": 0.5} for a in (0.1, 1)
    ]
    title, _, headings, _, *rows = capsys.readouterr().out.splitlines()
    assert title == "ev_oracle, 64 games per opponent, test draws"
    assert headings.split()[:3] == ["env.alpha", "env.sigma_q", "opponent"]
    assert [row.split()[:3] for row in rows[:2]] == [["0.1", "0.5", "self"], ["1", "0.5", "self"]]
    (alone,) = evaluated(*arguments, "env.alpha=1")
    assert results[1]["mean_pnl"] == pytest.approx(alone["mean_pnl"], rel=1e-5)
    assert results[0]["mean_pnl"] > results[1]["mean_pnl"]


def test_a_single_player_meets_only_itself(workplace):
    (result,) = evaluated("--policy", "best_response", "--mode", "single", "--episodes", "64")
    assert result["opponent"] == "self"
    assert result["score"] == pytest.approx(1, abs=1e-6)


def test_a_run_folder_is_evaluated_like_a_name(workplace, finished):
    results = evaluated(
        "--policy",
        str(finished),
        "--opponent",
        "self",
        "--opponent",
        "random_valid",
        "--episodes",
        "128",
        "--draws",
        "validation",
    )
    summary = json.loads((finished / "summary.json").read_text())
    # The same games as those of the run's own table: validation draws of seed 0.
    assert results == summary["results"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            [],
            "no --config: the configuration is cardjax's defaults; --config ippo.yaml has what is",
        ),
        (["--config", "run.yaml"], ""),
    ],
)
def test_a_training_without_a_configuration_says_so(
    workplace, monkeypatch, capsys, arguments, says
):
    (workplace / "run.yaml").write_text("seed: 3\n")
    monkeypatch.setattr(runs, "start", lambda algorithm, config: None)
    main(["train", "ippo", *arguments])
    assert capsys.readouterr().out.startswith(says)


def test_a_configuration_of_another_algorithm_is_refused(refused):
    said = "algorithm = dqn: is not what is to be trained, ippo; algorithm=ippo overrules it\n"
    assert refused("train", "ippo", "--config", "dqn.yaml") == said
