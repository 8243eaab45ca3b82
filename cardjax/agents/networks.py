"""The network of every learner: a multi-layer perceptron, a recurrent cell beside it if wanted, and
a linear head.

One object serves a round of play and a whole rollout: `step` takes one round and `unroll` many.
Weights are flax's parameters.
"""

import dataclasses
from collections.abc import Sequence
from typing import TypeAlias, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.typing import VariableDict
from jax import Array

from cardjax.env.trees import ArrayTree
from cardjax.kernels.dense import Layer, dense_layers, product_dtype

Weights: TypeAlias = dict[str, VariableDict]
"""Flax's parameters of a network's parts: torso, head, and cell if there is one."""


class MLP(nn.Module):
    """Dense layers with ReLU after each, and where wanted layer normalisation before it.

    The initialiser is He's (He et al. 2015) and not the orthogonal one that PPO papers favour:
    orthogonal needs a QR decomposition, which can deadlock on a two-core host when seeds are
    initialised under `vmap`.
    """

    widths: Sequence[int]
    layer_norm: bool = False

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[..., n_inputs] → [..., widths[-1]], float32."""
        for width in self.widths:
            x = nn.Dense(width, kernel_init=nn.initializers.he_normal())(x)
            x = nn.relu(nn.LayerNorm()(x) if self.layer_norm else x)
        return x


@dataclasses.dataclass(frozen=True)
class Network:
    """Observations [..., D] to outputs [..., n_outputs], with a memory of earlier rounds if it has
    a cell.

    The cell stands before the perceptron and beside the observation: the hidden layers read both,
    so they can weigh what is remembered against what is seen. A memory is cleared where a round is
    a game's first.
    """

    hidden: tuple[int, ...]
    """Widths of the hidden layers."""
    n_outputs: int
    memory: str = "none"
    """none, gru or lstm."""
    memory_width: int = 32
    """The width of the cell, if there is one."""
    output_scale: float = 1.0
    """The variance of the head's initial weights times the number of its inputs. A small one makes
    a fresh policy nearly uniform.
    """
    precision: str = "float32"
    """Of the dense layers' products: auto, float32 or bfloat16."""
    layer_norm: bool = False
    """Whether each hidden layer is normalised before its ReLU (Ba, Kiros & Hinton 2016); flax then
    multiplies, in float32.
    """

    def __post_init__(self) -> None:
        if self.layer_norm and self.precision != "float32":
            raise ValueError(f"with layer_norm, products are float32, not {self.precision}")

    def init(self, key: Array, n_inputs: int) -> Weights:
        """Fresh weights: a dict of flax parameters."""
        keys = jax.random.split(key, 3)
        x, features = (jnp.zeros((1, n), jnp.float32) for n in (n_inputs, self.hidden[-1]))
        weights = {}
        if self._cell is not None:
            memory = self.carry((1,))
            weights["cell"] = self._cell.init(keys[1], memory, x)
            x = jnp.concatenate([x, self._recall(weights["cell"], memory, x)[1]], -1)
        weights["torso"] = self._torso.init(keys[0], x)
        return weights | {"head": self._head.init(keys[2], features)}

    def carry(self, batch: tuple[int, ...]) -> ArrayTree:
        """A blank memory for `batch` players: arrays [*batch, width], or () without a cell."""
        if self.memory == "none":
            return ()
        blank = jnp.zeros((*batch, self.memory_width), jnp.float32)
        return (blank, blank) if self.memory == "lstm" else blank

    def step(
        self, weights: Weights, carry: ArrayTree, x: Array, first: Array
    ) -> tuple[ArrayTree, Array]:
        """(carry, output) of one round: x [..., D], `first` bool [...], whether it is a game's
        first round.
        """
        carry, output = self.unroll(weights, carry, x[None], first[None])
        return carry, output[0]

    def unroll(
        self, weights: Weights, carry: ArrayTree, x: Array, first: Array
    ) -> tuple[ArrayTree, Array]:
        """(carry, outputs float32 [T, ..., n_outputs]) of T rounds in order.

        Args:
            weights: as from `init`.
            carry: the memory before the first of the rounds, as from `carry`.
            x: float32 [T, ..., D].
            first: bool [T, ...], whether a round is its game's first; the memory is cleared there.
        """
        if self._cell is not None:
            carry, remembered = self._remember(weights["cell"], carry, x, first)
            x = jnp.concatenate([x, remembered], -1)
        if self.layer_norm:
            features = self._torso.apply(weights["torso"], x)
            return carry, cast(Array, self._head.apply(weights["head"], features))
        dtype, (hidden, head) = product_dtype(self.precision), layers_of(weights)
        return carry, dense_layers(dtype, [*hidden, head], x)

    def _remember(
        self, weights: VariableDict, carry: ArrayTree, x: Array, first: Array
    ) -> tuple[ArrayTree, Array]:
        """The memory after the last round, and what is remembered in each, [T, ..., width]."""

        def one_round(carry: ArrayTree, inputs: tuple[Array, Array]) -> tuple[ArrayTree, Array]:
            x, is_first = inputs
            kept = jax.tree.map(lambda leaf: jnp.where(is_first[..., None], 0, leaf), carry)
            return self._recall(weights, kept, x)

        return jax.lax.scan(one_round, carry, (x, first))

    def _recall(self, weights: VariableDict, carry: ArrayTree, x: Array) -> tuple[ArrayTree, Array]:
        """The memory after one round, and what is remembered in it, [..., width]."""
        assert self._cell is not None
        return cast(tuple[ArrayTree, Array], self._cell.apply(weights, carry, x))

    @property
    def _torso(self) -> MLP:
        return MLP(self.hidden, self.layer_norm)

    @property
    def _cell(self) -> nn.RNNCellBase | None:
        # The recurrent kernel's default initialiser is orthogonal; see MLP.
        square = nn.initializers.variance_scaling(1.0, "fan_in", "normal")
        if self.memory == "gru":
            return nn.GRUCell(self.memory_width, recurrent_kernel_init=square)
        if self.memory == "lstm":
            return nn.OptimizedLSTMCell(self.memory_width, recurrent_kernel_init=square)
        return None

    @property
    def _head(self) -> nn.Dense:
        small = nn.initializers.variance_scaling(self.output_scale, "fan_in", "truncated_normal")
        return nn.Dense(self.n_outputs, kernel_init=small)


def layers_of(weights: Weights) -> tuple[list[Layer], Layer]:
    """The hidden layers, none of them normalised, and the head."""
    hidden = weights["torso"]["params"]
    in_order = [hidden[f"Dense_{i}"] for i in range(len(hidden))]
    return [Layer(**layer) for layer in in_order], Layer(**weights["head"]["params"])
