"""The exact belief about a hidden event, held against its definition in float64: every event, every
ordered triple of cards (docs/rules.md#hidden-events).
"""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.env import beliefs, make_params, remap_event
from cardjax.env.events import EVENTS, N_EVENTS

RANKS = np.arange(2, 15)
TRIPLES = np.array(list(itertools.product(RANKS, repeat=3)))
LIVELY = {"events.remap": 0.3, "event_persist": 0.8}
"""Remaps are common and stay, so that sums that point to one are common too."""


# The definition, by counting cards: float64 over the events and the 2,197 triples of ranks.


@functools.cache
def law_of_cards():
    """P(triple | event), float64 [161, 2197], by drawing card after card from a counted deck."""
    law = np.zeros((N_EVENTS, len(TRIPLES)))
    for event in range(N_EVENTS):
        deck = {rank: 4 * bool(EVENTS.eligible[event, rank - 2]) for rank in RANKS}
        n = sum(deck.values())
        for i, (a, b, c) in enumerate(TRIPLES):
            law[event, i] = deck[a] * (deck[b] - (b == a)) * (deck[c] - (c == a) - (c == b))
        law[event] /= n * (n - 1) * (n - 2)
    return law


@functools.cache
def sums():
    """S of every triple under every event, [161, 2197]."""
    value = np.tile(RANKS, (N_EVENTS, 1))
    for x, y in itertools.permutations(RANKS, 2):
        value[remap_event(x, y), x - 2] = y
    return value[:, TRIPLES - 2].sum(-1)


def fresh(params):
    """pi, float64 [161]."""
    events = params.events
    kinds = ["none", "ge10_only", "le7_only", "even_only", "odd_only"]
    base = np.array([float(getattr(events, kind)) for kind in kinds])
    remap = float(events.remap)
    return np.concatenate([base / base.sum() * (1 - remap), np.full(156, remap / 156)])


def consistent(hints):
    """Which triples begin with these hints (0 is hidden), bool [2197]."""
    return np.all((hints == TRIPLES) | (np.array(hints) == 0), -1)


def index_of(cards):
    return int(np.flatnonzero((cards == TRIPLES).all(-1))[0])


def settled(b, cards, S):
    """b after a round's cards and sum, normalised."""
    i = index_of(cards)
    weight = b * law_of_cards()[:, i] * (sums()[:, i] == S)
    return weight / weight.sum()


def with_hints(b, hints):
    """(b after the hints, mu, sigma), the moments from the law of all triples."""
    joint = b[:, None] * law_of_cards() * consistent(hints)
    joint /= joint.sum()
    mu = (joint * sums()).sum()
    return joint.sum(1), mu, np.sqrt((joint * (sums() - mu) ** 2).sum())


def persisting(params):
    """P(next event | event), float64 [161, 161]."""
    p = float(params.event_persist)
    return p * np.eye(N_EVENTS) + (1 - p) * fresh(params)


class Sampled:
    """Games drawn from the definition: in each round the event, its cards, S and the hints."""

    def __init__(self, params, n_rounds, rng):
        self.rounds, event = [], None
        for _ in range(n_rounds):
            law = fresh(params) if event is None else persisting(params)[event]
            event = rng.choice(N_EVENTS, p=law / law.sum())
            i = rng.choice(len(TRIPLES), p=law_of_cards()[event])
            hints = np.where(np.arange(3) < rng.integers(4), TRIPLES[i], 0)
            self.rounds.append((TRIPLES[i], sums()[event, i], hints))


@jax.jit
def filtered(cards, S, hints, params):
    """(chances after the hints of each round [T, 161], mu [T], sigma [T]) as the game has them."""

    def round_(belief, seen):
        cards, S, hints = seen
        told = beliefs.given_hints(belief, hints)
        out = beliefs.chances(told), *beliefs.moments(belief, hints)
        return beliefs.next_round(belief, cards, S, params), out

    return jax.lax.scan(round_, beliefs.prior(params), (cards, S, hints))[1]


@jax.jit
def plainly_filtered(cards, S, hints, params):
    def round_(b, seen):
        cards, S, hints = seen
        told = beliefs.plain_given_hints(b, hints)
        out = told, *beliefs.plain_moments(told, hints)
        return beliefs.plain_next_round(b, cards, S, params), out

    return jax.lax.scan(round_, beliefs.plain_prior(params), (cards, S, hints))[1]


def arrays(rounds):
    cards, S, hints = (np.array(column) for column in zip(*rounds, strict=True))
    return jnp.int32(cards), jnp.float32(S), jnp.int32(hints)


def assert_as_defined(found, expected):
    (chances, mu, sigma), (b, mean, deviation) = found, expected
    np.testing.assert_allclose(chances, b, atol=1e-5)
    assert float(mu) == pytest.approx(mean, abs=2e-5)
    assert float(sigma) == pytest.approx(deviation, abs=2e-4)


@pytest.mark.parametrize("seed", range(4))
def test_the_filter_is_the_sum_over_all_paths_of_events(seed):
    # Every path e1, e2, e3 by itself: its probability, and that of all that was public.
    params = make_params(**LIVELY)
    rounds = Sampled(params, 3, np.random.default_rng(seed)).rounds
    law, value = law_of_cards(), sums()
    seen = [law[:, index_of(c)] * (value[:, index_of(c)] == S) for c, S, _ in rounds[:2]]
    step = persisting(params)
    paths = (
        (fresh(params) * seen[0])[:, None, None]
        * (step * seen[1])[:, :, None]
        * (step * (law * consistent(rounds[2][2])).sum(1))[None]
    )
    assert paths.shape == (161, 161, 161)
    chances = filtered(*arrays(rounds), params)[0]
    np.testing.assert_allclose(chances[-1], paths.sum((0, 1)) / paths.sum(), atol=1e-5)


REMAPPED_PAIRS = [
    # 7s count 9: seen as one card, then as a pair, then not dealt, then three of a kind.
    ([7, 3, 11], 23, [0, 0, 0]),
    ([7, 7, 5], 23, [7, 7, 0]),
    ([2, 3, 4], 9, [2, 0, 0]),
    ([7, 7, 7], 27, [7, 7, 7]),
    ([7, 12, 3], 24, [7, 12, 3]),
    ([7, 7, 7], 27, [0, 0, 0]),
]
AMBIGUOUS = [
    # One point too much: a 4 may count 5, an 8 count 9 or a king count an ace.
    ([4, 8, 13], 26, [4, 8, 13]),
    # The king is cleared; the 4 and the 8 are not.
    ([13, 2, 6], 21, [13, 0, 0]),
    ([4, 13, 13], 30, [4, 13, 13]),
    # Now the 4 is cleared: the 8 it is, or something fresh.
    ([8, 8, 2], 20, [8, 8, 2]),
    ([8, 9, 8], 27, [8, 9, 8]),
]
FILTERED = [
    ([10, 10, 14], 34, [10, 10, 14]),
    ([10, 12, 14], 36, [10, 0, 0]),
    ([12, 12, 12], 36, [12, 12, 12]),
    ([3, 5, 7], 15, [3, 0, 0]),
    ([3, 5, 7], 15, [0, 0, 0]),
]


@pytest.mark.parametrize("persist", [0.0, 0.7, 1.0])
@pytest.mark.parametrize(
    "rounds", [REMAPPED_PAIRS, AMBIGUOUS, FILTERED], ids=["pairs", "many", "filters"]
)
def test_the_filter_is_its_definition_in_games_made_by_hand(rounds, persist):
    params = make_params(event_persist=persist)
    check(rounds, params)


@pytest.mark.parametrize("params", [{}, LIVELY, {"events.remap": 1.0}, {"event_persist": 1.0}])
def test_the_filter_is_its_definition_in_sampled_games(params):
    params = make_params(**params)
    for seed in range(20):
        check(Sampled(params, 10, np.random.default_rng(seed)).rounds, params)


def check(rounds, params):
    chances, mu, sigma = filtered(*arrays(rounds), params)
    b = fresh(params)
    for t, (cards, S, hints) in enumerate(rounds):
        assert_as_defined((chances[t], mu[t], sigma[t]), with_hints(b, hints))
        b = settled(b, cards, S) @ persisting(params)


def test_the_columns_are_the_plain_definition():
    params = make_params(**LIVELY)
    for seed in range(20):
        rounds = arrays(Sampled(params, 10, np.random.default_rng(100 + seed)).rounds)
        columns, plain = filtered(*rounds, params), plainly_filtered(*rounds, params)
        for a, b, atol in zip(columns, plain, (2e-6, 2e-5, 2e-4), strict=True):
            np.testing.assert_allclose(a, b, atol=atol)
