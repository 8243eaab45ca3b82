"""DQN where the maker is a player: in whose place it learns, from what, and how well."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.agents.roles import MakerSides
from cardjax.commands.main import main
from cardjax.config import make_config
from cardjax.env import maker as maker_rules
from cardjax.evaluation.evaluate import Player
from cardjax.evaluation.quoting import Maker, evaluate_quoting
from cardjax.policies.makers import hand_of
from cardjax.policies.pricing.profit import monopolist, profit, terms_of
from cardjax.run.learners import make_learner

SMALL = {
    "env.preset": "maker",
    "env.reward": "expected_pnl",
    "train.n_envs": 64,
    "train.total_steps": 64 * 10 * 40,
    "dqn.hidden": [16],
    "dqn.loss": "squared",
    "dqn.batch_size": 640,
    "dqn.n_gradient_steps": 8,
    "dqn.capacity": 3_200,
}


def learner_of(**values):
    return make_learner("dqn", make_config(SMALL | values))


pi_of = jax.jit(profit, static_argnums=1)


@functools.partial(jax.jit, static_argnums=0)
def maker_views(market, games, params):
    return jax.vmap(market.maker_view, (0, None))(games, params)


def known_to_makers(learner, state):
    """The maker's view of each of a state's games."""
    return maker_views(learner.market, state.games, learner.env_params)


def started(learner, n_updates=1):
    """The states before and after so many updates."""
    state = jax.jit(learner.init)(jax.random.key(0))
    after, update = state, jax.jit(learner.update)
    for _ in range(n_updates):
        after, metrics = update(after)
    assert all(np.isfinite(value) for value in metrics.values())
    return state, after, metrics


@pytest.fixture(scope="module")
def quoting():
    """The maker before and after updates, where nobody takes: each side lives on noise traders."""
    learner = learner_of(**{"dqn.takers": "pass"})
    return learner, *started(learner, 40)


@pytest.fixture(scope="module")
def taking():
    """A taker against the monopolist."""
    named = {"dqn.maker": "monopolist", "dqn.seat": 1, "dqn.opponent": "pass"}
    learner = learner_of(**named, **{"dqn.rollout_rounds": 4})  # which ends within a game
    return learner, *started(learner)


def test_both_sides_of_each_game_go_into_replay_and_are_paid_what_they_trade(quoting):
    learner, _, after, _ = quoting
    blocks = jax.tree.map(np.asarray, after.replay.blocks)
    assert blocks.action.shape == (64, 10, 10) == (64, learner.n_blocks, 10)
    # One block of the asks, then one of the bids, of the same games.
    is_bid = blocks.observation[..., MakerSides(learner.market).observation_size - 1]
    assert (is_bid[:, ::2] == 0).all() and (is_bid[:, 1::2] == 1).all()
    ask, bid = blocks.observation[:, ::2, :, :-1], blocks.observation[:, 1::2, :, :-1]
    np.testing.assert_array_equal(ask, bid)
    action = blocks.action.astype(np.int32)
    assert action.min() >= 0 and action.max() > 50
    offset, depth = maker_rules.offset_of(action), maker_rules.depth_of(action)
    noise = learner.env_params.noise
    paid = offset * maker_rules.expected_noise(offset, depth, noise.rate, noise.decay)
    np.testing.assert_allclose(blocks.n_step, paid, rtol=1e-4, atol=1e-4)


def test_a_maker_that_nobody_takes_from_learns_what_noise_traders_pay_the_most(quoting):
    learner, before, after, metrics = quoting
    assert set(learner.policy_params(after)._asdict()) == {"takers", "maker"}
    assert learner.policy_params(after).takers is None
    known = known_to_makers(learner, before)
    params, maker = learner.policy_params(after).maker, learner.maker()
    carry = maker.init(jax.random.key(0), (64,))
    choice = maker.act(params, carry, known, jax.random.key(0))[1]
    assert choice.shape == (64, 2)
    pi = pi_of(terms_of(learner.env_params), 0)[known.event, hand_of(known)]
    earned = jnp.take_along_axis(pi, choice[..., None], -1).sum() / pi.max(-1).sum()
    assert earned > 0.97
    assert "trade_rate" not in metrics and metrics["maker_reward_per_game"] > 0


def test_a_taker_meets_the_named_makers_quotes_at_its_own_seat(taking):
    learner, before, after, metrics = taking
    pi = pi_of(terms_of(learner.env_params), learner.market.n_players)
    for state in (before, after):
        known = known_to_makers(learner, state)
        quoted = monopolist(pi)[0][known.event, hand_of(known)]
        np.testing.assert_array_equal(state.games.maker.choice, quoted)
    seen = jax.vmap(learner.market.observe, (0, None))(after.games, learner.env_params)
    stopped_at = after.replay.blocks.observation[:, 0, -1]
    np.testing.assert_allclose(stopped_at, seen[:, 1], rtol=1e-6)
    position = after.games.players.last_position
    assert (position[:, 0] == 0).all() and (position[:, 1] != 0).mean() > 0.5
    assert learner.policy_params(after).maker is None
    assert {"reward_per_game", "trade_rate", "rejection_rate"} <= set(metrics)


@pytest.mark.parametrize(
    "values",
    [
        {"dqn.takers": "level1", "dqn.memory": "lstm", "dqn.burn_in": 2, "dqn.prioritised": True},
        {"dqn.maker": "random_quotes", "dqn.opponent": "self", "dqn.memory": "gru"},
    ],
    ids=["maker", "taker"],
)
def test_options_keep_the_shapes_of_the_state(values):
    learner = learner_of(**values)
    state = jax.eval_shape(learner.init, jax.random.key(0))
    after, _ = jax.eval_shape(learner.update, state)

    def shapes(tree):
        return [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(tree)]

    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert shapes(after) == shapes(state)
    for leaf in jax.tree.leaves((state.games, state.opponents, state.replay)):
        assert leaf.shape[0] == 64


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, r"dqn\.maker = learned: must name a player, or dqn\.takers must: DQN"),
        (
            {"dqn.maker": "monopolist", "dqn.takers": "pass"},
            r"monopolist: must be learned, or dqn\.takers must be learned",
        ),
        ({"dqn.maker": "oracle"}, r"dqn\.maker = oracle: must be learned or one of competitive"),
        ({"dqn.takers": "nobody"}, r"dqn\.takers = nobody: must be learned or one of pass"),
        ({"dqn.takers": "pass", "dqn.seat": 1}, r"dqn\.seat = 1: is read only where a taker"),
        ({"dqn.takers": "pass", "dqn.opponent": "self"}, r"dqn\.opponent = self: is read only"),
        ({"env.preset": "default", "dqn.takers": "pass"}, r"dqn\.takers = pass: is read only with"),
    ],
)
def test_what_has_no_meaning_is_refused_in_one_line(values, said):
    with pytest.raises(ValueError, match=said) as error:
        learner_of(**values)
    assert "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("values", [{"dqn.takers": "equilibrium"}, {"dqn.maker": "monopolist"}])
def test_each_role_comes_near_its_yardstick(values):
    sizes = {
        "train.n_envs": 1024,
        "train.total_steps": 400_000,
        "dqn.hidden": [64, 64],
        "dqn.batch_size": 2048,
        "dqn.n_gradient_steps": 60,
        "dqn.capacity": 400_000,
    }
    learner = learner_of(**(sizes | values))
    state, update = jax.jit(learner.init)(jax.random.key(1)), jax.jit(learner.update)
    for _ in range(learner.total_updates):
        state, _ = update(state)
    params = learner.policy_params(state)
    maker = Maker(learner.maker(), (params.maker,))
    takers = Player(learner.policy(), [params.takers])
    figures = evaluate_quoting(learner.market, learner.env_params, maker, takers, 4096).metrics
    assert figures["maker_score"].mean > 0.97
    assert 0.97 < figures["taker_score"].mean < 1.03
    assert figures["taker_exploitability_share"].mean < 0.1
    if "dqn.takers" in values:
        assert figures["maker_exploitability_share"].mean < 0.03


@pytest.mark.slow
@pytest.mark.parametrize("named", ["dqn.takers=equilibrium", "dqn.maker=competitive"])
def test_a_run_is_trained_continued_and_evaluated_by_its_name(named, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    small = [f"{key}={json.dumps(value)}" for key, value in SMALL.items()]
    sizes = ["train.eval_games=64", "train.final_eval_games=128", "train.n_evals=2"]
    more = ["train.total_steps=1280", "train.n_seeds=2", "name=one_role", named]
    main(["train", "dqn", *small, *sizes, *more])
    summary = json.loads((tmp_path / "runs/one_role/summary.json").read_text())
    (entry,) = summary["results"]
    assert entry["score"] == min(entry["maker_score"], entry["taker_score"])
    main(["train", "--resume", "runs/one_role", "train.total_steps=1920"])
    assert json.loads((tmp_path / "runs/one_role/summary.json").read_text())["total_steps"] == 1920
    capsys.readouterr()
    main(["evaluate", "--policy", "runs/one_role", "--episodes", "128"])
    assert "runs/one_role quotes, runs/one_role takes" in capsys.readouterr().out
