"""The 161 events: their table, their names, their ids."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardjax.env import EVENT_KINDS, make_params, remap_event
from cardjax.env.events import EVENTS, draw_event, kind_of

RANKS = range(2, 15)


def literal_events():
    """event id → (eligible ranks, value by rank), written out from the rules' table alone."""
    events = {
        0: (set(RANKS), {r: r for r in RANKS}),
        1: ({10, 11, 12, 13, 14}, {r: r for r in RANKS}),
        2: ({2, 3, 4, 5, 6, 7}, {r: r for r in RANKS}),
        3: ({2, 4, 6, 8, 10, 12, 14}, {r: r for r in RANKS}),
        4: ({3, 5, 7, 9, 11, 13}, {r: r for r in RANKS}),
    }
    for from_rank, to_rank in itertools.permutations(RANKS, 2):
        x, y = from_rank - 2, to_rank - 2
        event = 5 + 12 * x + (y if y < x else y - 1)
        assert event not in events
        events[event] = (set(RANKS), {r: to_rank if r == from_rank else r for r in RANKS})
    assert sorted(events) == list(range(161))
    return events


@pytest.fixture(scope="module")
def literal():
    return literal_events()


def test_eligible_ranks_are_those_of_the_rules(literal):
    expected = [[rank in literal[event][0] for rank in RANKS] for event in range(161)]
    np.testing.assert_array_equal(EVENTS.eligible, expected)


def test_values_are_those_of_the_rules(literal):
    expected = [[literal[event][1][rank] for rank in RANKS] for event in range(161)]
    np.testing.assert_array_equal(EVENTS.value, expected)


def test_the_deck_holds_four_cards_of_each_eligible_rank(literal):
    for event, (ranks, value) in literal.items():
        deck = [value[rank] for rank in sorted(ranks) for _suit in range(4)]
        assert EVENTS.n_cards[event] == len(deck)
        assert EVENTS.total[event] == sum(deck)
        assert EVENTS.total_square[event] == sum(v * v for v in deck)
        assert EVENTS.largest[event] == max(deck)


def test_remapping_the_aces_down_lowers_the_largest_value_to_a_king():
    assert EVENTS.largest[remap_event(14, 2)] == 13
    assert EVENTS.largest[remap_event(13, 2)] == 14


def test_remap_event_counts_ordered_pairs():
    assert remap_event(2, 3) == 5
    assert remap_event(2, 14) == 16
    assert remap_event(3, 2) == 17
    assert remap_event(14, 13) == 160
    ids = [remap_event(a, b) for a, b in itertools.permutations(RANKS, 2)]
    assert sorted(ids) == list(range(5, 161))


def test_a_remap_names_its_two_ranks():
    for from_rank, to_rank in itertools.permutations(RANKS, 2):
        event = remap_event(from_rank, to_rank)
        assert (EVENTS.remap_from[event], EVENTS.remap_to[event]) == (from_rank, to_rank)
    assert not EVENTS.remap_from[:5].any() and not EVENTS.remap_to[:5].any()


@pytest.mark.parametrize("pair", [(2, 2), (1, 5), (5, 15), (0, 2), (-2, 3)])
def test_remap_event_refuses_pairs_that_are_none(pair):
    with pytest.raises(ValueError, match=rf"remap_event\({pair[0]}, {pair[1]}\)"):
        remap_event(*pair)


def test_kinds_are_the_six_of_the_rules_in_order():
    assert EVENT_KINDS == ("none", "ge10_only", "le7_only", "even_only", "odd_only", "remap_value")
    np.testing.assert_array_equal(kind_of(jnp.arange(161)), [0, 1, 2, 3, 4] + [5] * 156)


drawn = jax.jit(draw_event)
WORDS = st.one_of(st.sampled_from([0, 1, 2**31, 2**32 - 1, 2**32 - 129]), st.integers(0, 2**32 - 1))


@settings(deadline=None, derandomize=True, max_examples=200)
@given(
    word=WORDS,
    previous=st.integers(0, 160),
    first=st.booleans(),
    persist=st.sampled_from([0, 0.7, 1]),
    remap=st.sampled_from([0, 1e-6, 0.015, 1]),
)
def test_every_word_draws_an_event_that_its_frequencies_allow(
    word, previous, first, persist, remap
):
    frequencies = {
        "events.none": 0.0,
        "events.ge10_only": 0.5,
        "events.le7_only": 0.5,
        "events.even_only": 0.0,
        "events.odd_only": 0.0,
    }
    params = make_params(event_persist=persist, **frequencies, **{"events.remap": remap})
    event = int(drawn(jnp.uint32(word), jnp.int32(previous), jnp.bool_(first), params))
    fresh = ({1, 2} if remap < 1 else set()) | (set(range(5, 161)) if remap > 0 else set())
    may_keep, may_redraw = not first and persist > 0, first or persist < 1
    assert event in ({previous} if may_keep else set()) | (fresh if may_redraw else set())
