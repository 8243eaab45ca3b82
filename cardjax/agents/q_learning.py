"""Q-learning's returns, targets and losses: arrays in, arrays out, no configuration."""

import jax
import jax.numpy as jnp
import optax
from jax import Array

from cardjax.agents.distribution import INVALID_LOGIT
from cardjax.env.declaration import Number


def best_valid(q: Array, mask: Array) -> Array:
    """The valid action of the highest value, int32 [...].

    Args:
        q: float32 [..., n].
        mask: bool [..., n], the valid actions.
    """
    return jnp.argmax(jnp.where(mask, q, INVALID_LOGIT), axis=-1).astype(jnp.int32)


def n_step_return(
    reward: Array, terminated: Array, n: int, gamma: Number | float
) -> tuple[Array, Array, Array]:
    """Returns over up to `n` rounds, and what is bootstrapped from where. Sutton and Barto 2018,
    eq. 7.1.

    A window ends early where the game or the array does; at the array's end it is bootstrapped
    after fewer rounds.

    Args:
        reward: float32 [T, ...], of T rounds in order.
        terminated: bool [T, ...], whether the round ended its game; what follows belongs to
            another.
        n: the longest window, at least 1.
        gamma: discount.

    Returns:
        (sum of discounted rewards [T, ...], discount of the value that follows [T, ...], which is 0
        if the game ended
        in the window, and int32 [T]: how many rounds later that value is to be looked up, 1..n).
    """
    length = reward.shape[0]
    total, discount = jnp.zeros_like(reward), jnp.ones_like(reward)
    for k in range(min(n, length)):
        inside = (jnp.arange(length) + k < length).reshape(-1, *[1] * (reward.ndim - 1))
        total += jnp.where(inside, discount * jnp.roll(reward, -k, axis=0), 0)
        discount *= jnp.where(
            inside, gamma * (1 - jnp.roll(terminated, -k, axis=0).astype(reward.dtype)), 1
        )
    return total, discount, jnp.minimum(n, length - jnp.arange(length))


def lambda_return(
    reward: Array,
    following: Array,
    terminated: Array,
    gamma: Number | float,
    lam: Number | float,
) -> Array:
    """Q(λ)'s returns, which go on however an action was chosen (Peng & Williams 1996).

    Each is the reward plus, discounted, a share λ of the next return and 1 − λ of the next value;
    the array's last one is bootstrapped by the value alone. Gallici et al. 2024.

    Args:
        reward: float32 [T, ...], of T rounds in order.
        following: float32 [T, ...], the best valid action's value in the round after each.
        terminated: bool [T, ...], whether the round ended its game; what follows belongs to
            another.
        gamma: discount.
        lam: λ, 0 for one-step returns and 1 for the sum of all rewards.

    Returns:
        float32 [T, ...].
    """
    discount = gamma * (1 - terminated.astype(reward.dtype))

    def back(later: Array, at: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        reward_t, following_t, discount_t = at
        total = reward_t + discount_t * (lam * later + (1 - lam) * following_t)
        return total, total

    return jax.lax.scan(back, following[-1], (reward, following, discount), reverse=True)[1]


def projected(
    probabilities: Array, shift: Array, discount: Array, low: Array | float, high: Array | float
) -> Array:
    """The distribution of shift + discount · Z on Z's atoms. Bellemare, Dabney & Munos 2017,
    algorithm 1.

    Every mass is split between its two neighbouring atoms by nearness; beyond the outermost ones it
    stays on them.

    Args:
        probabilities: float32 [..., n], of Z on n atoms evenly spaced from `low` to `high`.
        shift: float32 [...].
        discount: float32 [...].

    Returns:
        float32 [..., n], summing to what `probabilities` does.
    """
    n = probabilities.shape[-1]
    step = (high - low) / (n - 1)
    atoms = low + step * jnp.arange(n, dtype=jnp.float32)
    moved = jnp.clip(shift[..., None] + discount[..., None] * atoms, low, high)
    nearness = 1 - jnp.abs(moved[..., None, :] - atoms[:, None]) / step
    return jnp.einsum("...ij,...j->...i", jnp.maximum(nearness, 0), probabilities)


def quantile_midpoints(n: int) -> Array:
    """The shares that n evenly weighted quantiles stand for: (i + 1/2) / n, float32 [n]."""
    return (jnp.arange(n, dtype=jnp.float32) + 0.5) / n


def quantile_huber(quantiles: Array, target: Array, delta: Array | float) -> Array:
    """Quantile regression loss, Huber's within ±delta. Dabney et al. 2018, eq. 10, divided by delta
    as there.

    Args:
        quantiles: float32 [..., n], the estimates for `quantile_midpoints(n)`.
        target: float32 [..., m], equally likely samples.

    Returns:
        float32 [...]: summed over the quantiles, averaged over the samples.
    """
    error = target[..., None, :] - quantiles[..., :, None]
    share = quantile_midpoints(quantiles.shape[-1])[:, None]
    weight = jnp.abs(share - (error < 0).astype(jnp.float32))
    return (weight * optax.huber_loss(error, delta=delta) / delta).mean(-1).sum(-1)


def importance_weights(probability: Array, n: Array | int, beta: Array | float) -> Array:
    """(n · P)^−beta over its largest in the batch. Schaul et al. 2016, section 3.4.

    Args:
        probability: float32 [batch], with which each sample was drawn.
        n: how many there were to draw from.
        beta: 0 for no correction, 1 for a full one.
    """
    weight = (n * probability) ** -beta
    return weight / weight.max()
