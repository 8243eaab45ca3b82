"""Columns that are joined by selections, or read off bits, are those of their definitions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.kernels.packing import (
    CannotPack,
    Counts,
    OneHot,
    columns_first,
    packed,
    packed_columns,
    side_by_side,
)

KIND = OneHot("code", np.array([0, 1, 2, 3, 3, 3]), 4)
RANK = OneHot("code", np.array([-1, -1, -1, 0, 12, 27]), 28)
"""With KIND all 32 bits of a word."""
HINTS = Counts("hints", 2, 13)


@pytest.fixture(scope="module")
def sources():
    """Every code, each with hints of its own, hidden, alike and at both ends."""
    hints = [[0, 0, 0], [2, 0, 0], [14, 14, 0], [14, 14, 14], [2, 8, 14], [3, 3, 2]]
    return {"code": jnp.arange(6), "hints": jnp.array(hints), "more": jnp.zeros((6, 4), jnp.int32)}


@pytest.mark.parametrize("n", [1, 2, 8])
def test_side_by_side_is_a_stack(n):
    columns = [jax.random.normal(jax.random.key(i), (3, 2)) for i in range(n)]
    np.testing.assert_array_equal(jax.jit(side_by_side)(columns), jnp.stack(columns, -1))


def test_columns_first_is_a_stack_under_any_mapping():
    a, b = jax.random.normal(jax.random.key(0), (2, 5, 4, 3))
    c = jnp.arange(3.0)  # the same in every game
    stacked = jnp.stack([a, b, jnp.broadcast_to(c, a.shape)], -1)
    np.testing.assert_array_equal(columns_first([a, b]), stacked[..., :2])
    by_game = jax.vmap(lambda a, b: columns_first([a, b, c]))
    np.testing.assert_array_equal(by_game(a[0], b[0]), stacked[0])
    np.testing.assert_array_equal(jax.jit(jax.vmap(by_game))(a, b), stacked)


@pytest.mark.parametrize(
    "packings", [(KIND,), (HINTS,), (KIND, RANK, HINTS), (HINTS, RANK, KIND), (RANK, HINTS, KIND)]
)
def test_packed_columns_are_those_of_their_definitions(sources, packings):
    expected = jnp.concatenate([p.plain(sources[p.source]) for p in packings], -1)
    got = jax.jit(lambda sources: packed(packings, sources))(sources)
    assert got.dtype == jnp.float32
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(jnp.stack(packed_columns(packings, sources), -1), expected)
    assert expected.shape == (6, sum(packing.width for packing in packings))


def test_the_definitions_are_what_they_say(sources):
    np.testing.assert_array_equal(KIND.plain(sources["code"]), np.eye(4)[[0, 1, 2, 3, 3, 3]])
    assert RANK.plain(sources["code"]).argmax(-1).tolist() == [0, 0, 0, 0, 12, 27]
    assert RANK.plain(sources["code"]).sum(-1).tolist() == [0, 0, 0, 1, 1, 1]
    counts = HINTS.plain(sources["hints"])
    assert counts.sum(-1).tolist() == [0, 1, 2, 3, 3, 3]
    assert counts[:, 12].tolist() == [0, 0, 2, 3, 1, 0]


@pytest.mark.parametrize(
    ("packings", "reason"),
    [
        ((KIND, RANK, OneHot("code", np.arange(6), 1)), "columns of code take 33 bits"),
        ((Counts("hints", 2, 17),), "columns of hints take 34 bits"),
        ((HINTS, Counts("hints", 2, 1)), "hints is counted, and its word holds nothing else"),
        ((OneHot("hints", np.arange(6), 1), Counts("hints", 2, 1)), "hints is counted"),
        ((Counts("more", 2, 13),), "4 more can be alike, and a count has two bits"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(sources, packings, reason):
    for pack in (packed, packed_columns):
        with pytest.raises(CannotPack, match=reason):
            pack(packings, sources)
