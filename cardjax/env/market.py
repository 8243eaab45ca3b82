"""CardMarket: the game as two pure functions, `reset` and `step`. RULES.md is its specification."""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import cards, draws, events, execution, liquidity, observation, quotes
from cardjax.env.kernels import every, total
from cardjax.env.observation import Field, View
from cardjax.env.params import N_ROUNDS, EnvParams
from cardjax.env.spaces import Box, Discrete

WORDS_PER_ROUND = 4


class Market(NamedTuple):
    """One round's exogenous draws and what follows from them; scalars but for `ranks`."""

    event: Array
    ranks: Array
    """int32 [3]; the first `n_hints` are revealed."""
    n_hints: Array
    S: Array
    mu: Array
    sigma: Array
    quote: quotes.Quote
    depth_bid: Array
    depth_ask: Array


class Players(NamedTuple):
    """What each player carries from round to round; every leaf has shape [A]."""

    wealth: Array
    last_position: Array
    """int32: signed size of the last executed order."""
    last_slippage: Array
    last_fill_ratio: Array


class State(NamedTuple):
    """The whole game between two rounds: the market now up for trade, the players, and the round's
    number.
    """

    market: Market
    players: Players
    round: Array
    """int32, 0..9: rounds already played."""


@dataclasses.dataclass(frozen=True)
class CardMarket:
    """The market for `n_players` takers who share quotes and depth and act at once.

    Everything per player has a leading axis [A]; with `squeeze` (the `single` game) that axis is
    dropped at the door. All methods are pure and can be jitted and vmapped, over keys and over
    `params` alike.
    """

    n_players: int = 2
    squeeze: bool = False
    observe_posterior: bool = False

    def reset(self, key: Array, params: EnvParams) -> tuple[Array, State]:
        """A new game: observation float32 [A, D] and state."""
        market = draw_market(key, jnp.int32(events.NO_EVENT), jnp.bool_(True), params)
        state = State(market, new_players(self.n_players, params), jnp.int32(0))
        return self.observe(state, params), state

    def step(
        self, key: Array, state: State, action: Array, params: EnvParams
    ) -> tuple[Array, State, Array, Array, Array, dict[str, Array]]:
        """Settle the round and draw the next; after a game's last round the next is a new game's
        first.

        Args:
            key: what the next round's market is drawn from, and nothing else is.
            action: [A], 0 pass, 1..10 buy, 11..20 sell; anything else, NaN included, is a rejected
                pass.

        Returns:
            (obs [A, D], state, reward [A], terminated, truncated, info). Where `terminated`, obs
            and state are those of `reset(key, params)`, and info["final_observation"] is the ended
            game's last. `truncated` is never True.
        """
        end, reward, terminated, info = self._play_round(key, state, action, params)
        market = draw_market(key, state.market.event, terminated, params)
        fresh = new_players(self.n_players, params)
        players = jax.tree.map(lambda new, old: jnp.where(terminated, new, old), fresh, end.players)
        following = State(market, players, jnp.where(terminated, 0, end.round))
        truncated = jnp.zeros_like(terminated)
        return self.observe(following, params), following, reward, terminated, truncated, info

    def step_env(
        self, key: Array, state: State, action: Array, params: EnvParams
    ) -> tuple[Array, State, Array, Array, dict[str, Array]]:
        """As `step`, but never resets: (obs, state, reward, terminated, info), also past a game's
        end.
        """
        end, reward, terminated, info = self._play_round(key, state, action, params)
        return info["final_observation"], end, reward, terminated, info

    def view(self, state: State, params: EnvParams) -> View:
        """What each player knows: a View whose leaves have a leading axis [A]."""
        return self._door(_view(state, params))

    def observe(self, state: State, params: EnvParams) -> Array:
        """The encoded view, float32 [A, D]."""
        return self.encode(self.view(state, params))

    def encode(self, view: View) -> Array:
        """The flat vector [..., D] of views of this game, whatever their leading shape."""
        return observation.encode(view, self.observe_posterior)

    def action_mask(self, state: State, params: EnvParams) -> Array:
        """Which actions are valid now, bool [A, 21]."""
        return self.view(state, params).action_mask

    def largest_sizes(self, state: State, params: EnvParams) -> tuple[Array, Array]:
        """The largest valid buy and sell now, int32 [A] each: the action mask in two numbers."""
        market, players = state.market, state.players
        quote = market.quote
        sizes = execution.largest_sizes(
            quote.bid, quote.ask, s_max_of(market.event), players.wealth, params
        )
        return self._door(sizes)

    @property
    def observation_fields(self) -> dict[str, Field]:
        """name → Field(slice, scale, doc, low, high), in the observation's order."""
        return observation.field_table(self.n_players, self.observe_posterior)

    @property
    def observation_size(self) -> int:
        """D."""
        return list(self.observation_fields.values())[-1].slice.stop

    def observation_space(self, params: EnvParams) -> Box:
        """Bounds of the observation, shape [A, D]."""
        fields = self.observation_fields.values()
        widths = [field.slice.stop - field.slice.start for field in fields]
        low, high = (
            np.repeat([getattr(f, side) for f in fields], widths) for side in ("low", "high")
        )
        shape = (
            (self.observation_size,) if self.squeeze else (self.n_players, self.observation_size)
        )
        return Box(
            np.broadcast_to(low, shape).astype(np.float32),
            np.broadcast_to(high, shape).astype(np.float32),
        )

    def action_space(self, params: EnvParams) -> Discrete:
        """0..20 for each player, shape [A]."""
        return Discrete(execution.N_ACTIONS, () if self.squeeze else (self.n_players,))

    def _play_round(
        self, key: Array, state: State, action: Array, params: EnvParams
    ) -> tuple[State, Array, Array, dict[str, Array]]:
        market, players = state.market, state.players
        action = jnp.asarray(action).reshape((self.n_players,))
        fill = execution.execute(
            action,
            market.quote.bid,
            market.quote.ask,
            s_max_of(market.event),
            market.depth_bid,
            market.depth_ask,
            players.wealth,
            params,
        )
        pnl = execution.settle(fill, market.S)
        wealth = players.wealth + pnl
        reward = execution.reward_of(fill, market.S, market.mu, players.wealth, params)
        played = state.round + 1
        terminated = (played >= N_ROUNDS) | every(execution.stopped_out(wealth, params))
        after = Players(wealth, fill.position.astype(jnp.int32), fill.slippage, fill.fill_ratio)
        end = State(draw_market(key, market.event, jnp.bool_(False), params), after, played)
        info = _info(market, params) | self._door(
            {
                name: getattr(fill, name)
                for name in ("action", "rejected", "exec_price", "fill_ratio", "slippage")
            }
            | {"pnl": pnl, "wealth": wealth}
        )
        info |= {
            "action_mask": self.action_mask(state, params),
            "final_observation": self.observe(end, params),
        }
        info |= {"terminated": terminated, "truncated": jnp.zeros_like(terminated)}
        return end, self._door(reward), terminated, info

    def _door(self, tree: Any) -> Any:
        return jax.tree.map(lambda leaf: leaf[0], tree) if self.squeeze else tree


def draw_market(key: Array, previous_event: Array, first: Array, params: EnvParams) -> Market:
    """A round's market, from the key and the previous event alone (`first`: a game's first round)."""
    word_event, word_cards, word_mid, word_depth = draws.words(key, WORDS_PER_ROUND)
    event = events.draw_event(word_event, previous_event, first, params)
    ranks, word_hints = cards.deal(word_cards, event)
    n_hints = cards.draw_n_hints(word_hints, params)

    value = cards.values_of(ranks, event)
    shown = jnp.where(jnp.arange(cards.N_CARDS) < n_hints, value, 0)
    mu, sigma = quotes.posterior_moments(event, n_hints, total(shown), total(shown * shown))
    quote = quotes.draw_quote(draws.normal(word_mid), mu, sigma, params)
    z_bid, z_ask = draws.normal_pair(word_depth)
    return Market(
        event=event,
        ranks=ranks,
        n_hints=n_hints,
        S=total(value),
        mu=mu,
        sigma=sigma,
        quote=quote,
        depth_bid=liquidity.draw_depth(z_bid, sigma, quote.spread, params),
        depth_ask=liquidity.draw_depth(z_ask, sigma, quote.spread, params),
    )


def new_players(n_players: int, params: EnvParams) -> Players:
    """The players at a game's start; "last" values are 0, 0 and 1."""
    nothing = jnp.zeros(n_players, jnp.float32)
    return Players(
        nothing + params.initial_wealth, jnp.zeros(n_players, jnp.int32), nothing, nothing + 1
    )


def s_max_of(event: Array) -> Array:
    """S_max: three times the largest value in the event's eligible deck."""
    return cards.N_CARDS * jnp.asarray(events.EVENTS.largest)[event]


def _view(state: State, params: EnvParams) -> View:
    market, players = state.market, state.players
    quote, s_max = market.quote, s_max_of(market.event)
    n = players.wealth.shape[0]
    shared = {
        "bid": quote.bid,
        "ask": quote.ask,
        "mid": quote.mid,
        "spread": quote.spread,
        "displayed_bid": liquidity.displayed(market.depth_bid, params),
        "displayed_ask": liquidity.displayed(market.depth_ask, params),
        "event": market.event,
        "hints": jnp.where(jnp.arange(cards.N_CARDS) < market.n_hints, market.ranks, 0),
        "mu": market.mu,
        "sigma": market.sigma,
        "s_max": s_max,
        "initial_wealth": jnp.asarray(params.initial_wealth),
        "round": state.round,
    }
    return View(
        **{name: jnp.broadcast_to(leaf, (n, *leaf.shape)) for name, leaf in shared.items()},
        last_slippage=players.last_slippage,
        last_fill_ratio=players.last_fill_ratio,
        wealth=players.wealth,
        others_last=jnp.stack([jnp.roll(players.last_position, -k) for k in range(1, n)], -1)
        if n > 1
        else jnp.zeros((1, 0), jnp.int32),
        action_mask=execution.action_mask(quote.bid, quote.ask, s_max, players.wealth, params),
    )


def _info(market: Market, params: EnvParams) -> dict[str, Array]:
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
        "displayed_bid": liquidity.displayed(market.depth_bid, params),
        "displayed_ask": liquidity.displayed(market.depth_ask, params),
    }
