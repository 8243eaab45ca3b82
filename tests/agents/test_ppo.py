"""PPO as two pure functions: what an update keeps, what it changes, and what it may never do."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.agents.ppo import Batch

KINDS = {
    "two": {},
    "single": {"env__kind": "single"},
    "three": {"env__n_players": 3},
    "seven rounds": {"ppo__rollout_rounds": 7},
    "posterior": {"env__observe_posterior": True},
}
RATES = ("trade_rate", "rejection_rate", "clip_fraction")


def bits(tree):
    """Every leaf as an array that compares bit for bit."""
    leaves = [
        jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x for x in jax.tree.leaves(tree)
    ]
    return [np.asarray(leaf).tobytes() for leaf in leaves]


def describe(tree):
    return jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), tree)


@pytest.mark.parametrize("kind", KINDS)
def test_an_update_keeps_the_states_structure(training, kind):
    learner = training(**KINDS[kind]).learner
    state = jax.eval_shape(learner.init, jax.random.key(0))
    after, metrics = jax.eval_shape(learner.update, state)
    assert describe(after) == describe(state)
    assert all((leaf.shape, leaf.dtype) == ((), jnp.float32) for leaf in metrics.values())


@pytest.mark.parametrize("kind", KINDS)
def test_the_actor_gives_21_logits_and_the_critic_one_value(training, kind):
    learner = training(**KINDS[kind]).learner
    weights = jax.eval_shape(learner.init, jax.random.key(0)).weights
    seen = jax.ShapeDtypeStruct((5, learner.market.observation_size), jnp.float32)
    assert jax.eval_shape(learner.actor.apply, weights["actor"], seen).shape == (5, 21)
    assert jax.eval_shape(learner.critic.apply, weights["critic"], seen).shape == (5, 1)


def test_an_update_plays_as_many_rounds_as_it_says(training):
    assert training().learner.rounds_per_update == 256 * 10
    assert training(ppo__rollout_rounds=7).learner.rounds_per_update == 256 * 7


def test_the_same_key_trains_to_the_same_bits(two):
    (params, a), (_, b) = two.start(seed=3), two.start(seed=3)
    assert bits(two.run(params, a, 2)) == bits(two.run(params, b, 2))


def test_another_key_plays_and_learns_otherwise(two):
    (params, a), (_, b) = two.start(seed=3), two.start(seed=4)
    (a, seen), (b, other) = two.run(params, a), two.run(params, b)
    assert seen["reward_per_game"] != other["reward_per_game"]
    assert bits(a.games) != bits(b.games)


def test_two_updates_are_one_and_then_another(two):
    params, state = two.start()
    between, _ = two.run(params, state)
    assert bits(two.run(params, state, 2)) == bits(two.run(params, between))


def test_an_update_moves_actor_critic_games_and_key(two):
    params, before = two.start()
    after, _ = two.run(params, before)
    for part in ("actor", "critic"):
        assert all(a != b for a, b in zip(bits(before.weights[part]), bits(after.weights[part]), strict=True)), part
    assert bits(before.key) != bits(after.key)
    assert bits(before.games.market) != bits(after.games.market)
    assert int(after.n_updates) == 1


@pytest.mark.parametrize("who", ["two", "single"])
def test_no_invalid_action_is_taken_when_the_budget_binds(request, who):
    training = request.getfixturevalue(who)
    params, state = training.start(initial_wealth=70)  # two or three units of most decks
    for _ in range(3):
        state, metrics = training.run(params, state)
        assert metrics["rejection_rate"] == 0
        assert metrics["trade_rate"] > 0.2
    mask = jax.jit(jax.vmap(training.learner.market.action_mask, (0, None)))(state.games, params)
    assert 0.1 < mask.mean() < 0.7


def test_metrics_are_finite_and_rates_are_rates(two):
    params, state = two.start()
    _, metrics = two.run(params, state, 2)
    assert all(math.isfinite(value) for value in metrics.values())
    assert all(0 <= metrics[name] <= 1 for name in RATES)
    assert metrics["explained_variance"] <= 1
    assert metrics["kl"] >= 0


def test_a_fresh_policy_is_nearly_even(two):
    params, state = two.start()
    _, metrics = two.run(params, state)
    assert metrics["entropy"] > 0.9 * math.log(21)


def test_the_entropy_weight_runs_geometrically_from_start_to_end(two):
    learner = two.learner
    weight = [float(learner.entropy_weight(jnp.int32(n))) for n in (0, 30, 60)]
    np.testing.assert_allclose(weight, [5, math.sqrt(5 * 0.05), 0.05], rtol=1e-5)


def test_an_update_reports_the_entropy_weight_it_used(two):
    params, state = two.start()
    state, first = two.run(params, state)
    _, second = two.run(params, state)
    assert first["entropy_weight"] == pytest.approx(5)
    assert second["entropy_weight"] == pytest.approx(5 * 0.01 ** (1 / 60), rel=1e-5)


def test_rollouts_that_do_not_end_with_the_game_go_on_in_it(training):
    three = training(env__n_players=3, ppo__rollout_rounds=7)
    params, state = three.start()
    state, _ = three.run(params, state)
    assert (state.games.round == 7).all()
    assert state.games.players.wealth.shape == (256, 3)
    assert not (state.games.players.wealth == params.initial_wealth).all()
    state, metrics = three.run(params, state)
    assert (state.games.round == 4).all()  # 14 rounds: a whole game, and four of the next
    assert all(math.isfinite(value) for value in metrics.values())


@pytest.mark.parametrize("normalize", [False, True])
def test_only_normalised_advantages_do_not_feel_the_rewards_scale(training, two, normalize):
    learner = training(ppo__normalize_advantages=normalize).learner
    _, state = two.start()
    n = 512
    observation = jax.random.normal(jax.random.key(1), (n, learner.market.observation_size))
    advantage = jax.random.normal(jax.random.key(2), (n,))
    action = jax.random.randint(jax.random.key(3), (n,), 0, 21)

    @jax.jit
    def actor_gradient(scale):
        mask, log_prob = jnp.ones((n, 21), bool), jnp.full(n, -math.log(21))
        part = Batch(observation, mask, action, log_prob, scale * advantage, jnp.zeros(n))
        gradient, _ = jax.grad(learner._loss, has_aux=True)(state.weights, part, jnp.float32(1e-6))
        return jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(gradient["actor"])])

    plain, scaled = actor_gradient(1.0), actor_gradient(10.0)
    assert jnp.linalg.norm(plain) > 1e-3
    expected = plain if normalize else 10 * plain
    assert jnp.linalg.norm(scaled - expected) < 0.02 * jnp.linalg.norm(expected)


@pytest.mark.parametrize("who", ["two", "single"])
def test_every_epoch_sees_every_sample_once_and_never_splits_a_game(request, who):
    learner = request.getfixturevalue(who).learner
    axes = (10, 256) if who == "single" else (10, 256, 2)
    number = np.arange(math.prod(axes)).reshape(axes)
    game = np.broadcast_to(np.arange(256).reshape(1, 256, *(1,) * (len(axes) - 2)), axes)
    batch = Batch(*(jnp.asarray(x) for x in (number, game, game, game, game, game)))
    parts = learner._minibatches(batch, jax.random.key(0))
    assert parts.observation.shape == (8, number.size // 8)
    assert sorted(np.ravel(parts.observation)) == list(range(number.size))
    games = [set(np.unique(part)) for part in np.asarray(parts.mask)]
    assert sum(map(len, games)) == 256
    assert games != [set(range(i, i + 32)) for i in range(0, 256, 32)]  # shuffled
