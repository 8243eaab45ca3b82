"""What a player is, and the scripted players that keep nothing in mind. DESIGN.md, "One policy
protocol".
"""

import abc
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import N_ACTIONS, EnvParams, View


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
        return carry, sample_action(key, self.action_probabilities(params, view))


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


def sample_action(key: Array, probabilities: Array) -> Array:
    """int32 [...] drawn from `probabilities` [..., n] by the inverse of the distribution, one
    uniform an entry.
    """
    return sample_by_inverse(
        probabilities, jax.random.uniform(key, probabilities.shape[:-1], jnp.float32)
    )


def sample_by_inverse(probabilities: Array, u: Array) -> Array:
    """The action int32 [...] whose share of the distribution function holds the uniform `u` [...]
    in [0, 1).

    An action of probability 0 is never drawn, whatever the rounding. On a CPU this is several times
    faster than the Gumbel trick, which takes a random number for each of the n actions.

    Args:
        probabilities: float32 [..., n], not all 0; they need not sum to 1.
    """
    n = probabilities.shape[-1]
    # A running sum as a product with a triangle of ones: a matrix product vectorises where a scan
    # over 21 does not. On a GPU the default precision would round probabilities to TF32's 10 bits.
    cumulative = jnp.matmul(
        probabilities, np.triu(np.ones((n, n), np.float32)), precision=jax.lax.Precision.HIGHEST
    )
    possible = probabilities > 0
    holds = (cumulative > u[..., None] * cumulative[..., -1:]) & possible
    last = n - 1 - jnp.argmax(possible[..., ::-1], axis=-1)
    return jnp.where(holds.any(-1), jnp.argmax(holds, axis=-1), last).astype(jnp.int32)
