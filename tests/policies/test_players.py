import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from cardjax.env import CardMarket, make_params, sample_categorical
from cardjax.env.execution import buy, position_of, sell
from cardjax.policies import (
    POLICIES,
    BestResponse,
    Equilibrium,
    EvOracle,
    Level1,
    Pass,
    RandomValid,
    make_policy,
)
from cardjax.policies.ev_oracle import kelly_units
from cardjax.policies.policy import Memoryless
from cardjax.policies.registry import is_policy
from cardjax.policies.stage_game import NOBODY, expected_pnl, flow_of

DEFAULT = make_params()
KEY = jax.random.key(0)


def only(n_buys, n_sells):
    """A mask with that many valid buys and sells."""
    return np.array(
        [True, *(i <= n_buys for i in range(1, 11)), *(i <= n_sells for i in range(1, 11))]
    )


def choose(policy, view, params=DEFAULT):
    return int(policy.act(params, policy.init(KEY, ()), view, KEY)[1])


# The protocol


def test_sampling_follows_the_probabilities_and_never_draws_a_zero():
    p = np.array([0, 0.1, 0, 0.3, 0, 0, 0.2, 0.4, *[0] * 13], np.float32)
    actions = np.asarray(sample_categorical(KEY, jnp.broadcast_to(p, (200_000, 21))))
    counts = np.bincount(actions, minlength=21)
    assert (counts[p == 0] == 0).all()
    assert chisquare(counts[p > 0], 200_000 * p[p > 0] / p.sum(dtype=np.float64)).pvalue > 1e-3


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.sampled_from([0.0, 1e-7, 1e-3, 0.1, 0.7]), min_size=21, max_size=21),
    st.integers(0, 99),
)
def test_sampling_takes_any_positive_weights(weights, seed):
    p = np.array(weights, np.float32)
    p[seed % 21] = max(p[seed % 21], 0.01)
    actions = np.asarray(_sample(jax.random.key(seed), p / p.sum()))
    assert (p[actions] > 0).all()


@jax.jit
def _sample(key, p):
    return sample_categorical(key, jnp.broadcast_to(p, (4096, 21)))


def test_unknown_names_are_named():
    unknown = ("nobody", "ev_oracle:", "ev_oracle:half", "equilibrium:pure", "", "level1:hidden")
    for spec in unknown:
        with pytest.raises(
            ValueError, match=r"policy = .*: must be one of .*ev_oracle:kelly.*"
        ) as error:
            make_policy(spec)
        assert repr(spec) in str(error.value)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["monopolist", "competitive", "random_quotes"])
def test_a_maker_is_pointed_to_the_option_that_names_it(name):
    with pytest.raises(ValueError, match=f"quotes and does not take; --maker {name} names it"):
        make_policy(name)


@pytest.mark.parametrize("number", ["0", "-1", "nan", "inf", "half", "", "0.25:"])
def test_a_bad_fraction_of_the_kelly_bet_is_named(number):
    spec = f"ev_oracle:kelly:{number}"
    with pytest.raises(ValueError, match=r"fraction above 0|must be one of") as error:
        make_policy(spec)
    assert repr(spec) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("number", ["0", "11", "2.5", "ten", ""])
def test_a_bad_fixed_size_is_named(number):
    with pytest.raises(ValueError, match=r"whole number of units in \[1, 10\]"):
        make_policy(f"ev_oracle:fixed:{number}")


def test_numbers_are_part_of_a_name():
    assert make_policy("ev_oracle:kelly:0.25") == EvOracle("kelly", fraction=0.25)
    assert make_policy("ev_oracle:kelly:0.5") == make_policy("ev_oracle:kelly")
    assert make_policy("ev_oracle:fixed:3") == EvOracle("fixed", fixed_size=3)
    assert is_policy("ev_oracle:kelly:1") and not is_policy("ev_oracle:kelly:0")


def test_names():
    named = {
        "random_valid",
        "ev_oracle",
        "ev_oracle:max",
        "ev_oracle:kelly",
        "ev_oracle:fixed",
        "level1",
        "level1:displayed",
        "best_response",
    }
    assert named | {"equilibrium", "pass"} <= POLICIES.keys()
    assert make_policy("best_response") == make_policy("best_response:pass") == BestResponse(Pass())
    assert make_policy("ev_oracle") == make_policy("ev_oracle:max")
    assert all(hash(policy) == hash(make_policy(name)) for name, policy in POLICIES.items())


# Each player


def test_random_valid_is_uniform_over_the_mask(hand_made):
    view = hand_made(action_mask=only(3, 5))
    tiled = jax.tree.map(lambda x: jnp.broadcast_to(x, (90_000, *x.shape)), view)
    counts = np.bincount(RandomValid().act(DEFAULT, (), tiled, KEY)[1], minlength=21)
    valid = np.asarray(view.action_mask)
    assert (counts[~valid] == 0).all()
    assert chisquare(counts[valid]).pvalue > 1e-3


def test_pass_passes(hand_made):
    assert choose(Pass(), hand_made(mu=30)) == 0


@pytest.mark.parametrize(
    ("leaves", "action"),
    [
        ({}, 0),
        ({"mu": 25.0}, 0),
        ({"mu": 25.25}, buy(10)),
        ({"mu": 22.5}, sell(10)),
        ({"mu": 25.25, "action_mask": only(4, 7)}, buy(4)),
        ({"mu": 22.5, "action_mask": only(4, 7)}, sell(7)),
        ({"mu": 22.5, "action_mask": only(4, 0)}, 0),
    ],
)
def test_ev_oracle_takes_the_most_on_the_side_of_mu(hand_made, leaves, action):
    assert choose(EvOracle("max"), hand_made(**leaves)) == action


def test_ev_oracle_fixed(hand_made):
    assert choose(EvOracle("fixed"), hand_made(mu=26)) == buy(1)
    assert choose(
        EvOracle("fixed", fixed_size=6), hand_made(mu=22, action_mask=only(9, 4))
    ) == sell(4)
    assert choose(EvOracle("fixed"), hand_made(mu=26, action_mask=only(0, 9))) == 0


@pytest.mark.parametrize(
    ("leaves", "action"),
    [
        ({"mu": 25.25, "sigma": 5.0, "wealth": 500.0}, buy(2)),  # 0.5 · 500 · 0.25 / 25 = 2.5
        ({"mu": 22.0, "sigma": 5.0, "wealth": 500.0}, sell(10)),  # 0.5 · 500 · 1 / 25 = 10
        ({"mu": 22.0, "sigma": 5.0, "wealth": 400.0}, sell(8)),
        ({"mu": 22.0, "sigma": 5.0, "wealth": 400.0, "action_mask": only(9, 3)}, sell(3)),
        ({"mu": 25.25, "sigma": 5.0, "wealth": 150.0}, 0),  # 0.75 of a unit
        (
            {"mu": 25.25, "sigma": 0.0, "wealth": 150.0, "action_mask": only(6, 3)},
            buy(6),
        ),  # a sure gain
        ({"mu": 25.25, "sigma": 0.0, "wealth": 0.0, "action_mask": only(0, 0)}, 0),
        ({"mu": 25.25, "sigma": 5.0, "wealth": -50.0, "action_mask": only(0, 0)}, 0),
    ],
)
def test_ev_oracle_kelly(hand_made, leaves, action):
    assert choose(EvOracle("kelly"), hand_made(**leaves)) == action


def test_the_kelly_bet_maximises_log_growth():
    """Bets that win or lose `sigma` around their mean edge, small beside wealth: full Kelly beats
    its neighbours.
    """
    wealth, edge, sigma = 5000.0, 0.05, 4.0
    best = float(kelly_units(jnp.float32(wealth), jnp.float32(edge), jnp.float32(sigma), 1.0))
    growth = lambda i: np.log(wealth + i * (edge + sigma)) + np.log(wealth + i * (edge - sigma))
    assert growth(best) > max(growth(best - 1.5), growth(best + 1.5))


def test_level1_downsizes_as_the_other_hits_harder(hand_made):
    view = hand_made(mu=25.6, displayed_ask=10.0)
    player, sizes = Level1(), []
    carry = player.init(KEY, ())
    for round_ in range(5):
        carry, action = player.act(
            DEFAULT, carry, view._replace(round=jnp.int32(round_), others_last=jnp.array([10])), KEY
        )
        sizes.append(int(action))
    assert choose(EvOracle(), view) == 10
    assert sizes[0] < 10
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < sizes[0]
    quiet = player.init(KEY, ())
    for round_ in range(5):
        quiet, action = player.act(DEFAULT, quiet, view._replace(round=jnp.int32(round_)), KEY)
    assert sizes[-1] < int(action) <= 10


def test_level1_estimates_each_side_from_the_rounds_that_favoured_it(hand_made):
    player = Level1()
    buys, sells, neither = (hand_made(mu=mu) for mu in (26.0, 22.0, 24.0))
    carry = player.init(KEY, ())
    favoured = [buys, sells, buys, neither, buys, neither]
    others = [
        0,
        4,
        3,
        -2,
        5,
        -7,
    ]  # of the round before: bought, bought though sells were favoured, sold, …
    for round_, (view, last) in enumerate(zip(favoured, others, strict=True)):
        carry, _ = player.act(
            DEFAULT,
            carry,
            view._replace(round=jnp.int32(round_), others_last=jnp.array([last])),
            KEY,
        )
    # Buys were favoured three times and met by +4, −2 and −7; sells once, and met by +3.
    assert float(player.hit_probability(carry, jnp.int32(1), 1)) == pytest.approx((1 + 1) / (2 + 3))
    assert float(player.hit_probability(carry, jnp.int32(-1), 1)) == pytest.approx(1 / (2 + 1))
    carry, _ = player.act(DEFAULT, carry, buys, KEY)  # round 0: a new game
    assert float(player.hit_probability(carry, jnp.int32(1), 1)) == 0.5


def test_level1_forgets_rounds_beyond_its_window(hand_made):
    player = Level1(window=2)
    carry = player.init(KEY, ())
    for round_, last in enumerate([0, 5, 0, 0]):
        view = hand_made(mu=26, round=round_, others_last=[last])
        carry, _ = player.act(DEFAULT, carry, view, KEY)
    assert float(player.hit_probability(carry, jnp.int32(1), 1)) == 1 / 4


@pytest.mark.parametrize(
    ("n_others", "size"),
    # alpha 0.3, edge 0.6, depth 10, p = 1/2, others at 10: the best i of i · (0.6 − 0.3 · E[(i + 10
    # k − 10)⁺]). One other: E = i / 2 and i · (0.6 − 0.15 i) is best at 2. Two: E = i / 2 + (i +
    # 10) / 4, so every unit loses.
    [(0, 10), (1, 2), (2, 0)],
)
def test_level1_counts_everybody(hand_made, n_others, size):
    view = hand_made(mu=25.6, displayed_ask=10.0, others_last=np.zeros(n_others, np.int32))
    assert choose(Level1("displayed"), view) == size


@pytest.mark.parametrize(
    ("sigma", "n_others", "size"),
    # sigma 0 means a depth of L_max, 20, though 10 are displayed: one other at 10 leaves 10 free.
    # With two others at 10 each with probability 1/2, E = i / 4 and i · (0.6 − 0.3 · i / 4) is best
    # at 4. A display below the cap is the true depth, whatever sigma is.
    [(0.0, 1, 10), (0.0, 2, 4)],
)
def test_level1_knows_how_deep_a_certain_market_is(hand_made, sigma, n_others, size):
    others = np.zeros(n_others, np.int32)
    view = hand_made(mu=25.6, sigma=sigma, displayed_ask=10.0, others_last=others)
    assert choose(Level1(), view) == size
    shallow = view._replace(displayed_ask=jnp.float32(8))
    assert choose(Level1(), shallow) == choose(Level1("displayed"), shallow)


def test_level1_without_impact_takes_all(hand_made):
    params = make_params(**{"flags.enable_impact": False})
    assert choose(Level1(), hand_made(mu=25.6), params) == 10


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"liquidity.cap": 2.5},
        {"alpha": 0},
        {"flags.enable_impact": False},
        {"initial_wealth": 60},
        {"alpha": 1.5, "sigma_q": 2, "liquidity.min": 0, "liquidity.max": 5, "liquidity.cap": 1},
    ],
)
def test_best_response_is_the_best_of_all_actions(reference, views, acts, overrides):
    params = make_params(**overrides)
    n = 4096
    view = jax.tree.map(lambda x: x[:n], views(2, params, seed=4))
    models = {
        "pass": Pass(),
        "random_valid": RandomValid(),
        "ev_oracle": EvOracle(),
        "equilibrium": Equilibrium(),
    }
    for name, model in models.items():
        action = np.asarray(acts[f"best_response:{name}"](params, (), view, KEY)[1])
        value = reference.expected_pnl(params, view, _law(model, params, view), 2)
        value = np.where(view.action_mask, value, -np.inf)
        chosen = value[np.arange(n), action]
        assert (value.max(-1) - chosen < 1e-5 + 1e-6 * np.abs(chosen)).all(), name


@functools.partial(jax.jit, static_argnums=0)
def _law(policy, params, view):
    return policy.action_probabilities(params, view)


def test_best_response_ties_go_to_passing(hand_made):
    assert choose(BestResponse(), hand_made(mu=25.0)) == 0
    assert choose(BestResponse(), hand_made(mu=26.0, action_mask=only(0, 0))) == 0


def test_best_response_alone_meets_nobody(hand_made):
    view = hand_made(mu=26.0, others_last=np.zeros(0, np.int32))
    assert choose(BestResponse(RandomValid()), view) == choose(BestResponse(), view) > 0


def test_best_response_to_the_equilibrium_earns_the_equilibrium(views):
    view = views(2, seed=5)

    @jax.jit
    def payoffs(view):
        p = Equilibrium().action_probabilities(DEFAULT, view)
        value = expected_pnl(DEFAULT, view, flow_of(p, 1))
        return (p * value).sum(-1), jnp.where(view.action_mask, value, -jnp.inf).max(-1)

    played, best = payoffs(view)
    np.testing.assert_allclose(played, best, atol=1e-5)


def test_ranking_in_the_default_game(play):
    """In self-play, in points of expected pnl per game: restraint pays, `ev_oracle` crowds itself
    out, and whoever takes the displayed depth for all there is leaves most of the money.
    """
    params = make_params(reward="expected_pnl")
    mean = {
        name: float(play(make_policy(name), 2, params, 6).reward.sum(0).mean())
        for name in ("random_valid", "ev_oracle", "level1:displayed", "level1", "equilibrium")
    }
    assert list(mean) == sorted(mean, key=mean.__getitem__)
    assert mean["ev_oracle"] < 0 < mean["level1:displayed"] < 0.25 * mean["equilibrium"]
    assert mean["level1"] == pytest.approx(0.926 * mean["equilibrium"], rel=0.03)


# All players


@jax.jit
def _view_with(key, wealth, params):
    """Views [32, 2] of fresh rounds, with this wealth, and any history."""
    env = CardMarket(2)

    def one(key):
        reset_key, last_key, round_key = jax.random.split(key, 3)
        _, state = env.reset(reset_key, params)
        players = state.players._replace(
            wealth=jnp.full(2, wealth),
            last_position=jax.random.randint(last_key, (2,), -10, 11),
        )
        return env.view(
            state._replace(players=players, round=jax.random.randint(round_key, (), 0, 10)), params
        )

    return jax.vmap(one)(jax.random.split(key, 32))


worlds = st.fixed_dictionaries(
    {
        "alpha": st.sampled_from([0.0, 0.03, 0.3, 5.0]),
        "sigma_q": st.sampled_from([0.0, 0.5, 3.0, 40.0]),
        "spread.min": st.sampled_from([0.0, 1.0]),
        "spread.s0": st.sampled_from([0.0, 0.8]),
        "liquidity.tau": st.sampled_from([0.0, 0.6, 3.0]),
        "liquidity.min": st.sampled_from([0.0, 2.0]),
        "liquidity.cap": st.sampled_from([0.0, 2.0, 10.0, 30.0]),
        "liquidity.kappa": st.sampled_from([1e-3, 48.0, 1e6]),
        "flags.enable_impact": st.booleans(),
        "flags.stop_out": st.booleans(),
    }
)
wealths = st.sampled_from([-1e6, -30.0, 0.0, 10.0, 24.0, 101.0, 500.0, 1e7]) | st.floats(
    -100, 1000, width=32
)


@settings(max_examples=25, deadline=None)
@given(worlds, wealths, st.integers(0, 2**31 - 1))
def test_no_player_ever_takes_an_invalid_action(acts, overrides, wealth, seed):
    params, key = make_params(**overrides), jax.random.key(seed)
    view = _view_with(key, np.float32(wealth), params)
    for name, act in acts.items():
        carry = POLICIES[name].init(key, (32, 2))
        for k in jax.random.split(key, 2):
            carry, action = act(params, carry, view, k)
            valid = jnp.take_along_axis(view.action_mask, action[..., None], -1)
            assert bool(valid.all()), name


@pytest.mark.parametrize(
    "name", ["random_valid", "ev_oracle:kelly", "level1", "best_response", "equilibrium"]
)
def test_jit_and_eager_agree(hand_made, acts, name):
    """On scalar views, whose eager operations the other tests have compiled already."""
    policy = POLICIES[name]
    eager_carry = carry = policy.init(KEY, ())
    for mu, key in zip((24.0, 25.7, 21.9, 26.1), jax.random.split(KEY, 4), strict=True):
        view = hand_made(mu=mu, displayed_ask=10, displayed_bid=3, round=2)
        eager_carry, eager = policy.act(DEFAULT, eager_carry, view, key)
        carry, action = acts[name](DEFAULT, carry, view, key)
        np.testing.assert_array_equal(action, eager)
        chex.assert_trees_all_equal(carry, eager_carry)


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("shape", [(), (5,), (5, 3)])
def test_any_leading_shape(hand_made, name, shape):
    """An action int32 of the views' shape, and a carry that keeps its shapes and types."""
    policy = POLICIES[name]
    view = jax.tree.map(lambda x: jnp.broadcast_to(x, shape + x.shape), hand_made())
    carry = policy.init(KEY, shape)
    after, action = jax.eval_shape(policy.act, DEFAULT, carry, view, KEY)
    assert (action.shape, action.dtype, action.weak_type) == (shape, jnp.int32, False)
    assert jax.tree.map(lambda x: (x.shape, x.dtype), after) == jax.tree.map(
        lambda x: (x.shape, x.dtype), carry
    )


@pytest.mark.parametrize("name", ["ev_oracle:kelly", "level1", "best_response:random_valid"])
def test_entries_of_a_batch_do_not_touch_each_other(acts, name):
    view, policy = _view_with(KEY, np.float32(500), DEFAULT), POLICIES[name]
    flat = jax.tree.map(lambda x: x.reshape(64, *x.shape[2:])[::-1], view)
    action = acts[name](DEFAULT, policy.init(KEY, (32, 2)), view, KEY)[1]
    flat_action = acts[name](DEFAULT, policy.init(KEY, (64,)), flat, KEY)[1]
    np.testing.assert_array_equal(action.reshape(64), flat_action[::-1])


@pytest.mark.parametrize(
    "name", [name for name, policy in POLICIES.items() if isinstance(policy, Memoryless)]
)
def test_probabilities_are_those_of_the_acts(acts, name):
    view = _view_with(jax.random.key(7), np.float32(110), DEFAULT)
    p = np.asarray(_law(POLICIES[name], DEFAULT, view))
    assert p.shape == (32, 2, 21)
    assert p.dtype == np.float32
    np.testing.assert_allclose(p.sum(-1), 1, atol=1e-6)
    assert (p[~np.asarray(view.action_mask)] == 0).all()
    action = np.asarray(acts[name](DEFAULT, (), view, KEY)[1])
    assert (np.take_along_axis(p, action[..., None], -1) > 0).all()


def test_params_can_be_a_vmapped_grid(hand_made):
    alphas = jnp.array([0.01, 0.1, 1.0], jnp.float32)
    view = hand_made(mu=26.0, displayed_ask=4.0)
    act = jax.jit(lambda alpha: Equilibrium().act(DEFAULT.replace(alpha=alpha), (), view, KEY)[1])
    grid = jax.jit(jax.vmap(act))(alphas)
    np.testing.assert_array_equal(grid, [act(alpha) for alpha in alphas])
    assert (np.diff(np.abs(position_of(grid))) < 0).all()


def test_expected_pnl_of_best_response_is_the_stage_game_s(hand_made):
    view = hand_made(mu=26.0)
    np.testing.assert_array_equal(
        BestResponse().expected_pnl(DEFAULT, view), expected_pnl(DEFAULT, view, NOBODY)
    )
