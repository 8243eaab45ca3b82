"""Replay: a ring of blocks for each game, with a sum-tree of priorities beside it if wanted.

A block is what one game left behind in one rollout. Everything has the games' axis first, so that
games can be spread over devices, and every rollout adds exactly one block per game, so that one
count serves all rings.

flashbax 0.1.3's prioritised buffer is as fast for one seed: 23 ms against 21 here, on two CPU
cores, for putting a rollout of 1,024 games in and drawing and updating ten batches of 4,096. For
two seeds under `vmap`, as on an accelerator, it took 252 ms against 44. On CPUs seeds now take
turns, which makes this reason weaker than it was; `benchmarks/replay_speed.py` measures both.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.env.trees import ArrayTree


class Replay(NamedTuple):
    """The rings of all games."""

    blocks: Any
    """leaves [games, n_blocks, …]."""
    tree: Array | None
    """float32 [games, 2 · leaves], `sum_tree`; None to sample uniformly."""


class Index(NamedTuple):
    """Which items were drawn; leaves int32 [batch]. Two numbers, since games times items may pass
    int32's range.
    """

    game: Array
    item: Array
    """within the game: block · items_per_block + place in the block."""


def empty(block: ArrayTree, n_blocks: int, items_per_block: int, prioritised: bool) -> Replay:
    """A replay with nothing in it.

    Args:
        block: a block of every game, leaves [games, …]: shapes and types are taken from it.
        n_blocks: blocks kept per game.
        items_per_block: how many items of a block can be drawn: its rounds, or 1 for the block as a
            whole.
        prioritised: with priorities, or uniform.
    """
    n_games = jax.tree.leaves(block)[0].shape[0]
    blocks = jax.tree.map(lambda x: jnp.zeros((n_games, n_blocks, *x.shape[1:]), x.dtype), block)
    return Replay(blocks, sum_tree(n_games, n_blocks * items_per_block) if prioritised else None)


def add(replay: Replay, block: ArrayTree, n_added: Array, items_per_block: int) -> Replay:
    """Put in the block after `n_added` earlier ones, over the oldest when full.

    Its items get the highest priority there is (1 in an empty replay), so that each is soon seen
    once; those that they replace are forgotten.
    """
    n_blocks = jax.tree.leaves(replay.blocks)[0].shape[1]
    place = n_added % n_blocks
    blocks = jax.tree.map(
        lambda ring, x: jax.lax.dynamic_update_index_in_dim(ring, x.astype(ring.dtype), place, 1),
        replay.blocks,
        block,
    )
    if replay.tree is None:
        return Replay(blocks, replay.tree)
    width = replay.tree.shape[1] // 2
    leaves = replay.tree[:, width:]
    highest = leaves.max()
    fresh = jnp.full((leaves.shape[0], items_per_block), jnp.where(highest > 0, highest, 1))
    leaves = jax.lax.dynamic_update_slice_in_dim(leaves, fresh, place * items_per_block, 1)
    return Replay(blocks, tree_of(leaves))


def draw(replay: Replay, key: Array, batch: int, n_items: Array) -> tuple[Index, Array]:
    """`batch` items with replacement, and the probability that each had, float32 [batch].

    Args:
        n_items: int32 [], items per game at present; they stand first.
    """
    if replay.tree is None:
        n_games = jax.tree.leaves(replay.blocks)[0].shape[0]
        key_game, key_item = jax.random.split(key)
        index = Index(
            jax.random.randint(key_game, (batch,), 0, n_games, jnp.int32),
            jax.random.randint(key_item, (batch,), 0, n_items, jnp.int32),
        )
        return index, jnp.full(batch, 1 / (n_games * n_items.astype(jnp.float32)))
    return draw_by_priority(replay.tree, key, batch)


def set_priorities(replay: Replay, index: Index, priority: Array) -> Replay:
    """Give drawn items new priorities [batch] ≥ 0, already raised to the exponent; nothing if there
    are none to keep.

    An item drawn twice must get the same priority twice.
    """
    if replay.tree is None:
        return replay
    return replay._replace(tree=updated(replay.tree, index, priority))


def sum_tree(n_games: int, n_items: int) -> Array:
    """A tree per game, all priorities 0: float32 [games, 2 · width], width the power of 2 that
    holds `n_items`.

    In a row, node i is the sum of nodes 2i and 2i + 1; the root is node 1, the leaves the second
    half; node 0 is idle.
    """
    width = 1 << max(n_items - 1, 0).bit_length()
    return jnp.zeros((n_games, 2 * width), jnp.float32)


def tree_of(leaves: Array) -> Array:
    """The trees over leaves [games, width]."""
    levels = [leaves]
    while levels[0].shape[1] > 1:
        levels.insert(0, levels[0][:, 0::2] + levels[0][:, 1::2])
    return jnp.concatenate([jnp.zeros_like(leaves[:, :1]), *levels], 1)


def updated(tree: Array, index: Index, priority: Array) -> Array:
    """The trees with new leaves: each one's ancestors are summed anew, so that no rounding error
    builds up.
    """
    node = index.item + tree.shape[1] // 2
    tree = tree.at[index.game, node].set(priority)
    width = tree.shape[1] // 2
    while width > 1:
        width //= 2
        node = node // 2
        tree = tree.at[index.game, node].set(
            tree[index.game, 2 * node] + tree[index.game, 2 * node + 1]
        )
    return tree


def draw_by_priority(tree: Array, key: Array, batch: int) -> tuple[Index, Array]:
    """`batch` items in proportion to their leaves, stratified over the games, and their
    probabilities.

    One uniform finds the game and another the item in it: the 24 bits of one would be coarse for
    millions of items.
    """
    key_game, key_item = jax.random.split(key)
    cumulative = jnp.cumsum(tree[:, 1])
    strata = jnp.arange(batch, dtype=jnp.float32)
    u = strata + jax.random.uniform(key_game, (batch,), jnp.float32)
    u = u / batch * cumulative[-1]
    # Rounding may push u past the last game; `right` never picks a game of priority 0 before it.
    last = jnp.argmax(cumulative)
    game = jnp.minimum(jnp.searchsorted(cumulative, u, side="right"), last).astype(jnp.int32)

    node = jnp.ones(batch, jnp.int32)
    u = jax.random.uniform(key_item, (batch,), jnp.float32) * tree[game, 1]
    for _ in range((tree.shape[1] // 2).bit_length() - 1):
        left, right = tree[game, 2 * node], tree[game, 2 * node + 1]
        # Rounding may leave u at a sum's very end, and what has no priority is never to be drawn.
        goes_right = (u >= left) & (right > 0)
        node = 2 * node + goes_right.astype(jnp.int32)
        u = jnp.where(goes_right, u - left, u)
    return Index(game, node - tree.shape[1] // 2), tree[game, node] / cumulative[-1]
