"""PPO as two pure functions: what an update keeps, what it changes, and what it may never do."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.agents.batch import Batch, minibatches
from cardjax.agents.distribution import MaskedCategorical
from cardjax.agents.policy import unroll_seats
from cardjax.agents.ppo import _logit_scale
from cardjax.env.declaration import ParameterError
from cardjax.kernels.gather import take_games
from cardjax.kernels.policy_loss import Choices
from tests.agents.small_trainings import bits

KINDS = {
    "two": {},
    "single": {"env__kind": "single"},
    "three": {"env__n_players": 3},
    "seven rounds": {"ppo__rollout_rounds": 7},
    "posterior": {"env__observe_posterior": True},
    "joint critic": {"joint": True, "env__n_players": 3},
    "told the truth": {"joint": True, "ppo__critic_sees_truth": True},
    "own parameters": {"ppo__share_params": False},
    "gru": {"ppo__memory": "gru", "ppo__rollout_rounds": 4},
    "lstm, own parameters": {
        "ppo__memory": "lstm",
        "ppo__share_params": False,
        "env__n_players": 3,
    },
    "value critic": {"ppo__critic": "value"},
    "not normalised": {"ppo__normalize_observations": "none"},
    "scaled": {"ppo__normalize_observations": "scale", "ppo__normalize_rewards": True},
    "ruin": {"ppo__constrain_ruin": True, "ppo__shared_reward": True},
    "population": {
        "ppo__opponents": ["self", "past", "level1", "pass"],
        "ppo__memory": "gru",
        "env__n_players": 3,
    },
}
RATES = ("trade_rate", "rejection_rate", "clip_fraction")


def gradient_of(learner):
    """(weights, part of a batch, updates done) → the derivative of the loss by the weights."""
    return lambda *args: jax.grad(learner._loss, has_aux=True)(*args)[0]


def fresh_weights(learner, seed=0):
    """Those of actor and critic alone: a whole state compiles for longer."""
    return jax.jit(learner.networks.init)(*jax.random.split(jax.random.key(seed)))


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
def test_the_actor_gives_21_logits_and_the_critic_one_value_or_21(training, kind):
    learner = training(**KINDS[kind]).learner
    n_values = 21 if learner.config.critic == "action_values" else 1
    weights = jax.eval_shape(learner.init, jax.random.key(0)).weights
    for who, network, n_outputs in (
        ("actor", learner.networks.actor, 21),
        ("critic", learner.networks.critic, n_values),
    ):
        head = weights[who]["head"]["params"]
        seats = () if learner.config.share_params else (learner.market.n_players,)
        assert head["bias"].shape == (*seats, n_outputs)
        assert head["kernel"].shape[-2] == network.hidden[-1]


def test_a_joint_critic_sees_more_and_an_actor_does_not(training):
    own, joint = training(env__n_players=3).learner, training(env__n_players=3, joint=True).learner
    rows = {
        name: [
            jax.eval_shape(learner.init, jax.random.key(0))
            .weights[name]["torso"]["params"]["Dense_0"]["kernel"]
            .shape[0]
            for learner in (own, joint)
        ]
        for name in ("actor", "critic")
    }
    size = own.market.observation_size
    assert rows == {"actor": [size, size], "critic": [size, size + 2 * 3]}


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
        assert all(
            a != b
            for a, b in zip(bits(before.weights[part]), bits(after.weights[part]), strict=True)
        ), part
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


def test_schedules_run_from_start_to_end(training):
    learner = training(ppo__learning_rate=0.4, ppo__learning_rate_end=0.1).learner
    at = [jnp.int32(n) for n in (0, 30, 60)]
    entropy, rate = (
        [float(learner._scheduled(name, n)) for n in at] for name in ("entropy", "learning_rate")
    )
    np.testing.assert_allclose(entropy, [5, math.sqrt(5 * 0.05), 0.05], rtol=1e-5)
    np.testing.assert_allclose(rate, [0.4, 0.25, 0.1], rtol=1e-5)


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
def test_only_normalised_advantages_do_not_feel_the_rewards_scale(training, normalize):
    learner = training(ppo__normalize_advantages=normalize, ppo__critic="value").learner
    weights = fresh_weights(learner)
    shape = (10, 32, 2)
    width = learner.market.observation_size
    observation = jax.random.normal(jax.random.key(1), (*shape, width), jnp.float32)
    advantage = jax.random.normal(jax.random.key(2), shape, jnp.float32)
    action = jax.random.randint(jax.random.key(3), shape, 0, 21, jnp.int32)

    @jax.jit
    def actor_gradient(scale):
        choices = Choices(
            mask=jnp.ones((*shape, 21), bool),
            probabilities=jnp.full((*shape, 21), 1 / 21, jnp.float32),
            action=action,
            log_prob=jnp.full(shape, -math.log(21), jnp.float32),
            advantage=scale * advantage,
            action_advantages=None,
        )
        first = jnp.zeros(shape, bool)
        target = jnp.zeros(shape, jnp.float32)
        memory = learner.networks.blank_memory(32)
        part = Batch(observation, observation, first, choices, target, memory)
        # At the end of the schedule, where hardly any entropy bonus is left.
        gradient = gradient_of(learner)(weights, part, jnp.int32(600))
        return jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(gradient["actor"])])

    plain, scaled = actor_gradient(1.0), actor_gradient(10.0)
    assert jnp.linalg.norm(plain) > 1e-3
    expected = plain if normalize else 10 * plain
    assert jnp.linalg.norm(scaled - expected) < 0.02 * jnp.linalg.norm(expected)


def test_every_epoch_sees_every_game_once_in_an_order_of_its_own():
    games = np.asarray(minibatches(jax.random.key(0), 2, 8, 256))
    assert games.shape == (16, 32)
    first, second = games[:8].ravel(), games[8:].ravel()
    assert sorted(first) == sorted(second) == list(range(256))
    assert (first != second).any()
    assert (first != np.arange(256)).any()


@pytest.mark.parametrize("n_players", [1, 2])
def test_a_minibatch_is_its_games_with_all_their_rounds_in_order(n_players):
    axes = (256, 10, n_players)
    number = jnp.arange(math.prod(axes)).reshape(axes)
    choices = Choices(*[number] * 5, action_advantages=None)
    whole = Batch(number, number, number, choices, number, {"actor": number[:, 0], "critic": ()})
    games = minibatches(jax.random.key(0), 1, 8, 256)[3]
    part = take_games(whole, games)
    for leaf in (part.actor_input, part.choices.mask, part.target):
        np.testing.assert_array_equal(leaf, number[games])
    np.testing.assert_array_equal(part.memory["actor"], number[games, 0])
    assert part.memory["critic"] == ()
    assert part.choices.action_advantages is None


def test_an_actor_never_hears_of_the_truth(training):
    """With the critic told, S and depths still cannot move what the actor does: equal views, equal
    actions.
    """
    told = training(ppo__critic_sees_truth=True)
    params, state = told.start()
    learner = told.learner
    other = state.games._replace(market=state.games.market._replace(S=state.games.market.S + 7))

    @jax.jit
    def known(games):
        view = jax.vmap(learner.market.view, (0, None))(games, params)
        law = learner.policy().distribution(learner.policy_params(state), (), view)[1].logits
        return law, learner._seen(games, learner.market.encode(view))

    laws, critics = zip(known(state.games), known(other), strict=True)
    np.testing.assert_array_equal(*laws)
    np.testing.assert_allclose(
        critics[1] - critics[0], np.broadcast_to(np.eye(60)[57] * 0.7, critics[0].shape), atol=1e-5
    )


def test_recurrent_learning_recomputes_the_memory_that_play_had(training):
    """Before any gradient step, unrolling from the stored memory gives the probabilities that play
    drew from.
    """
    learner = training(ppo__memory="gru", ppo__rollout_rounds=7).learner
    state = jax.jit(learner.init)(jax.random.key(0))

    @jax.jit
    def compare(state):
        state, _ = learner.update(state)  # so that the next rollout starts amid games
        played, rollout = learner._collect(state, jax.random.key(1))
        _, batch = learner._estimate_advantages(
            played, rollout, rollout.reward, state.memory, lambda: learner._ahead(played)
        )
        part = take_games(batch, minibatches(jax.random.key(2), 1, 8, 256)[0])
        _, metrics = learner._loss(state.weights, part, state.n_updates)
        return state, metrics

    state, metrics = compare(state)
    assert (state.games.round == 7).all()
    assert any(jnp.abs(leaf).max() > 0.01 for leaf in jax.tree.leaves(state.memory))
    assert metrics["kl"] < 1e-9
    assert metrics["clip_fraction"] == 0


def test_the_memory_is_blank_in_a_games_first_round(training):
    learner = training(ppo__memory="lstm").learner
    weights, unroll = fresh_weights(learner)["actor"], jax.jit(learner.networks.actor.unroll)
    x = jax.random.normal(jax.random.key(1), (3, 4, 2, learner.market.observation_size))
    first = jnp.zeros((3, 4, 2), bool).at[1].set(True)
    blank = learner.networks.actor.carry((4, 2))
    dirty = jax.tree.map(lambda leaf: leaf + 1, blank)
    outputs = [unroll(weights, carry, x, first)[1] for carry in (blank, dirty)]
    assert (outputs[0][0] != outputs[1][0]).any()
    np.testing.assert_array_equal(outputs[0][1:], outputs[1][1:])


@pytest.mark.parametrize("wrong", [0.0, 3.0])
def test_action_values_leave_the_mean_gradient_as_it_is_and_cut_its_noise(training, wrong):
    """One state, seen often: whatever the critic's values, the actor's mean gradient is that of the
    true ones.
    """
    learner = training(ppo__normalize_observations="none").learner
    fresh = fresh_weights(learner)
    number = jnp.arange(21, dtype=jnp.float32)
    truth = jnp.cos(number)
    believed = truth + wrong * jnp.sin(number)
    shape = (1, 40_000, 1)
    observation = jnp.broadcast_to(jnp.linspace(0, 1, 57, dtype=jnp.float32), (*shape, 57))
    mask, first = jnp.ones((*shape, 21), bool), jnp.zeros(shape, bool)
    at = jnp.int32(600)  # past the schedule: hardly any entropy bonus
    scale = _logit_scale(learner._scheduled("entropy", at))

    def law(weights):
        output = learner.networks.actor.unroll(
            weights["actor"], (), observation[:, :1], first[:, :1]
        )[1]
        return MaskedCategorical(output * scale, mask[:, :1])

    probs = jax.jit(lambda weights: law(weights).probs)(fresh)
    exact = jax.jit(jax.grad(lambda weights: -(law(weights).probs * truth).sum()))(fresh)["actor"]
    action = jax.random.categorical(jax.random.key(1), jnp.log(probs[0, 0, 0]), shape=shape)
    value = (probs * believed).sum()
    choices = Choices(
        mask=mask,
        probabilities=jnp.broadcast_to(probs, mask.shape),
        action=action,
        log_prob=jnp.log(probs[0, 0, 0])[action],
        advantage=truth[action] - believed[action],
        action_advantages=jnp.broadcast_to(believed - value, mask.shape),
    )
    part = Batch(
        observation, observation, first, choices, truth[action], learner.networks.blank_memory(1)
    )
    sampled = jax.jit(gradient_of(learner))(fresh, part, at)["actor"]
    flat, exact = (
        jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(g)]) for g in (sampled, exact)
    )
    error = jnp.linalg.norm(flat - exact) / jnp.linalg.norm(exact)
    assert error < (0.1 if wrong else 0.005)


def test_a_shared_reward_is_everybodys_mean(training):
    learner = training(ppo__shared_reward=True).learner
    np.testing.assert_array_equal(
        learner._team(jnp.array([[1.0, 3.0], [-2.0, 0.0]])), [[2, 2], [-1, -1]]
    )
    assert training().learner._team(jnp.array([[1.0, 3.0]])).tolist() == [[1, 3]]


def test_own_parameters_differ_and_each_seat_plays_with_its_own(training):
    learner = training(ppo__share_params=False).learner
    fresh = fresh_weights(learner)["actor"]
    x = jnp.broadcast_to(
        jax.random.normal(jax.random.key(1), (learner.market.observation_size,)), (1, 5, 2, 57)
    )
    first = jnp.zeros((1, 5, 2), bool)
    _, output = unroll_seats(learner.networks.actor, False, fresh, (), x, first)
    assert (output[..., 0, :] != output[..., 1, :]).any()
    for seat in range(2):
        weights = jax.tree.map(lambda leaf, seat=seat: leaf[seat], fresh)
        np.testing.assert_allclose(
            output[..., seat, :],
            learner.networks.actor.unroll(weights, (), x[..., seat, :], first[..., seat])[1],
            rtol=1e-5,
            atol=1e-6,
        )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"train.n_envs": 10, "ppo.n_minibatches": 4},
            "ppo.n_minibatches = 4: must divide train.n_envs = 10",
        ),
        ({"ppo.opponents": ["nobody"]}, "ppo.opponents"),
        ({"ppo.opponents": ["level1"], "env.kind": "single"}, "ppo.opponents"),
        ({"ppo.opponents": ["self", "level1", "pass"]}, "ppo.opponents"),
        ({"ppo.opponents": ["past"], "ppo.past_size": 7}, "ppo.past_size"),
        ({"ppo.opponents": ["level1"], "ppo.share_params": False}, "ppo.share_params"),
    ],
)
def test_what_does_not_fit_together_is_refused_in_one_line(training, values, said):
    with pytest.raises(ParameterError, match=said) as error:
        training(**{name.replace(".", "__"): value for name, value in values.items()})
    assert "\n" not in str(error.value)
