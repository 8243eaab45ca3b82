"""A population of opponents to train against: the learner's present self, its past selves, and
scripted players.

The games are split into equal groups, one per opponent, who takes all seats but the learner's in
its group. A policy that is trained against one fixed player learns to exploit it; trained against
many, it learns to be robust. Past selves are a ring of snapshots: fictitious self-play (Heinrich,
Lanctot & Silver 2015), with the uniform mixture of the snapshots as the opponent.
"""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.agents.policy import ActorParams, ActorPolicy
from cardjax.config import PPOConfig
from cardjax.env.declaration import ParameterError
from cardjax.env.observation import View
from cardjax.env.params import EnvParams
from cardjax.env.trees import ArrayTree
from cardjax.policies.registry import make_policy

SELF, PAST = "self", "past"


def check_population(config: PPOConfig, n_players: int, n_envs: int) -> None:
    """Whether such opponents can share so many games.

    Raises:
        ParameterError: they cannot; it names the key that is in the way.
    """
    names = config.opponents
    if n_players == 1:
        raise ParameterError("ppo.opponents", names, "a single player has none: leave it at [self]")
    if n_envs % len(names):
        raise ParameterError(
            "ppo.opponents", names, f"their number must divide train.n_envs = {n_envs}"
        )
    if not config.share_params:
        raise ParameterError(
            "ppo.share_params", False, "must be on with ppo.opponents, where only one seat learns"
        )
    if PAST in names and n_envs // len(names) % config.past_size:
        allowed = f"must divide the {n_envs // len(names)} games against past selves"
        raise ParameterError("ppo.past_size", config.past_size, allowed)
    for name in set(names) - {SELF, PAST}:
        try:
            make_policy(name)
        except ValueError as error:
            raise ParameterError(
                "ppo.opponents", name, f"is neither self, past nor a policy ({error})"
            ) from None


class Others(NamedTuple):
    """What the population carries from round to round and from update to update."""

    past: Any
    """Snapshots of ActorParams, leaves [past_size, …]; None if no opponent is a past self."""
    carries: tuple[Any, ...]
    """each group's memory, leaves [games of the group, seats, …]."""


@dataclasses.dataclass(frozen=True)
class Population:
    """Who sits at the other seats."""

    names: tuple[str, ...]
    """"self", "past", or a scripted player's; one group of games each."""
    learner: ActorPolicy
    """how the present and past selves play."""
    n_games: int
    n_others: int
    past_size: int
    past_every: int
    """updates between snapshots."""

    def init(self, params: ActorParams) -> Others:
        """Past selves that are all the first self, and blank memories."""
        past = (
            jax.tree.map(lambda leaf: jnp.stack([leaf] * self.past_size), params)
            if PAST in self.names
            else None
        )
        blank, batch = jax.random.key(0), (self._group, self.n_others)
        carries = [
            self.learner.actor.carry(batch)
            if name in (SELF, PAST)
            else make_policy(name).init(blank, batch)
            for name in self.names
        ]
        return Others(past, tuple(carries))

    def act(
        self, others: Others, params: ActorParams, env_params: EnvParams, view: View, key: Array
    ) -> tuple[Others, Array]:
        """The other seats' actions int32 [games, n_others], from their views, leaves [games,
        n_others, …].
        """
        carries, actions = [], []
        for i, (name, carry) in enumerate(zip(self.names, others.carries, strict=True)):
            part = jax.tree.map(
                lambda leaf, i=i: leaf[i * self._group : (i + 1) * self._group], view
            )
            key_i = jax.random.fold_in(key, i)
            if name == SELF:
                carry, action = self.learner.act(params, carry, part, key_i)
            elif name == PAST:
                carry, action = self._past_act(others.past, carry, part, key_i)
            else:
                carry, action = make_policy(name).act(env_params, carry, part, key_i)
            carries.append(carry)
            actions.append(action)
        return others._replace(carries=tuple(carries)), jnp.concatenate(actions)

    def remember(self, others: Others, params: ActorParams, n_updates: Array) -> Others:
        """Others after `n_updates`: at every `past_every`th the oldest snapshot gives way to the
        present self.
        """
        if PAST not in self.names:
            return others
        slot = (n_updates // self.past_every) % self.past_size
        now = (n_updates % self.past_every == 0) & (jnp.arange(self.past_size) == slot)

        def put(ring: Array, leaf: Array) -> Array:
            return jnp.where(now.reshape(-1, *[1] * leaf.ndim), leaf, ring)

        return others._replace(past=jax.tree.map(put, others.past, params))

    @property
    def _group(self) -> int:
        return self.n_games // len(self.names)

    def _past_act(
        self, past: ActorParams, carry: ArrayTree, view: View, key: Array
    ) -> tuple[ArrayTree, Array]:
        """An equal share of the group's games for each snapshot."""

        def split(leaf: Array) -> Array:
            return leaf.reshape(self.past_size, -1, *leaf.shape[1:])

        keys = jax.random.split(key, self.past_size)
        after = jax.vmap(self.learner.act)(
            past, jax.tree.map(split, carry), jax.tree.map(split, view), keys
        )
        return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), after)
