"""The exact posterior of S, the spread, and a noisy mid around it. RULES.md, "Posterior and
quotes".
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from cardjax.env.cards import N_CARDS
from cardjax.env.events import EVENTS
from cardjax.env.params import EnvParams


class Quote(NamedTuple):
    """Prices in points: the maker buys at `bid` and sells at `ask`."""

    mid: Array
    spread: Array
    bid: Array
    ask: Array


def posterior(event_id: Array | int, hint_counts: Array) -> tuple[Array, Array]:
    """(mu, sigma) = mean and standard deviation of S given the event and the revealed cards, exact.

    Args:
        event_id: int in 0..160, shape [...].
        hint_counts: int [..., 13], revealed cards of each rank 2..14; at most three in all, each
            eligible.

    Returns:
        float32 mu and sigma in points, shape [...]; sigma is exactly 0 when all three cards are
        shown.
    """
    event_id = jnp.asarray(event_id)
    counts = jnp.asarray(hint_counts).astype(jnp.float32)
    value = jnp.asarray(EVENTS.value)[event_id]
    shown, shown_square = (counts * value).sum(-1), (counts * value**2).sum(-1)
    return posterior_moments(event_id, counts.sum(-1), shown, shown_square)


def posterior_moments(
    event: Array, n_hints: Array, shown: Array, shown_square: Array
) -> tuple[Array, Array]:
    """(mu, sigma) from the number of revealed cards, the sum of their values, and the sum of their
    squares.

    With n cards left whose values sum to a and whose squares sum to b, and m still to be drawn,
        mu = shown + m · a / n,    sigma² = m · (n b − a²) / n² · (n − m) / (n − 1),
    the moments of sampling without replacement. n b − a² is a difference of integers below 2^24, so
    float32 holds it exactly and sigma loses nothing to cancellation.
    """
    n = jnp.asarray(EVENTS.n_cards)[event].astype(jnp.float32) - n_hints
    a = jnp.asarray(EVENTS.total)[event] - shown
    b = jnp.asarray(EVENTS.total_square)[event] - shown_square
    m = N_CARDS - n_hints.astype(jnp.float32)
    mu = shown + m * a / n
    variance = m * (n * b - a * a) * (n - m) / (n * n * (n - 1))
    return mu, jnp.sqrt(variance)


def draw_quote(z: Array, mu: Array, sigma: Array, params: EnvParams) -> Quote:
    """The maker's quote; `z` is a standard normal."""
    spread = spread_of(sigma, params)
    mid = mu + params.sigma_q * z
    return Quote(mid=mid, spread=spread, bid=mid - spread / 2, ask=mid + spread / 2)


def spread_of(sigma: Array, params: EnvParams) -> Array:
    """clip(s0 + beta · sigma, min, max), in points."""
    return jnp.clip(
        params.spread.s0 + params.spread.beta * sigma, params.spread.min, params.spread.max
    )
