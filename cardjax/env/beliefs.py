"""What the public believes about a hidden event: the exact posterior over all 161 events.

docs/rules.md#hidden-events has the rule. The `plain_…` functions are its definition, with one
probability per event. The others compute the same in the columns of `kernels/event_filter.py`,
which is what a game carries.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import cards, quotes
from cardjax.env.events import (
    DECKS,
    EVENTS,
    LOWEST_RANK,
    N_EVENTS,
    N_RANKS,
    N_REMAPS,
    NO_EVENT,
    RANKS,
    SUITS,
)
from cardjax.env.params import EnvParams
from cardjax.kernels.event_filter import Belief, EventFilter

FILTER = EventFilter(tuple(DECKS.values()), SUITS)


def prior(params: EnvParams) -> Belief:
    """The belief at a game's start: the distribution of a fresh event. Computes `plain_prior`."""
    kinds, remap = _fresh(params)
    return FILTER.fresh(kinds, remap)


def given_hints(belief: Belief, hints: Array) -> Belief:
    """The belief after the hints, int32 [..., 3] with 0 for each card that is hidden. Computes
    `plain_given_hints`.
    """
    return FILTER.given_hints(belief, hints)


def next_round(belief: Belief, ranks: Array, S: Array, params: EnvParams) -> Belief:
    """The belief at the next round's start. Computes `plain_next_round`.

    Args:
        belief: that of this round's start, before its hints.
        ranks: int32 [..., 3], the cards in the order of the draw.
        S: float32 [...], the sum of their values, points.
    """
    return FILTER.next_round(belief, ranks, S, prior(params), jnp.asarray(params.event_persist))


def moments(belief: Belief, hints: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of S after the hints, float32 [...], points. Computes
    `plain_moments` of `plain_given_hints`.

    Args:
        belief: before the hints.
        hints: int32 [..., 3], with 0 for each card that is hidden.

    Returns:
        mu and sigma; sigma is exactly 0 where all events that are possible agree on S.
    """
    return FILTER.moments(belief, hints)


def chances(belief: Belief) -> Array:
    """The probability of every event, float32 [..., 161]."""
    kinds = jnp.stack(belief.kinds, -1)
    share = jnp.stack(belief.remap_from, -1) / np.float32(N_RANKS - 1)
    each = jnp.concatenate([kinds, jnp.repeat(share, N_RANKS - 1, -1)], -1)
    for rank, to, chance in zip(*belief[2:], strict=True):
        named = (rank[..., None] == EVENTS.remap_from) & (to[..., None] == EVENTS.remap_to)
        each = each + jnp.where(named & (rank > 0)[..., None], chance[..., None], 0)
    return each


def kind_chances(belief: Belief) -> list[Array]:
    """The probability of each of the six kinds, float32 [...] each."""
    remap = sum([*belief.remap_from, *belief.clue_chance], start=jnp.float32(0))
    return [_at_most_one(chance) for chance in (*belief.kinds, remap)]


def remap_from_chances(belief: Belief) -> list[Array]:
    """For each rank 2..14 the probability that its cards are revalued, float32 [...] each."""
    return [
        _at_most_one(chance + _clues_of(belief.clue_from, rank, belief))
        for rank, chance in zip(RANKS, belief.remap_from, strict=True)
    ]


def remap_to_chances(belief: Belief) -> list[Array]:
    """For each rank 2..14 the probability that another's cards count as it, float32 [...] each."""
    total = sum(belief.remap_from, start=jnp.float32(0))
    return [
        _at_most_one((total - chance) / (N_RANKS - 1) + _clues_of(belief.clue_to, rank, belief))
        for rank, chance in zip(RANKS, belief.remap_from, strict=True)
    ]


def plain_prior(params: EnvParams) -> Array:
    """pi, the distribution of a fresh event, float32 [161]."""
    kinds, remap = _fresh(params)
    return jnp.concatenate([jnp.stack(kinds), jnp.full(N_REMAPS, remap / N_REMAPS)])


def plain_given_hints(b: Array, hints: Array) -> Array:
    """b(e) · P(hints | e), normalised.

    Args:
        b: float32 [161].
        hints: int32 [3], with 0 for each card that is hidden.
    """
    return _normalised(b * plain_likelihood(hints))


def plain_next_round(b: Array, ranks: Array, S: Array, params: EnvParams) -> Array:
    """p · b̂ + (1 − p) · pi, with p = event_persist and b̂ what b has become by the three cards and
    their sum: b(e) · P(cards, in order | e) · [S is the sum of their values under e], normalised.
    """
    value = jnp.asarray(EVENTS.value)[:, ranks - LOWEST_RANK].sum(-1)
    known = _normalised(jnp.where(value == S, b * plain_likelihood(ranks), 0))
    return params.event_persist * known + (1 - params.event_persist) * plain_prior(params)


def plain_likelihood(ranks: Array) -> Array:
    """The probability of these cards, in their order, under every event: float32 [161].

    Args:
        ranks: int32 [3]; a 0 is no card.
    """
    likelihood = jnp.ones(N_EVENTS, jnp.float32)
    for j in range(cards.N_CARDS):
        earlier = (ranks[:j] == ranks[j]).sum().astype(jnp.float32)
        eligible = jnp.asarray(EVENTS.eligible)[:, ranks[j] - LOWEST_RANK]
        chance = (SUITS - earlier) / (jnp.asarray(EVENTS.n_cards) - j).astype(jnp.float32)
        likelihood *= jnp.where(ranks[j] > 0, jnp.where(eligible, chance, 0), 1)
    return likelihood


def plain_moments(b: Array, hints: Array) -> tuple[Array, Array]:
    """mu = Σ b(e) · mu_e and sigma² = Σ b(e) · (sigma_e² + (mu_e − mu)²), with mu_e and sigma_e
    those of `quotes.posterior`, for b after the hints.
    """
    counts = cards.hint_counts(hints, cards.N_CARDS)
    mean, deviation = quotes.posterior(
        jnp.arange(N_EVENTS), jnp.broadcast_to(counts, (N_EVENTS, N_RANKS))
    )
    # The mean is measured from that of the likeliest event, so that sigma is 0 if all agree.
    possible, anchor = b > 0, mean[jnp.argmax(b)]
    mu = anchor + jnp.where(possible, b * (mean - anchor), 0).sum()
    variance = jnp.where(possible, b * (deviation**2 + (mean - mu) ** 2), 0).sum()
    return mu, jnp.sqrt(variance)


def _fresh(params: EnvParams) -> tuple[list[Array], Array]:
    """The probabilities of the events that are no remaps, float32 [] each, and of all remaps."""
    on = params.flags.enable_events
    base = [jnp.asarray(getattr(params.events, name), jnp.float32) for name in DECKS]
    total = sum(base, start=jnp.float32(0))
    remap = jnp.where(on, params.events.remap, jnp.float32(0))
    kinds = [
        jnp.where(on, (1 - remap) * share / total, jnp.float32(kind == NO_EVENT))
        for kind, share in enumerate(base)
    ]
    return kinds, remap


def _normalised(weights: Array) -> Array:
    return weights / weights.sum()


def _at_most_one(chance: Array) -> Array:
    """A sum of probabilities, which rounding may lift above 1."""
    return jnp.minimum(chance, 1)


def _clues_of(ranks: tuple[Array, ...], rank: int, belief: Belief) -> Array:
    """The probability of the clues of which this is the rank."""
    return sum(
        (
            jnp.where(own == rank, chance, 0)
            for own, chance in zip(ranks, belief.clue_chance, strict=True)
        ),
        start=jnp.float32(0),
    )
