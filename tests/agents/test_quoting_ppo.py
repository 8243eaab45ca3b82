"""PPO where the maker is a player: who learns, from what, and how well."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cardjax
from cardjax.agents.critic_view import PRIVATE
from cardjax.agents.roles import MakerSides, Takers, sides_of
from cardjax.commands.main import main
from cardjax.config import make_config
from cardjax.evaluation.evaluate import Player
from cardjax.evaluation.quoting import Maker, evaluate_quoting
from cardjax.run.learners import make_learner

SMALL = {
    "env.preset": "maker",
    "env.reward": "expected_pnl",
    "train.n_envs": 64,
    "train.total_steps": 6400,
    "ppo.n_minibatches": 2,
    "ppo.hidden": [16],
}


def learner_of(algorithm="ippo", **values):
    return make_learner(algorithm, make_config(SMALL | values))


@pytest.fixture(scope="module")
def round_():
    """A market of three takers, with the views of 32 games in their first round."""
    market, params = cardjax.make("two", "maker", n_players=3)

    @jax.jit
    def views(keys):
        state = jax.vmap(lambda key: market.reset(key, params)[1])(keys)
        quoted = jax.vmap(lambda game: market.quote(game, jnp.array([12, 22]), params))(state)
        known = jax.vmap(market.maker_view, (0, None))(state, params)
        return state, known, jax.vmap(market.view, (0, None))(quoted, params)

    return market, *views(jax.random.split(jax.random.key(0), 32))


# What the networks read


def test_the_makers_sides_read_what_the_maker_knows_and_which_side_they_are(round_):
    market, _, known, _ = round_
    role = MakerSides(market)
    seen = np.asarray(role.encode(sides_of(known)))
    assert seen.shape == (32, 2, role.observation_size) and role.n_actions == 60
    np.testing.assert_array_equal(seen[..., :-1], np.stack([market.encode_maker(known)] * 2, 1))
    np.testing.assert_array_equal(seen[..., -1], np.broadcast_to([0, 1], (32, 2)))


@pytest.mark.parametrize("joint", [False, True])
def test_critics_see_their_own_view_first_and_jointly_what_the_other_role_knows(round_, joint):
    market, state, known, view = round_
    takers, maker = Takers(market), MakerSides(market)
    ordering, quoting = takers.encode(view), maker.encode(sides_of(known))
    of_takers = np.asarray(takers.critic_view(state, ordering, quoting, joint, False))
    of_maker = np.asarray(maker.critic_view(state, quoting, ordering, joint, False))
    assert of_takers.shape[-1] == takers.critic_inputs(joint, False)
    assert of_maker.shape[-1] == maker.critic_inputs(joint, False)
    np.testing.assert_array_equal(of_takers[..., : ordering.shape[-1]], ordering)
    np.testing.assert_array_equal(of_maker[..., : quoting.shape[-1]], quoting)
    if not joint:
        assert of_takers.shape == ordering.shape and of_maker.shape == quoting.shape
        return
    own_cards = np.asarray(known.hint_counts)[:, None]
    maker_columns = of_takers[..., -17:-4]
    np.testing.assert_array_equal(maker_columns, np.repeat(own_cards, 3, 1))
    shown = of_maker[..., quoting.shape[-1] :][..., :13]
    np.testing.assert_array_equal(shown, np.repeat(np.asarray(view.hint_counts)[:, :1], 2, 1))
    assert of_maker.shape[-1] == quoting.shape[-1] + 13 + 3 * len(PRIVATE)
    assert (shown != own_cards).any()


# Who learns


def test_both_roles_learn_from_their_own_play():
    learner = learner_of()
    state = jax.jit(learner.init)(jax.random.key(0))
    after, metrics = jax.jit(learner.update)(state)
    for role in ("takers", "maker"):
        before, now = (jax.tree.leaves(s.weights[role]) for s in (state, after))
        assert all((a != b).any() for a, b in zip(before, now, strict=True))
    assert {"entropy", "maker_entropy", "reward_per_game", "maker_reward_per_game"} <= set(metrics)
    assert all(np.isfinite(value) for value in metrics.values())
    # Fresh policies are nearly uniform: over 21 orders, and over 60 quotes on each side.
    assert float(metrics["maker_entropy"]) == pytest.approx(np.log(60), abs=0.1)
    assert learner.policy_params(after).maker is not None


@pytest.mark.parametrize(("learns", "scripted"), [("maker", "takers"), ("takers", "maker")])
def test_a_scripted_role_has_no_weights(learns, scripted):
    name = {"takers": "equilibrium", "maker": "monopolist"}[scripted]
    learner = learner_of(**{f"ppo.{scripted}": name})
    state = jax.eval_shape(learner.init, jax.random.key(0))
    assert set(state.weights) == {learns}
    params = jax.eval_shape(learner.policy_params, state)
    assert getattr(params, scripted) is None and getattr(params, learns) is not None
    after, _ = jax.eval_shape(learner.update, state)
    assert jax.tree.structure(after) == jax.tree.structure(state)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"ppo.maker": "monopolist", "ppo.takers": "pass"},
            r"monopolist: must be learned, or ppo\.takers must be learned",
        ),
        ({"ppo.maker": "oracle"}, "must be learned or one of competitive"),
        ({"ppo.takers": "nobody"}, "must be learned or one of pass"),
        ({"ppo.opponents": ["self", "level1"]}, r"is not for env\.maker = agent"),
        ({"ppo.critic_sees_truth": True}, r"is not for env\.maker = agent"),
        ({"env.preset": "default", "ppo.maker": "monopolist"}, "is read only with"),
    ],
)
def test_what_has_no_meaning_is_refused(values, said):
    with pytest.raises(ValueError, match=said):
        learner_of(**values)


# How well


@pytest.mark.slow
@pytest.mark.parametrize(
    ("algorithm", "values"),
    [
        ("ippo", {"ppo.takers": "equilibrium"}),
        ("ippo", {"ppo.maker": "monopolist"}),
        ("ippo", {}),
        ("mappo", {}),
    ],
    ids=["maker alone", "takers alone", "both", "both, joint critics"],
)
def test_each_role_comes_near_its_yardstick(algorithm, values):
    n_updates = 80
    sizes = {
        "train.n_envs": 1024,
        "train.total_steps": 10_240 * n_updates,
        "ppo.n_minibatches": 32,
        "ppo.hidden": [64, 64],
    }
    learner = learner_of(algorithm, **(sizes | values))
    state, update = jax.jit(learner.init)(jax.random.key(1)), jax.jit(learner.update)
    for _ in range(n_updates):
        state, _ = update(state)
    params = learner.policy_params(state)
    maker, takers = (
        Maker(learner.maker(), (params.maker,)),
        Player(learner.policy(), [params.takers]),
    )
    figures = evaluate_quoting(learner.market, learner.env_params, maker, takers, 4096).metrics
    assert figures["maker_score"].mean > 0.97
    assert figures["taker_score"].mean > 0.97
    assert figures["taker_exploitability_share"].mean < 0.05
    if "ppo.maker" not in values:
        assert figures["maker_exploitability_share"].mean < 0.05


@pytest.mark.slow
def test_a_run_is_trained_continued_and_evaluated_by_its_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    small = [f"{key}={json.dumps(value)}" for key, value in SMALL.items()]
    sizes = ["train.eval_games=64", "train.final_eval_games=128", "train.n_evals=2"]
    main(["train", "mappo", *small, *sizes, "train.n_seeds=2", "name=quoting"])
    summary = json.loads((tmp_path / "runs/quoting/summary.json").read_text())
    (entry,) = summary["results"]
    assert entry["score"] == min(entry["maker_score"], entry["taker_score"])
    assert "maker_score" in (tmp_path / "runs/quoting/metrics.csv").read_text()
    main(["train", "--resume", "runs/quoting", "train.total_steps=7680"])
    capsys.readouterr()
    main(["evaluate", "--policy", "runs/quoting", "--episodes", "128"])
    assert "runs/quoting quotes, runs/quoting takes" in capsys.readouterr().out
    words = ["--preset", "maker", "--episodes", "128"]
    main(["evaluate", "--policy", "equilibrium", "--maker", "runs/quoting", *words])
    assert "runs/quoting quotes, equilibrium takes" in capsys.readouterr().out
    main(["export", "--policy", "runs/quoting", "--out", "x.npz"])
    main(["evaluate", "--policy", "x.npz", "--episodes", "128"])
    assert "x.npz quotes, x.npz takes" in capsys.readouterr().out
