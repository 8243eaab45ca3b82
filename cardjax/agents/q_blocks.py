"""What DQN keeps in replay: one block is what one game left behind in one rollout.

Without a memory, rounds of blocks are drawn one by one. With one, a block is drawn as a whole,
beginning with the last `burn_in` rounds of the block before it, which only warm the memory up
(Kapturowski et al. 2019, R2D2).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.agents import q_learning, replay
from cardjax.env.declaration import Number
from cardjax.env.trees import ArrayTree


class Transition(NamedTuple):
    """One round of a rollout; leaves [games, …], stacked along the rounds [R, games, …]."""

    observation: Array
    """float32 [..., D]."""
    mask: Array
    """bool [..., n_actions], the valid actions."""
    first: Array
    """bool, whether the round is its game's first."""
    memory: ArrayTree
    """Before the round."""
    action: Array
    """int32."""
    reward: Array
    """float32, in units of the reward's kind."""
    terminated: Array
    """bool, whether the round ended its game."""
    rejected: Array
    """bool, whether the order was invalid and executed as a pass."""
    truth: Array | None = None
    """float32 [..., N_TRUTH], what a critic is told in hindsight; None where nobody is."""


class Stop(NamedTuple):
    """Where a rollout stopped, the round that would be played next; leaves [games, …]."""

    observation: Array
    mask: Array
    first: Array


class Tail(NamedTuple):
    """The last `burn_in` rounds of a block, kept for the next."""

    observation: Array
    """float32 [games, burn_in, D]."""
    first: Array
    """bool [games, burn_in]."""
    memory: ArrayTree
    """Before the first of these rounds, leaves [games, …]."""


class Block(NamedTuple):
    """R rounds of each game, the burn-in before them and the round that follows them."""

    observation: Array
    """float32 [games, burn_in + R + 1, D]."""
    first: Array
    """bool [games, burn_in + R + 1], whether a round is its game's first."""
    memory: ArrayTree
    """Before the first of these rounds, leaves [games, …]; () without a memory."""
    mask: Array
    """bool [games, R + 1, n_actions]."""
    action: Array
    """int8 [games, R]."""
    n_step: Array
    """float32 [games, R], the n-step return without its bootstrap."""
    discount: Array
    """float32 [games, R], of the value that is bootstrapped from."""
    truth: Array | None = None
    """float32 [games, R, N_TRUTH], as in `Transition`."""


def blank_tail(n_games: int, burn_in: int, n_inputs: int, memory: ArrayTree) -> Tail | None:
    """The tail before a first block; None without burn-in."""
    if not burn_in:
        return None
    observation = jnp.zeros((n_games, burn_in, n_inputs), jnp.float32)
    return Tail(observation, jnp.ones((n_games, burn_in), bool), memory)


def block_of(
    rollout: Transition,
    stop: Stop,
    memory: ArrayTree,
    tail: Tail | None,
    n: int,
    gamma: Number | float,
) -> tuple[Block, Tail | None]:
    """The rollout as a block that begins with the tail of the one before it, and its own tail.

    Args:
        rollout: leaves [R, games, …].
        stop: where it stopped.
        memory: before its first round.
        tail: of the block before; None without burn-in.
        n: rounds of reward in an n-step return.
        gamma: discount.
    """
    observation = _along_rounds(rollout.observation, stop.observation)
    first = _along_rounds(rollout.first, stop.first)
    if tail is not None:
        burn_in, n_rounds = tail.first.shape[1], rollout.first.shape[0]
        observation = jnp.concatenate([tail.observation, observation], 1)
        first = jnp.concatenate([tail.first, first], 1)
        before = jax.tree.map(lambda leaf: leaf[n_rounds - burn_in], rollout.memory)
        memory = tail.memory
        last = slice(-burn_in - 1, -1)
        tail = Tail(observation[:, last], first[:, last], before)
    n_step, discount, _ = q_learning.n_step_return(rollout.reward, rollout.terminated, n, gamma)
    block = Block(
        observation=observation,
        first=first,
        memory=memory,
        mask=_along_rounds(rollout.mask, stop.mask),
        action=_along_rounds(rollout.action).astype(jnp.int8),
        n_step=_along_rounds(n_step),
        discount=_along_rounds(discount),
        truth=jax.tree.map(_along_rounds, rollout.truth),
    )
    return block, tail


def drawn_rounds(blocks: Block, index: replay.Index, n: int) -> Block:
    """Single rounds, each as a block of one round and the one that it is bootstrapped from.

    Args:
        blocks: all of replay, leaves [games, n_blocks, …].
        index: the rounds drawn, int32 [batch].
        n: rounds of reward in an n-step return.

    Returns:
        Leaves [batch, 1 or 2, …], without a memory.
    """
    n_rounds = blocks.action.shape[2]
    block, t = index.item // n_rounds, index.item % n_rounds
    later = jnp.minimum(t + n, n_rounds)

    def at(leaf: Array, *times: Array) -> Array:
        return jnp.stack([leaf[index.game, block, time] for time in times], 1)

    return Block(
        observation=at(blocks.observation, t, later),
        first=at(blocks.first, t, later),
        memory=(),
        mask=at(blocks.mask, t, later),
        action=at(blocks.action, t),
        n_step=at(blocks.n_step, t),
        discount=at(blocks.discount, t),
        truth=jax.tree.map(lambda leaf: at(leaf, t), blocks.truth),
    )


def drawn_blocks(blocks: Block, index: replay.Index) -> Block:
    """Whole blocks, leaves [batch, …]."""
    return jax.tree.map(lambda leaf: leaf[index.game, index.item], blocks)


def _along_rounds(rounds: Array, after: Array | None = None) -> Array:
    """[R, games, …] as [games, R, …], and the round after them if it is given."""
    rounds = jnp.moveaxis(rounds, 0, 1)
    return rounds if after is None else jnp.concatenate([rounds, after[:, None]], 1)
