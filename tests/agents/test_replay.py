"""The replay's rings and sum-trees against plain lists."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cardjax.agents import replay

GAMES, BLOCKS, ROUNDS = 3, 4, 5


def block(number):
    """Every value says which game, block and round it is."""
    game, place = np.meshgrid(np.arange(GAMES), np.arange(ROUNDS), indexing="ij")
    return {"id": jnp.asarray(1000 * number + 10 * game + place), "game": jnp.arange(GAMES)}


def filled(n, prioritised=True):
    memory = replay.empty(block(0), BLOCKS, ROUNDS, prioritised)
    for number in range(n):
        memory = replay.add(memory, block(number), jnp.int32(number), ROUNDS)
    return memory


def leaves(tree):
    return np.asarray(tree)[:, tree.shape[1] // 2 :]


def assert_sums(tree):
    tree = np.asarray(tree)
    for node in range(1, tree.shape[1] // 2):
        np.testing.assert_allclose(
            tree[:, node], tree[:, 2 * node] + tree[:, 2 * node + 1], rtol=1e-6
        )


@pytest.mark.parametrize("n", [1, 4, 5, 11])
def test_a_ring_holds_the_latest_blocks(n):
    memory = filled(n)
    held = {int(x) // 1000 for x in np.ravel(memory.blocks["id"][:, : min(n, BLOCKS)])}
    assert held == set(range(max(0, n - BLOCKS), n))
    last = (n - 1) % BLOCKS
    np.testing.assert_array_equal(memory.blocks["id"][:, last], block(n - 1)["id"])


@pytest.mark.parametrize("prioritised", [False, True])
@pytest.mark.parametrize("n", [1, 3, 6])
def test_only_what_is_held_is_drawn_and_all_of_it(n, prioritised):
    memory = filled(n, prioritised)
    held = min(n, BLOCKS) * ROUNDS
    index, probability = replay.draw(memory, jax.random.key(0), 4000, jnp.int32(held))
    assert {(int(g), int(i)) for g, i in zip(*index, strict=True)} == {
        (g, i) for g in range(GAMES) for i in range(held)
    }
    np.testing.assert_allclose(probability, 1 / (GAMES * held), rtol=1e-6)


def test_new_items_get_the_highest_priority_and_old_ones_are_forgotten():
    memory = filled(BLOCKS)
    everything = replay.Index(
        *(jnp.asarray(x.ravel()) for x in np.indices((GAMES, BLOCKS * ROUNDS)))
    )
    memory = replay.set_priorities(memory, everything, jnp.full(GAMES * BLOCKS * ROUNDS, 0.25))
    memory = replay.set_priorities(
        memory, replay.Index(jnp.array([2]), jnp.array([7])), jnp.array([9.0])
    )
    memory = replay.add(memory, block(BLOCKS), jnp.int32(BLOCKS), ROUNDS)
    priority = leaves(memory.tree)
    assert (priority[:, :ROUNDS] == 9).all()
    assert (priority[:, BLOCKS * ROUNDS :] == 0).all()
    memory = replay.add(
        memory, block(BLOCKS + 1), jnp.int32(BLOCKS + 1), ROUNDS
    )  # over the 9 of game 2
    assert (leaves(memory.tree)[:, : 2 * ROUNDS] == 9).all()
    assert (leaves(memory.tree)[:, 2 * ROUNDS : BLOCKS * ROUNDS] == 0.25).all()
    assert_sums(memory.tree)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_updates_keep_the_sums(data):
    n_items = data.draw(st.integers(1, 20))
    tree, expected = replay.sum_tree(GAMES, n_items), np.zeros((GAMES, n_items), np.float32)
    for _ in range(data.draw(st.integers(1, 4))):
        size = data.draw(st.integers(1, 6))
        pairs = st.tuples(st.integers(0, GAMES - 1), st.integers(0, n_items - 1))
        game, item = np.array(data.draw(st.lists(pairs, min_size=size, max_size=size))).T
        new = np.random.default_rng(size).random((GAMES, n_items)).astype(np.float32)
        expected[game, item] = new[game, item]
        index = replay.Index(jnp.asarray(game), jnp.asarray(item))
        tree = replay.updated(tree, index, jnp.asarray(new[game, item]))
        np.testing.assert_array_equal(leaves(tree)[:, :n_items], expected)
        assert_sums(tree)
    np.testing.assert_allclose(tree, replay.tree_of(jnp.asarray(leaves(tree))), rtol=1e-6)


@given(st.integers(0, 2**31), st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_what_has_no_priority_is_never_drawn(seed, n_items):
    rng = np.random.default_rng(seed)
    priority = rng.random((GAMES, n_items)) * 10.0 ** rng.integers(-6, 6, (GAMES, n_items))
    priority *= rng.random((GAMES, n_items)) < 0.4
    priority[rng.integers(GAMES), rng.integers(n_items)] = 1.0
    width = replay.sum_tree(1, n_items).shape[1] // 2
    tree = replay.tree_of(
        jnp.asarray(np.pad(priority, ((0, 0), (0, width - n_items))), jnp.float32)
    )
    index, probability = replay.draw_by_priority(tree, jax.random.key(seed), 256)
    assert (priority[np.asarray(index.game), np.asarray(index.item)] > 0).all()
    assert (probability > 0).all()


def test_items_are_drawn_in_proportion_to_their_priorities():
    priority = np.random.default_rng(0).random((GAMES, 8)) ** 2
    priority[1, 3] = 0
    tree = replay.tree_of(jnp.asarray(priority, jnp.float32))
    index, probability = replay.draw_by_priority(tree, jax.random.key(1), 300_000)
    count = np.zeros((GAMES, 8))
    np.add.at(count, (np.asarray(index.game), np.asarray(index.item)), 1)
    expected = priority / priority.sum()
    np.testing.assert_allclose(
        probability, expected[np.asarray(index.game), np.asarray(index.item)], rtol=1e-5
    )
    kept = expected > 0
    assert count[~kept].sum() == 0
    share = expected[kept] / expected[kept].sum()
    assert stats.chisquare(count[kept], 300_000 * share).pvalue > 0.01


def test_without_priorities_there_is_no_tree_to_update():
    memory = filled(2, prioritised=False)
    index = replay.Index(jnp.array([0]), jnp.array([0]))
    assert replay.set_priorities(memory, index, jnp.array([5.0])) is memory
    assert memory.tree is None
