"""Games in which nobody is told the event (docs/rules.md#hidden-events)."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.env import CardMarket, beliefs, encoding, make_params, quotes, remap_event
from cardjax.env.market import draw_market
from cardjax.env.past import Past
from cardjax.env.state import State, new_players

MODES = ("belief", "hidden")
FULL_DECK = np.array([0, *range(5, 161)], np.int32)
"""The events under which the same random word deals the same cards."""
FIRST = jnp.bool_(False)


@pytest.fixture(scope="module")
def played(game):
    """played(event_info, n_players=2, **params): (game, record, views) of 40 rounds of random valid
    play.
    """

    def play(event_info, n_players=2, **overrides):
        g = game(n_players, event_info=event_info)
        params = make_params(**{"events.remap": 0.3, **overrides})
        quantiles = np.random.default_rng(0).random((40, n_players), np.float32)
        record = g.play_valid(jax.random.key(1), quantiles, params)
        return g, record, jax.jit(jax.vmap(g.env.view, (0, None)))(record.state, params)

    return play


@pytest.fixture(scope="module")
def after_a_round(game):
    """after_a_round(ranks, S, params): the Past that a first round of these cards leaves."""

    def settled(ranks, S, params):
        prior = beliefs.prior(params)
        ranks, S = jnp.int32(ranks), jnp.float32(S)
        return Past(beliefs.next_round(prior, ranks, S, params), ranks, S)

    return jax.jit(settled)


def close(a, b):
    np.testing.assert_allclose(a, b, atol=1e-6)


def leaves_equal(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


# What the game is


@pytest.mark.parametrize("mode", MODES)
def test_events_cards_hints_and_errors_are_those_of_the_known_game(game, played, mode):
    """The same draws key by key: only what follows from mu and sigma differs."""
    _, known, _ = played("known")
    _, hidden, _ = played(mode)
    for name in ("event", "cards", "n_hints", "S", "terminated"):
        np.testing.assert_array_equal(known.info[name], hidden.info[name])
    np.testing.assert_allclose(
        known.info["mid"] - known.info["mu"], hidden.info["mid"] - hidden.info["mu"], atol=1e-5
    )
    assert (known.info["mu"] != hidden.info["mu"]).mean() > 0.5


def test_both_modes_play_the_same_game(played):
    (_, one, seen), (_, other, also_seen) = played("belief"), played("hidden")
    leaves_equal(one.state, other.state)
    leaves_equal(seen, also_seen)
    assert one.obs.shape == other.obs.shape and (one.obs != other.obs).any()


def test_quotes_are_made_from_the_belief_after_the_hints(played):
    _, record, views = played("hidden")
    mu, sigma = jax.jit(beliefs.moments)(record.state.past.belief, views.hints[:, 0])
    np.testing.assert_allclose(views.mu, np.stack([mu, mu], 1), rtol=1e-6)
    np.testing.assert_allclose(views.sigma, np.stack([sigma, sigma], 1), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        views.spread, np.clip(0.8 + 0.25 * np.asarray(views.sigma), 1, 3), rtol=1e-6
    )
    market = record.state.market
    np.testing.assert_array_equal(views.mu[:, 0], market.mu)


def test_what_past_rounds_told_is_what_the_next_one_begins_with(played):
    params = make_params(**{"events.remap": 0.3})
    _, record, _ = played("hidden")
    before = jax.tree.map(lambda leaf: leaf[:-1], record.state)
    after = jax.tree.map(lambda leaf: leaf[1:], record.state)
    learned = jax.jit(jax.vmap(beliefs.next_round, (0, 0, 0, None)))(
        before.past.belief, before.market.ranks, before.market.S, params
    )
    goes_on = np.asarray(after.round) > 0
    at_start = beliefs.prior(params)
    for t, new in enumerate(~goes_on):
        of_round = jax.tree.map(lambda leaf, t=t: leaf[t], (after.past, learned, before.market))
        past, expected, market = of_round
        if new:
            jax.tree.map(close, past, Past(at_start, np.zeros(3, np.int32), np.float32(0)))
        else:
            jax.tree.map(close, past.belief, expected)
            np.testing.assert_array_equal(past.ranks, market.ranks)
            assert past.S == market.S
    assert goes_on.any() and not goes_on.all()


def test_a_game_that_ended_begins_as_reset_does(game):
    g, params, key = game(2, event_info="hidden"), make_params(), jax.random.key(5)
    _, state = g.reset(key, params)
    for t in range(10):
        _, state, _, terminated, *_ = g.step(jax.random.key(t), state, jnp.array([1, 2]), params)
    assert terminated
    leaves_equal(state, g.reset(jax.random.key(9), params)[1])


def test_short_sellers_must_be_able_to_pay_42_under_every_event(played):
    _, record, views = played("hidden")
    assert (np.asarray(views.s_max) == 42).all()
    bid, wealth = np.asarray(views.bid), np.asarray(views.wealth)
    sells = np.arange(1, 11, dtype=np.float32) * (np.float32(42) - bid)[..., None]
    np.testing.assert_array_equal(views.action_mask[..., 11:], sells <= wealth[..., None])
    assert (np.asarray(record.info["event"]) == 2).any()  # 2..7 only: S is at most 21


def test_a_sale_that_42_forbids_is_rejected(game, scripted):
    """le7_only: the event's own S_max is 21, and the order would be valid if it counted."""
    g, params = game(1, event_info="hidden"), make_params()
    state = scripted(event=2, ranks=(2, 3, 4), S=9, wealth=100)
    past = Past(beliefs.prior(params), jnp.zeros(3, jnp.int32), jnp.float32(0))
    *_, info = g.step_env(jax.random.key(0), state._replace(past=past), jnp.array([15]), params)
    assert info["rejected"].all()
    *_, info = game(1).step_env(jax.random.key(0), state, jnp.array([15]), params)
    assert not info["rejected"].any()


# Nothing leaks


def test_the_same_words_under_another_event_change_nothing_that_is_public(game, after_a_round):
    """The hidden event alone differs, among 157 that deal the same cards, so S does; mu, sigma,
    quotes, spread, depth, mask, view and observation are the same bits.
    """
    params = make_params(event_persist=1.0, **{"events.remap": 0.3})
    past, S = after_a_round((4, 8, 13), 26.0, params), []
    for info in MODES:
        env = CardMarket(2, event_info=info)

        @jax.jit
        def seen(event, key, env=env):
            market = draw_market(key, event, FIRST, past, params)
            state = State(market, new_players(2, params), jnp.int32(1), past)
            public = market._replace(event=0, S=0, ranks=0)
            return market, (public, env.view(state, params), env.observe(state, params))

        for seed in range(8):
            market, public = jax.vmap(seen, (0, None))(FULL_DECK, jax.random.key(seed))
            np.testing.assert_array_equal(market.event, FULL_DECK)
            leaves_equal(public, jax.tree.map(lambda leaf: leaf[:1].repeat(157, 0), public))
            S.append(len(np.unique(market.S)))
    assert min(S) > 5


HIDDEN = {
    "the event": dict(event=2),
    "the event, for a remap": dict(event=remap_event(9, 2)),
    "the unrevealed cards": dict(ranks=(9, 2, 14)),
    "S": dict(S=40),
    "true depth above the cap": dict(depth_bid=19.0, depth_ask=11.0),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("change", HIDDEN.values(), ids=HIDDEN)
def test_what_is_hidden_changes_nothing_that_a_player_sees(
    game, scripted, after_a_round, mode, change
):
    g, params = game(2, event_info=mode), make_params()
    past = after_a_round((4, 8, 13), 26.0, params)
    public = dict(event=0, ranks=(9, 8, 7), n_hints=1, depth_bid=12.0, depth_ask=15.0, played=1)
    before, after = (
        scripted(2, **kwargs)._replace(past=past) for kwargs in (public, public | change)
    )
    leaves_equal(g.view(before, params), g.view(after, params))
    leaves_equal(g.observe(before, params), g.observe(after, params))
    leaves_equal(g.mask(before, params), g.mask(after, params))


def test_the_view_never_holds_the_event(played):
    _, _, views = played("hidden")
    assert views.event is None


# Known answers


def belief_of(event):
    return np.eye(161)[event]


@pytest.mark.parametrize("mode", MODES)
def test_without_persistence_every_round_begins_with_the_law_of_a_fresh_event(played, mode):
    params = make_params(event_persist=0, **{"events.remap": 0.3})
    _, record, _ = played(mode, event_persist=0)
    chances = beliefs.chances(record.state.past.belief)
    prior = beliefs.chances(beliefs.prior(params))
    np.testing.assert_allclose(chances, np.broadcast_to(prior, chances.shape), atol=1e-7)
    expected = np.r_[np.array([0.6, 0.1, 0.1, 0.1, 0.1]) * 0.7, np.full(156, 0.3 / 156)]
    np.testing.assert_allclose(prior, expected, rtol=1e-5)


def test_an_event_that_stays_and_has_shown_itself_is_certain(after_a_round):
    """Three 7s that count 9 each: for ever after it is known that 7s count 9, so three 7s shown
    leave no doubt and sigma is 0, to the bit.
    """
    params = make_params(event_persist=1.0)
    past = after_a_round((7, 7, 7), 27.0, params)
    event = remap_event(7, 9)
    np.testing.assert_allclose(beliefs.chances(past.belief), belief_of(event), atol=1e-6)
    for hints in ([7, 7, 2], [7, 0, 0], [3, 4, 5], [0, 0, 0]):
        hints = jnp.int32(hints)
        mu, sigma = beliefs.moments(past.belief, hints)
        mean, deviation = quotes.posterior(event, (hints[:, None] == jnp.arange(2, 15)).sum(0))
        assert float(mu) == pytest.approx(float(mean), abs=1e-5)
        assert float(sigma) == pytest.approx(float(deviation), abs=1e-4)
        assert (sigma == 0) == (hints.min() > 0)


def test_three_hints_leave_doubt_as_long_as_a_remap_is_possible():
    hints = jnp.int32([3, 7, 12])
    for remap, doubt in ((0.015, True), (0.0, False)):
        belief = beliefs.prior(make_params(**{"events.remap": remap}))
        mu, sigma = beliefs.moments(belief, hints)
        assert (sigma > 0) == doubt
        assert doubt or mu == 22


def test_with_events_off_nothing_is_in_doubt(played):
    _, record, views = played("belief", **{"flags.enable_events": False})
    chances = np.asarray(beliefs.chances(views.belief))
    np.testing.assert_array_equal(chances, np.broadcast_to(belief_of(0), chances.shape))
    mean, deviation = quotes.posterior(np.zeros((40, 2), int), views.hint_counts)
    np.testing.assert_allclose(views.mu, mean, rtol=1e-6)
    np.testing.assert_allclose(views.sigma, deviation, rtol=1e-5)
    assert not np.asarray(record.info["event"]).any()


# The belief stays a belief

ENDLESS = [{}, {"event_persist": 1.0}, {"events.remap": 1.0}, {"events.remap": 1e-6, "hints": 3}]


@pytest.mark.parametrize(
    "n_rounds", [10**6, pytest.param(10**7, marks=pytest.mark.slow)], ids=["million", "ten million"]
)
def test_millions_of_rounds_keep_the_belief_a_law(n_rounds):
    """In four markets at once; games without an end, so that nothing hides behind a reset."""
    n_games, env = 2**14, CardMarket(1, event_info="hidden")
    rows = [make_params(**overrides) for overrides in ENDLESS]
    params = jax.tree.map(lambda *leaves: np.stack(leaves).repeat(n_games // 4, 0), *rows)

    def round_(carry, key):
        state, worst = carry
        keys = jax.random.split(key, n_games)
        state = jax.vmap(env.step_env)(keys, state, jnp.zeros(n_games, jnp.int32), params)[1]
        belief, market = state.past.belief, state.market
        chances = jnp.stack([*belief.kinds, *belief.remap_from, *belief.clue_chance], -1)
        after = {
            "sum": jnp.abs(chances.sum(-1) - 1).max(),
            "negative": (chances < 0).any(),
            "not finite": ~jnp.isfinite(jnp.stack([market.mu, market.sigma])).all(),
            "mu": ((market.mu < 6 - 1e-3) | (market.mu > 42 + 1e-3)).any(),
            "certain of a wrong S": jnp.where(
                market.sigma == 0, jnp.abs(market.S - market.mu) > 1e-3, False
            ).any(),
        }
        worst = {name: jnp.maximum(worst[name], x.astype(jnp.float32)) for name, x in after.items()}
        return (state, worst), None

    @jax.jit
    def play(key):
        first, later = jax.random.split(key)
        state = jax.vmap(env.reset)(jax.random.split(first, n_games), params)[1]
        names = ("sum", "negative", "not finite", "mu", "certain of a wrong S")
        worst = dict.fromkeys(names, jnp.float32(0))
        keys = jax.random.split(later, n_rounds // n_games + 1)
        return jax.lax.scan(round_, (state, worst), keys)[0][1]

    worst = {name: float(value) for name, value in play(jax.random.key(0)).items()}
    assert worst.pop("sum") < 1e-5
    assert not any(worst.values()), worst


# What is seen


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("n_players", "posterior"), [(1, False), (2, False), (3, True)])
def test_the_last_rounds_cards_and_sum_come_after_the_time(n_players, posterior, mode):
    known = CardMarket(n_players, observe_posterior=posterior).observation_fields
    fields = CardMarket(n_players, False, posterior, mode).observation_fields
    names = list(known)
    at = names.index("time") + 1
    assert list(fields) == [*names[:at], "last_cards", "last_sum", *names[at:]]
    assert fields["last_cards"].slice == slice(55, 68) and fields["last_sum"].slice == slice(68, 69)
    assert all(fields[name].slice == known[name].slice for name in names[:at])


@pytest.mark.parametrize("mode", MODES)
def test_the_vector_tells_the_last_round_and_what_is_believed(played, mode):
    g, record, views = played(mode)
    fields = g.env.observation_fields

    def field(name):
        return np.asarray(record.obs)[..., fields[name].slice] / np.float32(fields[name].scale)

    last = np.asarray(views.last_ranks)
    np.testing.assert_array_equal(
        field("last_cards"), (last[..., None] == np.arange(2, 15)).sum(-2)
    )
    np.testing.assert_allclose(field("last_sum")[..., 0], views.last_sum, rtol=1e-6)
    first = np.asarray(views.round) == 0
    assert not field("last_cards")[first].any() and not field("last_sum")[first].any()
    np.testing.assert_array_equal(
        last[1:][~first[1:]][:, 0],
        np.repeat(np.asarray(record.info["cards"])[1:, None], 2, 1)[~first[1:]][:, 0],
    )
    chances = np.asarray(beliefs.chances(views.belief)) * (mode == "belief")
    pairs = list(itertools.permutations(range(13), 2))
    to_rank, from_rank = np.zeros((161, 13)), np.zeros((161, 13))
    for event, (x, y) in enumerate(pairs, start=5):
        from_rank[event, x] = to_rank[event, y] = 1
    kind = np.eye(6)[np.minimum(np.arange(161), 5)]
    for name, table in (("event_kind", kind), ("remap_from", from_rank), ("remap_to", to_rank)):
        np.testing.assert_allclose(field(name), chances @ table, atol=1e-6)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("posterior", [False, True])
def test_the_encoder_is_the_plain_one(played, mode, posterior):
    """Bit for bit where nothing is added up; the belief's sums may be rounded differently."""
    g, record, views = played(mode)
    plain = jax.jit(lambda view: encoding.plain_encode(view, posterior, mode))(views)
    encoded = jax.jit(lambda view: encoding.encode(view, posterior, mode))(views)
    np.testing.assert_allclose(encoded, plain, rtol=0, atol=3e-7 * (mode == "belief"))
    np.testing.assert_allclose(record.obs, plain[..., : record.obs.shape[-1]], atol=1e-6)
    space = g.env.observation_space(make_params())
    assert all(space.contains(o) for o in record.obs)
