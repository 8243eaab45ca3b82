"""cardjax.make and what it returns: the contract that outside code relies on."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cardjax
from cardjax import env as market_room

INFO = {
    "event",
    "event_kind",
    "cards",
    "n_hints",
    "S",
    "mu",
    "sigma",
    "bid",
    "ask",
    "mid",
    "spread",
    "depth_bid",
    "depth_ask",
    "displayed_bid",
    "displayed_ask",
    "action",
    "rejected",
    "exec_price",
    "fill_ratio",
    "slippage",
    "pnl",
    "wealth",
    "action_mask",
    "final_observation",
    "terminated",
    "truncated",
}
"""docs/rules.md, "What a step reports"."""
PER_PLAYER = {"action", "rejected", "exec_price", "fill_ratio", "slippage", "pnl", "wealth"}
KEY = jax.random.key(0)
GAMES = {
    "single": (cardjax.make("single"), ()),
    "two": (cardjax.make("two"), (2,)),
    "four": (cardjax.make("two", n_players=4), (4,)),
}


@pytest.fixture(params=GAMES)
def game(request):
    """(env, params, the player axis), () for the single game."""
    (env, params), axis = GAMES[request.param]
    return env, params, axis


def shapes(function, *args):
    """Shapes of the arrays that a function would return, without running it."""
    return jax.tree.map(lambda leaf: leaf.shape, jax.eval_shape(function, *args))


def state_of(env, params):
    return jax.eval_shape(env.reset, KEY, params)[1]


def test_reset_gives_an_observation_for_each_player(game):
    env, params, axis = game
    obs, _ = jax.eval_shape(env.reset, KEY, params)
    assert obs.shape == (*axis, env.observation_size)
    assert obs.dtype == jnp.float32


def test_step_gives_six_things_in_gymnax_order(game):
    env, params, axis = game
    action = jnp.zeros(axis, jnp.int32)
    obs, state, reward, terminated, truncated, info = jax.eval_shape(
        env.step, KEY, state_of(env, params), action, params
    )
    assert obs.shape == (*axis, env.observation_size)
    assert reward.shape == axis
    assert (terminated.shape, terminated.dtype) == ((), jnp.bool_)
    assert (truncated.shape, truncated.dtype) == ((), jnp.bool_)
    assert shapes(lambda: state) == shapes(lambda: state_of(env, params))
    assert set(info) == INFO


def test_step_env_gives_the_five_without_truncation(game):
    env, params, axis = game
    action = jnp.zeros(axis, jnp.int32)
    obs, _, reward, terminated, info = shapes(
        env.step_env, KEY, state_of(env, params), action, params
    )
    assert (obs, reward, terminated) == ((*axis, env.observation_size), axis, ())
    assert set(info) == INFO


def test_info_is_per_player_where_the_rules_say_so(game):
    env, params, axis = game
    info = shapes(env.step, KEY, state_of(env, params), jnp.zeros(axis, jnp.int32), params)[-1]
    wide = {
        "cards": (3,),
        "action_mask": (*axis, 21),
        "final_observation": (*axis, env.observation_size),
    }
    expected = {name: axis if name in PER_PLAYER else () for name in INFO} | wide
    assert info == expected


def test_the_mask_has_21_actions_a_player(game):
    env, params, axis = game
    mask = jax.eval_shape(env.action_mask, state_of(env, params), params)
    assert (mask.shape, mask.dtype) == ((*axis, 21), jnp.bool_)


def test_the_spaces_have_the_shapes_of_what_they_describe(game):
    env, params, axis = game
    assert env.observation_space(params).shape == (*axis, env.observation_size)
    assert (env.action_space(params).n, env.action_space(params).shape) == (21, axis)


def test_the_fields_cover_the_observation_without_gaps(game):
    env, _, _ = game
    stops = [0, *(field.slice.stop for field in env.observation_fields.values())]
    assert [field.slice.start for field in env.observation_fields.values()] == stops[:-1]
    assert stops[-1] == env.observation_size
    assert all(field.scale > 0 and field.doc for field in env.observation_fields.values())


def test_reset_and_step_run_and_the_mask_is_the_one_that_applied():
    (env, params), _ = GAMES["two"]
    _, state = env.reset(KEY, params)
    mask = env.action_mask(state, params)
    _, _, reward, terminated, truncated, info = env.step(KEY, state, jnp.array([1, 0]), params)
    assert (info["action_mask"] == mask).all()
    assert reward[1] == 0
    assert not terminated
    assert not truncated


# Overrides


def test_two_is_the_default_kind():
    assert cardjax.make()[0] == cardjax.make("two")[0]


@pytest.mark.parametrize("prefix", ["", "env."])
def test_overrides_go_by_dotted_name_with_or_without_env(prefix):
    overrides = {"alpha": 0.5, "flags.enable_impact": False, "liquidity.kappa": 30, "hints": 3}
    _, params = cardjax.make("two", **{prefix + name: value for name, value in overrides.items()})
    assert params.alpha == np.float32(0.5)
    assert not params.flags.enable_impact
    assert params.liquidity.kappa == 30
    assert list(params.hints) == [0, 0, 0, 1]


def test_what_is_not_overridden_is_the_presets():
    _, params = cardjax.make("two", alpha=0.5)
    _, default = cardjax.make("two", preset="default")
    chex.assert_trees_all_equal(params.replace(alpha=default.alpha), default)


@pytest.mark.parametrize(
    "overrides",
    [{"n_players": 4}, {"env.n_players": 4}, {"n_players": 2, "env.n_players": 4}],
    ids=str,
)
def test_players_count_under_either_name(overrides):
    assert cardjax.make("two", **overrides)[0].n_players == 4


def test_the_kind_can_be_overridden_by_dotted_name_too():
    assert cardjax.make("two", **{"env.kind": "single"})[0] == cardjax.make("single")[0]


@pytest.mark.parametrize("name", ["observe_posterior", "env.observe_posterior"])
def test_observing_the_posterior_adds_mu_and_sigma_at_the_end(name):
    plain, _ = cardjax.make("two")
    env, params = cardjax.make("two", **{name: True})
    assert list(env.observation_fields) == [*plain.observation_fields, "mu", "sigma"]
    obs, _ = jax.eval_shape(env.reset, KEY, params)
    assert obs.shape == (2, plain.observation_size + 2)


# Refusals


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "three"}, "env.kind = three: must be one of single, two"),
        ({"kind": None}, "env.kind = null: must be one of single, two"),
        (
            {"kind": "commons"},
            "env.kind = commons: must be one of single, two; commons is a preset: preset=commons",
        ),
        ({"preset": "nope"}, "env.preset = nope: must be one of "),
        ({"n_players": 0}, r"env.n_players = 0: must be a whole number in \[1, 16\]"),
        ({"n_players": 2.0}, r"env.n_players = 2.0: must be a whole number in \[1, 16\]"),
        ({"kind": "single", "n_players": 2}, "env.n_players = 2: must be 1 for env.kind = single"),
        ({"alpha": -1}, r"env.alpha = -1: must be a number in \[0, 1000000\]"),
        ({"aplha": 1}, "env.aplha = 1: unknown name; did you mean env.alpha"),
        ({"env.alpha": "x"}, r"env.alpha = x: must be a number in \[0, 1000000\]"),
        ({"observe_posterior": 1}, "env.observe_posterior = 1: must be on or off"),
        (
            {"inventory": "on"},
            "env.inventory = on: must be on or off, without quotes; True or False in Python$",
        ),
        ({"spread.min": 5}, "env.spread.min = 5.0: must be at most env.spread.max = 3"),
    ],
    ids=str,
)
def test_what_is_not_allowed_is_a_value_error_of_one_line(arguments, message):
    with pytest.raises(ValueError, match=f"^{message}") as refusal:
        cardjax.make(**arguments)
    assert "\n" not in str(refusal.value)


# What `import cardjax.env` offers beside the market


def test_posterior_takes_an_event_and_hint_counts():
    counts = jnp.zeros(13, jnp.int32).at[10].set(3)  # three queens: nothing is left to guess
    mu, sigma = market_room.posterior(0, counts)
    assert (mu, sigma) == (36, 0)


def test_events_have_kinds_and_remaps_have_ids():
    assert market_room.EVENT_KINDS == (
        "none",
        "ge10_only",
        "le7_only",
        "even_only",
        "odd_only",
        "remap_value",
    )
    assert market_room.remap_event(2, 3) == 5
    assert market_room.remap_event(14, 13) == 160
