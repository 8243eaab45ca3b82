"""What holds of every game, whatever the keys and actions: properties over random ones."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cardjax.env import make_params, params_grid

ROUNDS = 12
"""A game and the first two rounds of the next."""
PER_PLAYER = (
    "action",
    "rejected",
    "exec_price",
    "fill_ratio",
    "slippage",
    "pnl",
    "wealth",
    "action_mask",
)

examples = settings(deadline=None, derandomize=True, max_examples=60)
seeds = st.integers(0, 2**31 - 1)
# Compiled code reads subnormal floats as 0, which is a pass.
anything = st.floats(width=32, allow_subnormal=False)
telling = st.sampled_from([np.nan, np.inf, -np.inf, -1, 21, 3.5, 1e9, 7, 17])


def any_actions(n_players):
    return hnp.arrays(np.int32, (ROUNDS, n_players), elements=st.integers(-2, 22))


def assert_same(a, b):
    """The same tree, bit for bit."""
    assert jax.tree.structure(a) == jax.tree.structure(b)
    chex.assert_trees_all_equal(a, b)


def assert_close(a, b):
    """The same integers and flags, and floats that differ by rounding only."""

    def compare(x, y):
        if np.issubdtype(np.asarray(x).dtype, np.floating):
            np.testing.assert_allclose(x, y, rtol=2e-5, atol=2e-5)
        else:
            np.testing.assert_array_equal(x, y)

    assert jax.tree.structure(a) == jax.tree.structure(b)
    jax.tree.map(compare, a, b)


def market_of(record):
    """All that a record says of the market, and nothing of the players."""
    info = {
        name: leaf
        for name, leaf in record.info.items()
        if name not in (*PER_PLAYER, "final_observation")
    }
    return record.first_state.market, record.state.market, info


@examples
@given(
    seed=seeds,
    quantiles=hnp.arrays(np.float32, (ROUNDS, 3), elements=st.floats(0, 0.96875, width=32)),
    alpha=st.sampled_from([0.3, 50.0]),
)
def test_a_valid_action_is_never_rejected(game, seed, quantiles, alpha):
    record = game(3).play_valid(
        jax.random.key(seed), quantiles, make_params(alpha=alpha, initial_wealth=200)
    )
    assert not record.info["rejected"].any()


@examples
@given(seed=seeds, actions=any_actions(3))
def test_an_action_is_rejected_exactly_where_its_mask_forbids_it(game, seed, actions):
    record = game(3).play(jax.random.key(seed), actions, make_params(alpha=20, initial_wealth=200))
    allowed = np.take_along_axis(
        np.asarray(record.info["action_mask"]), np.clip(actions, 0, 20)[..., None], -1
    )[..., 0]
    allowed &= (actions >= 0) & (actions <= 20)
    np.testing.assert_array_equal(record.info["rejected"], ~allowed)
    np.testing.assert_array_equal(record.info["action"], np.where(allowed, actions, 0))


@examples
@given(seed=seeds, first=any_actions(2), second=any_actions(2))
def test_the_same_key_brings_the_same_market_to_other_actions(game, seed, first, second):
    params = make_params(alpha=5)
    a, b = (game(2).play(jax.random.key(seed), actions, params) for actions in (first, second))
    assert_same(market_of(a), market_of(b))


@examples
@given(seed=seeds, actions=any_actions(3), order=st.permutations(range(3)))
def test_players_are_interchangeable(game, seed, actions, order):
    # Seats change nothing but the order in which the others are listed.
    params = make_params(initial_wealth=300)
    a = game(3).play(jax.random.key(seed), actions, params)
    b = game(3).play(jax.random.key(seed), actions[:, order], params)
    assert_same(market_of(a), market_of(b))
    for name in PER_PLAYER:
        np.testing.assert_array_equal(np.asarray(a.info[name])[:, order], b.info[name])
    np.testing.assert_array_equal(np.asarray(a.reward)[:, order], b.reward)


@examples
@given(seed=seeds, actions=any_actions(3), others=any_actions(2))
def test_without_impact_a_players_result_is_its_own_doing(game, seed, actions, others):
    params = make_params(**{"flags.enable_impact": False})
    changed = np.concatenate([actions[:, :1], others], 1)
    a, b = (game(3).play(jax.random.key(seed), rows, params) for rows in (actions, changed))
    for name in set(PER_PLAYER) - {
        "fill_ratio"
    }:  # what depth absorbs of the common flow is reported all the same
        np.testing.assert_array_equal(a.info[name][:, 0], b.info[name][:, 0])
    np.testing.assert_array_equal(a.reward[:, 0], b.reward[:, 0])


@examples
@given(seed=seeds, actions=any_actions(2), more=st.integers(1, 9))
def test_with_impact_more_flow_on_ones_side_never_helps(game, seed, actions, more):
    # Raising the second player's buy can only raise what the first pays for its own.
    params = make_params(alpha=2, initial_wealth=1e6)
    buys = np.clip(np.abs(actions), 1, 10).astype(np.int32)
    heavier = buys.copy()
    heavier[:, 1] = np.minimum(buys[:, 1] + more, 10)
    a, b = (game(2).play(jax.random.key(seed), rows, params) for rows in (buys, heavier))
    assert (b.info["exec_price"][:, 0] >= a.info["exec_price"][:, 0]).all()
    assert (b.info["pnl"][:, 0] <= a.info["pnl"][:, 0]).all()


@examples
@given(
    seed=seeds, actions=hnp.arrays(np.float32, (ROUNDS, 2), elements=st.one_of(anything, telling))
)
def test_no_action_however_strange_makes_anything_infinite(game, seed, actions):
    record = game(2).play(jax.random.key(seed), actions, make_params())
    for path, leaf in jax.tree_util.tree_leaves_with_path(record):
        assert np.isfinite(leaf).all(), jax.tree_util.keystr(path)
    with np.errstate(invalid="ignore"):
        named = (actions >= 0) & (actions <= 20) & (actions == np.floor(actions))
    assert np.asarray(record.info["rejected"])[~named].all()


def test_vmap_over_games_equals_a_loop(game):
    # Floats to a rounding, since a vectorised exp or log may differ from a scalar one in its last
    # bit.
    g, params = game(2), make_params()
    actions = np.random.default_rng(0).integers(0, 21, (16, ROUNDS, 2)).astype(np.int32)
    keys = jax.random.split(jax.random.key(1), 16)
    together = jax.jit(jax.vmap(g.play, (0, 0, None)))(keys, actions, params)
    for i in range(16):
        assert_close(
            jax.tree.map(lambda leaf, i=i: leaf[i], together), g.play(keys[i], actions[i], params)
        )


def test_jit_equals_eager(game):
    # Floats to a rounding: compiled code contracts products and sums.
    g, params, key = game(2), make_params(), jax.random.key(5)
    obs, state = g.env.reset(key, params)
    assert_close((obs, state), g.reset(key, params))
    action = jnp.array([3, 14])
    assert_close(g.env.step(key, state, action, params), g.step(key, state, action, params))
    assert_close(g.env.view(state, params), g.view(state, params))


def test_a_grid_of_parameters_under_vmap_equals_single_runs(game):
    g = game(2)
    axes = {
        "alpha": [0.0, 2.0],
        "hints": [1, [0.1, 0.2, 0.3, 0.4]],
        "flags.enable_impact": [True, False],
        "reward": ["log_wealth", "expected_pnl"],
    }
    grid, combinations = params_grid(make_params(event_persist=0.5), **axes)
    actions = np.random.default_rng(2).integers(0, 21, (ROUNDS, 2)).astype(np.int32)
    key = jax.random.key(6)
    together = jax.jit(jax.vmap(g.play, (None, None, 0)))(key, actions, grid)
    assert len(combinations) == 16 == len(together.reward)
    for i, combination in enumerate(combinations):
        alone = g.play(key, actions, make_params(event_persist=0.5, **combination))
        assert_close(jax.tree.map(lambda leaf, i=i: leaf[i], together), alone)


@examples
@given(seed=seeds)
def test_other_keys_bring_other_markets(game, seed):
    actions, params = np.zeros((ROUNDS, 2), np.int32), make_params()
    a, b = (game(2).play(jax.random.key(s), actions, params) for s in (seed, seed + 1))
    assert (a.info["mid"] != b.info["mid"]).all()
    assert len(np.unique(a.info["mid"])) == ROUNDS
