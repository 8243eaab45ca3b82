"""A rollout of a Q-learner: it explores at its place, and everybody else plays as named."""

from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.agents.critic_view import hidden_truth
from cardjax.agents.q_blocks import Stop, Transition
from cardjax.agents.q_place import Keys, Place, Turn
from cardjax.agents.q_policy import QParams, QPolicy
from cardjax.env.params import N_ROUNDS
from cardjax.env.state import State
from cardjax.env.trees import ArrayTree

Carry: TypeAlias = tuple[State, ArrayTree, ArrayTree]
"""Games, the learner's memory and the others' carries, leaves [games or rows, …]."""


def rollout(
    place: Place,
    explorer: QPolicy,
    own: QParams,
    start: Carry,
    table: ArrayTree,
    keys: Array,
    with_truth: bool = False,
) -> tuple[Carry, Transition]:
    """Play one round of every game per key.

    Args:
        explorer: how the learner plays, and `own`, what that acts on.
        start: before the first round.
        table: what a scripted maker acts on; () without one.
        keys: [R].
        with_truth: whether the hidden truth of each round is kept.

    Returns:
        What `start` has become, and the rounds played, leaves [R, rows, …].
    """
    encode = explorer.market.encode

    def play_round(carry: Carry, key: Array) -> tuple[Carry, Transition]:
        games, memory, others = carry
        key_own, *keys = jax.random.split(key, 3)
        views = place.views(games)
        mine = place.own(views)
        memory_after, action = explorer.act(own, memory, mine, key_own)
        played = place.play(Turn(games, views, others, table), own, action, Keys(*keys))
        transition = Transition(
            observation=encode(mine),
            mask=mine.action_mask,
            first=mine.round == 0,
            memory=memory,
            action=action,
            reward=played.reward,
            terminated=played.terminated,
            rejected=played.rejected,
            truth=hidden_truth(games) if with_truth else None,
        )
        return (played.games, memory_after, played.others), transition

    return jax.lax.scan(play_round, start, keys)


def stop_at(place: Place, explorer: QPolicy, games: State) -> Stop:
    """The round that would be played next."""
    mine = place.own(place.views(games))
    return Stop(explorer.market.encode(mine), mine.action_mask, mine.round == 0)


def taker_metrics(played: Transition) -> dict[str, Array]:
    """Of a taker's rollout."""
    return {
        "reward_per_game": played.reward.mean() * N_ROUNDS,
        "trade_rate": jnp.mean(played.action != 0),
        "rejection_rate": jnp.mean(played.rejected),
    }
