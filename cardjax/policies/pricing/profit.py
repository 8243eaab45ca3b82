"""Pi, what a quote earns the maker on average given what it knows, and the two quotes between
which makers lie: a monopolist's and competition's.

The two sides of the quote are separate. On the ask side, with mu_m the maker's mean and mu the
takers' mean,
    Pi(offset, depth) = offset · E[min(N, depth)] − E[what takers earn],
where takers meet the edge mu − mu_m − offset: what they earn in equilibrium (`stage_payoff`) is
what the maker loses to them, impact included. On the bid side, mu_m − mu takes the place of
mu − mu_m.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import EnvParams, maker
from cardjax.env.cards import N_CARDS
from cardjax.env.declaration import Count, Number
from cardjax.env.events import N_EVENTS
from cardjax.policies.pricing.news import HANDS, News, news
from cardjax.policies.pricing.stage_payoff import Kinks, payoff_kinks, stacked, takers_payoff
from cardjax.policies.stage_game import impact_of


class Terms(NamedTuple):
    """What the maker's profit depends on beside its quote; all may be traced."""

    alpha: Number
    """points per unit of overflow; 0 if impact is off."""
    hints: Array | np.ndarray
    """[4], the chances that 0, 1, 2 and 3 cards are revealed."""
    lag: Count
    """so many revealed cards the maker does not see."""
    rate: Number
    """of noise traders on each side at an offset of 0, units."""
    decay: Number
    """by how much of itself that rate falls per point of offset."""


def terms_of(params: EnvParams) -> Terms:
    """Those of a market."""
    noise = params.noise
    return Terms(impact_of(params), params.hints, params.maker_lag, noise.rate, noise.decay)


class Best(NamedTuple):
    """A choice for each side and what it earns; leaves [..., 2]."""

    choice: Array
    """int32, 0..59."""
    profit: Array
    """Pi, points."""


def profit(terms: Terms, n_takers: int) -> Array:
    """Pi of all 60 choices on both sides, for all that the maker may know: float32
    [161, 106, 2, 60], points.

    The axes are the event, the hand (`news.hand_index`), the side (ask, bid) and the choice.

    Args:
        n_takers: 0 or more; none of them is short of money.
    """
    lost = [_lost_to_takers(n_seen, terms, n_takers) for n_seen in range(N_CARDS + 1)]
    return _noise_profit(terms) - jnp.concatenate(lost, 1)


def monopolist(profit: Array) -> Best:
    """The choice that earns the most, by Pi [..., 60]: among equals the smallest offset."""
    choice = jnp.argmax(profit, -1).astype(jnp.int32)
    return Best(choice, _at(profit, choice))


def competitive(profit: Array) -> Best:
    """Competition's choice, by Pi [..., 60]: the smallest offset at which some depth does not lose,
    at the depth that earns the most there (Glosten and Milgrom 1985, "Bid, ask and transaction
    prices in a specialist market with heterogeneously informed traders").

    Where every offset loses, it is the largest.
    """
    by_offset = profit.reshape(*profit.shape[:-1], len(maker.OFFSETS), len(maker.DEPTHS))
    best = by_offset.max(-1)
    no_loss = (best >= 0).at[..., -1].set(True)
    offset = jnp.argmax(no_loss, -1)
    depth = jnp.argmax(jnp.take_along_axis(by_offset, offset[..., None, None], -2)[..., 0, :], -1)
    choice = maker.quote_index(offset, depth).astype(jnp.int32)
    return Best(choice, _at(profit, choice))


def _noise_profit(terms: Terms) -> Array:
    """What noise traders pay for each choice on average, float32 [60], points."""
    choices = jnp.arange(maker.N_QUOTES, dtype=jnp.int32)
    offset, depth = maker.offset_of(choices), maker.depth_of(choices)
    return offset * maker.expected_noise(offset, depth, terms.rate, terms.decay)


def _lost_to_takers(n_seen: int, terms: Terms, n_takers: int) -> Array:
    """What takers earn on average if the maker sees `n_seen` cards: [161, hands, 2, 60]."""
    n_hands = len(HANDS[n_seen]) if n_seen < N_CARDS else 1
    nothing = jnp.zeros((N_EVENTS, n_hands, 2, maker.N_QUOTES), jnp.float32)
    lost = nothing
    for n_shown in range(n_seen + 1, N_CARDS + 1) if n_takers else ():
        chance, law = _chance_of_shown(n_shown, n_seen, terms), news(n_seen, n_shown)
        lost += jax.lax.cond(
            chance > 0,
            lambda chance=chance, law=law: chance * _lost(law, terms, n_takers),
            lambda: nothing,
        )
    return lost


def _chance_of_shown(n_shown: int, n_seen: int, terms: Terms) -> Array:
    """P(takers see `n_shown` cards | the maker sees `n_seen`)."""
    seen = jnp.maximum(jnp.arange(N_CARDS + 1, dtype=jnp.int32) - terms.lag, 0)
    fits = jnp.where(seen == n_seen, jnp.asarray(terms.hints), 0)
    return fits[n_shown] / jnp.maximum(fits.sum(), jnp.float32(1e-30))


def _lost(law: News, terms: Terms, n_takers: int) -> Array:
    """What takers earn on average at every choice: [161, hands, 2, 60]."""
    up, down = law.chance * (law.change > 0), law.chance * (law.change < 0)
    kinks = stacked([payoff_kinks(int(depth), n_takers) for depth in maker.DEPTHS])

    def of_choice(choice: Array) -> Array:
        of_depth = Kinks(*(jnp.asarray(leaf)[choice % len(maker.DEPTHS)] for leaf in kinks))
        of_size = takers_payoff(
            jnp.asarray(law.sizes) - maker.offset_of(choice), of_depth, terms.alpha
        )
        payoff = of_size[law.size]
        return jnp.stack([(payoff * up).sum(-1), (payoff * down).sum(-1)], -1)

    return jnp.moveaxis(jax.lax.map(of_choice, jnp.arange(maker.N_QUOTES, dtype=jnp.int32)), 0, -1)


def _at(profit: Array, choice: Array) -> Array:
    return jnp.take_along_axis(profit, choice[..., None], -1)[..., 0]
