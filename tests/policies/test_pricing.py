"""What a quote is worth to the maker, against rounds played in plain NumPy and known answers."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import poisson

from cardjax.env import make_params, maker, remap_event
from cardjax.env.events import EVENTS, N_EVENTS
from cardjax.policies import symmetric_equilibrium
from cardjax.policies.pricing.news import FIRST_OF, HANDS, N_HANDS, hand_index, news
from cardjax.policies.pricing.profit import Terms, competitive, monopolist, profit
from cardjax.policies.pricing.stage_payoff import payoff_kinks, takers_payoff

TERMS = Terms(alpha=0.3, hints=np.full(4, 0.25, np.float32), lag=1, rate=20.0, decay=0.5)
profit_of = jax.jit(profit, static_argnums=1)


def place(ranks):
    """The index of a hand of ranks 2..14."""
    hand = tuple(sorted(rank - 2 for rank in ranks))
    return FIRST_OF[len(hand)] + (HANDS[len(hand)].index(hand) if len(hand) < 3 else 0)


# What takers earn


@pytest.mark.parametrize("n_takers", [1, 2, 3, 4, 8, 16])
def test_what_takers_earn_is_what_the_stage_game_says(hand_made, n_takers):
    edge = np.linspace(-1, 30, 621, dtype=np.float32)
    params = make_params(**{"liquidity.cap": 1e6})
    solve = jax.jit(
        jax.vmap(
            lambda edge, depth: (
                symmetric_equilibrium(
                    params, hand_made(ask=24 - edge, bid=20, displayed_ask=depth), n_takers
                ).payoff
            ),
            (0, None),
        )
    )
    for depth in maker.DEPTHS:
        got = takers_payoff(edge, payoff_kinks(int(depth), n_takers), 0.3)
        want = n_takers * np.asarray(solve(edge, jnp.float32(depth)))
        np.testing.assert_allclose(got, want, atol=2e-3, rtol=1e-4)


def test_without_impact_takers_take_all_that_they_may():
    kinks = payoff_kinks(4, 3)
    np.testing.assert_allclose(takers_payoff(jnp.float32([-1, 0, 2.5]), kinks, 0.0), [0, 0, 75])


def test_the_program_is_as_long_for_many_takers_as_for_three():
    """Their payoff has more kinks, which are numbers and no instructions."""
    traced = jax.make_jaxpr(profit, static_argnums=1)
    three, many = (str(traced(TERMS, n)) for n in (3, 16))
    assert three.count(" = ") == many.count(" = ")


# What they know more than the maker


@pytest.mark.parametrize(("n_seen", "n_shown"), [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)])
def test_news_is_a_law_without_a_bias(n_seen, n_shown):
    """Over all hands of all events: the chances sum to 1, and the mean moves by 0 on average."""
    law = news(n_seen, n_shown)
    hands = np.array(HANDS[n_seen], int).reshape(len(HANDS[n_seen]), n_seen)
    possible = EVENTS.eligible[:, hands].all(-1)
    total = law.chance.sum(-1, dtype=np.float64)
    np.testing.assert_allclose(total, possible, atol=1e-6)
    mean = (law.chance.astype(np.float64) * law.change).sum(-1)
    np.testing.assert_allclose(mean, 0, atol=1e-5)
    np.testing.assert_array_equal(law.sizes[law.size], np.abs(law.change))
    assert len(law.sizes) < 2000


@pytest.mark.parametrize("event", [0, 2, remap_event(8, 14)])
def test_news_equals_enumeration_over_the_deck(event):
    deck = [r for r in range(2, 15) if EVENTS.eligible[event, r - 2] for _ in range(4)]
    value = {r: float(EVENTS.value[event, r - 2]) for r in range(2, 15)}
    seen, law = (4,), news(1, 3)
    left = list(deck)
    left.remove(4)
    expected = {}
    before = value[4] + 2 * np.mean([value[r] for r in left])
    for pair in itertools.combinations(left, 2):
        change = round(value[4] + sum(value[r] for r in pair) - before, 4)
        expected[change] = expected.get(change, 0) + 1 / (len(left) * (len(left) - 1) / 2)
    row, got = place(seen) - FIRST_OF[1], {}
    for change, chance in zip(law.change[event, row], law.chance[event, row], strict=True):
        if chance > 0:
            got[round(float(change), 4)] = got.get(round(float(change), 4), 0) + float(chance)
    assert got == pytest.approx(expected, abs=1e-6)


def test_every_hand_has_one_place():
    index = jax.jit(hand_index)
    for n in range(3):
        for hand in itertools.product(range(2, 15), repeat=n):
            ranks = np.array([*hand, 9, 9, 9][:3], np.int32)
            assert index(ranks, jnp.int32(n)) == place(hand)
    assert index(np.array([2, 3, 4], np.int32), jnp.int32(3)) == N_HANDS - 1


# Noise traders


def test_noise_traders_take_what_the_poisson_law_says():
    for rate, offset, depth in itertools.product((0.0, 0.3, 20.0, 400.0), (0.25, 8), (1, 2, 6, 10)):
        mean = rate * np.exp(-0.5 * offset)
        n = np.arange(2000)
        want = (np.minimum(n, depth) * poisson.pmf(n, mean)).sum()
        got = maker.expected_noise(*map(jnp.float32, (offset, depth, rate, 0.5)))
        assert float(got) == pytest.approx(want, rel=2e-5, abs=1e-5)


def test_without_takers_the_best_offset_is_that_of_the_exponential_law():
    """offset · rate · exp(−k · offset) is largest at 1/k, where it is rate / (e · k)."""
    offset = np.linspace(0.01, 8, 8001, dtype=np.float32)
    for rate, decay in ((20.0, 0.5), (5.0, 1.3)):
        deep = jnp.float32(1000)
        earned = offset * maker.expected_noise(offset, deep, jnp.float32(rate), jnp.float32(decay))
        best = int(jnp.argmax(earned))
        assert offset[best] == pytest.approx(1 / decay, abs=0.01)
        assert float(earned[best]) == pytest.approx(rate / (np.e * decay), rel=1e-5)


def test_without_takers_every_event_and_hand_has_the_same_best_quote():
    """1/k = 2 points, at the largest depth; so few come that it hardly binds."""
    pi = np.asarray(profit_of(TERMS._replace(rate=3.0), 0))
    assert (pi == pi[0, 0, 0]).all()
    best = monopolist(jnp.asarray(pi[0, 0, 0])).choice
    assert maker.OFFSETS[best // 5] == 2 and maker.DEPTHS[best % 5] == 10


# The maker's profit


def test_a_maker_who_knows_all_that_takers_know_loses_nothing():
    """And without noise traders it earns nothing either."""
    assert (np.asarray(profit_of(TERMS._replace(lag=0, rate=0.0), 2)) == 0).all()
    informed = np.asarray(profit_of(TERMS._replace(lag=0), 2))
    assert (informed == np.asarray(profit_of(TERMS, 0))).all()


def test_ask_and_bid_are_mirror_images_where_the_deck_is():
    """No event, nothing seen: S − 24 is symmetric."""
    ask, bid = np.asarray(profit_of(TERMS, 2))[0, 0]
    np.testing.assert_allclose(ask, bid, rtol=1e-4, atol=1e-4)
    raised = np.asarray(profit_of(TERMS, 2))[remap_event(2, 14), 0]
    assert np.abs(raised[0] - raised[1]).max() > 0.05


def test_monopoly_and_competition_are_what_their_names_say():
    pi = np.asarray(profit_of(TERMS, 2))
    best, zero = monopolist(jnp.asarray(pi)), competitive(jnp.asarray(pi))
    rng = np.random.default_rng(0)
    for _ in range(300):
        at = rng.integers(N_EVENTS), rng.integers(N_HANDS), rng.integers(2)
        values, choice = pi[at], int(best.choice[at])
        assert values[choice] == values.max() == best.profit[at]
        by_offset = [values[5 * i : 5 * i + 5].max() for i in range(12)]
        first = next(i for i, value in enumerate(by_offset) if value >= 0)
        assert int(zero.choice[at]) // 5 == first
        assert values[int(zero.choice[at])] == by_offset[first] == zero.profit[at]


def test_where_every_offset_loses_competition_quotes_the_widest():
    pi = np.asarray(profit_of(TERMS._replace(lag=3, rate=0.0), 2))
    choice = np.asarray(competitive(jnp.asarray(pi)).choice)
    loses = pi.max(-1) < 0
    assert loses.any() and (choice[loses] // 5 == 11).all()


def test_the_default_has_interior_answers():
    """Two takers, no event: zero profit near 1 point, monopoly near 3, at most of the depth."""
    pi = profit_of(TERMS, 2)[0]
    chosen = [b.choice for b in (competitive(pi), monopolist(pi))]
    possible = [place(hand) for hand in ((), (5,), (8,), (11,), (4, 11), (8, 8))]
    low, high = (np.asarray(choice)[possible] for choice in chosen)
    assert ((maker.OFFSETS[low // 5] >= 0.75) & (maker.OFFSETS[low // 5] <= 1.5)).all()
    assert (maker.OFFSETS[high // 5] == 3).all() and (maker.DEPTHS[high % 5] == 8).all()


def test_what_takers_alone_see_costs_the_maker_and_their_rivalry_spares_it():
    """More takers overflow the depth further, and so earn less together."""
    at = 0, 0, 0
    by_lag = [float(monopolist(profit_of(TERMS._replace(lag=lag), 2)[at]).profit) for lag in (0, 1)]
    by_takers = [float(monopolist(profit_of(TERMS, n)[at]).profit) for n in (1, 2, 4)]
    assert by_lag[0] > by_lag[1] and by_takers[0] < by_takers[1] < by_takers[2]


# Against rounds that are played


def plain_mix(edge, depth, alpha, n_takers):
    """(size, chance of one more) of the symmetric equilibrium, from what orders earn alone."""

    def payoff(i, others):
        return i * (edge - alpha * max(0, i + others - depth))

    def gain_of_one_more(i, p):
        """Of i + 1 over i while each other orders i + 1 with chance p."""
        n, total = n_takers - 1, 0.0
        for j in range(n + 1):
            chance = (
                float(np.prod([(n - k) / (k + 1) for k in range(j)])) * p**j * (1 - p) ** (n - j)
            )
            total += chance * (payoff(i + 1, n * i + j) - payoff(i, n * i + j))
        return total

    for size in range(11):
        values = [payoff(i, (n_takers - 1) * size) for i in range(11)]
        if max(values) <= values[size] + 1e-12:
            return size, 0.0
    for size in range(10):
        if gain_of_one_more(size, 0) > 0 > gain_of_one_more(size, 1):
            low, high = 0.0, 1.0
            for _ in range(60):
                middle = (low + high) / 2
                low, high = (middle, high) if gain_of_one_more(size, middle) > 0 else (low, middle)
            return size, low
    raise AssertionError("a symmetric game has a symmetric equilibrium")


def plain_rounds(terms, n_takers, event, seen, choice, n, rng):
    """The maker's P&L in `n` rounds, [n, 2 sides], and the same with S at its mean for each trader,
    given the event, the cards that it sees and its choice on both sides.
    """
    offset, depth = float(maker.OFFSETS[choice // 5]), int(maker.DEPTHS[choice % 5])
    hints = np.array(terms.hints, float) * [max(h - terms.lag, 0) == len(seen) for h in range(4)]
    n_shown = rng.choice(4, n, p=hints / hints.sum())
    deck = [r for r in range(2, 15) if EVENTS.eligible[event, r - 2] for _ in range(4)]
    for rank in seen:
        deck.remove(rank)
    value = EVENTS.value[event].astype(float)
    left = np.array([value[rank - 2] for rank in deck])
    known = [value[rank - 2] for rank in seen]
    drawn = np.argsort(rng.random((n, len(left))), 1)[:, : 3 - len(seen)]
    cards = np.concatenate([np.broadcast_to(known, (n, len(seen))), left[drawn]], 1)

    shown = np.where(np.arange(3) < n_shown[:, None], cards, 0)
    total = left.sum() + sum(known)
    n_left = len(deck) + len(seen) - n_shown
    mu = shown.sum(1) + (3 - n_shown) * (total - shown.sum(1)) / n_left
    mean = sum(known) + (3 - len(seen)) * left.mean()
    S = cards.sum(1)

    realised, expected = [], []
    for sign in (1, -1):
        edges = np.round(sign * (mu - mean) - offset, 9)
        of_takers = np.zeros(n)
        for edge in np.unique(edges[edges > 0]):
            size, p = plain_mix(edge, depth, terms.alpha, n_takers)
            at = edges == edge
            of_takers[at] = n_takers * size + rng.binomial(n_takers, p, at.sum())
        arrived = rng.poisson(terms.rate * np.exp(-terms.decay * offset), n)
        of_noise = np.minimum(arrived, depth)
        impact = terms.alpha * np.maximum(of_takers - depth, 0)
        news, later = sign * (S - mean), sign * (mu - mean)
        realised.append(of_takers * (offset + impact - news) + of_noise * (offset - news))
        expected.append(of_takers * (offset + impact - later) + of_noise * offset)
    return np.stack(realised, 1), np.stack(expected, 1)


QUOTED = [
    # event, seen, choice, lag, takers
    (0, (), 2, 1, 2),
    (0, (), 43, 1, 2),
    (2, (3,), 19, 1, 3),
    (remap_event(14, 2), (14, 6), 31, 1, 1),
    (1, (), 12, 2, 4),
    (0, (9,), 25, 2, 2),
]
MORE_QUOTED = [
    (event, seen, choice, lag, takers)
    for (event, seen), lag, (choice, takers) in itertools.product(
        [(0, ()), (3, (8,)), (4, (3, 3)), (remap_event(5, 13), (5, 5)), (0, (2, 14))],
        [1],
        [(1, 2), (22, 1), (34, 2), (48, 4)],
    )
] + [(0, (), 41, 3, 2), (2, (), 7, 3, 2)]


def check_against_rounds(quoted, n):
    event, seen, choice, lag, takers = quoted
    terms = TERMS._replace(lag=lag)
    rng = np.random.default_rng([event, choice, lag, takers])
    batches = [
        plain_rounds(terms, takers, event, seen, choice, min(n, 100_000), rng)
        for _ in range(-(-n // 100_000))
    ]
    realised, expected = (np.concatenate(columns) for columns in zip(*batches, strict=True))
    pi = np.asarray(profit_of(terms, takers))[event, place(seen), :, choice]
    for sample in (realised, expected):
        error = sample.std(0) / np.sqrt(n) + 1e-4
        assert (np.abs(sample.mean(0) - pi) < 4.5 * error).all(), (sample.mean(0), pi, error)


@pytest.mark.parametrize("quoted", QUOTED)
def test_profit_is_the_mean_of_rounds_played_in_plain_numpy(quoted):
    check_against_rounds(quoted, 40_000)


@pytest.mark.slow
@pytest.mark.parametrize("quoted", MORE_QUOTED)
def test_profit_is_the_mean_of_a_million_rounds(quoted):
    check_against_rounds(quoted, 1_000_000)
