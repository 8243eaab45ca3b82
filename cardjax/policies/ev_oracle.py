"""A policy that takes the side that mu favours, as if depth were unlimited and it were alone."""

import dataclasses
from typing import Literal

import jax.numpy as jnp
from jax import Array

from cardjax.env import EnvParams, View
from cardjax.policies.policy import Deterministic
from cardjax.policies.stage_game import GoodSide, action_of, good_side

Sizing = Literal["max", "kelly", "fixed"]


@dataclasses.dataclass(frozen=True)
class EvOracle(Deterministic):
    """Buys if mu − ask > 0, sells if bid − mu > 0, and passes otherwise.

    `sizing` determines the size, which is never larger than the largest valid one:
        max: the largest valid size.
        kelly: `fraction` of the Kelly bet, rounded down to whole units, so that a bet below one
            unit is a pass.
        fixed: `fixed_size` units.
    """

    sizing: Sizing = "max"
    fraction: float = 0.5
    fixed_size: int = 1

    def choose(self, params: EnvParams, view: View) -> Array:
        """The action, int32 [...]."""
        side = good_side(view)
        wanted = jnp.minimum(self._size(view, side), side.n_valid.astype(jnp.float32))
        size = jnp.where(side.edge > 0, jnp.maximum(wanted, 0), 0).astype(jnp.int32)
        return action_of(side.is_sell, size)

    def _size(self, view: View, side: GoodSide) -> Array:
        if self.sizing == "max":
            return jnp.full_like(side.edge, jnp.inf)
        if self.sizing == "fixed":
            return jnp.full_like(side.edge, self.fixed_size)
        return kelly_units(view.wealth, side.edge, view.sigma, self.fraction)


def kelly_units(wealth: Array, edge: Array, sigma: Array, fraction: float) -> Array:
    """The size of a fractional Kelly bet in whole units, float32 [...].

    A bet of i units with mean i · edge and variance i² · sigma², if it is small compared with W,
    adds i · edge / W − i² · sigma² / (2 W²) to E[ln W]. The best i is therefore W · edge / sigma²,
    the continuous Kelly bet. With sigma = 0 the gain is certain and no size is too large, so the
    result is inf. It is at least 0 where neither wealth nor edge is negative.
    """
    certain = sigma == 0
    units = jnp.floor(fraction * wealth * edge / jnp.where(certain, 1, sigma * sigma))
    return jnp.where(certain, jnp.inf, units)
