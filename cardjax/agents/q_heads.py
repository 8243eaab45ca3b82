"""What a Q-network's outputs mean: the value itself, its distribution on fixed atoms, or its
quantiles.

A head turns the outputs of one action [..., n_atoms] into a value and a loss; the learner never
asks which head it has. Heads are static; the numbers that they need come as `Units`, which may be
traced.
"""

import dataclasses
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
import optax
from jax import Array

from cardjax.agents import q_learning
from cardjax.config import DQNConfig, QLearnerConfig


class Units(NamedTuple):
    """A head's numbers, each float32 [], in units of the reward; DQNConfig says what they are."""

    q_scale: Array
    v_min: Array | None
    """None, as `v_max`, where the learner has no head of atoms."""
    v_max: Array | None
    huber_delta: Array


class Head(Protocol):
    """Values and losses of outputs. Shapes: outputs [..., n_atoms], everything else without the
    last axis.
    """

    @property
    def n_atoms(self) -> int:
        """Outputs per action."""

    def values(self, outputs: Array, units: Units) -> Array:
        """The mean return that the outputs stand for, in units of the reward."""

    def losses(
        self, outputs: Array, following: Array, reward: Array, discount: Array, units: Units
    ) -> Array:
        """How far `outputs` are from reward + discount · (what `following`, outputs too, stand
        for).
        """


@dataclasses.dataclass(frozen=True)
class MeanHead:
    """One output, the value over `q_scale`. Mnih et al. 2015."""

    loss: str = "huber"
    """or squared."""
    n_atoms: int = 1

    def values(self, outputs: Array, units: Units) -> Array:
        """As `Head.values`."""
        return outputs[..., 0] * units.q_scale

    def losses(
        self, outputs: Array, following: Array, reward: Array, discount: Array, units: Units
    ) -> Array:
        """The error's Huber loss, or half its square."""
        error = reward + discount * self.values(following, units) - self.values(outputs, units)
        if self.loss == "huber":
            return optax.huber_loss(error, delta=units.huber_delta)
        return 0.5 * jnp.square(error)


@dataclasses.dataclass(frozen=True)
class C51Head:
    """Logits of atoms evenly spaced from v_min to v_max. Bellemare, Dabney and Munos 2017."""

    n_atoms: int

    def values(self, outputs: Array, units: Units) -> Array:
        """As `Head.values`."""
        low, high = _range_of(units)
        step = (high - low) / (self.n_atoms - 1)
        atoms = low + step * jnp.arange(self.n_atoms, dtype=jnp.float32)
        return jnp.sum(jax.nn.softmax(outputs) * atoms, -1)

    def losses(
        self, outputs: Array, following: Array, reward: Array, discount: Array, units: Units
    ) -> Array:
        """Cross-entropy to the projected target."""
        target = q_learning.projected(
            jax.nn.softmax(following), reward, discount, *_range_of(units)
        )
        return optax.softmax_cross_entropy(outputs, target)


def _range_of(units: Units) -> tuple[Array, Array]:
    """The lowest and the highest atom."""
    assert units.v_min is not None
    assert units.v_max is not None
    return units.v_min, units.v_max


@dataclasses.dataclass(frozen=True)
class QRHead:
    """Quantiles over `q_scale`. Dabney et al. 2018."""

    n_atoms: int

    def values(self, outputs: Array, units: Units) -> Array:
        """As `Head.values`."""
        return outputs.mean(-1) * units.q_scale

    def losses(
        self, outputs: Array, following: Array, reward: Array, discount: Array, units: Units
    ) -> Array:
        """The quantile Huber loss."""
        target = reward[..., None] + discount[..., None] * following * units.q_scale
        return q_learning.quantile_huber(outputs * units.q_scale, target, units.huber_delta)


def make_head(config: DQNConfig) -> Head:
    """The head that `config.head` names."""
    if config.head == "mean":
        return MeanHead(config.loss)
    return C51Head(config.n_atoms) if config.head == "c51" else QRHead(config.n_atoms)


def units_of(config: QLearnerConfig) -> Units:
    """The head's numbers, as far as the learner has them."""

    def number(name: str) -> Array | None:
        return jnp.asarray(getattr(config, name), jnp.float32) if hasattr(config, name) else None

    return Units(*map(number, Units._fields))  # type: ignore[arg-type]


def n_outputs(head: Head, dueling: bool, n_actions: int) -> int:
    """How many outputs the network needs."""
    return (n_actions + dueling) * head.n_atoms


def per_action(outputs: Array, head: Head, dueling: bool) -> Array:
    """The network's outputs [..., n_outputs] as [..., n_actions, n_atoms].

    Dueling: V + (A − mean A), atom by atom. Wang et al. 2016, eq. 9; here both streams are linear
    in the torso's last layer, with no layer of their own.
    """
    n = outputs.shape[-1] // head.n_atoms  # not −1, which an empty batch leaves open
    outputs = outputs.reshape(*outputs.shape[:-1], n, head.n_atoms)
    if not dueling:
        return outputs
    value, advantage = outputs[..., :1, :], outputs[..., 1:, :]
    return value + advantage - advantage.mean(-2, keepdims=True)
