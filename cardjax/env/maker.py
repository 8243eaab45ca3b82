"""The market maker as a player: what it sees, what it may quote, who trades with it, and what that
earns it.

docs/rules.md#the-maker-as-a-player has the rule. The maker moves first in a round. It knows less
than the takers, since the last cards revealed are not shown to it, and it lives on noise traders,
who trade whether or not the price is good for them.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import cards, draws, execution, quotes
from cardjax.env.declaration import Number
from cardjax.env.observation import FIELDS, FieldDeclaration, number
from cardjax.env.params import REWARD_KINDS, EnvParams
from cardjax.kernels.short_axes import sum_short_axis

PLAYED_BY = ("oracle", "agent")
"""Who quotes: `oracle` follows the rule of docs/rules.md#what-the-maker-knows-and-quotes, with an
error; `agent` is a player.
"""
ORACLE, AGENT = PLAYED_BY

OFFSETS = np.array([0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 6, 8], np.float32)
"""How far from the maker's mean a price may stand, points."""
DEPTHS = np.array([2, 4, 6, 8, 10], np.int32)
"""How many units may be displayed."""
N_QUOTES = len(OFFSETS) * len(DEPTHS)
"""The choices on each side: `quote_index(offset, depth)`, 0..59."""
SIDES = 2
"""What is given per side is for the ask, where buyers trade, and then for the bid."""
NO_QUOTE = (len(OFFSETS) - 1) * len(DEPTHS)
"""The choice that stands where none is made: the largest offset and the smallest depth."""
NOISE_CHILD = 64
"""The child of a round's key from which noise traders are drawn: far beyond those of the market and
of `CardMarket.sample_action`.
"""


class Flow(NamedTuple):
    """What a maker has traded in a round, units, int32 [...]."""

    takers_bought: Array
    takers_sold: Array
    noise_bought: Array
    noise_sold: Array


class MakerSeat(NamedTuple):
    """What a game holds of a maker that plays."""

    choice: Array
    """int32 [2], per side: its quote of this round, 0..59."""
    rejected: Array
    """bool: it has not quoted yet, or what it quoted was none of the choices."""
    noise: Array
    """uint32 [2], per side: the random word from which this round's noise traders come. Hidden."""
    last: Flow
    """The last round's; 0 in a game's first."""


class Quoted(NamedTuple):
    """What takers meet."""

    quote: quotes.Quote
    depth_bid: Array
    """float32: the depth that sellers use, units; so is `depth_ask` for buyers."""
    depth_ask: Array


class Settled(NamedTuple):
    """What a round earned the maker."""

    pnl: Array
    """float32 [2], on the ask and on the bid, points."""
    expected_pnl: Array
    """The same with the takers' mu in place of S for what they traded, and with the maker's mean
    and the mean number of noise traders for the rest.
    """
    flow: Flow


class MakerView(NamedTuple):
    """The maker's information before it quotes, in natural units; leaves [...]."""

    event: Array
    """int32 [...]: the event's id, 0..160."""
    hints: Array
    """int32 [..., 3]: the rank 2..14 of each card that the maker sees, and 0 for each other."""
    mu: Array
    """float32 [...]: E[S | event, these cards], points, around which it quotes."""
    sigma: Array
    """float32 [...]: the standard deviation of S given the same, points."""
    round: Array
    """int32 [...]: rounds already played, 0..9."""
    last: Flow
    """What it traded in the last round, units; 0 in a game's first."""
    action_mask: Array
    """bool [..., 2, 60]: which choices are valid on the ask and on the bid; all are."""

    @property
    def hint_counts(self) -> Array:
        """int32 [..., 13]: the cards that it sees, of each rank 2..14."""
        return cards.hint_counts(self.hints, cards.N_CARDS)


def _flow_field(doc: str, name: str) -> FieldDeclaration:
    return number(
        f"{doc}; 0 in a game's first", lambda view: getattr(view.last, name), scale=0.1, low=0
    )


MAKER_FIELDS: dict[str, FieldDeclaration] = {
    **{name: FIELDS[name] for name in ("event_kind", "remap_from", "remap_to", "hint_counts")},
    "time": FIELDS["time"],
    "takers_bought": _flow_field("units that takers bought last round", "takers_bought"),
    "takers_sold": _flow_field("units that takers sold last round", "takers_sold"),
    "noise_bought": _flow_field("units that noise traders bought last round", "noise_bought"),
    "noise_sold": _flow_field("units that noise traders sold last round", "noise_sold"),
}
"""The fields of the maker's observation, in the vector's order."""


def quote_index(offset: Array, depth: Array) -> Array:
    """The number of the choice of an offset and a depth, by their places in OFFSETS and DEPTHS."""
    return offset * len(DEPTHS) + depth


def offset_of(choice: Array) -> Array:
    """The offset of a choice 0..59, float32 [...], points."""
    return jnp.asarray(OFFSETS)[choice // len(DEPTHS)]


def depth_of(choice: Array) -> Array:
    """The depth of a choice 0..59, float32 [...], units."""
    return jnp.asarray(DEPTHS, jnp.float32)[choice % len(DEPTHS)]


def n_seen(n_hints: Array, params: EnvParams) -> Array:
    """How many cards the maker sees: max(h − lag, 0), int32 [...]."""
    return jnp.maximum(n_hints - params.maker_lag, 0).astype(jnp.int32)


def posterior(event: Array, ranks: Array, n_hints: Array, params: EnvParams) -> tuple[Array, Array]:
    """Mean and standard deviation of S given what the maker sees, float32 [...], points.

    Args:
        event: int32 [...].
        ranks: int32 [..., 3], the cards.
        n_hints: int32 [...], how many of them takers see.
        params: which says how many of these the maker sees.
    """
    seen = n_seen(n_hints, params)
    shown = cards.first_of(cards.values_of(ranks, event), seen)
    return quotes.posterior_moments(
        event, seen, sum_short_axis(shown), sum_short_axis(shown * shown)
    )


def checked(requested: Array) -> tuple[Array, Array]:
    """The choices, int32 [2], and whether one of them was none of 0..59, bool []; NO_QUOTE takes
    its place.

    Args:
        requested: [2] of any number type.
    """
    choice, known = execution.whole_number(requested, N_QUOTES, otherwise=NO_QUOTE)
    return choice, ~known.all()


def quoted(choice: Array, mean: Array) -> Quoted:
    """What takers meet: the choices' offsets around the maker's mean, and their depths.

    Args:
        choice: int32 [2].
        mean: float32 [], points.
    """
    offset, depth = offset_of(choice), depth_of(choice)
    ask, bid = mean + offset[0], mean - offset[1]
    quote = quotes.Quote(mid=(bid + ask) / 2, spread=offset[0] + offset[1], bid=bid, ask=ask)
    return Quoted(quote, depth_bid=depth[1], depth_ask=depth[0])


def opened(key: Array, last: Flow) -> MakerSeat:
    """The seat before the maker quotes.

    Args:
        key: the round's, of which the child NOISE_CHILD is spent.
        last: what was traded in the round before.
    """
    words = draws.words(key, SIDES, first_child=NOISE_CHILD)
    choice = jnp.full(SIDES, NO_QUOTE, jnp.int32)
    return MakerSeat(choice, jnp.bool_(True), jnp.stack(words), last)


def no_flow() -> Flow:
    """Before a game's first round."""
    return Flow(*[jnp.int32(0)] * len(Flow._fields))


def settle(
    seat: MakerSeat,
    fill: execution.Fill,
    quote: quotes.Quote,
    S: Array,
    mu: Array,
    params: EnvParams,
) -> Settled:
    """What a round earned the maker: what takers lost, impact included, and what noise traders
    lost at the quote.

    Args:
        seat: of this round.
        fill: of the takers' orders, attributes [A].
        quote: of this round.
        S: float32 [], points.
        mu: float32 [], its mean given all that takers know, points.
    """
    offset, depth = offset_of(seat.choice), depth_of(seat.choice)
    of_noise = noise_units(seat.noise, offset, depth, params)
    margin = jnp.stack([quote.ask - S, S - quote.bid])
    expected = offset * expected_noise(offset, depth, params.noise.rate, params.noise.decay)
    is_buy = fill.position > 0

    def by_side(of_takers: Array) -> Array:
        buys, sells = jnp.where(is_buy, of_takers, 0), jnp.where(is_buy, 0, of_takers)
        return jnp.stack([sum_short_axis(buys), sum_short_axis(sells)])

    units = [*by_side(jnp.abs(fill.position)), *of_noise]
    return Settled(
        pnl=of_noise * margin - by_side(execution.settle(fill, S)),
        expected_pnl=expected - by_side(execution.settle(fill, mu)),
        flow=Flow(*(traded.astype(jnp.int32) for traded in units)),
    )


def reward_of(settled: Settled, params: EnvParams) -> Array:
    """What each side adds to the maker's reward by `params.reward`, float32 [2]. (It has no wealth
    whose logarithm could be one.)
    """
    is_expected = params.reward == REWARD_KINDS.index("expected_pnl")
    return jnp.where(is_expected, settled.expected_pnl, settled.pnl)


def noise_units(words: Array, offset: Array, depth: Array, params: EnvParams) -> Array:
    """How many units noise traders trade, float32 [...]: min(N, depth), N ~
    Poisson(`arrival_rate`), by the inverse of its distribution function.

    With the same words, fewer come at a larger offset, and never more than at a smaller one.

    Args:
        words: uint32 [...].
        offset: float32 [...], points.
        depth: float32 [...], at most the largest of DEPTHS, units.
    """
    mean = arrival_rate(offset, params.noise.rate, params.noise.decay)
    u = draws.uniform(words)
    chance = below = jnp.exp(-mean)
    units = jnp.zeros_like(offset)
    for n in range(1, int(DEPTHS[-1]) + 1):
        units += (u >= below).astype(jnp.float32)
        chance *= mean / n
        below += chance
    return jnp.minimum(units, depth)


def arrival_rate(offset: Array, rate: Number, decay: Number) -> Array:
    """How many units noise traders want to trade on a side, on average: rate · exp(−decay ·
    offset), float32 [...] (Avellaneda and Stoikov 2008, "High-frequency trading in a limit order
    book").
    """
    return rate * jnp.exp(-decay * offset)


def expected_noise(offset: Array, depth: Array, rate: Number, decay: Number) -> Array:
    """How many units noise traders trade on a side, on average: E[min(N, depth)] for N ~
    Poisson(`arrival_rate`), float32 [...].

    By n · P(N = n) = λ · P(N = n − 1), it is λ · P(N ≤ depth − 2) + depth · P(N ≥ depth).

    Args:
        offset: float32 [...], points.
        depth: float32 [...], a whole number of at least 1, units.
        rate: float32 [...], units.
        decay: float32 [...], per point.
    """
    mean = arrival_rate(offset, rate, decay)
    all_of_them = mean * jnp.where(depth > 1, _at_most(depth - 2, mean), 0)
    return all_of_them + depth * (1 - _at_most(depth - 1, mean))


def _at_most(n: Array, mean: Array) -> Array:
    """P(N ≤ n) for N ~ Poisson(mean), n ≥ 0."""
    return jax.scipy.special.gammaincc(jnp.maximum(n, 0) + 1, mean)
