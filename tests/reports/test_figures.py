"""The command line of diagnostics: files where they belong, refusals of one line, estimates that
are a run's own.
"""

import csv
import dataclasses
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cardjax
from cardjax.agents.critic_view import critic_inputs
from cardjax.agents.rewards import new_reward_scale
from cardjax.agents.values import PPOValues, QValues
from cardjax.commands.main import main
from cardjax.config import make_config
from cardjax.env.execution import N_ACTIONS
from cardjax.evaluation import diagnostics, played_rounds, plots
from cardjax.evaluation.figure_data import FigureData
from cardjax.evaluation.match import Seats, play_seats
from cardjax.evaluation.played_rounds import HIDDEN, Estimator
from cardjax.policies import RandomValid
from cardjax.reports.figures import (
    estimator_of,
    subject_of,
    write,
)
from cardjax.run.learners import make_learner

GAMES = 3
SMALL = {
    "train.n_envs": 4,
    "ppo.n_minibatches": 1,
    "ppo.hidden": [8],
    "dqn.hidden": [8],
    "dqn.batch_size": 8,
    "dqn.capacity": 6400,
}


@pytest.fixture(scope="module")
def played():
    """(views [10, games, 2], what is hidden by name [10, games], actions [10, games, 2]) of random
    play.
    """
    market, params = cardjax.make("two")

    def record(view, info):
        return view, {name: info[name] for name in HIDDEN}, info["action"]

    play = jax.jit(
        lambda key: play_seats(
            market, [Seats(RandomValid(), params, 2)], params, key, GAMES, record
        )[1]
    )
    return play(jax.random.key(0))


def learner_of(algorithm, **overrides):
    return make_learner(
        algorithm, make_config(SMALL | {k.replace("__", "."): v for k, v in overrides.items()})
    )


def critic_state(learner, variance=1.0):
    """What `PPOValues` reads of a learner's state: fresh weights, and a normaliser that changes
    nothing.
    """
    weights = jax.jit(learner.networks.init)(jax.random.key(0), jax.random.key(1))
    scale = new_reward_scale((4, 2))
    return SimpleNamespace(
        weights=weights,
        normalizer={"critic": None},
        reward_scale=scale._replace(moments=scale.moments._replace(variance=jnp.float32(variance))),
    )


def test_a_finished_run_has_every_figure_with_its_numbers(finished, workplace, monkeypatch, capsys):
    monkeypatch.setattr(plots, "DPI", 40)
    monkeypatch.setattr(played_rounds, "COUNTERFACTUAL_GAMES", 16)
    main(
        [
            "diagnose",
            str(finished),
            "--episodes",
            "64",
            "--out",
            "figures/run",
            "--seed",
            "3",
            "env.alpha=0.2",
        ]
    )
    names = set(plots.FIGURES) - {"belief_probe"}  # that is for hidden events
    assert {path.name for path in (workplace / "figures/run").iterdir()} == {
        f"{n}.{e}" for n in names for e in ("csv", "png")
    }
    for name in names:
        with (workplace / f"figures/run/{name}.csv").open(newline="") as file:
            header, *rows = csv.reader(file)
        assert all(len(row) == len(header) for row in rows)
        assert (workplace / f"figures/run/{name}.png").read_bytes().startswith(b"\x89PNG")
    fan = (workplace / "figures/run/wealth_fan.csv").read_text().splitlines()
    assert fan[0].startswith(
        "round,mean [points],mean_low [points],mean_high [points],q05 [points]"
    )
    assert len(fan) == 12
    assert "figures/run: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nobody"], "--policy = nobody: is neither a run folder nor a policy"),
        (["pass", "--episodes", "0"], "--episodes = 0: must be a whole number in [1, 2147483647]"),
        (["pass", "--seed", "-1"], "--seed = -1: must be a whole number in [0, 2147483647]"),
        (["pass", "train.n_envs=3"], "must be an env.* override"),
        (["pass", "--out", "taken/below"], "taken is not a folder"),
        (["empty"], "is not a run folder"),
    ],
)
def test_what_is_not_allowed_is_one_line(arguments, said, workplace, capsys):
    (workplace / "taken").touch()
    (workplace / "empty").mkdir()
    with pytest.raises(SystemExit) as error:
        main(["diagnose", *arguments])
    assert error.value.code == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert printed.count("\n") == 1
    assert {path.name for path in workplace.iterdir()} == {"taken", "empty"}


def test_files_are_replaced_as_a_whole(workplace, monkeypatch):
    monkeypatch.setattr(plots, "DPI", 40)
    rows = [
        {"round": float(t), **dict.fromkeys(("mean", *diagnostics.FAN), 1.0 + t), "ruin_line": 0.2}
        for t in range(3)
    ]
    rows = [row | {f"mean_{end}": row["mean"] for end in ("low", "high")} for row in rows]
    table = FigureData(dict.fromkeys(rows[0], ""), rows)
    for _ in range(2):
        write(workplace / "out", {"wealth_fan": table})
    assert sorted(path.name for path in (workplace / "out").iterdir()) == [
        "wealth_fan.csv",
        "wealth_fan.png",
    ]


def test_a_run_brings_its_own_estimates(finished):
    subject = subject_of(str(finished))
    assert subject.name == "whole"
    assert subject.estimator is not None
    assert len(subject.estimator_params) == len(subject.player.params) == 1
    assert subject.estimator.gamma == pytest.approx(make_config({}).ppo.gamma)
    estimator, beliefs = estimator_of(finished)
    assert (estimator.shared, estimator.log_wealth) == (False, False)
    assert jax.tree.all(jax.tree.map(np.array_equal, beliefs, list(subject.estimator_params)))
    assert subject_of("level1").estimator is None


@pytest.mark.parametrize(
    ("algorithm", "overrides", "n_outputs"),
    [
        ("ippo", {"ppo__critic": "action_values"}, N_ACTIONS),
        (
            "mappo",
            {"ppo__critic": "value", "ppo__critic_sees_truth": True, "ppo__share_params": False},
            1,
        ),
        ("ippo", {"ppo__critic": "value", "ppo__memory": "gru", "ppo__normalize_rewards": True}, 1),
    ],
)
def test_a_critics_estimates_are_those_it_learned_with(algorithm, overrides, n_outputs, played):
    learner = learner_of(algorithm, **overrides)
    state = critic_state(learner)
    values = PPOValues(learner)
    views, hidden, _ = played
    found = jax.jit(values)(values.params(state), views, hidden)
    assert found.shape == (10, GAMES, 2, n_outputs)

    # What the learner itself sees and says of each round, the truth put where its games hold it.
    @jax.jit
    def seen_at(t):
        games = SimpleNamespace(
            market=SimpleNamespace(**{name: hidden[name][t] for name in HIDDEN})
        )
        return learner._seen(
            games, learner.market.encode(jax.tree.map(lambda leaf: leaf[t], views))
        )

    inputs = np.stack([seen_at(t) for t in range(10)])
    assert inputs.shape[-1] == critic_inputs(
        learner.market, algorithm == "mappo", "ppo__critic_sees_truth" in overrides
    )
    blank = learner.networks.blank_memory(GAMES)
    first = views.round == 0
    unroll = jax.jit(learner.networks.unroll, static_argnums=0)
    _, expected = unroll("critic", state.weights, blank, inputs, first)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_a_scaled_critic_speaks_in_points():
    learner = learner_of("ippo", ppo__normalize_rewards=True)
    assert float(
        PPOValues(learner).params(critic_state(learner, variance=9.0))[2]
    ) == pytest.approx(3)


def test_a_dqns_estimates_are_what_it_chooses_by(played):
    learner = learner_of("dqn", env__kind="two")
    init = jax.jit(learner.network.init, static_argnums=1)
    weights = init(jax.random.key(2), learner.market.observation_size)
    state = SimpleNamespace(weights=weights, target=weights, n_updates=jnp.int32(0))
    values, (views, hidden, _) = QValues(learner), played
    params = values.params(state)
    found = jax.jit(values)(params, views, hidden)
    assert found.shape == (10, GAMES, 2, N_ACTIONS)
    _, action = learner.policy().act(params, (), views, jax.random.key(0))
    assert (jnp.argmax(jnp.where(views.action_mask, found, -jnp.inf), -1) == action).all()


def test_the_same_values_are_the_same_program():
    learner = learner_of("ippo")
    assert hash(Estimator("V", PPOValues(learner))) == hash(Estimator("V", PPOValues(learner)))
    assert PPOValues(learner) == dataclasses.replace(PPOValues(learner))
