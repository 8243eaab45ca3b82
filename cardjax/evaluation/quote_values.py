"""What a quote is worth to the maker against the takers that it has, exactly, and what a best reply
to them would be worth.

A quote's value is the maker's expected P&L given what it knows: the mean over all cards that takers
may see beside its own, of what the takers' own probabilities of every order, from their views of
the quote, bring it; and what noise traders pay on average.

The best reply takes, on each side, the choice that is worth the most while the other side stays as
it is played, and then the best of these, of both together and of what was played. Where takers
treat the two sides of the quote apart, as scripted ones do, no quote is worth more; past that, the
figure is a lower bound.
"""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import beliefs, quotes
from cardjax.env import maker as maker_rules
from cardjax.env.cards import N_CARDS, first_of, hint_counts
from cardjax.env.events import RANKS
from cardjax.env.market import CardMarket, State
from cardjax.env.params import EnvParams
from cardjax.evaluation.decision import decide
from cardjax.evaluation.match import Seats
from cardjax.policies.stage_game import expected_pnl, flow_of_others

QuoteValue = Callable[[Array], Array]
"""From choices int32 [games, 2] to their values, float32 [games], points."""


class Natures(NamedTuple):
    """What the takers may see where the maker sees what it does, for one game."""

    ranks: Array
    """int32 [K, 3]: the cards that takers see come first."""
    n_hints: Array
    """int32 [K], how many these are."""
    chance: Array
    """float32 [K], of the ranks in this order; 0 where they cannot be."""


def natures(state: State, params: EnvParams, lag: int) -> Natures:
    """Of a game before the maker quotes.

    Args:
        state: of one game.
        params: the market's numbers.
        lag: `params.maker_lag`, or more.
    """
    market = state.market
    new = np.zeros((0, N_CARDS), np.int32)
    for n in range(min(lag, N_CARDS) + 1):
        drawn = np.array(list(itertools.product(RANKS, repeat=n)), np.int32).reshape(
            len(RANKS) ** n, n
        )
        new = np.concatenate([new, np.pad(drawn, [(0, 0), (0, N_CARDS - n)])])
    n_seen = maker_rules.n_seen(market.n_hints, params)
    seen = first_of(market.ranks, n_seen)
    n_hints = n_seen + (new > 0).sum(-1).astype(np.int32)

    # The new cards stand behind those that the maker sees.
    place = jnp.arange(N_CARDS, dtype=jnp.int32) - n_seen
    behind = jnp.where(place >= 0, jnp.asarray(new)[:, jnp.maximum(place, 0)], 0)
    ranks = seen + behind
    fits = maker_rules.n_seen(n_hints, params) == n_seen
    possible = fits & (n_hints <= N_CARDS)
    shown = jnp.asarray(params.hints)[jnp.minimum(n_hints, N_CARDS)]
    likelihood = jax.vmap(beliefs.plain_likelihood)(ranks)[:, market.event]
    weight = jnp.where(possible, shown * likelihood, 0)
    return Natures(ranks, jnp.minimum(n_hints, N_CARDS), weight / weight.sum())


def quote_value(
    market: CardMarket,
    takers: Seats,
    carry: Any,
    state: State,
    env_params: EnvParams,
    key: Array,
    lag: int,
) -> QuoteValue:
    """The function from choices to their values in a round.

    Args:
        market: with a player axis.
        takers: who decides at all its seats.
        carry: theirs before the round, leaves [games, A, …].
        state: of the round, leaves [games, …].
        env_params: the market's numbers.
        key: of takers who need one.
        lag: `env_params.maker_lag`, or more.
    """
    possible = jax.vmap(lambda game: natures(game, env_params, lag))(state)
    n_natures = possible.chance.shape[-1]
    carries = jax.tree.map(
        lambda leaf: jnp.broadcast_to(leaf[:, None], (len(leaf), n_natures, *leaf.shape[1:])), carry
    )

    def seen(state: State, ranks: Array, n_hints: Array, choice: Array) -> Any:
        counts = hint_counts(ranks, n_hints)
        mu, sigma = quotes.posterior(state.market.event, counts)
        of_nature = state.market._replace(ranks=ranks, n_hints=n_hints, mu=mu, sigma=sigma)
        quoted = market.quote(state._replace(market=of_nature), choice, env_params)
        return market.view(quoted, env_params)

    views_of = jax.vmap(jax.vmap(seen, (None, 0, 0, None)))

    def value(choice: Array) -> Array:
        view = views_of(state, possible.ranks, possible.n_hints, choice)
        chosen = decide(takers.policy, takers.params, carries, view, key).probabilities
        earned = expected_pnl(env_params, view, flow_of_others(chosen))
        of_takers = (chosen * earned).sum((-1, -2))
        lost = jnp.where(possible.chance > 0, possible.chance * of_takers, 0).sum(-1)
        offset, depth = maker_rules.offset_of(choice), maker_rules.depth_of(choice)
        noise = env_params.noise
        paid = offset * maker_rules.expected_noise(offset, depth, noise.rate, noise.decay)
        return paid.sum(-1) - lost

    return value


def best_reply(value: QuoteValue, played: Array) -> Array:
    """The best reply's value, float32 [games]; the module says which quotes it looks at.

    Args:
        value: from `quote_value`.
        played: int32 [games, 2].
    """

    def of_choice(choice: Array) -> Array:
        return jnp.stack(
            [value(played.at[:, side].set(choice)) for side in range(maker_rules.SIDES)], -1
        )

    choices = jnp.arange(maker_rules.N_QUOTES, dtype=jnp.int32)
    values = jax.lax.map(of_choice, choices)
    both = jnp.argmax(values, 0).astype(jnp.int32)
    return jnp.maximum(values.max((0, -1)), jnp.maximum(value(both), value(played)))
