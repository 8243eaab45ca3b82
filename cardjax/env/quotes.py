"""The exact posterior of S, the spread, and a noisy mid around the posterior mean.

docs/rules.md#what-the-maker-knows-and-quotes has the rule.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from cardjax.env.cards import N_CARDS
from cardjax.env.events import EVENTS
from cardjax.env.params import EnvParams


class Quote(NamedTuple):
    """The maker's prices, float32 [...], points."""

    mid: Array
    """The maker's guess of S."""
    spread: Array
    """ask less bid."""
    bid: Array
    """X, at which the maker buys and players sell."""
    ask: Array
    """Y, at which the maker sells and players buy."""


def posterior(event_id: Array | int, hint_counts: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of S given the event and the revealed cards, both exact.

    Args:
        event_id: int [...] in 0..160.
        hint_counts: int [..., 13], revealed cards of each rank 2..14; at most three in all, each
            eligible under the event.

    Returns:
        mu and sigma, float32 [...], points; sigma is exactly 0 when all three cards are shown.
    """
    event_id = jnp.asarray(event_id)
    counts = jnp.asarray(hint_counts).astype(jnp.float32)
    value = jnp.asarray(EVENTS.value)[event_id]
    shown, shown_square = (counts * value).sum(-1), (counts * value**2).sum(-1)
    return posterior_moments(event_id, counts.sum(-1), shown, shown_square)


def posterior_moments(
    event: Array, n_hints: Array, shown: Array, shown_square: Array
) -> tuple[Array, Array]:
    """Mean and standard deviation of S given the event and sums over the revealed cards.

    With n cards left whose values sum to a and whose squares sum to b, and m still to be drawn,
        mu = shown + m · a / n,    sigma² = m · (n b − a²) / n² · (n − m) / (n − 1),
    the moments of sampling without replacement. n b − a² is a difference of integers below 2^24, so
    float32 holds it exactly and sigma loses nothing to cancellation.

    Args:
        event: int32 [...].
        n_hints: [...], revealed cards.
        shown: float32 [...], the sum of their values, points.
        shown_square: float32 [...], the sum of their values' squares.

    Returns:
        mu and sigma, float32 [...], points.
    """
    n = jnp.asarray(EVENTS.n_cards)[event].astype(jnp.float32) - n_hints.astype(jnp.float32)
    a = jnp.asarray(EVENTS.total)[event] - shown
    b = jnp.asarray(EVENTS.total_square)[event] - shown_square
    m = N_CARDS - n_hints.astype(jnp.float32)
    mu = shown + m * a / n
    variance = m * (n * b - a * a) * (n - m) / (n * n * (n - 1))
    return mu, jnp.sqrt(variance)


def draw_quote(z: Array, mu: Array, sigma: Array, params: EnvParams) -> Quote:
    """The maker's quote: mid = mu + sigma_q · z, and half the spread to either side of it.

    Args:
        z: float32 [...], a standard normal.
        mu: float32 [...], points.
        sigma: float32 [...], points.
    """
    spread = spread_of(sigma, params)
    mid = mu + params.sigma_q * z
    return Quote(mid=mid, spread=spread, bid=mid - spread / 2, ask=mid + spread / 2)


def spread_of(sigma: Array, params: EnvParams) -> Array:
    """s0 + beta · sigma, held between the smallest and the largest spread, points."""
    rule = params.spread
    return jnp.clip(rule.s0 + rule.beta * sigma, rule.min, rule.max)
