"""Random orders: every valid action alike, and drawn from the key alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from cardjax.env import CardMarket, make_params, sample_categorical
from cardjax.env.sampling import uniform_valid
from cardjax.kernels.inverse_cdf import inverse_cdf

FALSE_ALARM = 1e-4
N_KEYS = 2**16
DEBT, POOR, RICH = -1.0, 70.0, 500.0


@pytest.fixture(scope="module")
def keys():
    return jax.random.split(jax.random.key(5), N_KEYS)


@pytest.fixture(scope="module")
def draw(scripted):
    """draw(keys, wealth): actions [N, A] of the scripted market, one of each key."""

    def actions(keys, wealth):
        env = CardMarket(len(wealth))
        state = scripted(len(wealth), wealth=wealth)
        sample = jax.jit(jax.vmap(env.sample_action, (0, None, None)))
        mask = np.asarray(env.action_mask(state, make_params()))
        return np.asarray(sample(keys, state, make_params())), mask

    return actions


def assert_uniform(actions, mask):
    """Chi-square over the valid actions, and never another."""
    counts = np.bincount(actions, minlength=21)
    assert counts[~mask].sum() == 0
    if mask.sum() > 1:
        assert stats.chisquare(counts[mask]).pvalue > FALSE_ALARM


def test_every_valid_action_is_equally_likely(draw, keys):
    actions, mask = draw(keys, (DEBT, POOR, RICH))
    assert mask.sum(-1).tolist() == [1, 7, 21]  # 70 points pay for 3 units at 20.5 or at 42 − 19.5
    for player in range(3):
        assert_uniform(actions[:, player], mask[player])


def test_keys_of_successive_seeds_will_do(draw):
    actions, mask = draw(jax.vmap(jax.random.key)(jnp.arange(2**14)), (RICH, RICH))
    assert_uniform(actions[:, 0], mask[0])
    assert_uniform(actions[:, 1], mask[1])


def test_players_draw_independently(draw, keys):
    actions, _ = draw(keys, (RICH, RICH, RICH))
    for one, other in ((0, 1), (0, 2), (1, 2)):
        table = np.histogram2d(actions[:, one], actions[:, other], 21)[0]
        assert stats.chi2_contingency(table).pvalue > FALSE_ALARM


def test_what_a_step_draws_from_the_same_key_is_independent(draw, game, scripted, keys):
    actions, _ = draw(keys, (RICH, RICH))
    passes = jnp.zeros(2, jnp.int32)
    step = jax.vmap(lambda key: game(2).env.step(key, scripted(2), passes, make_params())[1].market)
    market = jax.jit(step)(keys)
    for player in range(2):
        for drawn, n in ((market.ranks[:, 0], 13), (market.n_hints, 4)):
            table = np.histogram2d(actions[:, player], np.asarray(drawn), (21, n))[0]
            assert stats.chi2_contingency(table).pvalue > FALSE_ALARM
        noise = np.asarray(market.quote.mid - market.mu)
        table = np.histogram2d(actions[:, player], noise > 0, (21, 2))[0]
        assert stats.chi2_contingency(table).pvalue > FALSE_ALARM


@pytest.mark.parametrize(("n_players", "squeeze"), [(1, True), (1, False), (2, False), (5, False)])
@pytest.mark.parametrize("impl", ["threefry2x32", "rbg"])
def test_an_action_has_the_shape_of_the_action_space_and_follows_the_key(n_players, squeeze, impl):
    env, params, key = CardMarket(n_players, squeeze), make_params(), jax.random.key(3, impl=impl)
    _, state = env.reset(key, params)
    action = env.sample_action(key, state, params)
    assert action.dtype == jnp.int32 and not action.weak_type
    assert env.action_space(params).contains(action)
    np.testing.assert_array_equal(action, env.sample_action(key, state, params))
    others = [env.sample_action(jax.random.fold_in(key, i), state, params) for i in range(8)]
    assert len({tuple(np.ravel(other)) for other in others}) > 1


def test_a_raw_key_draws_as_its_typed_one(game):
    env, params = game(2).env, make_params()
    _, state = env.reset(jax.random.key(0), params)
    np.testing.assert_array_equal(
        env.sample_action(jax.random.PRNGKey(4), state, params),
        env.sample_action(jax.random.key(4), state, params),
    )


@pytest.mark.parametrize(("n_buys", "n_sells"), [(0, 0), (10, 10), (3, 0), (0, 7), (2, 5)])
def test_words_are_shared_out_evenly_over_the_valid_actions(n_buys, n_sells):
    words = jnp.arange(0, 2**32, 2**17, dtype=jnp.uint32)
    sizes = jnp.full(2, n_buys), jnp.full(2, n_sells)
    actions = jax.vmap(lambda word: uniform_valid((word,), *sizes))(words)
    valid = np.r_[True, np.arange(1, 11) <= n_buys, np.arange(1, 11) <= n_sells]
    first, pairs = np.bincount(actions[:, 0], minlength=21), np.zeros((21, 21), int)
    assert first[~valid].sum() == 0
    assert np.ptp(first[valid]) <= 1
    np.add.at(pairs, tuple(np.asarray(actions).T), 1)
    assert pairs[~valid].sum() == pairs[:, ~valid].sum() == 0
    assert np.ptp(pairs[valid][:, valid]) <= 2, "two players share a word"


def test_a_draw_from_probabilities_is_the_inverse_of_one_uniform():
    key, probabilities = jax.random.key(0), jax.random.uniform(jax.random.key(1), (64, 21))
    expected = inverse_cdf(probabilities, jax.random.uniform(key, (64,)))
    np.testing.assert_array_equal(sample_categorical(key, probabilities), expected)


def test_a_draw_from_masked_probabilities_follows_what_is_left(keys):
    probabilities, mask = jnp.arange(21) / 210, jnp.arange(21) % 3 == 0
    shape = (N_KEYS, 21)
    drawn = sample_categorical(keys[0], jnp.broadcast_to(probabilities, shape), mask)
    counts = np.bincount(drawn, minlength=21)
    kept = np.asarray(mask & (probabilities > 0))
    assert counts[~kept].sum() == 0
    expected = np.asarray(probabilities)[kept] / probabilities[kept].sum() * N_KEYS
    assert stats.chisquare(counts[kept], expected, sum_check=False).pvalue > FALSE_ALARM
