"""Every draw has the distribution that docs/rules.md gives it.

They are chi-square and Kolmogorov-Smirnov tests with fixed keys.

The keys are fixed, so a test passes always or never; FALSE_ALARM is the chance that a right draw
would have failed for a key chosen at random.
"""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from cardjax.env import CardMarket, draws, make_params, remap_event
from cardjax.env.cards import deal

FALSE_ALARM = 1e-4
N_WORDS = 2**20
KAPPA = float(make_params().liquidity.kappa)
RANKS = np.arange(2, 15)
FILTERS = {
    "ge10_only": RANKS[8:],
    "le7_only": RANKS[:6],
    "even_only": RANKS[::2],
    "odd_only": RANKS[1::2],
}
KIND_CHANCES = 0.985 * np.array([0.6, 0.1, 0.1, 0.1, 0.1])
EVENT_CHANCES = np.concatenate([KIND_CHANCES, np.full(156, 0.015 / 156)])


def assert_frequencies(outcomes, chances):
    """Chi-square: outcomes, ints in 0..len(chances) − 1, come with these chances; those of chance 0
    never.
    """
    counts = np.bincount(np.ravel(outcomes), minlength=len(chances))
    chances = np.asarray(chances, float)
    assert len(counts) == len(chances)
    assert counts[chances == 0].sum() == 0
    possible = chances > 0
    expected = chances[possible] / chances.sum() * counts.sum()
    assert expected.min() > 20, "too few samples for a chi-square test"
    if possible.sum() > 1:
        assert stats.chisquare(counts[possible], expected).pvalue > FALSE_ALARM


def assert_uniform(u, what=""):
    """Kolmogorov-Smirnov against U(0, 1)."""
    assert stats.kstest(np.ravel(u), "uniform").pvalue > FALSE_ALARM, what


def assert_independent(u, v, what=""):
    """Chi-square on an 8 × 8 table of two variables that are uniform on [0, 1)."""
    table = np.histogram2d(np.ravel(u), np.ravel(v), bins=8, range=[(0, 1), (0, 1)])[0]
    assert stats.chi2_contingency(table).pvalue > FALSE_ALARM, what


def filled_in(u_low, u_high, rng):
    """Uniform points between two values of a distribution function: what makes a jump or a clip
    uniform again.
    """
    return u_low + (u_high - u_low) * rng.random(np.shape(u_low))


def depth_quantile(rounds, side, rng, kappa=KAPPA, tau=0.6, low=2, high=20):
    """The exact clipped distribution function at each depth, filled in where it jumps: uniform if
    the law is right.
    """
    depth, sigma = rounds[f"depth_{side}"].astype(float), rounds["sigma"].astype(float)
    log_scale = np.log(kappa / (np.maximum(sigma, 1e-6) * (rounds["spread"] + 1e-8)))

    def below(x):
        return stats.norm.cdf((np.log(x) - log_scale + tau**2 / 2) / tau)

    return np.where(
        depth <= low,
        filled_in(np.zeros_like(depth), below(low), rng),
        np.where(depth >= high, filled_in(below(high), np.ones_like(depth), rng), below(depth)),
    )


@pytest.fixture(scope="module")
def words():
    """Independent uint32 words."""
    return jax.random.bits(jax.random.key(7), (N_WORDS,), jnp.uint32)


@pytest.fixture
def rng():
    """What jumps are filled in from: one generator a test, so that two fillings are independent."""
    return np.random.default_rng(0)


# --- from a word to a number


def test_uniform_is_uniform(words):
    u = jax.jit(draws.uniform)(words)
    assert u.dtype == jnp.float32
    assert_uniform(u)


def test_uniform_stays_below_one_at_the_largest_word():
    ends = draws.uniform(jnp.array([0, 2**32 - 1], jnp.uint32))
    assert ends[0] == 0 and ends[1] < 1


@pytest.mark.parametrize("n", [1, 2, 7, 20, 52, 65535])
def test_below_reaches_both_ends_and_no_further(n):
    outcome, _ = draws.below(jnp.array([0, 2**32 - 1], jnp.uint32), jnp.uint32(n))
    np.testing.assert_array_equal(outcome, [0, n - 1])


@pytest.mark.parametrize("n", [7, 20, 52])
def test_below_is_uniform_and_its_rest_is_fresh(words, rng, n):
    outcome, rest = jax.jit(draws.below)(words, jnp.int32(n))
    assert_frequencies(outcome, np.full(n, 1 / n))
    assert_uniform(draws.uniform(rest))
    assert_independent(filled_in(outcome / n, (outcome + 1) / n, rng), draws.uniform(rest))


@pytest.mark.parametrize(
    "weights", [(0.6, 0.1, 0.3), (0.0, 0.5, 0.0, 0.5, 0.0), (3.0, 1.0), (0.0, 0.0, 1.0)]
)
def test_categorical_follows_its_weights(words, weights):
    index = jax.jit(draws.categorical)(draws.uniform(words), [jnp.float32(w) for w in weights])
    assert_frequencies(index, weights)


@pytest.mark.parametrize("u", [0.0, 0.5, 1.0])
def test_categorical_never_gives_an_index_without_weight(u):
    assert draws.categorical(jnp.float32(u), [jnp.float32(w) for w in (0, 0, 0.3, 0, 0)]) == 2


def test_normal_is_normal(words):
    z = jax.jit(draws.normal)(words)
    assert stats.kstest(np.asarray(z), "norm").pvalue > FALSE_ALARM


def test_normal_pair_is_two_independent_normals(words):
    z = jax.jit(draws.normal_pair)(words)
    for one in z:
        assert stats.kstest(np.asarray(one), "norm").pvalue > FALSE_ALARM
    assert_independent(*(stats.norm.cdf(one) for one in z))


def test_normals_are_finite_and_symmetric_at_the_outermost_words():
    ends = jnp.array([0, 2**32 - 1], jnp.uint32)
    for z in (draws.normal(ends), *draws.normal_pair(ends)):
        assert jnp.isfinite(z).all()
        assert z[0] == -z[1] and z[1] > 4


# --- cards


def triple_chances(ranks):
    """Chance of each ordered triple of these ranks, four cards of each, drawn without
    replacement.
    """
    n = 4 * len(ranks)
    chances = [
        4 * (4 - (b == a)) * (4 - (c == a) - (c == b)) / (n * (n - 1) * (n - 2))
        for a, b, c in itertools.product(ranks, repeat=3)
    ]
    assert sum(chances) == pytest.approx(1)
    return chances


def triple_index(cards, ranks):
    """The number, in triple_chances's order, of three cards [..., 3]; every card must be of one of
    the ranks.
    """
    assert np.isin(cards, ranks).all()
    place = np.searchsorted(ranks, cards)
    return (place[..., 0] * len(ranks) + place[..., 1]) * len(ranks) + place[..., 2]


@pytest.mark.parametrize(
    ("event", "ranks"),
    [(0, RANKS), *enumerate(FILTERS.values(), start=1), (remap_event(2, 14), RANKS)],
)
def test_deal_draws_ordered_triples_of_the_eligible_ranks(words, rng, event, ranks):
    cards, rest = jax.jit(jax.vmap(deal, (0, None)))(words, jnp.int32(event))
    assert_frequencies(triple_index(np.asarray(cards), ranks), triple_chances(ranks))
    # What is left of the word draws the number of hints: it must know nothing of the cards.
    first = np.searchsorted(ranks, cards[:, 0])
    assert_independent(
        filled_in(first / len(ranks), (first + 1) / len(ranks), rng), draws.uniform(rest)
    )


def test_a_game_draws_ordered_triples_of_a_full_deck(default_rounds):
    unfiltered = (default_rounds["event"] == 0) | (default_rounds["event"] >= 5)
    cards = default_rounds["cards"][unfiltered]
    assert len(cards) > 900_000
    assert_frequencies(triple_index(cards, RANKS), triple_chances(RANKS))


@pytest.mark.parametrize(("event", "ranks"), list(enumerate(FILTERS.values(), start=1)))
def test_a_game_draws_ordered_triples_of_a_filtered_deck(default_rounds, event, ranks):
    cards = default_rounds["cards"][default_rounds["event"] == event]
    assert_frequencies(triple_index(cards, ranks), triple_chances(ranks))


def test_S_is_the_sum_of_the_cards_values(default_rounds):
    event, cards = default_rounds["event"].astype(int), default_rounds["cards"]
    x, y = np.divmod(event - 5, 12)
    y += y >= x
    remapped = (event >= 5)[..., None] & (cards == (x + 2)[..., None])
    np.testing.assert_array_equal(
        default_rounds["S"], np.where(remapped, (y + 2)[..., None], cards).sum(-1)
    )
    assert remapped.sum() > 1000


# --- hints


@pytest.mark.parametrize(
    "chances", [(0.25, 0.25, 0.25, 0.25), (0.1, 0.2, 0.3, 0.4), (0.5, 0.0, 0.5, 0.0)]
)
def test_the_number_of_hints_follows_its_chances(sample_rounds, chances):
    assert_frequencies(sample_rounds(make_params(hints=chances), seed=1)["n_hints"], chances)


# --- events


def test_first_rounds_have_the_fresh_frequencies(default_rounds):
    first_of_two_games = default_rounds["event"][[0, 10]]
    assert_frequencies(np.minimum(first_of_two_games, 5), [*KIND_CHANCES, 0.015])


@pytest.mark.parametrize("t", [1, 5, 9])
def test_later_rounds_have_the_same_frequencies(default_rounds, t):
    assert_frequencies(np.minimum(default_rounds["event"][t], 5), [*KIND_CHANCES, 0.015])


def test_remap_pairs_are_uniform(sample_rounds):
    events = sample_rounds(make_params(event_persist=0, **{"events.remap": 1.0}), seed=2)["event"]
    assert_frequencies(events, np.concatenate([np.zeros(5), np.ones(156)]))


def test_rare_remap_pairs_are_uniform_too(sample_rounds):
    events = sample_rounds(make_params(event_persist=0), seed=3)["event"]
    assert_frequencies(events[events >= 5] - 5, np.ones(156))


@pytest.mark.parametrize("persist", [0.0, 0.3, 0.7, 1.0])
def test_an_event_is_kept_with_probability_event_persist(sample_rounds, persist):
    # Among remaps alone a fresh draw repeats the last one only once in 156.
    events = sample_rounds(make_params(event_persist=persist, **{"events.remap": 1.0}), seed=4)[
        "event"
    ][:10]
    same = (events[1:] == events[:-1]).astype(int)
    repeat = persist + (1 - persist) / 156
    assert_frequencies(same, [1 - repeat, repeat])


@pytest.mark.parametrize("previous", range(5))
def test_what_follows_an_event_is_kept_or_fresh(default_rounds, previous):
    events = default_rounds["event"][:10]
    after = np.minimum(events[1:][events[:-1] == previous], 5)
    chances = 0.3 * np.array([*KIND_CHANCES, 0.015])
    chances[previous] += 0.7
    assert_frequencies(after, chances)


def test_what_follows_a_remap_keeps_its_pair_or_is_fresh(default_rounds):
    events = default_rounds["event"][:10]
    before, after = events[:-1], events[1:]
    from_remap = before >= 5
    outcome = np.where(after == before, 5, np.minimum(after, 6))[from_remap]
    other_pair = 0.3 * 0.015 * 155 / 156
    kept = 0.7 + 0.3 * 0.015 / 156
    outcome = outcome[outcome != 6]
    assert_frequencies(outcome, [*(0.3 * KIND_CHANCES), kept])
    changed = after[from_remap & (after != before)] >= 5
    assert_frequencies(changed.astype(int), [0.3 * 0.985, other_pair])


def test_a_new_game_forgets_the_last_ones_event(sample_rounds):
    events = np.minimum(sample_rounds(make_params(event_persist=1), seed=5)["event"], 5)
    assert (events[:10] == events[0]).all(), "an event that always persists lasts a game"
    table = np.zeros((5, 5))
    both_base = (events[9] < 5) & (events[10] < 5)
    np.add.at(table, (events[9][both_base], events[10][both_base]), 1)
    assert stats.chi2_contingency(table).pvalue > FALSE_ALARM
    assert_frequencies(events[10], [*KIND_CHANCES, 0.015])


def test_event_persist_zero_makes_rounds_independent(sample_rounds):
    events = np.minimum(sample_rounds(make_params(event_persist=0), seed=6)["event"], 5)
    table = np.zeros((6, 6))
    np.add.at(table, (events[:9].ravel(), events[1:10].ravel()), 1)
    assert stats.chi2_contingency(table).pvalue > FALSE_ALARM


def test_without_events_every_round_has_event_zero(sample_rounds):
    params = make_params(**{"flags.enable_events": False, "events.remap": 0.5})
    assert (sample_rounds(params)["event"] == 0).all()


# --- quotes and depth


@pytest.mark.parametrize("sigma_q", [0.5, 2.0])
def test_quote_noise_is_normal(sample_rounds, sigma_q):
    rounds = sample_rounds(make_params(sigma_q=sigma_q), seed=7)
    noise = (rounds["mid"].astype(float) - rounds["mu"]) / sigma_q
    assert stats.kstest(noise.ravel(), "norm").pvalue > FALSE_ALARM


def test_a_quote_without_noise_stands_at_the_mean(sample_rounds):
    rounds = sample_rounds(make_params(sigma_q=0))
    np.testing.assert_array_equal(rounds["mid"], rounds["mu"])


@pytest.mark.parametrize("side", ["bid", "ask"])
@pytest.mark.parametrize("kappa", [20.0, KAPPA])
def test_depth_is_a_clipped_lognormal(sample_rounds, rng, side, kappa):
    rounds = sample_rounds(make_params(**{"liquidity.kappa": kappa}), seed=8)
    assert_uniform(depth_quantile(rounds, side, rng, kappa))
    unclipped = (rounds[f"depth_{side}"] > 2) & (rounds[f"depth_{side}"] < 20)
    assert unclipped.sum() > 500_000


def test_unclipped_log_depth_is_normal(sample_rounds):
    wide = {"liquidity.min": 0.0, "liquidity.max": 1e9, "liquidity.tau": 1.0}
    rounds = sample_rounds(make_params(hints=1, **wide), seed=9)
    log_scale = np.log(KAPPA / (rounds["sigma"].astype(float) * rounds["spread"]))
    for side in ("bid", "ask"):
        z = np.log(rounds[f"depth_{side}"].astype(float)) - log_scale + 0.5
        assert stats.kstest(z.ravel(), "norm").pvalue > FALSE_ALARM


def test_a_revealed_sum_means_the_largest_depth(default_rounds):
    revealed = default_rounds["n_hints"] == 3
    assert (default_rounds["sigma"][revealed] == 0).all()
    assert (default_rounds["depth_bid"][revealed] == 20).all() and (
        default_rounds["depth_ask"][revealed] == 20
    ).all()


def test_displayed_depth_is_true_depth_up_to_the_cap(default_rounds):
    for side in ("bid", "ask"):
        np.testing.assert_array_equal(
            default_rounds[f"displayed_{side}"], np.minimum(default_rounds[f"depth_{side}"], 10)
        )


# --- draws do not know of each other


def uniforms_of(rounds, rng):
    """Each draw of a first round, made uniform by its own distribution function."""
    kind = np.minimum(rounds["event"], 5)
    edges = np.concatenate([[0], np.cumsum([*KIND_CHANCES, 0.015])])
    decks = [RANKS, *FILTERS.values(), RANKS]
    n_ranks = np.array([len(deck) for deck in decks])[kind]
    place = np.zeros((*kind.shape, 14), int)
    for k, deck in enumerate(decks):
        # Cards 1 and 3 are each uniform over the deck's ranks, so their places in it are uniform
        # whatever the event.
        place[kind == k, :3] = np.searchsorted(deck, rounds["cards"][kind == k])
    return {
        "event": filled_in(edges[kind], edges[kind + 1], rng),
        "card 1": filled_in(place[..., 0] / n_ranks, (place[..., 0] + 1) / n_ranks, rng),
        "card 3": filled_in(place[..., 2] / n_ranks, (place[..., 2] + 1) / n_ranks, rng),
        "hints": filled_in(rounds["n_hints"] / 4, (rounds["n_hints"] + 1) / 4, rng),
        "mid": stats.norm.cdf((rounds["mid"].astype(float) - rounds["mu"]) / 0.5),
        "bid depth": depth_quantile(rounds, "bid", rng),
        "ask depth": depth_quantile(rounds, "ask", rng),
    }


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg", "unsafe_rbg"])
def test_a_rounds_draws_are_independent_with_every_kind_of_key(rng, impl):
    env = CardMarket(1, squeeze=True)

    @jax.jit
    @jax.vmap
    def first_round(key):
        _, state = env.reset(key, make_params())
        *_, info = env.step_env(key, state, jnp.int32(0), make_params())
        return {name: leaf for name, leaf in info.items() if name != "final_observation"}

    keys = jax.random.split(jax.random.key(11, impl=impl), 2**17)
    rounds = {name: np.asarray(leaf) for name, leaf in first_round(keys).items()}
    uniforms = uniforms_of(rounds, rng)
    for name, u in uniforms.items():
        assert_uniform(u, name)
    pairs = set(itertools.combinations(uniforms, 2)) - {
        ("card 1", "card 3")
    }  # drawn without replacement
    for a, b in pairs:
        assert_independent(uniforms[a], uniforms[b], f"{a} and {b} know of each other")


def test_bid_and_ask_depth_are_independent(sample_rounds, rng):
    rounds = sample_rounds(make_params(hints=1), seed=12)
    assert_independent(depth_quantile(rounds, "bid", rng), depth_quantile(rounds, "ask", rng))


def test_one_rounds_draws_say_nothing_of_the_next(default_rounds, rng):
    now, then = ({name: leaf[t] for name, leaf in default_rounds.items()} for t in (3, 4))
    before, after = uniforms_of(now, rng), uniforms_of(then, rng)
    for name in set(before) - {"event"}:  # events persist by design
        assert_independent(before[name], after[name], name)
