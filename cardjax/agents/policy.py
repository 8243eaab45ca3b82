"""Trained policies as players: the protocol of policies over network weights, and PPO's actor."""

import abc
import dataclasses
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.agents.distribution import MaskedCategorical
from cardjax.agents.networks import Network, Weights
from cardjax.agents.normalization import Normalizer, normalized
from cardjax.env.trees import ArrayTree

P = TypeVar("P")
"""What a policy acts on."""


class SeatView(Protocol):
    """What a player knows before it acts, in any role; its encoder reads more of it."""

    @property
    def round(self) -> Array:
        """int32 [...]: rounds already played."""

    @property
    def action_mask(self) -> Array:
        """bool [..., n_actions]: which actions are valid."""


class Encoder(Protocol):
    """What turns views into what a network reads."""

    def encode(self, view: Any) -> Array:
        """float32 [..., n]."""


class OnNetwork(abc.ABC, Generic[P]):
    """A trained policy, which sees of a view what its encoder makes of it, so that it acts on
    arrays too.
    """

    market: Encoder
    """which makes the network's input of a view: the market or, of a maker, its role."""

    @abc.abstractmethod
    def init(self, key: Array, batch: tuple[int, ...]) -> ArrayTree:
        """A blank memory; () without one."""

    @abc.abstractmethod
    def act_on(
        self, params: P, carry: ArrayTree, observation: Array, mask: Array, first: Array, key: Array
    ) -> tuple[ArrayTree, Array]:
        """As `act`, from the flat observation [..., D], the mask [..., n_actions], and whether the
        round is a game's first.
        """

    def act(
        self, params: P, carry: ArrayTree, view: SeatView, key: Array
    ) -> tuple[ArrayTree, Array]:
        """As `Policy.act`."""
        return self.act_on(
            params, carry, self.market.encode(view), view.action_mask, view.round == 0, key
        )


class ActorParams(NamedTuple):
    """What an ActorPolicy acts on."""

    weights: Weights
    """the actor's; with a leading axis of seats where each seat has its own."""
    normalizer: Normalizer
    """of observations."""
    logit_scale: Array
    """float32 [], from network output to logits."""


@dataclasses.dataclass(frozen=True)
class ActorPolicy(OnNetwork[ActorParams]):
    """Plays an actor: its most probable valid action, or with `greedy=False` a draw from its
    distribution.

    Its `params` are `ActorParams`. Where each seat has weights of its own (`share_params` off), the
    views' last axis is the seats', and fewer views than seats are the first ones'.
    """

    market: Encoder
    actor: Network
    share_params: bool = True
    greedy: bool = True

    def init(self, key: Array, batch: tuple[int, ...]) -> ArrayTree:
        """As `OnNetwork.init`."""
        return self.actor.carry(batch)

    def act_on(
        self,
        params: ActorParams,
        carry: ArrayTree,
        observation: Array,
        mask: Array,
        first: Array,
        key: Array,
    ) -> tuple[ArrayTree, Array]:
        """As `OnNetwork.act_on`."""
        carry, distribution = self._distribution(params, carry, observation, mask, first)
        return carry, distribution.mode() if self.greedy else distribution.sample(seed=key)

    def action_probabilities(self, params: ActorParams, carry: ArrayTree, view: SeatView) -> Array:
        """The distribution of `act`'s action, float32 [..., 21]."""
        _, distribution = self.distribution(params, carry, view)
        if self.greedy:
            n_actions = distribution.num_categories
            return jax.nn.one_hot(distribution.mode(), n_actions, dtype=jnp.float32)
        return distribution.probs

    def distribution(
        self, params: ActorParams, carry: ArrayTree, view: SeatView
    ) -> tuple[ArrayTree, MaskedCategorical]:
        """The next carry, and the distribution over valid actions."""
        observation, first = self.market.encode(view), view.round == 0
        return self._distribution(params, carry, observation, view.action_mask, first)

    def _distribution(
        self, params: ActorParams, carry: ArrayTree, observation: Array, mask: Array, first: Array
    ) -> tuple[ArrayTree, MaskedCategorical]:
        seen = normalized(params.normalizer, observation)
        carry, output = step_seats(
            self.actor, self.share_params, params.weights, carry, seen, first
        )
        return carry, MaskedCategorical(output * params.logit_scale, mask)


def step_seats(
    network: Network, share: bool, weights: Weights, carry: ArrayTree, x: Array, first: Array
) -> tuple[ArrayTree, Array]:
    """`network.step` for x [..., seats, D]: by one set of weights, or by each seat's own (leaves
    [seats, …]).
    """
    carry, output = unroll_seats(network, share, weights, carry, x[None], first[None])
    return carry, output[0]


def unroll_seats(
    network: Network, share: bool, weights: Weights, carry: ArrayTree, x: Array, first: Array
) -> tuple[ArrayTree, Array]:
    """`network.unroll` for x [T, ..., seats, D]: by one set of weights, or by each seat's own
    (leaves [seats, …]).
    """
    if share:
        return network.unroll(weights, carry, x, first)
    own = jax.tree.map(lambda leaf: leaf[: x.shape[-2]], weights)
    axes_in = (0, first.ndim - 2, first.ndim - 1, first.ndim - 1)
    return jax.vmap(network.unroll, axes_in, (first.ndim - 2, first.ndim - 1))(own, carry, x, first)
