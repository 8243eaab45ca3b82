"""What takers know before they order, which orders are valid, and what `step` reports of the
market, hidden truth included.
"""

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.env import beliefs, cards, events, execution, liquidity
from cardjax.env.observation import View
from cardjax.env.params import EnvParams
from cardjax.env.past import largest_sum
from cardjax.env.state import State


def view_of(state: State, params: EnvParams) -> View:
    """What each player knows, leading axis [A]; what all players see is repeated for each."""
    market, players = state.market, state.players
    quote, past = market.quote, state.past
    s_max = largest_sum(past, market.event)
    hints = cards.first_of(market.ranks, market.n_hints)
    n_players = players.wealth.shape[0]

    def shared(leaf: Array) -> Array:
        return jnp.broadcast_to(leaf, (n_players, *leaf.shape))

    view = View(
        bid=shared(quote.bid),
        ask=shared(quote.ask),
        mid=shared(quote.mid),
        spread=shared(quote.spread),
        displayed_bid=shared(displayed(state, market.depth_bid, params)),
        displayed_ask=shared(displayed(state, market.depth_ask, params)),
        last_slippage=players.last_slippage,
        last_fill_ratio=players.last_fill_ratio,
        event=shared(market.event),
        hints=shared(hints),
        mu=shared(market.mu),
        sigma=shared(market.sigma),
        s_max=shared(s_max),
        wealth=players.wealth,
        initial_wealth=shared(jnp.asarray(params.initial_wealth)),
        round=shared(state.round),
        others_last=_others(players.last_position),
        action_mask=execution.mask_of(*largest_sizes(state, params)),
    )
    if players.inventory is not None:
        view = view._replace(
            inventory=players.inventory,
            others_inventory=_others(players.inventory),
            inventory_limit=shared(jnp.asarray(params.inventory_limit)),
        )
    if state.maker is not None:
        view = view._replace(depth_is_shown=shared(jnp.bool_(True)))
    if past is None:
        return view
    belief = beliefs.given_hints(past.belief, hints)
    return view._replace(
        event=None,
        last_ranks=shared(past.ranks),
        last_sum=shared(past.S),
        belief=jax.tree.map(shared, belief),
    )


def displayed(state: State, depth: Array, params: EnvParams) -> Array:
    """What players see of a true depth: all of it where a maker that plays has chosen it."""
    return depth if state.maker is not None else liquidity.displayed(depth, params)


def largest_sizes(state: State, params: EnvParams) -> tuple[Array, Array]:
    """The largest valid buy and sell of each player, int32 [A] each."""
    market, players = state.market, state.players
    return execution.largest_sizes(
        market.quote.bid,
        market.quote.ask,
        largest_sum(state.past, market.event),
        players.wealth,
        params,
        players.inventory,
    )


def info_of(state: State, params: EnvParams) -> dict[str, Array]:
    """What `step` reports of the market, hidden truth included."""
    market = state.market
    return {
        "event": market.event,
        "event_kind": events.kind_of(market.event),
        "cards": market.ranks,
        "n_hints": market.n_hints,
        "S": market.S,
        "mu": market.mu,
        "sigma": market.sigma,
        "bid": market.quote.bid,
        "ask": market.quote.ask,
        "mid": market.quote.mid,
        "spread": market.quote.spread,
        "depth_bid": market.depth_bid,
        "depth_ask": market.depth_ask,
        "displayed_bid": displayed(state, market.depth_bid, params),
        "displayed_ask": displayed(state, market.depth_ask, params),
    }


def _others(values: Array) -> Array:
    """For each player the others' values, in seat order after oneself: [A] → [A, A − 1]."""
    n_players = values.shape[0]
    if n_players == 1:
        return jnp.zeros((1, 0), values.dtype)
    return jnp.stack([jnp.roll(values, -seat) for seat in range(1, n_players)], -1)
