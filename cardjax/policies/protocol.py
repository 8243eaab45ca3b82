"""What a player is, and the scripted players that keep nothing in mind
(docs/architecture.md#ideas-that-carry-it).
"""

import abc
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.env import N_ACTIONS, CardMarket, EnvParams, View, sample_categorical


class Policy(Protocol):
    """A player: scripted, learned or human. Implementations are hashable (frozen dataclasses), so
    they can be static.

    The leading shape [...] of views and actions is any, `batch`, such as (games,) or (games, A).
    """

    def init(self, key: Array, batch: tuple[int, ...]) -> Any:
        """The carry before a first round: a pytree of arrays with leading shape `batch`, or () for
        no memory.

        A carry may be kept from game to game: a player that should forget in between does so where
        `view.round` is 0.
        """

    def act(self, params: Any, carry: Any, view: View, key: Array) -> tuple[Any, Array]:
        """(carry, action): one decision for the whole batch.

        Args:
            params: a scripted player takes the EnvParams of its market, a learned one its weights.
            view: leaves [...].
            key: one for the whole batch.

        Returns:
            The next carry, and actions int32 [...], 0 pass, 1..10 buy, 11..20 sell.
        """


@runtime_checkable
class TrainedPlayer(Protocol):
    """A policy together with what it acts on, as `cardjax.load_policy` gives it."""

    policy: Policy
    params: Any
    market: CardMarket
    """the game that it learned."""


def prepared(policy: Policy, env_params: EnvParams) -> Any:
    """What a scripted player acts on in a market: its EnvParams, or what its method `prepare` makes
    of them before games are played.
    """
    prepare = getattr(policy, "prepare", None)
    return env_params if prepare is None else prepare(env_params)


class Memoryless(abc.ABC):
    """A scripted player whose law is a function of the View: give `action_probabilities`, and `act`
    samples it.
    """

    @abc.abstractmethod
    def action_probabilities(self, params: EnvParams, view: View) -> Array:
        """float32 [..., 21], zero for invalid actions."""

    def init(self, key: Array, batch: tuple[int, ...]) -> tuple[()]:
        """No carry."""
        return ()

    def act(
        self, params: EnvParams, carry: tuple[()], view: View, key: Array
    ) -> tuple[tuple[()], Array]:
        """As `Policy.act`."""
        return carry, sample_categorical(key, self.action_probabilities(params, view))


class Deterministic(Memoryless):
    """A memoryless player that never mixes: give `choose`, and the rest follows without a random
    number.
    """

    @abc.abstractmethod
    def choose(self, params: EnvParams, view: View) -> Array:
        """The action, int32 [...], valid."""

    def action_probabilities(self, params: EnvParams, view: View) -> Array:
        """float32 [..., 21]: one for the choice, zero for the rest."""
        return jax.nn.one_hot(self.choose(params, view), N_ACTIONS, dtype=jnp.float32)

    def act(
        self, params: EnvParams, carry: tuple[()], view: View, key: Array
    ) -> tuple[tuple[()], Array]:
        """As `Policy.act`."""
        return carry, self.choose(params, view)
