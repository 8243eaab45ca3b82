"""The game as reset and step: rounds, ends, resets, stop-out, switches, and what a step reports."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.env import CardMarket, make_params

MARKET_INFO = {
    "event": (),
    "event_kind": (),
    "cards": (3,),
    "n_hints": (),
    "S": (),
    "mu": (),
    "sigma": (),
    "bid": (),
    "ask": (),
    "mid": (),
    "spread": (),
    "depth_bid": (),
    "depth_ask": (),
    "displayed_bid": (),
    "displayed_ask": (),
    "terminated": (),
    "truncated": (),
}
PLAYER_INFO = {
    "action": (),
    "rejected": (),
    "exec_price": (),
    "fill_ratio": (),
    "slippage": (),
    "pnl": (),
    "wealth": (),
    "action_mask": (21,),
}
VARIANTS = [(1, True), (1, False), (2, False), (4, False)]
STOP_OUT = make_params(**{"flags.stop_out": True})


def assert_same(a, b):
    """The same tree, bit for bit."""
    assert jax.tree.structure(a) == jax.tree.structure(b)
    chex.assert_trees_all_equal(a, b)


def actions_of(env, action=0):
    return jnp.full(env.action_space(None).shape, action, jnp.int32)


def played_to_the_last_round(g, params, seed=0):
    """The state before a game's tenth and last round."""
    key = jax.random.key(seed)
    _, state = g.reset(key, params)
    for t in range(9):
        _, state, _, terminated, _, _ = g.step(
            jax.random.fold_in(key, t), state, actions_of(g.env, 2), params
        )
        assert not terminated
    return state


# --- shapes, types, what is reported


@pytest.mark.parametrize(("n_players", "squeeze"), VARIANTS)
@pytest.mark.parametrize("observe_posterior", [False, True])
def test_outputs_have_the_shapes_of_the_contract(n_players, squeeze, observe_posterior):
    env, params = CardMarket(n_players, squeeze, observe_posterior), make_params()
    lead, D = () if squeeze else (n_players,), 53 + 2 * n_players + 2 * observe_posterior
    obs, state = jax.eval_shape(env.reset, jax.random.key(0), params)
    after, _, reward, terminated, truncated, info = jax.eval_shape(
        env.step, jax.random.key(0), state, actions_of(env), params
    )
    assert obs.shape == after.shape == (*lead, D)
    assert reward.shape == lead and terminated.shape == truncated.shape == ()
    assert jax.eval_shape(env.action_mask, state, params).shape == (*lead, 21)
    expected = MARKET_INFO | {name: (*lead, *shape) for name, shape in PLAYER_INFO.items()}
    expected["final_observation"] = (*lead, D)
    assert {name: leaf.shape for name, leaf in info.items()} == expected


@pytest.mark.parametrize(("n_players", "squeeze"), VARIANTS)
@pytest.mark.parametrize("dtype", [jnp.int32, jnp.float32])
def test_every_leaf_is_a_strong_float32_int32_or_bool(n_players, squeeze, dtype):
    env, params, key = CardMarket(n_players, squeeze), make_params(), jax.random.key(0)
    _, state = jax.eval_shape(env.reset, key, params)
    actions = actions_of(env).astype(dtype)
    outputs = {
        "reset": jax.eval_shape(env.reset, key, params),
        "step": jax.eval_shape(env.step, key, state, actions, params),
        "step_env": jax.eval_shape(env.step_env, key, state, actions, params),
        "view": jax.eval_shape(env.view, state, params),
    }
    for path, leaf in jax.tree_util.tree_leaves_with_path(outputs):
        assert leaf.dtype in (jnp.float32, jnp.int32, jnp.bool_) and not leaf.weak_type, (
            jax.tree_util.keystr(path)
        )
    assert outputs["step"][2].dtype == jnp.float32 and outputs["step"][3].dtype == jnp.bool_


@pytest.mark.parametrize(("n_players", "squeeze"), VARIANTS)
def test_a_step_keeps_the_states_structure(n_players, squeeze):
    env, params, key = CardMarket(n_players, squeeze), make_params(), jax.random.key(0)
    _, state = jax.eval_shape(env.reset, key, params)
    for step in (env.step, env.step_env):
        after = jax.eval_shape(step, key, state, actions_of(env), params)[1]
        assert jax.tree.structure(after) == jax.tree.structure(state)
        assert jax.tree.leaves(after) == jax.tree.leaves(state)


def test_info_tells_of_the_round_just_settled(game):
    g, params = game(2), make_params()
    _, state = g.reset(jax.random.key(5), params)
    view, mask = g.view(state, params), g.mask(state, params)
    _, after, reward, terminated, truncated, info = g.step(
        jax.random.key(6), state, jnp.array([1, 12]), params
    )
    for name in (
        "bid",
        "ask",
        "mid",
        "spread",
        "displayed_bid",
        "displayed_ask",
        "event",
        "mu",
        "sigma",
    ):
        assert info[name] == getattr(view, name)[0]
    np.testing.assert_array_equal(info["action_mask"], mask)
    np.testing.assert_array_equal(info["pnl"], reward)
    np.testing.assert_array_equal(info["wealth"], g.view(after, params).wealth)
    np.testing.assert_array_equal(info["action"], [1, 12])
    assert (info["terminated"], info["truncated"]) == (terminated, truncated)
    assert info["event_kind"] == np.minimum(view.event[0], 5)


def test_single_is_one_player_without_the_player_axis(game):
    single, one = game(1, squeeze=True), game(1)
    quantiles = np.random.default_rng(0).random((12, 1), np.float32)
    params = make_params()
    with_axis = one.play_valid(jax.random.key(1), quantiles, params)
    without = single.play_valid(jax.random.key(1), quantiles[:, 0], params)
    assert_same(with_axis.state, without.state)
    np.testing.assert_array_equal(with_axis.obs[:, 0], without.obs)
    np.testing.assert_array_equal(with_axis.reward[:, 0], without.reward)
    for name in (*PLAYER_INFO, "final_observation"):
        np.testing.assert_array_equal(with_axis.info[name][:, 0], without.info[name])


def test_a_raw_key_plays_as_its_typed_one(game):
    g, params = game(2), make_params()
    assert_same(g.reset(jax.random.PRNGKey(3), params), g.reset(jax.random.key(3), params))


def test_action_space_names_21_actions_for_each_player():
    assert CardMarket(1, squeeze=True).action_space(make_params()) == (21, (), np.dtype(np.int32))
    assert CardMarket(3).action_space(make_params()) == (21, (3,), np.dtype(np.int32))


# --- a game's course


def test_a_game_lasts_ten_rounds_and_ends_naturally(game):
    g = game(2)
    quantiles = np.random.default_rng(0).random((12, 2), np.float32)
    record = g.play_valid(jax.random.key(2), quantiles, make_params())
    np.testing.assert_array_equal(np.flatnonzero(record.terminated), [9])
    assert not record.truncated.any() and not record.info["truncated"].any()
    np.testing.assert_array_equal(record.state.round, np.arange(1, 13) % 10)


def test_wealth_is_carried_from_round_to_round_and_not_to_the_next_game(game):
    g = game(2)
    quantiles = np.random.default_rng(1).random((12, 2), np.float32)
    record = g.play_valid(jax.random.key(3), quantiles, make_params())
    pnl, wealth = record.info["pnl"], record.info["wealth"]
    np.testing.assert_allclose(wealth[:10], 500 + np.cumsum(pnl[:10], 0), rtol=1e-6)
    np.testing.assert_allclose(wealth[10:], 500 + np.cumsum(pnl[10:], 0), rtol=1e-6)
    assert np.abs(pnl).sum() > 0


@pytest.mark.parametrize(("n_players", "squeeze"), VARIANTS[:3])
def test_a_game_that_ends_begins_anew_exactly_as_reset_would(game, n_players, squeeze):
    g, params, key = game(n_players, squeeze), make_params(), jax.random.key(77)
    last = played_to_the_last_round(g, params)
    obs, state, _, terminated, truncated, _ = g.step(key, last, actions_of(g.env, 2), params)
    assert terminated and not truncated
    assert_same((obs, state), g.reset(key, params))


@pytest.mark.parametrize("at_the_end", [False, True])
def test_final_observation_is_what_step_env_shows(game, at_the_end):
    g, params, key = game(2), make_params(), jax.random.key(78)
    state = played_to_the_last_round(g, params) if at_the_end else g.reset(key, params)[1]
    obs, _, reward, terminated, _, info = g.step(key, state, actions_of(g.env, 3), params)
    env_obs, _, env_reward, env_terminated, env_info = g.step_env(
        key, state, actions_of(g.env, 3), params
    )
    assert_same((info, reward, terminated), (env_info, env_reward, env_terminated))
    np.testing.assert_array_equal(info["final_observation"], env_obs)
    assert terminated == at_the_end and np.array_equal(obs, env_obs) == (not at_the_end)


def test_step_env_never_resets(game):
    g, params = game(2), make_params()
    state = played_to_the_last_round(g, params)
    wealth = np.asarray(g.view(state, params).wealth)
    for t in range(10, 14):
        obs, state, _, terminated, info = g.step_env(
            jax.random.key(t), state, actions_of(g.env, 1), params
        )
        wealth = wealth + info["pnl"]
        assert terminated and state.round == t
        np.testing.assert_allclose(g.view(state, params).wealth, wealth, rtol=1e-6)
        assert np.isfinite(obs).all()


def test_the_key_alone_decides_a_first_round(game):
    params = make_params()
    assert_same(
        game(1).reset(jax.random.key(4), params)[1].market,
        game(4).reset(jax.random.key(4), params)[1].market,
    )


# --- stop-out


@pytest.mark.parametrize(
    ("wealth", "out"),
    [(500, False), (100.5, False), (100, True), (99, True), (0, True), (-250, True)],
)
def test_a_player_at_a_fifth_of_the_budget_or_below_is_out(game, scripted, wealth, out):
    mask = np.asarray(game(2).mask(scripted(2, wealth=[wealth, 500]), STOP_OUT))
    assert mask[:, 0].all()
    assert mask[0, 1:].any() == (not out) and mask[1, 1:].any()


def test_stop_out_is_off_by_default(game, scripted):
    g = game(2)
    state = scripted(2, wealth=[90, 60])
    assert g.mask(state, make_params())[:, 1:].any(1).all()
    _, _, _, terminated, _ = g.step_env(jax.random.key(0), state, jnp.array([1, 0]), make_params())
    assert not terminated


def test_the_level_scales_with_the_budget(game, scripted):
    params = make_params(initial_wealth=1000, stop_out_level=0.5, **{"flags.stop_out": True})
    mask = game(2).mask(scripted(2, wealth=[500, 501]), params)
    np.testing.assert_array_equal(mask[:, 1:].any(1), [False, True])


def test_an_order_of_a_player_who_is_out_is_rejected(game, scripted):
    _, _, reward, terminated, info = game(2).step_env(
        jax.random.key(0), scripted(2, wealth=[100, 500]), jnp.array([1, 1]), STOP_OUT
    )
    assert info["rejected"].tolist() == [True, False] and reward.tolist() == [0, 3.5]
    assert not terminated, "one player is still in"


def test_the_game_terminates_when_every_player_is_out(game, scripted):
    # The second player buys 3 at 20.5 with S = 6: 110 − 3·14.5 = 66.5, at most 100.
    g, key = game(2), jax.random.key(8)
    state = scripted(2, wealth=[90, 110], S=6, played=2)
    _, after, _, terminated, info = g.step_env(key, state, jnp.array([0, 3]), STOP_OUT)
    assert terminated and info["wealth"].tolist() == [90, 66.5] and after.round == 3
    obs, fresh, _, terminated, truncated, _ = g.step(key, state, jnp.array([0, 3]), STOP_OUT)
    assert terminated and not truncated
    assert_same((obs, fresh), g.reset(key, STOP_OUT))


def test_a_loss_that_leaves_more_than_a_fifth_does_not_end_the_game(game, scripted):
    # 110 − 1·(20.5 − 12) = 101.5.
    _, _, _, terminated, info = game(1).step_env(
        jax.random.key(0), scripted(wealth=110, S=12), jnp.array([1]), STOP_OUT
    )
    assert info["wealth"].tolist() == [101.5] and not terminated


def test_impact_can_ruin_a_player_who_then_only_passes(game, scripted):
    # Two buyers of 10 with 300 each: overflow 14 at alpha 5, price 90.5, pnl 10·(24 − 90.5) = −665.
    g, params = game(2), make_params(alpha=5)
    _, state, _, terminated, info = g.step_env(
        jax.random.key(0), scripted(2, wealth=300), jnp.array([10, 10]), params
    )
    assert info["wealth"].tolist() == [-365, -365] and not terminated
    np.testing.assert_array_equal(g.mask(state, params), [[True] + [False] * 20] * 2)
    _, state, reward, _, info = g.step_env(jax.random.key(1), state, jnp.array([5, 0]), params)
    assert info["rejected"].tolist() == [True, False] and reward.tolist() == [0, 0]
    assert info["wealth"].tolist() == [-365, -365]


# --- switches


@pytest.mark.parametrize("n_hints", range(4))
def test_a_fixed_number_of_hints(sample_rounds, n_hints):
    rounds = sample_rounds(make_params(hints=n_hints))
    assert (rounds["n_hints"] == n_hints).all()


def test_events_off_means_event_zero_and_no_remap(game):
    g = game(1, squeeze=True)
    params = make_params(**{"flags.enable_events": False, "events.remap": 0.9})
    record = g.play_valid(jax.random.key(9), np.zeros(12, np.float32), params)
    assert (record.info["event"] == 0).all() and (record.info["event_kind"] == 0).all()
    fields = g.env.observation_fields
    assert (record.obs[:, fields["event_kind"].slice] == np.eye(6)[0]).all()
    assert (
        not record.obs[:, fields["remap_from"].slice].any()
        and not record.obs[:, fields["remap_to"].slice].any()
    )


def test_events_off_forgets_an_event_that_would_persist(game, scripted):
    params = make_params(event_persist=1, **{"flags.enable_events": False})
    _, state, *_ = game(1).step_env(jax.random.key(0), scripted(event=77), jnp.array([0]), params)
    assert state.market.event == 0


def test_event_persist_one_keeps_the_event_for_the_whole_game(sample_rounds):
    events = sample_rounds(make_params(event_persist=1))["event"]
    assert (events[:10] == events[0]).all() and len(np.unique(events[0])) == 161
    assert (events[10] != events[9]).any()


def test_a_persisting_remap_keeps_its_pair(game, scripted):
    _, state, *_ = game(1).step_env(
        jax.random.key(0), scripted(event=123), jnp.array([0]), make_params(event_persist=1)
    )
    assert state.market.event == 123


@pytest.mark.parametrize("kind", ["none", "ge10_only", "le7_only", "even_only", "odd_only"])
def test_a_kind_of_frequency_one_is_the_only_one(sample_rounds, kind):
    kinds = ["none", "ge10_only", "le7_only", "even_only", "odd_only"]
    frequencies = {f"events.{k}": float(k == kind) for k in kinds}
    rounds = sample_rounds(make_params(**frequencies, **{"events.remap": 0}))
    assert (rounds["event"] == kinds.index(kind)).all()
