"""What a player sees, and that nothing hidden is in it (docs/rules.md#what-a-player-sees)."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.env import CardMarket, View, encoding, make_params, observation, remap_event

KIND = ("event_kind", 6)
SHARED_FIELDS = [
    ("bid", 1),
    ("ask", 1),
    ("mid", 1),
    ("spread", 1),
    ("displayed_bid", 1),
    ("displayed_ask", 1),
    ("last_slippage", 1),
    ("last_fill_ratio", 1),
    KIND,
    ("remap_from", 13),
    ("remap_to", 13),
    ("hint_counts", 13),
    ("wealth", 1),
    ("time", 1),
]
VARIANTS = [(1, False), (2, False), (5, False), (1, True), (2, True)]
PLAYED = [(1, False), (2, False), (5, True)]


def other_fields(n_players):
    return [(f"other_{k}_last_{what}", 1) for k in range(1, n_players) for what in ("side", "size")]


def decoded(fields, obs, name):
    """A field of an observation in natural units, by its declared slice and scale alone."""
    return np.asarray(obs)[..., fields[name].slice] / np.float32(fields[name].scale)


@pytest.fixture(scope="module")
def played(game):
    """played(n_players, observe_posterior): (fields, observations, views) of 12 rounds of random
    valid play.
    """

    def play(n_players, observe_posterior):
        g = game(n_players, observe_posterior=observe_posterior)
        quantiles = np.random.default_rng(0).random((12, n_players), np.float32)
        params = make_params(event_persist=0.3, **{"events.remap": 0.5})
        record = g.play_valid(jax.random.key(1), quantiles, params)
        return (
            g.env.observation_fields,
            record.obs,
            jax.jit(jax.vmap(g.env.view, (0, None)))(record.state, params),
        )

    return play


@pytest.mark.parametrize(("n_players", "posterior"), VARIANTS)
def test_fields_come_in_the_rules_order(n_players, posterior):
    fields = CardMarket(n_players, observe_posterior=posterior).observation_fields
    expected = (
        SHARED_FIELDS + other_fields(n_players) + ([("mu", 1), ("sigma", 1)] if posterior else [])
    )
    assert [(name, f.slice.stop - f.slice.start) for name, f in fields.items()] == expected
    assert all(field.doc for field in fields.values())


@pytest.mark.parametrize(("n_players", "posterior"), VARIANTS)
def test_slices_tile_the_vector_without_gaps(game, n_players, posterior):
    g = game(n_players, observe_posterior=posterior)
    covered = [
        i for f in g.env.observation_fields.values() for i in range(f.slice.start, f.slice.stop)
    ]
    obs, _ = g.reset(jax.random.key(0), make_params())
    assert covered == list(range(g.env.observation_size)) == list(range(obs.shape[-1]))


@pytest.mark.parametrize(("n_players", "size"), [(1, 55), (2, 57), (5, 63)])
def test_the_vector_has_55_numbers_and_two_for_each_other_player(n_players, size):
    assert CardMarket(n_players).observation_size == size
    assert CardMarket(n_players, observe_posterior=True).observation_size == size + 2


@pytest.mark.parametrize(("n_players", "posterior"), PLAYED)
def test_undoing_the_scales_gives_back_the_view(played, n_players, posterior):
    fields, obs, view = played(n_players, posterior)

    def field(name):
        return decoded(fields, obs, name)

    for name in (
        "bid",
        "ask",
        "mid",
        "spread",
        "displayed_bid",
        "displayed_ask",
        "last_slippage",
        "last_fill_ratio",
    ):
        np.testing.assert_allclose(field(name)[..., 0], getattr(view, name), rtol=1e-6)
    np.testing.assert_allclose(field("wealth")[..., 0], view.wealth / 500, rtol=1e-6)
    np.testing.assert_allclose(field("time")[..., 0], view.round / 10, rtol=1e-6)
    np.testing.assert_array_equal(field("hint_counts"), view.hint_counts)
    np.testing.assert_array_equal(
        field("event_kind"), np.minimum(view.event, 5)[..., None] == np.arange(6)
    )
    x, y = np.divmod(np.asarray(view.event) - 5, 12)
    y += y >= x
    is_remap = (np.asarray(view.event) >= 5)[..., None]
    np.testing.assert_array_equal(field("remap_from"), is_remap & (x[..., None] == np.arange(13)))
    np.testing.assert_array_equal(field("remap_to"), is_remap & (y[..., None] == np.arange(13)))
    for k in range(1, n_players):
        last = view.others_last[..., k - 1]
        np.testing.assert_array_equal(field(f"other_{k}_last_side")[..., 0], np.sign(last))
        np.testing.assert_allclose(field(f"other_{k}_last_size")[..., 0], np.abs(last), rtol=1e-6)
    if posterior:
        np.testing.assert_allclose(field("mu")[..., 0], view.mu, rtol=1e-6)
        np.testing.assert_allclose(field("sigma")[..., 0], view.sigma, rtol=1e-6)
    assert is_remap.any() and not is_remap.all()


@pytest.mark.parametrize(("n_players", "posterior"), PLAYED)
def test_observations_lie_in_the_observation_space(game, played, n_players, posterior):
    space = game(n_players, observe_posterior=posterior).env.observation_space(make_params())
    _, obs, _ = played(n_players, posterior)
    assert obs.shape == (12, *space.shape) and obs.dtype == space.dtype
    assert all(space.contains(o) for o in obs)


def test_three_revealed_aces_lie_in_the_observation_space(game, scripted):
    g = game(1, observe_posterior=True)
    state = scripted(ranks=(14, 14, 14), n_hints=3, S=42, mu=42, sigma=0)
    obs = g.observe(state, make_params())
    assert g.env.observation_space(make_params()).contains(obs)
    assert decoded(g.env.observation_fields, obs, "hint_counts")[0, 12] == 3
    assert decoded(g.env.observation_fields, obs, "mu") == pytest.approx(42)


def test_the_space_refuses_a_vector_out_of_bounds(game):
    env = game(2).env
    space, obs = env.observation_space(make_params()), np.zeros((2, 57), np.float32)
    assert space.contains(obs)
    time = env.observation_fields["time"].slice
    for wrong in (1.5, -0.1, np.nan):
        bad = obs.copy()
        bad[1, time] = wrong
        assert not space.contains(bad)


def test_a_scripted_view_is_encoded_number_by_number(game, scripted):
    # Depth 20 shown as the cap of 10, slippage, fill ratio, a remap of 3 to 14, hints 9 and 9, W
    # 250 of 500, round 4.
    g = game(1, squeeze=True)
    state = scripted(
        event=remap_event(3, 14),
        ranks=(9, 9, 2),
        n_hints=2,
        depth_bid=4,
        depth_ask=20,
        wealth=250,
        last_slippage=0.75,
        last_fill_ratio=0.5,
        played=4,
    )
    obs = g.observe(state, make_params())
    expected = np.zeros(55, np.float32)
    expected[:8] = [1.95, 2.05, 2.0, 1.0, 0.4, 1.0, 0.75, 0.5]
    expected[8 + 5] = 1
    expected[14 + 1] = 1
    expected[27 + 12] = 1
    expected[40 + 7] = 2
    expected[53:] = [0.5, 0.4]
    np.testing.assert_allclose(obs, expected, rtol=1e-6)


def test_wealth_is_seen_as_a_share_of_the_budget(game, scripted):
    g = game(1, squeeze=True)
    obs = g.observe(scripted(wealth=250), make_params(initial_wealth=1000))
    assert decoded(g.env.observation_fields, obs, "wealth").tolist() == [0.25]


def test_only_the_first_cards_of_the_draw_are_revealed(game, scripted):
    g = game(1, squeeze=True)
    for n_hints, revealed in enumerate([[], [14], [14, 2], [14, 2, 14]]):
        counts = g.view(scripted(ranks=(14, 2, 14), n_hints=n_hints), make_params()).hint_counts
        np.testing.assert_array_equal(
            counts, np.bincount(np.array(revealed, int) - 2, minlength=13)
        )


@pytest.mark.parametrize(("n_players", "expected"), [(1, []), (2, [0, 0]), (3, [0, 0, 0, 0])])
def test_the_last_values_of_a_first_round_are_neutral(game, n_players, expected):
    g = game(n_players)
    obs, _ = g.reset(jax.random.key(3), make_params())
    fields = g.env.observation_fields
    np.testing.assert_array_equal(decoded(fields, obs, "last_slippage"), np.zeros((n_players, 1)))
    np.testing.assert_array_equal(decoded(fields, obs, "last_fill_ratio"), np.ones((n_players, 1)))
    others = np.concatenate(
        [np.zeros((n_players, 0))] + [decoded(fields, obs, n) for n, _ in other_fields(n_players)],
        1,
    )
    np.testing.assert_array_equal(others, [expected] * n_players)
    assert (decoded(fields, obs, "time") == 0).all() and (decoded(fields, obs, "wealth") == 1).all()


def test_own_last_outcome_is_seen_in_the_next_round(game, scripted):
    # The buyers of 8 and 5 at a depth of 6 slip by 0.25·7 = 1.75 each; 6 of 13 was absorbed.
    g = game(2)
    obs, *_ = g.step_env(jax.random.key(0), scripted(2), jnp.array([8, 5]), make_params(alpha=0.25))
    fields = g.env.observation_fields
    np.testing.assert_allclose(decoded(fields, obs, "last_slippage"), [[1.75], [1.75]])
    np.testing.assert_allclose(
        decoded(fields, obs, "last_fill_ratio"), [[6 / 13], [6 / 13]], rtol=1e-6
    )


def test_others_last_orders_come_in_seat_order_after_oneself(game, scripted):
    # Player 1 buys 3, player 2 sells 4, player 3 passes, player 4 buys 10.
    g = game(4)
    obs, state, *_ = g.step_env(
        jax.random.key(0), scripted(4), jnp.array([3, 14, 0, 10]), make_params()
    )
    fields = g.env.observation_fields
    seen = np.concatenate([decoded(fields, obs, name) for name, _ in other_fields(4)], -1).round(5)
    np.testing.assert_array_equal(
        seen,
        [
            [-1, 4, 0, 0, 1, 10],
            [0, 0, 1, 10, 1, 3],
            [1, 10, 1, 3, -1, 4],
            [1, 3, -1, 4, 0, 0],
        ],
    )
    np.testing.assert_array_equal(
        g.view(state, make_params()).others_last, [[-4, 0, 10], [0, 10, 3], [10, 3, -4], [3, -4, 0]]
    )


def test_a_rejected_order_is_seen_by_others_as_the_pass_it_became(game, scripted):
    g = game(2)
    _, state, *_ = g.step_env(
        jax.random.key(0), scripted(2, wealth=[10, 500]), jnp.array([9, 2]), make_params()
    )
    np.testing.assert_array_equal(g.view(state, make_params()).others_last, [[2], [0]])


HIDDEN = {
    "the unrevealed cards": dict(ranks=(9, 2, 14)),
    "S": dict(S=40),
    "true depth above the cap": dict(depth_bid=19.0, depth_ask=11.0),
}


@pytest.mark.parametrize("change", HIDDEN.values(), ids=HIDDEN)
def test_what_is_hidden_changes_nothing_that_a_player_sees(game, scripted, change):
    g, params = game(2, observe_posterior=True), make_params()
    public = dict(ranks=(9, 8, 7), n_hints=1, depth_bid=12.0, depth_ask=15.0)
    before, after = scripted(2, **public), scripted(2, **(public | change))
    for a, b in zip(g.view(before, params), g.view(after, params), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(g.observe(before, params), g.observe(after, params))


def test_the_view_has_no_field_for_what_is_hidden():
    assert not {"S", "ranks", "cards", "depth_bid", "depth_ask", "n_hints"} & set(View._fields)


def test_encode_takes_views_of_any_leading_shape(game, played):
    g = game(2)
    _, obs, view = played(2, False)
    np.testing.assert_array_equal(jax.jit(g.env.encode)(view), obs)
    reshaped = jax.tree.map(lambda leaf: leaf.reshape(4, 3, *leaf.shape[1:]), view)
    np.testing.assert_array_equal(jax.jit(g.env.encode)(reshaped), obs.reshape(4, 3, 2, -1))


@pytest.mark.parametrize(("n_players", "posterior"), PLAYED)
def test_the_encoder_is_the_plain_one_bit_for_bit(played, n_players, posterior):
    _, obs, view = played(n_players, posterior)
    plain = jax.jit(lambda view: encoding.plain_encode(view, posterior))(view)
    np.testing.assert_array_equal(obs, plain)
    np.testing.assert_array_equal(encoding.encode(view, posterior), plain)


@pytest.mark.parametrize(("n_players", "posterior"), PLAYED)
def test_so_is_the_one_for_accelerators(monkeypatch, played, n_players, posterior):
    _, obs, view = played(n_players, posterior)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    of_all = jax.vmap(lambda view: encoding.encode(view, posterior))(view)
    np.testing.assert_array_equal(of_all, obs)


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
@pytest.mark.parametrize(
    ("name", "field", "reason"),
    [
        (
            "parity",
            observation.one_hot_of_event("two more one-hot columns", np.arange(161) % 2, 2),
            "the columns of event take 34 bits, and a word has 32",
        ),
        (
            "hints_again",
            observation.rank_counts("the hints a second time", "hints"),
            "hints is counted, and its word holds nothing else",
        ),
        (
            "belief",
            observation.FieldDeclaration(
                "thirteen columns of halves", lambda view: view.hint_counts / 2, width=13
            ),
            "belief has columns that are not counts or one-hots as they are",
        ),
    ],
)
def test_columns_that_do_not_fit_into_words_are_encoded_field_by_field(
    monkeypatch, played, name, field, reason, backend
):
    """No bit is dropped: before, a 33rd one-hot column went missing without a word."""
    _, _, view = played(2, False)
    fields = list(observation.FIELDS.items())
    fields.insert(9, (name, field))
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    monkeypatch.setattr(observation, "FIELDS", dict(fields))
    plain = encoding.plain_encode(view)
    with pytest.warns(UserWarning, match=f"field by field, slower: {reason}"):
        np.testing.assert_array_equal(encoding.encode(view), plain)
    assert plain.shape[-1] == 57 + field.width
    columns = observation.field_table(2)[name].slice
    natural = np.asarray(field.read(view)).reshape(*plain.shape[:-1], field.width)
    np.testing.assert_array_equal(plain[..., columns], natural)


def test_scales_are_constants_of_the_declaration():
    scales = [f.scale for f in CardMarket(2).observation_fields.values()]
    assert all(isinstance(s, float) and s > 0 for s in scales)
    same = [CardMarket(n).observation_fields["bid"] for n in (1, 2, 5)]
    assert all(a == b for a, b in itertools.pairwise(same))
