"""The networks: multi-layer perceptrons for the actor's logits and the critic's value."""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
from jax import Array


class MLP(nn.Module):
    """Dense layers with ReLU between; the output layer starts small, so that a fresh policy is nearly uniform.

    The initialiser is He's (He et al. 2015) and not the orthogonal one that PPO papers favour: orthogonal needs a QR
    decomposition, which can deadlock on a two-core host when seeds are initialised under `vmap`.
    """

    hidden: Sequence[int]
    n_outputs: int
    output_scale: float = 1.0
    """variance of the output layer's initial weights, times its inputs."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[..., n_inputs] → [..., n_outputs], float32."""
        for width in self.hidden:
            x = nn.relu(nn.Dense(width, kernel_init=nn.initializers.he_normal())(x))
        small = nn.initializers.variance_scaling(self.output_scale, "fan_in", "truncated_normal")
        return nn.Dense(self.n_outputs, kernel_init=small)(x)


def forward(network: nn.Module, weights: Any, x: Array) -> Array:
    """The network's output for inputs [..., n_inputs]."""
    output: Any = network.apply(weights, x)
    return output
