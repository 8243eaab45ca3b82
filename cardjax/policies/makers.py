"""Scripted players of the maker's seat. They follow the protocol of all policies, with a MakerView
in place of a View and with two choices 0..59 as their action, for the ask and for the bid.
"""

import abc
import dataclasses
from typing import Any, Protocol

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.env import EnvParams
from cardjax.env.maker import N_QUOTES, SIDES, MakerView
from cardjax.env.trees import ArrayTree
from cardjax.policies.pricing.news import hand_index
from cardjax.policies.pricing.profit import Best, competitive, monopolist, profit, terms_of


class MakerPolicy(Protocol):
    """As `policy.Policy`, of a maker."""

    def init(self, key: Array, batch: tuple[int, ...]) -> ArrayTree:
        """As `Policy.init`."""

    def act(self, params: Any, carry: Any, view: MakerView, key: Array) -> tuple[Any, Array]:
        """As `Policy.act`: (carry, int32 [..., 2]).

        Args:
            params: what `prepared_maker` made for a scripted maker, the weights of a trained one.
            carry: as there.
            view: leaves [...].
            key: one random key for the whole batch.
        """


def prepared_maker(policy: MakerPolicy, env_params: EnvParams, n_takers: int) -> Any:
    """The `params` of a scripted maker in a market: the EnvParams, or what its method `prepare`, if
    it has one, makes of them and of the number of takers.
    """
    prepare = getattr(policy, "prepare", None)
    return env_params if prepare is None else prepare(env_params, n_takers)


@dataclasses.dataclass(frozen=True)
class RandomQuotes:
    """Takes each of the 60 choices with the same probability, on each side by itself."""

    def init(self, key: Array, batch: tuple[int, ...]) -> tuple[()]:
        """No carry."""
        return ()

    def act(
        self, params: object, carry: tuple[()], view: MakerView, key: Array
    ) -> tuple[tuple[()], Array]:
        """As `MakerPolicy.act`."""
        shape = (*view.round.shape, SIDES)
        return carry, jax.random.randint(key, shape, 0, N_QUOTES, jnp.int32)


class _Tabulated(abc.ABC):
    """A maker that looks its quote up by the event and the cards that it sees."""

    @abc.abstractmethod
    def of_profit(self, profit: Array) -> Best:
        """The choices by what each of the 60 earns, float32 [..., 60]."""

    def prepare(self, env_params: EnvParams, n_takers: int) -> Array:
        """The choices, int32 [161, 106, 2], by the event, the hand (`news.hand_index`) and the
        side.
        """
        return self.of_profit(profit(terms_of(env_params), n_takers)).choice

    def init(self, key: Array, batch: tuple[int, ...]) -> tuple[()]:
        """No carry."""
        return ()

    def act(
        self, params: Array, carry: tuple[()], view: MakerView, key: Array
    ) -> tuple[tuple[()], Array]:
        """As `MakerPolicy.act`, with `params` as `prepare` makes them."""
        return carry, params[view.event, hand_of(view)]


@dataclasses.dataclass(frozen=True)
class Monopolist(_Tabulated):
    """Quotes what earns the most against takers in equilibrium."""

    def of_profit(self, profit: Array) -> Best:
        """As `pricing.profit.monopolist`."""
        return monopolist(profit)


@dataclasses.dataclass(frozen=True)
class Competitive(_Tabulated):
    """Quotes as close to its mean as it can without a loss against takers in equilibrium."""

    def of_profit(self, profit: Array) -> Best:
        """As `pricing.profit.competitive`."""
        return competitive(profit)


def hand_of(view: MakerView) -> Array:
    """The hand that the maker sees, as a place among all, int32 [...]: `news.hand_index`."""
    return hand_index(view.hints, (view.hints > 0).sum(-1, dtype=jnp.int32))
