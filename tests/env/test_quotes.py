"""The posterior against real cards, and the quote that is made of it."""

import functools
import itertools

import jax
import numpy as np
import pytest

from cardjax.env import make_params, posterior, remap_event
from cardjax.env.quotes import draw_quote

RANKS = np.arange(2, 15)
SUITS = 4


def cards_of(event):
    """(ranks, values) of the event's deck, one entry a card, from the rules' table."""
    ranks = np.repeat(RANKS, SUITS)
    eligible = {1: ranks >= 10, 2: ranks <= 7, 3: ranks % 2 == 0, 4: ranks % 2 == 1}.get(
        event, ranks > 0
    )
    ranks = ranks[eligible]
    values = ranks.astype(np.float64)
    if event >= 5:
        x, y = divmod(event - 5, 12)
        y += y >= x
        values[ranks == x + 2] = y + 2
    return ranks, values


@functools.cache
def subsets(n, size):
    """int [C(n, size), size]: every unordered choice of `size` of n cards."""
    return np.array(list(itertools.combinations(range(n), size)), int)


def states_of(event):
    """(hint counts [13], mu, sigma) of every hint multiset, by listing each choice of the cards
    still to come.
    """
    ranks, values = cards_of(event)
    n = len(ranks)
    for h in range(4):
        rest_of = subsets(n - h, 3 - h)
        for hint in itertools.combinations_with_replacement(np.unique(ranks), h):
            shown = []
            for rank in hint:
                shown.append(
                    next(card for card in np.flatnonzero(ranks == rank) if card not in shown)
                )
            left = np.delete(values, shown)
            S = values[shown].sum() + left[rest_of].sum(1)
            yield np.bincount(np.array(hint, int) - 2, minlength=13), S.mean(), S.std()


@pytest.fixture(scope="module")
def every_state():
    """(event [N], hint counts [N, 13], mu [N], sigma [N]) of all states that can occur, from
    enumerated cards.
    """
    rows = [(event, *state) for event in range(161) for state in states_of(event)]
    return tuple(np.array(column) for column in zip(*rows, strict=True))


@pytest.fixture(scope="module")
def posterior_of_every_state(every_state):
    event, counts, _, _ = every_state
    return tuple(np.asarray(moment) for moment in jax.jit(posterior)(event, counts))


def test_there_are_88264_states(every_state):
    event, counts, _, _ = every_state
    assert len(event) == 88_264
    assert len(np.unique(np.column_stack([event, counts]), axis=0)) == 88_264


def test_mu_and_sigma_equal_enumeration_in_every_state(every_state, posterior_of_every_state):
    _, _, mu, sigma = every_state
    for moment, exact in zip(posterior_of_every_state, (mu, sigma), strict=True):
        assert moment.dtype == np.float32
        np.testing.assert_allclose(moment, exact, rtol=0, atol=1e-4)


def test_three_hints_leave_sigma_exactly_zero(every_state, posterior_of_every_state):
    revealed = every_state[1].sum(1) == 3
    assert revealed.sum() > 70_000
    assert (posterior_of_every_state[1][revealed] == 0).all()
    assert (posterior_of_every_state[0][revealed] == every_state[2][revealed]).all()


def test_fewer_hints_leave_sigma_above_zero(every_state, posterior_of_every_state):
    assert (posterior_of_every_state[1][every_state[1].sum(1) < 3] > 1).all()


def test_the_moments_of_a_full_deck():
    # Mean of a rank is 8, its variance (13² − 1)/12 = 14; three of 52 without replacement: 3 · 14 ·
    # 49/51.
    mu, sigma = posterior(0, np.zeros(13, int))
    assert mu == 24
    assert sigma == pytest.approx((3 * 14 * 49 / 51) ** 0.5, rel=1e-6)


def test_a_revealed_remapped_card_counts_at_its_new_value():
    # Two aces shown, each worth 2; the third card is one of 50, whose values sum to 416 − 4·14 +
    # 2·2 = 364.
    mu, _ = posterior(remap_event(14, 2), np.eye(13, dtype=int)[12] * 2)
    assert mu == pytest.approx(4 + 364 / 50, rel=1e-6)


def test_the_spread_follows_sigma_between_its_bounds():
    params = make_params()
    # 0.8 + 0.25·0 is below s_min = 1; 0.8 + 0.25·4 = 1.8; 0.8 + 0.25·20 is above s_max = 3.
    for sigma, spread in ((0.0, 1.0), (4.0, 1.8), (20.0, 3.0)):
        assert draw_quote(
            np.float32(0), np.float32(24), np.float32(sigma), params
        ).spread == pytest.approx(spread)


def test_bid_and_ask_stand_half_a_spread_from_a_mid_that_noise_moves():
    # mid = 24 + 0.5·2 = 25, spread 1.8.
    quote = draw_quote(np.float32(2), np.float32(24), np.float32(4), make_params())
    assert (quote.mid, quote.bid, quote.ask) == (25, pytest.approx(24.1), pytest.approx(25.9))


def test_a_round_reports_the_posterior_of_its_event_and_hints(default_rounds):
    rounds = {name: leaf[0] for name, leaf in default_rounds.items()}
    shown = np.arange(3) < rounds["n_hints"][:, None]
    counts = ((rounds["cards"][..., None] == RANKS) & shown[..., None]).sum(1)
    mu, sigma = jax.jit(posterior)(rounds["event"], counts)
    np.testing.assert_allclose(rounds["mu"], mu, atol=1e-5)
    np.testing.assert_allclose(rounds["sigma"], sigma, atol=1e-5)


def test_a_round_quotes_around_its_mid(default_rounds):
    rounds = default_rounds
    spread = np.clip(0.8 + 0.25 * rounds["sigma"], 1, 3)
    np.testing.assert_allclose(rounds["spread"], spread, rtol=1e-6)
    np.testing.assert_allclose(rounds["bid"], rounds["mid"] - spread / 2, atol=1e-5)
    np.testing.assert_allclose(rounds["ask"], rounds["mid"] + spread / 2, atol=1e-5)
