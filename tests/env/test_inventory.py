"""Games in which units are carried from round to round (docs/rules.md#inventory)."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cardjax.env import REWARD_KINDS, CardMarket, beliefs, make_params, quotes
from cardjax.env.inventory import mark_of
from cardjax.env.state import new_players

ROUNDS = 22
"""Two games and the first two rounds of a third."""
MODES = ("known", "hidden")
RISKY = {"risk.phi": 0.02, "risk.phi_end": 0.5, "inventory_limit": 7}


@pytest.fixture(scope="module")
def played(game):
    """played(event_info="known", n_players=3, **params): (game, params, record) of 22 rounds of
    random valid play.
    """

    def play(event_info="known", n_players=3, **overrides):
        g = game(n_players, event_info=event_info, inventory=True)
        params = make_params(**(RISKY | overrides))
        quantiles = np.random.default_rng(0).random((ROUNDS, n_players), np.float32)
        return g, params, g.play_valid(jax.random.key(1), quantiles, params)

    return play


def states_before(record):
    """The state before each round, leaves [T, …]."""
    return jax.tree.map(
        lambda first, later: np.concatenate([np.asarray(first)[None], later[:-1]]),
        record.first_state,
        record.state,
    )


@functools.cache
def views_of(env):
    """(states, params) → their views, compiled once."""
    return jax.jit(jax.vmap(env.view, (0, None)))


def mark_by_hand(event):
    """Three times the mean value of a card in the event's deck."""
    ranks = np.arange(2, 15)
    kept = [ranks, ranks[8:], ranks[:6], ranks[::2], ranks[1::2]]
    if event < 5:
        return 3 * kept[event].mean()
    x, y = divmod(event - 5, 12)
    value = ranks.astype(float)
    value[x] = ranks[y if y < x else y + 1]
    return 3 * value.mean()


def position_of(action):
    return np.where(action > 10, 10 - action, action)


# The accounts


@pytest.mark.parametrize("reward", REWARD_KINDS)
def test_the_accounts_are_those_of_a_plain_program(played, reward):
    """Every figure of 22 rounds, worked out again in NumPy from the draws and the orders."""
    _, _, record = played(reward=reward)
    info = {name: np.asarray(leaf, np.float64) for name, leaf in record.info.items()}
    held, wealth = np.zeros(3), np.full(3, 500.0)
    for t in range(ROUNDS):
        now = {name: leaf[t] for name, leaf in info.items()}
        i, S, mu = position_of(now["action"]), now["S"], now["mu"]
        carry = held * (S - mark_by_hand(int(now["event"])))
        pnl = i * (S - now["exec_price"]) + carry
        held = held + i
        last = t % 10 == 9
        charge = (0.02 + 0.5 * last) * held**2
        earned = {
            "pnl": pnl,
            "log_wealth": np.log(np.maximum(wealth + pnl, 1)) - np.log(np.maximum(wealth, 1)),
            "expected_pnl": i * (mu - now["exec_price"]),
        }[reward]
        wealth = wealth + pnl
        expected = {
            "carry_pnl": carry,
            "pnl": pnl,
            "inventory": held,
            "risk_charge": charge,
            "wealth": wealth,
        }
        for name, value in expected.items():
            np.testing.assert_allclose(now[name], value, rtol=1e-5, atol=1e-3, err_msg=name)
        np.testing.assert_allclose(record.reward[t], earned - charge, rtol=1e-4, atol=2e-3)
        if last:
            held, wealth = np.zeros(3), np.full(3, 500.0)
    assert np.abs(info["carry_pnl"]).max() > 1 and (info["inventory"] != 0).any()


@pytest.mark.parametrize("mode", MODES)
def test_the_mark_is_the_mean_of_S_before_the_hints(played, mode):
    _, _, record = played(mode, **{"events.remap": 0.3})
    before = states_before(record)
    held, S = before.players.inventory, np.asarray(record.info["S"])[:, None]
    if mode == "known":
        mark = np.array([mark_by_hand(event) for event in np.asarray(before.market.event)])
    else:
        chances = jax.jit(beliefs.chances)(before.past.belief)
        no_hints = jnp.zeros(3, jnp.int32)
        mark = jax.jit(jax.vmap(lambda b: beliefs.plain_moments(b, no_hints)[0]))(chances)
    expected = held * (S - np.asarray(mark)[:, None])
    np.testing.assert_allclose(record.info["carry_pnl"], expected, rtol=1e-4, atol=2e-3)
    assert len(np.unique(np.round(mark, 3))) > 3


@pytest.mark.parametrize("mode", MODES)
def test_what_is_carried_earns_nothing_on_average(mode):
    """Whatever is held, and whatever is known of the event: within five standard errors, in groups
    of a hundred thousand rounds or more.
    """
    env, params, n = CardMarket(1, event_info=mode, inventory=True), make_params(), 2**16

    @jax.jit
    def carried(key):
        first, later = jax.random.split(key)
        _, state = jax.vmap(env.reset, (0, None))(jax.random.split(first, n), params)

        def round_(state, key):
            event, past = jnp.minimum(state.market.event, 5), state.past
            public = event if past is None else past.S
            keys = jax.random.split(key, n)
            # Whoever holds more after surprises would earn on them if a mark were off.
            order = jnp.where(state.market.mu > 24, 1, 11)[:, None]
            _, state, *_, info = jax.vmap(env.step, (0, 0, 0, None))(keys, state, order, params)
            held = info["inventory"][:, 0] - jnp.where(order[:, 0] == 1, 1, -1)
            return state, (info["carry_pnl"][:, 0], held, public)

        return jax.lax.scan(round_, state, jax.random.split(later, 10))[1]

    earned, held, public = (np.asarray(x) for x in carried(jax.random.key(3)))
    assert np.abs(held).max() >= 5
    typical = np.median(public)
    for group in (held != 0, held > 0, held < 0, public > typical, public <= typical):
        sample = earned[group & (held != 0)].astype(np.float64)
        assert len(sample) > 1e5
        assert abs(sample.mean()) < 5 * sample.std() / np.sqrt(len(sample))


def test_what_is_left_is_closed_at_the_mark_for_nothing(played):
    """A game's wealth is W0 and the P&L of its rounds, and the next game begins with nothing."""
    _, _, record = played()
    wealth, pnl = (np.asarray(record.info[name]) for name in ("wealth", "pnl"))
    np.testing.assert_allclose(wealth[9], 500 + pnl[:10].sum(0), rtol=1e-5)
    assert record.info["inventory"][9].any()
    assert not np.asarray(record.state.players.inventory)[9].any()


def test_a_game_that_ends_early_is_charged_for_its_end(game, scripted):
    g = game(1, inventory=True)
    params = make_params(**RISKY, **{"flags.stop_out": True})
    held = new_players(1, params, True).inventory + 4
    for wealth, end in ((500, 0.0), (101, 0.5)):
        state = scripted(1, S=20, wealth=wealth)
        state = state._replace(players=state.players._replace(inventory=held))
        *_, terminated, info = g.step_env(jax.random.key(0), state, jnp.array([0]), params)
        assert terminated == (end > 0)  # four units lose 4 each: the mark is 24
        assert info["wealth"] == wealth - 16
        np.testing.assert_allclose(info["risk_charge"], (0.02 + end) * 16, rtol=1e-6)


# Which orders are valid


@settings(deadline=None, derandomize=True, max_examples=25)
@given(
    seed=st.integers(0, 2**31 - 1),
    actions=hnp.arrays(np.int32, (ROUNDS, 3), elements=st.integers(-1, 21)),
    limit=st.integers(1, 25),
    wealth=st.sampled_from([60.0, 500.0]),
    mode=st.sampled_from(MODES),
)
def test_masks_say_what_is_accepted_and_the_limit_holds(game, seed, actions, limit, wealth, mode):
    g = game(3, event_info=mode, inventory=True)
    params = make_params(inventory_limit=limit, initial_wealth=wealth)
    record = g.play(jax.random.key(seed), actions, params)
    before = states_before(record)
    views = views_of(g.env)(before, params)
    mask, held = np.asarray(views.action_mask), np.asarray(views.inventory)

    price = np.asarray(views.ask)[..., None], np.asarray(views.s_max - views.bid)[..., None]
    sizes, wealth = np.arange(1, 11, dtype=np.float32), np.asarray(views.wealth)[..., None]
    affordable = np.concatenate([sizes * cost <= wealth for cost in price], -1) & (wealth >= 0)
    after = held[..., None] + position_of(np.arange(21))
    np.testing.assert_array_equal(mask[..., 1:], affordable & (np.abs(after) <= limit)[..., 1:])
    assert mask[..., 0].all()

    known = (actions >= 0) & (actions <= 20)
    accepted = known & np.take_along_axis(mask, np.clip(actions, 0, 20)[..., None], -1)[..., 0]
    np.testing.assert_array_equal(record.info["rejected"], ~accepted)
    np.testing.assert_array_equal(record.info["action"], np.where(accepted, actions, 0))
    np.testing.assert_array_equal(record.info["action_mask"], mask)
    assert np.abs(record.info["inventory"]).max() <= limit


# Off, and large


@pytest.mark.parametrize("phi", [0.0, 0.03])
def test_without_inventory_the_order_alone_is_charged(game, phi):
    """And with phi = 0, a number that the program is not told, rewards are bit for bit the P&L."""
    g = game(2)
    params = make_params(**{"risk.phi": phi, "risk.phi_end": 1.0})
    quantiles = np.random.default_rng(0).random((12, 2), np.float32)
    record = g.play_valid(jax.random.key(1), quantiles, params)
    info = {name: np.asarray(leaf) for name, leaf in record.info.items()}
    assert not {"inventory", "carry_pnl", "risk_charge"} & info.keys()
    charged = info["pnl"] - np.float32(phi) * position_of(info["action"]).astype(np.float32) ** 2
    np.testing.assert_allclose(record.reward, charged, rtol=1e-5, atol=1e-5)
    if phi == 0:
        np.testing.assert_array_equal(record.reward, info["pnl"])
    assert record.state.players.inventory is None and record.first_state.players.inventory is None


def test_draws_quotes_and_fills_are_those_of_the_game_without(game):
    """Where neither the limit nor a budget binds, only the carry and the charge differ."""
    actions = np.tile([[1], [12], [2], [11]], (3, 2))[:10].astype(np.int32)
    params = make_params(inventory_limit=100, **{"risk.phi": 0.01})
    off = game(2).play(jax.random.key(4), actions, params).info
    on = game(2, inventory=True).play(jax.random.key(4), actions, params).info
    carried = np.asarray(on.pop("carry_pnl"))
    on.pop("inventory"), on.pop("risk_charge")
    np.testing.assert_allclose(on.pop("pnl") - carried, off.pop("pnl"), atol=1e-4)
    for name in ("wealth", "final_observation", "action_mask"):
        on.pop(name), off.pop(name)
    assert on.keys() == off.keys()
    jax.tree.map(np.testing.assert_array_equal, on, off)


# What is seen


@pytest.mark.parametrize(
    ("n_players", "mode"),
    [pytest.param(1, "known", marks=pytest.mark.slow), (1, "hidden"), (3, "known"), (3, "hidden")],
)
def test_everybody_sees_all_inventories(played, mode, n_players):
    g, params, record = played(mode, n_players)
    fields = g.env.observation_fields
    plain = CardMarket(n_players, event_info=mode).observation_fields
    own = list(fields).index("inventory")
    last = "last_sum" if mode == "hidden" else "time"
    assert list(fields)[own - 1] == last
    others = [f"other_{k + 1}_inventory" for k in range(n_players - 1)]
    assert [name for name in fields if name not in plain] == ["inventory", *others]
    held = np.asarray(record.state.players.inventory)
    for k, name in enumerate(["inventory", *others]):
        seen = np.asarray(record.obs)[..., fields[name].slice][..., 0]
        np.testing.assert_allclose(seen * 7, np.roll(held, -k, -1), atol=1e-5)
    space = g.env.observation_space(params)
    assert record.obs.shape[-1] == g.env.observation_size == space.shape[-1]
    assert all(space.contains(o) for o in record.obs)


def test_holdings_change_no_market(game, scripted):
    """Quotes, depth and beliefs know nothing of what anybody holds."""
    g, params = game(2, inventory=True), make_params()
    views = []
    for held in ([0, 0], [5, -3]):
        state = scripted(2)
        players = state.players._replace(inventory=jnp.array(held, jnp.int32))
        views.append(g.view(state._replace(players=players), params))
    one, other = (v._replace(inventory=0, others_inventory=0, action_mask=0) for v in views)
    jax.tree.map(np.testing.assert_array_equal, one, other)
    np.testing.assert_array_equal(views[1].inventory, [5, -3])
    np.testing.assert_array_equal(views[1].others_inventory, [[-3], [5]])


def test_a_mark_with_nothing_shown_is_the_makers_mean_of_no_hints():
    events = jnp.arange(161)
    mean, _ = quotes.posterior(events, jnp.zeros((161, 13), jnp.int32))
    np.testing.assert_array_equal(mark_of(events, None), mean)
    np.testing.assert_allclose(mean, [mark_by_hand(e) for e in range(161)], rtol=1e-6)
