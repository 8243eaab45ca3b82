"""Games whose maker is a player (docs/rules.md#the-maker-as-a-player)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import poisson

import cardjax
from cardjax.env import CardMarket, EnvParams, make_params, maker, quotes
from cardjax.env.encoding import plain_vector
from cardjax.env.state import State

N_GAMES, N_STEPS = 64, 24


ENV = CardMarket(2, maker="agent")
reset, quote, step, view_of, maker_view_of = (
    jax.jit(method) for method in (ENV.reset, ENV.quote, ENV.step, ENV.view, ENV.maker_view)
)
maker_views_of = jax.jit(jax.vmap(jax.vmap(ENV.maker_view, (0, None)), (0, None)))


class Played(NamedTuple):
    """Games of random play, leaves [64, 24, …]."""

    params: EnvParams
    before: State
    """Before the maker quotes."""
    quoted: State
    choice: np.ndarray
    obs: np.ndarray
    terminated: np.ndarray
    info: dict


@jax.jit
def _play(params, key):
    def round_(state, key):
        key_quote, key_order, key_step = jax.random.split(key, 3)
        choice = ENV.maker_action_space(params).sample(key_quote)
        quoted = ENV.quote(state, choice, params)
        order = ENV.sample_action(key_order, quoted, params)
        obs, after, _, terminated, _, info = ENV.step(key_step, quoted, order, params)
        return after, (state, quoted, choice, obs, terminated, info)

    def game(key):
        key_reset, key_rounds = jax.random.split(key)
        _, state = ENV.reset(key_reset, params)
        return jax.lax.scan(round_, state, jax.random.split(key_rounds, N_STEPS))[1]

    return jax.vmap(game)(jax.random.split(key, N_GAMES))


@pytest.fixture(scope="module")
def played():
    """played(**params) → Played: makers quote at random, and two takers order at random."""

    def play(**overrides):
        params = make_params(**overrides)
        return Played(params, *jax.tree.map(np.asarray, _play(params, jax.random.key(0))))

    return play


@pytest.fixture(scope="module")
def default(played):
    return played()


def signed(action):
    """Units of an action: buys above 0."""
    return np.where(action > 10, 10 - action, action)


def leaves_equal(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


# The rules


def test_the_draws_are_those_of_the_base_game(default):
    """Event, cards, hints and S, key by key, whoever quotes and whatever is ordered."""
    base = CardMarket(2)

    @jax.jit
    @jax.vmap
    def drawn(key):
        key_reset, key_rounds = jax.random.split(key)
        _, state = base.reset(key_reset, default.params)

        def round_(state, key):
            key_step = jax.random.split(key, 3)[2]
            after = base.step(key_step, state, jnp.zeros(2, jnp.int32), default.params)[1]
            return after, state.market

        return jax.lax.scan(round_, state, jax.random.split(key_rounds, N_STEPS))[1]

    market = drawn(jax.random.split(jax.random.key(0), N_GAMES))
    for name in ("event", "ranks", "n_hints", "S", "mu", "sigma"):
        np.testing.assert_array_equal(
            getattr(market, name), getattr(default.quoted.market, name), err_msg=name
        )


@pytest.mark.parametrize("lag", [0, 1, 2, 3])
def test_the_maker_sees_all_but_the_last_cards_shown(default, lag):
    market = default.before.market
    view = maker_views_of(default.before, make_params(maker_lag=lag))
    n_seen = np.maximum(market.n_hints - lag, 0)
    np.testing.assert_array_equal(
        view.hints, np.where(np.arange(3) < n_seen[..., None], market.ranks, 0)
    )
    mu, sigma = quotes.posterior(market.event, view.hint_counts)
    np.testing.assert_allclose(view.mu, mu, rtol=1e-6)
    np.testing.assert_allclose(view.sigma, sigma, rtol=1e-5, atol=1e-5)
    assert (np.asarray(view.event) == market.event).all() and view.action_mask.all()


def test_prices_stand_at_the_offsets_around_the_makers_mean(default):
    market, mean = default.quoted.market, default.info["maker_mu"]
    offset, depth = maker.OFFSETS[default.choice // 5], maker.DEPTHS[default.choice % 5]
    np.testing.assert_allclose(market.quote.ask - mean, offset[..., 0], atol=1e-5)
    np.testing.assert_allclose(mean - market.quote.bid, offset[..., 1], atol=1e-5)
    np.testing.assert_allclose(market.quote.spread, offset.sum(-1))
    np.testing.assert_allclose(market.quote.mid * 2, market.quote.ask + market.quote.bid)
    np.testing.assert_array_equal(market.depth_ask, depth[..., 0])
    np.testing.assert_array_equal(market.depth_bid, depth[..., 1])
    np.testing.assert_array_equal(default.info["maker_action"], default.choice)
    assert not default.info["maker_rejected"].any()


def test_takers_see_all_depth_whatever_the_cap(default):
    _, state = reset(jax.random.key(0), default.params)
    state = quote(state, jnp.array([14, 13]), default.params)
    view = view_of(state, make_params(**{"liquidity.cap": 3.0}))
    assert (view.displayed_ask == 10).all() and (view.displayed_bid == 8).all()
    assert view.depth_is_shown.all()


@pytest.mark.parametrize("bad", [[60, 3], [3, -1], [2.5, 3], [np.nan, 3], [3, 1e9]])
def test_what_is_no_choice_quotes_the_widest_and_shallowest_there_and_is_reported(default, bad):
    _, state = reset(jax.random.key(0), default.params)
    quoted = quote(state, jnp.asarray(bad), default.params)
    expected = [3 if x == 3 else maker.NO_QUOTE for x in bad]
    np.testing.assert_array_equal(quoted.maker.choice, expected)
    *_, info = step(jax.random.key(1), quoted, jnp.zeros(2, jnp.int32), default.params)
    assert info["maker_rejected"]
    assert maker.OFFSETS[maker.NO_QUOTE // 5] == 8 and maker.DEPTHS[maker.NO_QUOTE % 5] == 2


def test_a_round_that_nobody_quotes_is_quoted_so_too(default):
    _, state = reset(jax.random.key(0), default.params)
    leaves_equal(state.market, quote(state, jnp.array([99, 99]), default.params).market)
    *_, info = step(jax.random.key(1), state, jnp.zeros(2, jnp.int32), default.params)
    assert info["maker_rejected"]


def test_what_the_maker_earns_takers_and_noise_traders_lose(default):
    """To float precision, impact included."""
    info = default.info
    S, bid, ask = info["S"], info["bid"], info["ask"]
    of_noise = info["noise_bought"] * (S - ask) + info["noise_sold"] * (bid - S)
    total = info["maker_pnl"] + info["pnl"].sum(-1) + of_noise
    np.testing.assert_allclose(total, 0, atol=2e-3)
    assert (info["slippage"] > 0).mean() > 0.2 and (of_noise != 0).mean() > 0.8


def test_noise_traders_never_take_more_than_the_depth(default):
    info = default.info
    for units, depth in (("noise_bought", "depth_ask"), ("noise_sold", "depth_bid")):
        assert (info[units] <= info[depth]).all() and (info[units] >= 0).all()
        assert (info[units] == info[depth]).any() and (info[units] < info[depth]).any()


def test_expected_pnl_takes_each_traders_mean(default):
    info, mean = default.info, default.info["maker_mu"]
    of_takers = -(signed(info["action"]) * (info["mu"][..., None] - info["exec_price"])).sum(-1)
    offset, depth = maker.OFFSETS[default.choice // 5], maker.DEPTHS[default.choice % 5]
    n = np.arange(80)
    arrived = poisson.pmf(n, 20 * np.exp(-offset / 2)[..., None])
    units = (arrived * np.minimum(n, depth[..., None])).sum(-1)
    expected = of_takers + (offset * units).sum(-1)
    np.testing.assert_allclose(info["maker_expected_pnl"], expected, rtol=1e-4, atol=2e-3)
    np.testing.assert_array_equal(info["maker_reward"], info["maker_pnl"])
    assert (mean != info["mu"]).any()


def test_the_reward_may_be_the_expected_pnl(played):
    info = played(reward="expected_pnl").info
    np.testing.assert_allclose(info["maker_reward"], info["maker_expected_pnl"], rtol=1e-4)


def test_the_expected_pnl_is_the_mean_of_the_pnl(default):
    gap = (default.info["maker_pnl"] - default.info["maker_expected_pnl"]).ravel()
    assert abs(gap.mean()) < 4 * gap.std() / np.sqrt(gap.size)


# Noise traders


def test_noise_traders_come_by_the_poisson_law():
    params, words = make_params(), jax.random.bits(jax.random.key(3), (200_000,))
    for offset, depth in ((0.25, 10), (2, 10), (4, 4), (8, 2)):
        units = np.asarray(
            maker.noise_units(words, jnp.float32(offset), jnp.float32(depth), params)
        )
        mean = 20 * np.exp(-offset / 2)
        at_least = np.array([(units >= n).mean() for n in range(1, depth + 1)])
        want = poisson.sf(np.arange(depth), mean)
        np.testing.assert_allclose(at_least, want, atol=4.5 * 0.5 / np.sqrt(len(words)))
        expected = maker.expected_noise(
            jnp.float32(offset), jnp.float32(depth), params.noise.rate, params.noise.decay
        )
        assert units.mean() == pytest.approx(float(expected), abs=5 * depth / np.sqrt(len(words)))


def test_a_wider_quote_meets_the_same_noise_traders_or_fewer():
    params, words = make_params(), jax.random.bits(jax.random.key(4), (1000,))
    units = [
        np.asarray(maker.noise_units(words, jnp.float32(x), jnp.float32(10), params))
        for x in maker.OFFSETS
    ]
    assert (np.diff(units, axis=0) <= 0).all() and (np.diff(units, axis=0) < 0).any()


def test_nobody_comes_where_the_rate_is_0(played):
    info = played(**{"noise.rate": 0.0}).info
    assert not info["noise_bought"].any() and not info["noise_sold"].any()


def test_noise_traders_do_not_hang_on_the_takers_draws():
    """Neither the market's words nor `sample_action`'s are theirs."""
    keys = jax.random.split(jax.random.key(0), 4000)
    env, params = CardMarket(16, maker="agent"), make_params()

    @jax.jit
    @jax.vmap
    def drawn(key):
        _, state = env.reset(key, params)
        order = env.sample_action(key, state, params)
        market = state.market
        columns = [market.event, *market.ranks, market.n_hints, *order]
        return state.maker.noise.astype(jnp.float32), jnp.stack(columns).astype(jnp.float32)

    noise, others = map(np.asarray, drawn(keys))
    both = np.corrcoef(np.concatenate([noise, others], 1).T)
    assert np.abs(both[:2, 2:]).max() < 5 / np.sqrt(len(keys))
    assert abs(both[0, 1]) < 5 / np.sqrt(len(keys))


# The state and what is seen


def test_the_last_round_is_what_the_maker_saw_traded(default):
    info, position = default.info, signed(default.info["action"])
    bought, sold = np.maximum(position, 0).sum(-1), np.maximum(-position, 0).sum(-1)
    traded = maker.Flow(bought, sold, info["noise_bought"], info["noise_sold"])
    for seen, units in zip(default.before.maker.last, traded, strict=True):
        after = np.where(default.terminated[:, :-1], 0, units[:, :-1])
        np.testing.assert_array_equal(seen[:, 1:], after)
        assert not seen[:, 0].any()


def test_a_game_that_ended_begins_as_reset_does(default):
    params = default.params
    _, state = reset(jax.random.key(5), params)
    for t in range(10):
        quoted = quote(state, jnp.array([3, 40]), params)
        obs, state, *_, terminated, _, info = step(
            jax.random.key(t), quoted, jnp.array([1, 12]), params
        )
    assert terminated
    fresh_obs, fresh = reset(jax.random.key(9), params)
    leaves_equal(state, fresh)
    np.testing.assert_array_equal(obs, fresh_obs)
    assert (np.asarray(info["final_observation"]) != obs).any()


def test_the_makers_vector_holds_what_it_knows(default):
    view = maker_views_of(default.before, default.params)
    vector = np.asarray(ENV.encode_maker(view))
    np.testing.assert_array_equal(vector, plain_vector(maker.MAKER_FIELDS, view))
    fields = ENV.maker_observation_fields
    assert list(fields) == [
        *("event_kind", "remap_from", "remap_to", "hint_counts", "time"),
        *("takers_bought", "takers_sold", "noise_bought", "noise_sold"),
    ]
    assert ENV.maker_observation_size == vector.shape[-1] == 50
    box = ENV.maker_observation_space(default.params)
    assert ((vector >= box.low) & (vector <= box.high)).all()
    sold = vector[..., fields["noise_sold"].slice.start] / np.float32(0.1)
    np.testing.assert_allclose(sold, np.asarray(view.last.noise_sold), rtol=1e-6)


def test_the_observation_of_a_step_is_the_makers(default):
    expected = ENV.encode_maker(maker_views_of(default.before, default.params))
    np.testing.assert_array_equal(default.obs[:, :-1], expected[:, 1:])


HIDDEN = {
    "cards that only takers see": dict(ranks=(9, 8, 2), S=19, mu=20),
    "how many more takers see": dict(n_hints=0, mu=21),
    "who will trade": dict(noise=(1, 2)),
}


@pytest.mark.parametrize("change", HIDDEN.values(), ids=HIDDEN)
def test_what_is_hidden_from_the_maker_changes_nothing_that_it_sees(scripted, default, change):
    def state_of(noise=(3, 4), **leaves):
        state = scripted(2, **leaves)
        seat = maker.opened(jax.random.key(0), maker.no_flow())
        return state._replace(maker=seat._replace(noise=jnp.array(noise, jnp.uint32)))

    public = dict(ranks=(9, 8, 7), n_hints=1, S=24)
    before, after = state_of(**public), state_of(**(public | change))
    leaves_equal(*(maker_view_of(state, default.params) for state in (before, after)))


def test_takers_see_of_the_maker_nothing_but_prices_and_depths(default):
    _, state = reset(jax.random.key(0), default.params)
    state = quote(state, jnp.array([12, 14]), default.params)
    seat = maker.opened(jax.random.key(7), maker.Flow(*map(jnp.int32, (5, 6, 7, 8))))
    leaves_equal(*(view_of(s, default.params) for s in (state, state._replace(maker=seat))))


def test_a_single_taker_has_no_axis_and_the_maker_none_either():
    env, params = cardjax.make("single", "maker")
    assert env.has_maker and env.squeeze

    def round_(key, order):
        _, state = env.reset(key, params)
        return env.step(key, env.quote(state, jnp.array([12, 12]), params), order, params)

    _, _, reward, *_, info = jax.eval_shape(round_, jax.random.key(0), jnp.int32(3))
    assert reward.shape == () and info["pnl"].shape == () and info["maker_pnl"].shape == ()


def test_where_the_oracle_quotes_there_is_no_seat(scripted):
    env, params = CardMarket(2), make_params()
    assert jax.eval_shape(env.reset, jax.random.key(0), params)[1].maker is None
    assert env.view(scripted(2), params).depth_is_shown is None
    with pytest.raises(ValueError, match=r"env\.maker = oracle: must be agent"):
        env.quote(scripted(2), jnp.array([0, 0]), params)
    assert State._field_defaults["maker"] is None


# What does not go together


@pytest.mark.parametrize(
    "overrides",
    [
        {"event_info": "hidden"},
        {"inventory": True},
        {"reward": "log_wealth"},
        {"risk.phi": 0.1},
        {"risk.phi_end": 0.1},
    ],
)
def test_a_maker_that_plays_is_not_combined_with_the_other_rungs(overrides):
    with pytest.raises(ValueError, match=r"env\.maker = agent") as error:
        cardjax.make("two", "maker", **overrides)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["maker_lag", "noise.rate", "noise.decay"])
def test_its_numbers_are_refused_where_it_does_not_play(name):
    with pytest.raises(ValueError, match=r"is read only with env\.maker = agent"):
        cardjax.make("two", **{name: 2})
    assert cardjax.make("two", "maker", **{name: 2})
