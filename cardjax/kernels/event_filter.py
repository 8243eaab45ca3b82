"""A filter over events that restrict a deck or revalue one of its ranks, in a few columns.

The plain definition has a probability for each of the 161 events: cardjax/env/beliefs.py. The same
filter needs far fewer numbers, because most remaps cannot be told apart:

- Cards show only which deck they come from, and every remap's deck is the full one.
- A sum that is the sum of the cards' ranks rules out the remaps of the ranks that were dealt,
  whatever their targets. The remaps of one rank stay as likely as each other.
- Any other sum rules out everything but one remap for each rank that was dealt, three at most.

A probability for each deck, one for all remaps of each rank together, and three single remaps that
a sum has pointed to are therefore exact, however long a game is. A CPU works best on columns of
[games], so the numbers are arrays of their own.
"""

import dataclasses
import functools
import operator
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.kernels.own_kernel import own_kernel

N_CARDS = 3
TINY = np.float32(1e-30)


class Belief(NamedTuple):
    """How likely every event is, in columns that all have the same shape [...].

    A remap's probability is an even share of what `remap_from` holds for its rank, plus the
    `clue_chance` of every clue that names it.
    """

    kinds: tuple[Array, ...]
    """float32 [...] each: the probabilities of the events that are no remaps."""
    remap_from: tuple[Array, ...]
    """float32 [...] for each rank: the probability of its remaps, spread evenly over targets."""
    clue_from: tuple[Array, ...]
    """int32 [...] for each of three clues: the rank that is revalued; 0 if there is no clue."""
    clue_to: tuple[Array, ...]
    """int32 [...] for each clue: the rank whose value its cards take."""
    clue_chance: tuple[Array, ...]
    """float32 [...] for each clue: the probability of its remap, beyond the even share."""


class _Deck(NamedTuple):
    """What the hints leave of a deck, of which m cards will be drawn; float32 [...] each."""

    n: Array
    """cards."""
    a: Array
    """the sum of their ranks."""
    rate: Array
    """m / n."""
    factor: Array
    """m (n − m) / (n² (n − 1)): times n b − a², it is the variance of what will be drawn."""
    mean: Array
    """of the sum of all three cards' ranks; and its `variance`."""
    variance: Array


class _Part(NamedTuple):
    """Some events: their weight, and mean and variance of the cards' sum under them."""

    weight: Array
    mean: Array
    variance: Array


@dataclasses.dataclass(frozen=True)
class EventFilter:
    """The filter for events that leave these decks, and for all remaps of a rank to another."""

    decks: tuple[range, ...]
    """The ranks in the deck of each event that is no remap; the first deck is the full one."""
    suits: int
    """Cards of each rank."""

    @property
    def ranks(self) -> range:
        """All ranks."""
        return self.decks[0]

    def fresh(self, kinds: Sequence[Array], remap: Array) -> Belief:
        """The belief about a freshly drawn event.

        Args:
            kinds: float32 [...] for each deck, the probability of its event.
            remap: float32 [...], the probability of all remaps together, all of them alike.
        """
        n, no_rank = len(self.ranks), jnp.zeros(remap.shape, jnp.int32)
        nowhere, nothing = (no_rank,) * N_CARDS, (jnp.zeros_like(remap),) * N_CARDS
        return Belief(tuple(kinds), (remap / n,) * n, nowhere, nowhere, nothing)

    def given_hints(self, belief: Belief, hints: Array) -> Belief:
        """The belief after the hints.

        Args:
            hints: int32 [..., 3], ranks in the order of the draw; 0 for each card that is hidden.
        """
        kinds = self._weighed(belief.kinds, _columns(hints))
        total = _sum([*kinds, *belief.remap_from, *belief.clue_chance])
        return _scaled(belief._replace(kinds=kinds), 1 / jnp.maximum(total, TINY))

    def next_round(
        self, belief: Belief, cards: Array, total: Array, prior: Belief, persist: Array
    ) -> Belief:
        """The belief about the next round's event, once this round's cards and sum are known.

        Args:
            belief: about this round's event, before its hints.
            cards: int32 [..., 3], the ranks that were dealt, in the order of the draw.
            total: float32 [...], the sum of their values.
            prior: about a fresh event.
            persist: float32 [...], the chance that the event is kept.
        """
        settled = own_kernel(self._settled)(belief, _columns(cards), total)
        mass = _sum([*settled.kinds, *settled.remap_from, *settled.clue_chance])
        # What has happened was possible; where float32 says that it was not, nothing is kept.
        kept = jnp.where(mass > 0, persist, 0)
        settled = _scaled(settled, kept / jnp.maximum(mass, TINY))

        def mixed(old: tuple[Array, ...], new: tuple[Array, ...]) -> tuple[Array, ...]:
            return tuple(a + (1 - kept) * b for a, b in zip(old, new, strict=True))

        return settled._replace(
            kinds=mixed(settled.kinds, prior.kinds),
            remap_from=mixed(settled.remap_from, prior.remap_from),
        )

    def moments(self, belief: Belief, hints: Array) -> tuple[Array, Array]:
        """The mean and the standard deviation of the cards' sum after the hints, float32 [...].

        All means are measured from that of an event which is possible, so that both results are
        exact where all possible events agree.

        Args:
            belief: before the hints.
            hints: as in `given_hints`.
        """
        return own_kernel(self._moments)(belief, _columns(hints))

    def _moments(self, belief: Belief, hints: list[Array]) -> tuple[Array, Array]:
        belief = belief._replace(kinds=self._weighed(belief.kinds, hints))
        decks = [self._deck(kind, hints) for kind in range(len(self.decks))]
        full, parts = decks[0], []
        for deck, chance in zip(decks, belief.kinds, strict=True):
            parts.append(_Part(chance, deck.mean, deck.variance))
        for rank, chance in zip(self.ranks, belief.remap_from, strict=True):
            gains = np.array([target - rank for target in self.ranks if target != rank], np.float32)
            parts.append(
                self._remaps(chance, full, hints, jnp.int32(rank), gains.mean(), gains.var())
            )
        anchor, heaviest = full.mean, _sum([*belief.kinds, *belief.remap_from])
        only_clues = heaviest <= 0
        for clue_from, clue_to, chance in zip(*belief[2:], strict=True):
            gain = (clue_to - clue_from).astype(jnp.float32)
            parts.append(self._remaps(chance, full, hints, clue_from, gain, np.float32(0)))
            is_anchor = only_clues & (chance > heaviest)
            anchor = jnp.where(is_anchor, parts[-1].mean, anchor)
            heaviest = jnp.where(is_anchor, chance, heaviest)

        per_weight = 1 / jnp.maximum(_sum([part.weight for part in parts]), TINY)
        beyond = _sum([part.weight * (part.mean - anchor) for part in parts])
        mu = anchor + beyond * per_weight
        squares = _sum([part.weight * (part.variance + (part.mean - mu) ** 2) for part in parts])
        return mu, jnp.sqrt(squares * per_weight)

    def _deck(self, kind: int, hints: list[Array]) -> "_Deck":
        """Sampling without replacement from what the hints leave of a deck, as in env/quotes.py."""
        ranks, m = np.array(self.decks[kind]), _count(hints, 0)
        values = [card.astype(jnp.float32) for card in hints]
        shown, shown_square = _sum(values), _sum([value * value for value in values])
        n = np.float32(self.suits * len(ranks) - N_CARDS) + m
        a = np.float32(self.suits * ranks.sum()) - shown
        b = np.float32(self.suits * (ranks**2).sum()) - shown_square
        rate, factor = m / n, m * (n - m) / (n * n * (n - 1))
        return _Deck(n, a, rate, factor, shown + rate * a, factor * (n * b - a * a))

    def _remaps(
        self,
        chance: Array,
        full: "_Deck",
        hints: list[Array],
        rank: Array,
        gain: Array | np.float32,
        spread: np.float32,
    ) -> "_Part":
        """Remaps of one rank: by `gain`, on average over those that are meant, with the variance
        `spread`.

        If k cards of the rank are shown, 4 − k are among the n that are left. The mean of the sum
        lies g · gain above that of the full deck, g = k + (4 − k) · m / n, and n b − a² (as in
        env/quotes.py) above it by
            (4 − k) · (2 (n · rank − a) · gain + (n − (4 − k)) · gain²).
        """
        k = _count(hints, rank)
        left = self.suits - k
        g = k + left * full.rate
        towards = 2 * (full.n * rank.astype(jnp.float32) - full.a) * gain
        grows = left * (towards + (full.n - left) * (gain * gain + spread))
        variance = full.variance + full.factor * grows + g * g * spread
        return _Part(chance, full.mean + g * gain, variance)

    def _weighed(self, kinds: tuple[Array, ...], cards: Sequence[Array]) -> tuple[Array, ...]:
        """Each kind's weight, times how much likelier the cards are from its deck than from the
        full one. How many cards of a rank are left is the same in both.
        """
        n_full, weighed = self.suits * len(self.ranks), [kinds[0]]
        for deck, weight in zip(self.decks[1:], kinds[1:], strict=True):
            bits, n = np.uint32(sum(1 << rank for rank in deck)), self.suits * len(deck)
            for i, card in enumerate(cards):
                eligible = (bits >> card.astype(jnp.uint32) & 1).astype(jnp.float32)
                ratio = eligible * np.float32((n_full - i) / (n - i))
                weight = weight * jnp.where(card > 0, ratio, 1)
            weighed.append(weight)
        return tuple(weighed)

    def _settled(self, belief: Belief, cards: Sequence[Array], total: Array) -> Belief:
        """Each weight times the likelihood of the cards and their sum, up to a common factor."""
        surprise = total - _sum([card.astype(jnp.float32) for card in cards])
        natural = surprise == 0

        def if_natural(weight: Array, possible: Array | bool = True) -> Array:
            return jnp.where(natural & possible, weight, 0)

        clues = [
            self._clue(belief, cards, i, surprise, natural & (_count(cards, rank) == 0))
            for i, rank in enumerate(belief.clue_from)
        ]
        return Belief(
            tuple(if_natural(weight) for weight in self._weighed(belief.kinds, cards)),
            tuple(
                if_natural(weight, _count(cards, rank) == 0)
                for rank, weight in zip(self.ranks, belief.remap_from, strict=True)
            ),
            *zip(*clues, strict=True),
        )

    def _clue(
        self, belief: Belief, cards: Sequence[Array], i: int, surprise: Array, stands: Array
    ) -> tuple[Array, Array, Array]:
        """(rank, target, weight) of the i-th clue after the cards.

        Args:
            surprise: float32 [...], how far their sum lies above that of their ranks. If it is not
                0, the i-th card may be what is revalued.
            stands: bool [...], whether the old clue is still possible; it is not if there is a
                surprise.
        """
        card, natural = cards[i], surprise == 0
        value = card.astype(jnp.float32) + surprise / _count(cards, card)
        possible = (
            (value == jnp.round(value)) & (value >= self.ranks[0]) & (value <= self.ranks[-1])
        )
        to = value.astype(jnp.int32)
        for earlier in cards[:i]:
            possible &= earlier != card
        same_rank = [
            jnp.where(card == rank, weight, 0)
            for rank, weight in zip(self.ranks, belief.remap_from, strict=True)
        ]
        same_remap = [
            jnp.where((rank == card) & (target == to), weight, 0)
            for rank, target, weight in zip(*belief[2:], strict=True)
        ]
        weight = _sum(same_rank) / np.float32(len(self.ranks) - 1) + _sum(same_remap)
        return (
            jnp.where(natural, belief.clue_from[i], card),
            jnp.where(natural, belief.clue_to[i], to),
            jnp.where(
                natural, jnp.where(stands, belief.clue_chance[i], 0), jnp.where(possible, weight, 0)
            ),
        )


def _count(cards: Iterable[Array], rank: Array | int) -> Array:
    """How many of the cards are of the rank, float32 [...]."""
    return _sum([(card == rank).astype(jnp.float32) for card in cards])


def _columns(cards: Array) -> list[Array]:
    return [cards[..., i] for i in range(N_CARDS)]


def _sum(columns: Iterable[Array]) -> Array:
    return functools.reduce(operator.add, columns)


def _scaled(belief: Belief, factor: Array) -> Belief:
    def scaled(weights: tuple[Array, ...]) -> tuple[Array, ...]:
        return tuple(weight * factor for weight in weights)

    return belief._replace(
        kinds=scaled(belief.kinds),
        remap_from=scaled(belief.remap_from),
        clue_chance=scaled(belief.clue_chance),
    )
