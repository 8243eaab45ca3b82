"""The protocol of all policies, and the base classes of those without a memory
(docs/architecture.md#ideas-that-carry-it).
"""

import abc
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.env import N_ACTIONS, CardMarket, EnvParams, View, sample_categorical
from cardjax.env.trees import ArrayTree


class Policy(Protocol):
    """Something that plays the market: a script, a trained network or a person.

    Implementations are hashable (frozen dataclasses), so that `jit` can take them as static
    arguments. Views and actions may have any leading shape [...], which is called `batch`, such as
    (games,) or (games, A).
    """

    def init(self, key: Array, batch: tuple[int, ...]) -> ArrayTree:
        """The carry before the first round: a pytree of arrays with leading shape `batch`, or ()
        for a policy without a memory.

        A carry may be passed on from one game to the next. A policy that should forget in between
        must do so where `view.round` is 0.
        """

    def act(self, params: Any, carry: Any, view: View, key: Array) -> tuple[Any, Array]:
        """Choose an action for every View of the batch: (carry, action).

        Args:
            params: the EnvParams of its market for a scripted policy, the weights for a trained
                one.
            view: leaves [...].
            key: one random key for the whole batch.

        Returns:
            The next carry, and actions int32 [...]: 0 pass, 1..10 buy, 11..20 sell.
        """


@runtime_checkable
class TrainedPlayer(Protocol):
    """A policy together with its parameters, as `cardjax.load_policy` returns it."""

    policy: Policy
    params: ArrayTree
    market: CardMarket
    """The game that it has learned."""


def misfit(learned: CardMarket, played: CardMarket) -> str:
    """Why a policy that has learned one game cannot take a seat in another; "" if it can."""
    if learned.n_players != played.n_players:
        return f"was trained for {learned.n_players} player(s), not for {played.n_players}"
    if learned.hides_event != played.hides_event:
        return f"was trained with env.event_info = {learned.event_info}, not {played.event_info}"
    if learned.inventory != played.inventory:
        on, off = ("on", "off") if learned.inventory else ("off", "on")
        return f"was trained with env.inventory = {on}, not {off}"
    if learned.has_maker != played.has_maker:
        return f"was trained with env.maker = {learned.maker}, not {played.maker}"
    return ""


def prepared(policy: Policy, env_params: EnvParams) -> Any:
    """The `params` of a scripted policy in a market: the EnvParams, or what the policy's method
    `prepare`, if it has one, makes of them before games are played.
    """
    prepare = getattr(policy, "prepare", None)
    return env_params if prepare is None else prepare(env_params)


class Memoryless(abc.ABC):
    """A scripted policy whose distribution over actions is a function of the View.

    Subclasses define `action_probabilities`, from which `act` samples.
    """

    @abc.abstractmethod
    def action_probabilities(self, params: EnvParams, view: View) -> Array:
        """The probabilities of all actions, float32 [..., 21]; 0 for invalid ones."""

    def init(self, key: Array, batch: tuple[int, ...]) -> tuple[()]:
        """No carry."""
        return ()

    def act(
        self, params: EnvParams, carry: tuple[()], view: View, key: Array
    ) -> tuple[tuple[()], Array]:
        """As `Policy.act`."""
        return carry, sample_categorical(key, self.action_probabilities(params, view))


class Deterministic(Memoryless):
    """A policy without a memory that never randomises.

    Subclasses define `choose`; everything else follows from it, without random numbers.
    """

    @abc.abstractmethod
    def choose(self, params: EnvParams, view: View) -> Array:
        """The action, int32 [...], which must be valid."""

    def action_probabilities(self, params: EnvParams, view: View) -> Array:
        """The probabilities of all actions, float32 [..., 21]: 1 for the choice, 0 for the rest."""
        return jax.nn.one_hot(self.choose(params, view), N_ACTIONS, dtype=jnp.float32)

    def act(
        self, params: EnvParams, carry: tuple[()], view: View, key: Array
    ) -> tuple[tuple[()], Array]:
        """As `Policy.act`."""
        return carry, self.choose(params, view)
