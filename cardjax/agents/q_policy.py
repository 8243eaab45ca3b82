"""A Q-network as a player: the policy protocol over its weights."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.agents.networks import Network, Weights
from cardjax.agents.policy import Encoder, OnNetwork, SeatView
from cardjax.agents.q_heads import Head, Units, per_action
from cardjax.agents.q_learning import best_valid
from cardjax.env.sampling import sample_categorical
from cardjax.env.trees import ArrayTree


class QParams(NamedTuple):
    """What a QPolicy acts on."""

    weights: Weights
    """of the Q-network."""
    units: Units
    """of the head."""
    epsilon: Array
    """float32 [], the share of exploring actions; only `greedy=False` reads it."""


@dataclasses.dataclass(frozen=True)
class QPolicy(OnNetwork[QParams]):
    """Plays the valid action of the highest value, or with `greedy=False` explores as in training.

    Its `params` are `QParams`.
    """

    market: Encoder
    network: Network
    head: Head
    dueling: bool = False
    greedy: bool = True

    def init(self, key: Array, batch: tuple[int, ...]) -> ArrayTree:
        """As `OnNetwork.init`."""
        return self.network.carry(batch)

    def act_on(
        self,
        params: QParams,
        carry: ArrayTree,
        observation: Array,
        mask: Array,
        first: Array,
        key: Array,
    ) -> tuple[ArrayTree, Array]:
        """As `OnNetwork.act_on`."""
        carry, q = self._values(params, carry, observation, first)
        return carry, best_valid(q, mask) if self.greedy else sample_categorical(
            key, epsilon_greedy(q, mask, params.epsilon)
        )

    def action_probabilities(self, params: QParams, carry: ArrayTree, view: SeatView) -> Array:
        """The distribution of `act`'s action, float32 [..., n_actions]."""
        _, q = self.values(params, carry, view)
        if self.greedy:
            best = best_valid(q, view.action_mask)
            return jax.nn.one_hot(best, q.shape[-1], dtype=jnp.float32)
        return epsilon_greedy(q, view.action_mask, params.epsilon)

    def values(self, params: QParams, carry: ArrayTree, view: SeatView) -> tuple[ArrayTree, Array]:
        """The next carry, and Q of all actions, float32 [..., n_actions], valid or not."""
        return self._values(params, carry, self.market.encode(view), view.round == 0)

    def _values(
        self, params: QParams, carry: ArrayTree, observation: Array, first: Array
    ) -> tuple[ArrayTree, Array]:
        carry, outputs = self.network.step(params.weights, carry, observation, first)
        return carry, self.head.values(per_action(outputs, self.head, self.dueling), params.units)


def epsilon_greedy(q: Array, mask: Array, epsilon: Array) -> Array:
    """Probabilities float32 [..., n_actions]: the best valid action, or with probability `epsilon`
    any.

    Exploring actions are uniform over the valid ones. Sutton & Barto 2018, section 2.2.
    """
    greedy = jax.nn.one_hot(best_valid(q, mask), q.shape[-1], dtype=jnp.float32)
    valid = mask.astype(jnp.float32)
    return (1 - epsilon) * greedy + epsilon * (valid / valid.sum(-1, keepdims=True))
