"""What is done to rewards before they are learned from: scaled by a running deviation, or charged
for ruin.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.agents.normalization import Moments, no_moments, seen
from cardjax.env.declaration import Number

SMALLEST_VARIANCE = 1e-8
"""Of returns: below it they are as good as constant."""


class RewardScale(NamedTuple):
    """Running discounted returns; rewards are divided by their standard deviation."""

    returns: Array
    """float32 [games, seats]: of the games under way, up to the round before."""
    moments: Moments


class Ruin(NamedTuple):
    """The Lagrange multiplier of a bound on the probability of ruin, and who is ruined already."""

    ruined: Array
    """bool [games, seats]: whether the player has been ruined in the game under way."""
    multiplier: Array
    """float32 [], points charged for a ruin."""


def new_reward_scale(batch: tuple[int, ...]) -> RewardScale:
    """Before any reward: a scale of 1."""
    return RewardScale(jnp.zeros(batch, jnp.float32), no_moments(()))


def scaled(
    scale: RewardScale, reward: Array, terminated: Array, gamma: Number | float
) -> tuple[RewardScale, Array]:
    """The scale after these rounds, and the rewards divided by it. Engstrom et al. 2020, "reward
    scaling".

    The divisor is the deviation of the discounted return that ran up to each round. The mean is
    left alone, since subtracting it would make passing worth something.

    Args:
        reward: float32 [T, games, seats].
        terminated: bool [T, games]; a game's return starts anew after it.
    """

    def one_round(returns: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
        reward_t, terminated_t = now
        returns = gamma * returns + reward_t
        return jnp.where(terminated_t[..., None], 0, returns), returns

    returns, all_returns = jax.lax.scan(one_round, scale.returns, (reward, terminated))
    moments = seen(scale.moments, all_returns)
    return RewardScale(returns, moments), reward * jax.lax.rsqrt(
        jnp.maximum(moments.variance, SMALLEST_VARIANCE)
    )


def new_ruin(batch: tuple[int, ...]) -> Ruin:
    """Nobody ruined, and ruin not yet charged."""
    return Ruin(jnp.zeros(batch, bool), jnp.float32(0))


def charged_for_ruin(
    ruin: Ruin,
    reward: Array,
    below: Array,
    terminated: Array,
    bound: Number | float,
    rate: Number | float,
) -> tuple[Ruin, Array, dict[str, Array]]:
    """Rewards less the multiplier in the round of a game's first ruin. Tessler, Mankowitz & Mannor
    2019, RCPO.

    The multiplier follows the gradient of the dual: it rises by rate · (share of games ruined −
    bound) at each update, and never falls below 0. A round that makes a later ruin likelier has to
    hear of it in its return, so gamma should be near 1.

    Args:
        reward: float32 [T, games, seats].
        below: bool [T, games, seats], whether wealth is at the level of ruin or below after the
            round.
        terminated: bool [T, games].
        bound: allowed probability of ruin, per game and player.
        rate: points by which the multiplier moves for an excess of 1.
    """

    def one_round(ruined: Array, now: tuple[Array, Array]) -> tuple[Array, tuple[Array, Array]]:
        below_t, terminated_t = now
        after = ruined | below_t
        return after & ~terminated_t[..., None], (after & ~ruined, after & terminated_t[..., None])

    ruined, (first_time, ended_ruined) = jax.lax.scan(one_round, ruin.ruined, (below, terminated))
    n_ended = terminated.sum(dtype=jnp.float32) * reward.shape[-1]
    share = ended_ruined.sum(dtype=jnp.float32) / jnp.maximum(n_ended, 1)
    excess = jnp.where(n_ended > 0, share - bound, 0)
    multiplier = jnp.maximum(ruin.multiplier + rate * excess, 0).astype(jnp.float32)
    charged = reward - ruin.multiplier * first_time.astype(jnp.float32)
    return (
        Ruin(ruined, multiplier),
        charged,
        {"ruin_probability": share, "ruin_multiplier": multiplier},
    )
