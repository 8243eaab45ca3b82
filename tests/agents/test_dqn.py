"""DQN as a learner: what it plays, remembers and bootstraps from, and probe games of known best
play.
"""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.agents import q_policy, replay
from cardjax.agents.dqn import DQN, Block
from cardjax.agents.q_heads import units_of
from cardjax.config import make_config, make_market
from cardjax.env import ParameterError
from tests.agents.small_trainings import CERTAIN, TOTAL_UPDATES, Training, bits, match

SMALL = {
    "env.kind": "single",
    "env.reward": "expected_pnl",
    "train.n_envs": 128,
    "dqn.hidden": [32],
    "dqn.batch_size": 640,
    "dqn.n_gradient_steps": 8,
    "dqn.capacity": 6_400,
    "dqn.learning_rate": 5e-3,
}
RECURRENT = {
    "dqn.memory": "gru",
    "dqn.rollout_rounds": 8,
    "dqn.burn_in": 3,
    "dqn.gamma": 1.0,
    "dqn.n_step": 2,
}


@functools.cache
def cached(items):
    config = make_config(SMALL | dict(items))
    market, n_envs = make_market(config.game), config.train.n_envs
    return Training(DQN(market, config.env, config.dqn, n_envs, TOTAL_UPDATES))


def training(**values):
    named = {
        name.replace("__", "."): tuple(v) if isinstance(v, list) else v
        for name, v in values.items()
    }
    return cached(tuple(named.items()))


def recurrent(**values):
    return training(**{name.replace(".", "__"): v for name, v in RECURRENT.items()} | values)


@functools.partial(jax.jit, static_argnums=0)
def views_of(market, games, params):
    return jax.vmap(market.view, (0, None))(games, params)


@functools.partial(jax.jit, static_argnums=0)
def observations_of(market, games, params):
    return jax.vmap(market.observe, (0, None))(games, params)


@pytest.fixture(scope="module")
def single():
    return training()


@pytest.fixture(scope="module")
def frozen():
    """With a memory, and a learning rate of 0: weights stay as they are, and with them the memory's
    meaning.
    """
    return recurrent(dqn__learning_rate=0.0)


# What it plays


def test_an_invalid_action_has_probability_zero_and_the_best_valid_one_the_rest():
    rng = np.random.default_rng(0)
    q = jnp.asarray(rng.normal(size=(256, 21)) * 10.0 ** rng.integers(-3, 6, (256, 1)), jnp.float32)
    some_valid = np.eye(21, dtype=bool)[rng.integers(21, size=256)]
    mask = (rng.random((256, 21)) < rng.random((256, 1))) | some_valid
    chances = np.asarray(q_policy.epsilon_greedy(q, jnp.asarray(mask), jnp.float32(0.3)))
    assert (chances[~mask] == 0).all()
    np.testing.assert_allclose(chances.sum(-1), 1, rtol=1e-5)
    best = np.where(mask, q, -np.inf).argmax(-1)
    of_best = 0.7 + 0.3 / mask.sum(-1)
    np.testing.assert_allclose(chances[np.arange(256), best], of_best, rtol=1e-5)


def test_no_invalid_action_is_taken_when_the_budget_binds(single):
    params, state = single.start(initial_wealth=70)
    for _ in range(3):
        state, metrics = single.run(params, state)
        assert metrics["rejection_rate"] == 0
        assert metrics["trade_rate"] > 0.2
    valid = state.replay.blocks.mask[:, :3, :-1]
    taken = state.replay.blocks.action[:, :3].astype(jnp.int32)
    assert 0.1 < valid.mean() < 0.7
    assert jnp.take_along_axis(valid, taken[..., None], -1).all()


def test_epsilon_falls_to_its_end_and_stays(single):
    learner = single.learner
    epsilon = [float(learner.epsilon(jnp.int32(n))) for n in (0, 15, 30, 60)]
    np.testing.assert_allclose(epsilon, [1, 0.55, 0.1, 0.1], rtol=1e-6)


def test_the_learner_sits_where_it_is_told_and_the_opponent_elsewhere():
    two = training(env__kind="two", dqn__opponent="pass", dqn__seat=1, dqn__rollout_rounds=4)
    params, state = two.start()
    state, _ = two.run(params, state)
    position = state.games.players.last_position
    assert (position[:, 1] != 0).mean() > 0.8
    assert (position[:, 0] == 0).all()
    market = two.learner.market
    seen = observations_of(market, state.games, params)
    np.testing.assert_allclose(state.replay.blocks.observation[:, 0, -1], seen[:, 1], rtol=1e-6)


def test_against_itself_the_others_play_its_greedy_policy():
    three = training(
        env__kind="two",
        env__n_players=3,
        dqn__opponent="self",
        dqn__memory="lstm",
        dqn__rollout_rounds=4,
    )
    params, state = three.start()
    before = state.games
    state, metrics = three.run(params, state)
    assert all(math.isfinite(x) for x in metrics.values())
    assert jax.tree.leaves(state.opponents)[0].shape == (128, 2, 32)
    learner = three.at(params)
    views = views_of(learner.market, before, params)
    others = jax.tree.map(lambda leaf: leaf[:, 1:], views)
    _, fresh = three.start()
    carry = learner.opponent.init(jax.random.key(0), (128, 2))
    _, expected = jax.jit(learner.opponent.act)(
        learner.policy_params(fresh), carry, others, jax.random.key(0)
    )
    _, actions = jax.jit(learner.place.all_actions)(
        jnp.zeros(128, jnp.int32), learner.policy_params(fresh), carry, views, jax.random.key(0)
    )
    np.testing.assert_array_equal(actions[:, 1:], expected)
    assert actions.shape == (128, 3)


# What goes into replay, and what is bootstrapped from


def test_nothing_is_bootstrapped_across_games(frozen):
    params, state = frozen.start()
    state, _ = frozen.run(params, state, 4)
    blocks = jax.tree.map(lambda leaf: np.asarray(leaf[:, :4]), state.replay.blocks)
    first = blocks.first[:, :, 3:]  # past the burn-in: 8 rounds and the one after
    for t in range(8):
        ended = first[..., t + 1 : min(t + 2, 8) + 1].any(-1)
        np.testing.assert_array_equal(blocks.discount[:, :, t], 1 - ended)
    assert 0.1 < first.mean() < 0.2


def random_block(learner, seed, batch=64):
    rng = np.random.default_rng(seed)
    mask = rng.random((batch, 2, 21)) < 0.4
    mask[..., 0] = True
    x = rng.normal(size=(batch, 2, learner.market.observation_size))
    return Block(
        jnp.asarray(x, jnp.float32),
        jnp.zeros((batch, 2), bool),
        (),
        jnp.asarray(mask),
        jnp.zeros((batch, 1), jnp.int8),
        jnp.zeros((batch, 1)),
        jnp.ones((batch, 1)),
    )


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("head", ["mean", "c51", "qr"])
def test_the_bootstrapped_value_is_that_of_the_best_valid_action(double, head):
    config = make_config(
        SMALL | {"dqn.gamma": 0.9, "dqn.double": double, "dqn.head": head, "dqn.n_atoms": 5}
    )
    learner = DQN(make_market(config.game), config.env, config.dqn, 128, TOTAL_UPDATES)
    state = jax.eval_shape(learner.init, jax.random.key(0))
    init = jax.jit(lambda key: learner.network.init(key, learner.market.observation_size))
    state = jax.tree.map(lambda leaf: None, state)._replace(
        weights=init(jax.random.key(1)), target=init(jax.random.key(2))
    )
    block = random_block(learner, 0)
    following = jax.jit(learner._following)(state, block)[0]
    step, blank = jax.jit(learner.network.step), jnp.zeros(64, bool)
    outputs = {
        name: step(w, (), block.observation[:, 1], blank)[1].reshape(64, 21, -1)
        for name, w in (("online", state.weights), ("target", state.target))
    }
    chooser = learner.head.values(outputs["online" if double else "target"], units_of(config.dqn))
    best = np.where(block.mask[:, 1], chooser, -np.inf).argmax(-1)
    assert (best != np.asarray(chooser).argmax(-1)).mean() > 0.3  # the mask matters
    np.testing.assert_allclose(
        following, outputs["target"][np.arange(64), best], rtol=1e-4, atol=1e-6
    )


def test_without_discount_no_network_is_asked(single):
    learner = single.learner
    _, state = single.start()
    poisoned = state._replace(target=jax.tree.map(lambda x: x * jnp.nan, state.target))
    assert (learner._following(poisoned, random_block(learner, 0)) == 0).all()


def test_a_drawn_round_is_one_that_was_played(single):
    params, state = single.start()
    state, _ = single.run(params, state, 3)
    learner = dataclasses.replace(
        single.learner, config=dataclasses.replace(single.learner.config, n_step=3)
    )
    index = replay.Index(
        jnp.array([5, 5, 77]), jnp.array([12, 8, 29])
    )  # blocks 1, 0, 2; rounds 2, 8, 9
    drawn, stored = learner._drawn(state.replay.blocks, index), state.replay.blocks
    for row, (game, block, t, later) in enumerate([(5, 1, 2, 5), (5, 0, 8, 10), (77, 2, 9, 10)]):
        np.testing.assert_array_equal(
            drawn.observation[row], stored.observation[game, block][jnp.array([t, later])]
        )
        np.testing.assert_array_equal(
            drawn.mask[row], stored.mask[game, block][jnp.array([t, later])]
        )
        assert drawn.action[row, 0] == stored.action[game, block, t]
        assert drawn.n_step[row, 0] == stored.n_step[game, block, t]


def test_a_replayed_block_unrolls_to_what_was_played_step_by_step(frozen):
    params, state = frozen.start()
    network = frozen.learner.network
    unroll = jax.jit(lambda *of: frozen.learner._unroll(*of, 3, last=True)[-1])
    step = jax.jit(network.step)
    for number in range(3):
        state, _ = frozen.run(params, state)
        block = jax.tree.map(lambda leaf, n=number: leaf[:, n], state.replay.blocks)
        replayed = unroll(state.weights, block)
        x = observations_of(frozen.learner.market, state.games, params)[:, 0]
        _, now = step(state.weights, state.memory, x, state.games.round == 0)
        np.testing.assert_allclose(replayed.reshape(128, -1), now, rtol=1e-3, atol=1e-5)
    assert not (state.games.round == 0).any()  # 24 rounds in: the memory held something
    blank = network.carry((128,))
    _, forgetful = step(state.weights, blank, x, state.games.round == 0)
    assert abs(forgetful - now).max() > 1e-3


def test_burn_in_gets_no_gradient(frozen):
    params, state = frozen.start()
    state, _ = frozen.run(params, state)
    block = jax.tree.map(lambda leaf: leaf[:, 0], state.replay.blocks)

    def total(x):
        return jnp.abs(
            frozen.learner._unroll(state.weights, block._replace(observation=x), 3)
        ).sum()

    gradient = jax.jit(jax.grad(total))(block.observation)
    assert (gradient[:, :3] == 0).all()
    assert (gradient[:, 3:-1] != 0).any(-1).all()


@pytest.mark.parametrize(("update", "value"), [("hard", 5), ("polyak", 0.25)])
def test_the_target_network_follows(update, value):
    name = "dqn__target_period" if update == "hard" else "dqn__target_tau"
    learner = training(dqn__target_update=update, **{name: value}).learner
    old, new = {"w": jnp.array([0.0])}, {"w": jnp.array([8.0])}
    moved = [float(learner._next_target(old, new, jnp.int32(n))["w"][0]) for n in range(12)]
    assert moved == (
        [8.0 if n in (4, 9) else 0.0 for n in range(12)] if update == "hard" else [2.0] * 12
    )


# The learner's contract


@pytest.fixture(scope="module")
def rich():
    """Nearly every option at once."""
    return recurrent(
        dqn__prioritised=True,
        dqn__dueling=True,
        dqn__head="qr",
        dqn__n_atoms=8,
        dqn__target_update="polyak",
    )


@pytest.mark.parametrize("who", ["single", "rich"])
def test_two_updates_are_one_and_then_another_bit_for_bit(request, who):
    learner = request.getfixturevalue(who)
    params, state = learner.start()
    between, _ = learner.run(params, state)
    after, metrics = learner.run(params, between)
    assert bits(learner.run(params, state, 2)[0]) == bits(after)
    assert int(after.n_updates) == 2
    assert all(math.isfinite(x) for x in metrics.values())
    assert all(x.dtype == jnp.float32 and x.shape == () for x in metrics.values())


@pytest.mark.parametrize("who", ["single", "rich"])
def test_fields_named_per_game_have_the_games_axis_first(request, who):
    learner = request.getfixturevalue(who)
    _, state = learner.start()
    for name in DQN.PER_GAME:
        assert all(leaf.shape[0] == 128 for leaf in jax.tree.leaves(getattr(state, name))), name
    assert {"games", "replay"} <= set(DQN.PER_GAME)


def test_replay_goes_round(rich):
    params, state = rich.start()
    n_blocks = rich.learner.n_blocks
    assert n_blocks == 6_400 // (128 * 8)
    state, _ = rich.run(params, state, n_blocks)
    kept = np.asarray(state.replay.blocks.n_step)
    state, metrics = rich.run(params, state)
    assert (np.asarray(state.replay.blocks.n_step)[:, 1:] == kept[:, 1:]).all()
    assert (np.asarray(state.replay.blocks.n_step)[:, 0] != kept[:, 0]).any()
    assert math.isfinite(metrics["loss"])


def test_policies_are_static_and_equal_when_alike(single):
    assert single.learner.policy() == single.learner.policy()
    assert (
        len({single.learner.policy(), single.learner.policy(), single.learner.policy(greedy=False)})
        == 2
    )


@pytest.mark.slow  # PPO's seeds by themselves are in the default suite
def test_two_seeds_at_once_are_each_alone(single):
    params, _ = single.start()
    learner = single.at(params)
    keys = jax.random.split(jax.random.key(0), 2)
    states = jax.vmap(learner.init)(keys)
    both, metrics = jax.jit(jax.vmap(learner.update))(states)
    for i in range(2):
        alone, own = single.run(params, jax.tree.map(lambda leaf, i=i: leaf[i], states))
        np.testing.assert_array_equal(both.replay.blocks.action[i], alone.replay.blocks.action)
        np.testing.assert_allclose(metrics["loss"][i], own["loss"], rtol=1e-3)


def test_the_policys_probabilities_are_those_of_its_play(single):
    params, state = single.start()
    learner = single.at(params)
    view = views_of(learner.market, state.games, params)
    own = learner.policy_params(state)._replace(epsilon=jnp.float32(0.5))
    for greedy in (True, False):
        policy = learner.policy(greedy)
        law = jax.jit(policy.action_probabilities)(own, (), view)
        act = jax.jit(policy.act)
        actions = [act(own, (), view, jax.random.key(i))[1] for i in range(40)]
        assert all((jnp.take_along_axis(law, a[..., None], -1) > 0).all() for a in actions)
        share = np.mean([np.asarray(a) == np.asarray(law.argmax(-1)) for a in actions])
        np.testing.assert_allclose(share, law.max(-1).mean(), atol=0.03)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"env.kind": "two", "dqn.opponent": "nobody"},
            "dqn.opponent = nobody: must be self or one of pass",
        ),
        (
            {"env.kind": "two", "dqn.seat": 2},
            "dqn.seat = 2: must be below the number of players, 2",
        ),
        ({"dqn.capacity": 1000}, "dqn.capacity = 1000: must be at least one rollout"),
        ({"dqn.batch_size": 10_000}, "dqn.batch_size = 10000: must be at most dqn.capacity = 6400"),
        (
            {"dqn.memory": "gru", "dqn.batch_size": 645},
            "dqn.batch_size = 645: with a dqn.memory, must be a multiple",
        ),
        (
            {"dqn.memory": "gru", "dqn.burn_in": 11},
            "dqn.burn_in = 11: must be at most dqn.rollout_rounds = 10",
        ),
        ({"dqn.burn_in": 2}, "dqn.burn_in = 2: must be 0 without a dqn.memory"),
        ({"dqn.v_min": 30}, "dqn.v_min = 30.0: must be below dqn.v_max = 20.0"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(values, said):
    def learner():
        config = make_config(SMALL | values)
        return DQN(make_market(config.game), config.env, config.dqn, config.train.n_envs, 1)

    with pytest.raises(ParameterError) as error:
        learner()
    assert str(error.value).startswith(said)
    assert "\n" not in str(error.value)


def test_a_single_player_needs_neither_seat_nor_opponent():
    config = make_config(SMALL | {"dqn.seat": 3})
    assert DQN(make_market(config.game), config.env, config.dqn, 128, 1).seat == 0


# Probe games


def test_where_every_order_loses_it_learns_to_pass(single):
    params, state = single.start(sigma_q=0)
    state, _ = single.run(params, state, 60)
    own, best = match(single, params, state)
    assert best.trades.sum() == 0
    assert own.trades.mean() / 10 < 0.05
    assert own.expected_pnl.mean() > -0.1


def test_where_depth_is_known_it_learns_to_take_no_more(single):
    # Each unit past the fourth costs all five, six, … of them four points more: four is the size of
    # every round.
    params, state = single.start(**CERTAIN, **{"liquidity.min": 4, "liquidity.max": 4, "alpha": 4})
    state, _ = single.run(params, state, 60)
    own, best = match(single, params, state)
    assert 4 <= best.units.sum() / best.trades.sum() < 4.3
    assert own.expected_pnl.mean() >= 0.9 * best.expected_pnl.mean() > 50


@pytest.mark.slow  # trainings; what they learn from, and with, is tested above piece by piece
@pytest.mark.parametrize(
    ("memory", "head"), [("gru", "mean"), ("none", "c51"), ("none", "qr"), ("lstm", "c51")]
)
def test_values_count_the_rounds_that_are_left(memory, head):
    # A round is worth the same on average, however many were played: with gamma 1 a first one is
    # worth ten last ones.
    values = {
        "dqn__gamma": 1.0,
        "dqn__n_step": 3,
        "dqn__memory": memory,
        "dqn__head": head,
        "dqn__n_atoms": 51,
    }
    values |= {
        "dqn__v_min": -50.0,
        "dqn__v_max": 400.0,
        "dqn__huber_delta": 20.0,
        "dqn__q_scale": 100.0,
    }
    learner = training(**values, dqn__target_period=20, dqn__dueling=True)
    params, state = learner.start(**CERTAIN, **{"flags.enable_impact": False})
    state, _ = learner.run(params, state, 60)
    own, best = match(learner, params, state)
    a_round = float(best.expected_pnl.mean()) / 10
    assert own.expected_pnl.mean() > 0.85 * 10 * a_round
    view = views_of(learner.learner.market, state.games, params)
    policy = learner.at(params).policy()
    at_start = policy.values(
        learner.at(params).policy_params(state), learner.learner.network.carry((128, 1)), view
    )[1]
    np.testing.assert_allclose(at_start.max(-1).mean(), 10 * a_round, rtol=0.25)
