"""PPO's networks: an actor, and a critic that may see more than its player does.

Both are unrolled over whole rollouts and parts of them alike. Where seats do not share parameters,
weights have a leading axis of seats.
"""

import dataclasses
from typing import Any

import jax
from jax import Array

from cardjax.agents.batch import Batch, by_game
from cardjax.agents.networks import Network
from cardjax.agents.normalization import after_seeing, new_normalizer, normalized
from cardjax.agents.policy import unroll_seats
from cardjax.agents.roles import Role
from cardjax.config import PPOConfig
from cardjax.env.trees import ArrayTree
from cardjax.kernels.short_axes import LONGEST_SHORT_AXIS, sum_short_axis

SPARSEST, FEWEST_ROWS = 4, 4096
"""The inputs' moments are learned from every fourth game, if that still leaves so many rows."""

ByNetwork = dict[str, Any]
"""{"actor": …, "critic": …}"""


@dataclasses.dataclass(frozen=True)
class ActorCritic:
    """What the actor and the critic of the learning seats see, and what they answer."""

    role: Role
    """whose networks they are."""
    config: PPOConfig
    n_seats: int
    """Seats whose play is learned from."""
    joint: bool
    """Whether the critic sees all players' views, as MAPPO's does, or its own player's."""

    @property
    def actor(self) -> Network:
        """Observation → logits of all actions."""
        config = self.config
        return Network(
            config.hidden,
            self.role.n_actions,
            config.memory,
            config.memory_width,
            output_scale=0.01,
            precision=config.matmul_precision,
        )

    @property
    def critic(self) -> Network:
        """What the critic sees → V or all action values, in units of the reward."""
        config = self.config
        n_outputs = self.role.n_actions if self.has_action_values else 1
        return Network(
            config.hidden,
            n_outputs,
            config.memory,
            config.memory_width,
            precision=config.matmul_precision,
        )

    @property
    def has_action_values(self) -> bool:
        """Whether the critic estimates the values of all actions, or V alone."""
        return self.config.critic == "action_values"

    @property
    def one_view(self) -> bool:
        """Whether the critic sees what its player sees and no more."""
        return self._n_critic_inputs == self.role.observation_size

    @property
    def _n_critic_inputs(self) -> int:
        return self.role.critic_inputs(self.joint, self.config.critic_sees_truth)

    def init(self, key_actor: Array, key_critic: Array) -> ByNetwork:
        """Fresh weights."""
        return {
            "actor": self._fresh(self.actor, key_actor, self.role.observation_size),
            "critic": self._fresh(self.critic, key_critic, self._n_critic_inputs),
        }

    def _fresh(self, network: Network, key: Array, n_inputs: int) -> ArrayTree:
        if self.config.share_params:
            return network.init(key, n_inputs)
        return jax.vmap(network.init, (0, None))(jax.random.split(key, self.n_seats), n_inputs)

    def blank_memory(self, n_games: int) -> ByNetwork:
        """The memories before a first round, leaves [n_games, seats, …]; empty without a cell."""
        batch = (n_games, self.n_seats)
        return {"actor": self.actor.carry(batch), "critic": self.critic.carry(batch)}

    def new_normalizers(self) -> ByNetwork:
        """Normalisers of what the two see that have seen nothing."""
        kind = self.config.normalize_observations
        return {
            "actor": new_normalizer(kind, self.role.observation_size),
            "critic": new_normalizer(kind, self._n_critic_inputs),
        }

    def normalizers_after(self, normalizers: ByNetwork, seen: Array) -> ByNetwork:
        """The normalisers after what critics saw too, float32 [rounds, games, seats, n]."""
        n_rounds, n_games, n_seats, _ = seen.shape
        step = max(1, min(SPARSEST, n_rounds * n_games * n_seats // FEWEST_ROWS))
        seen = seen[:, ::step]
        actor = after_seeing(normalizers["actor"], self._observation(seen))
        critic = actor if self.one_view else after_seeing(normalizers["critic"], seen)
        return {"actor": actor, "critic": critic}

    def inputs(self, normalizers: ByNetwork, seen: Array) -> tuple[Array, Array]:
        """Normalised inputs of actor and critic, from what critics see [..., n]."""
        to_actor = normalized(normalizers["actor"], self._observation(seen))
        if self.one_view:
            return to_actor, to_actor
        return to_actor, normalized(normalizers["critic"], seen)

    def _observation(self, seen: Array) -> Array:
        """The player's own part of what its critic sees [..., n]."""
        return seen[..., : self.role.observation_size]

    def unroll(
        self, who: str, weights: ByNetwork, memory: ByNetwork, inputs: Array, first: Array
    ) -> tuple[ArrayTree, Array]:
        """A network's memory after, and its outputs float32 [rounds, games, seats, n].

        Args:
            who: actor or critic.
            memory: before the first round, leaves [games, seats, …].
            inputs: float32 [rounds, games, seats, n_inputs], normalised.
            first: bool [rounds, games, seats], whether a round is its game's first.
        """
        network = self.actor if who == "actor" else self.critic
        share = self.config.share_params
        return unroll_seats(network, share, weights[who], memory[who], inputs, first)

    def outputs(self, who: str, weights: ByNetwork, part: Batch) -> Array:
        """A network's outputs for a part of a batch, float32 [games, rounds, seats, n]."""
        inputs = part.actor_input if who == "actor" else part.critic_input
        if self.config.memory == "none":
            # Without a memory the order of rounds is all the same, and nothing need be turned.
            return self.unroll(who, weights, part.memory, inputs, part.first)[1]
        return by_game(self.unroll(who, weights, part.memory, *by_game((inputs, part.first)))[1])

    def value(self, estimate: Array, probabilities: Array) -> Array:
        """V float32 [...] from the critic's estimates: of action values, the policy's mean."""
        if not self.has_action_values:
            return estimate[..., 0]
        weighted = estimate * probabilities
        is_short = weighted.shape[-1] <= LONGEST_SHORT_AXIS
        return sum_short_axis(weighted) if is_short else weighted.sum(-1)
