"""CardMarket: the game as two pure functions, `reset` and `step`.

docs/rules.md is the specification. Each rule has a file of its own; here they are put together.
"""

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import (
    beliefs,
    cards,
    draws,
    events,
    execution,
    inventory,
    liquidity,
    observation,
    quotes,
    sampling,
)
from cardjax.env import maker as maker_rules
from cardjax.env.declaration import ParameterError
from cardjax.env.maker import MakerSeat, MakerView
from cardjax.env.observation import Field, View
from cardjax.env.params import N_ROUNDS, EnvParams
from cardjax.env.spaces import Box, Discrete
from cardjax.kernels.event_filter import Belief
from cardjax.kernels.short_axes import all_short_axis, sum_short_axis

T = TypeVar("T")

WORDS_PER_ROUND = 4
"""Random words that a round's market is drawn from."""


class Market(NamedTuple):
    """One round's exogenous draws and what follows from them, the same for all players."""

    event: Array
    """int32: the event's id, 0..160."""
    ranks: Array
    """int32 [3]: the cards' ranks, 2..14; the first `n_hints` are revealed."""
    n_hints: Array
    """int32: how many cards are revealed, 0..3."""
    S: Array
    """float32: what a unit pays, the sum of the cards' values, points. Hidden."""
    mu: Array
    """float32: E[S | event, revealed cards], points, or if the event is hidden, E[S | all that is
    public].
    """
    sigma: Array
    """float32: the standard deviation of S given the same, points."""
    quote: quotes.Quote
    """The maker's prices."""
    depth_bid: Array
    """float32: the true depth that sellers use, units. Hidden beyond what is displayed."""
    depth_ask: Array
    """float32: the true depth that buyers use, units. Hidden beyond what is displayed."""


class Players(NamedTuple):
    """What each player carries from round to round; every attribute has shape [A]."""

    wealth: Array
    """float32: W, points."""
    last_position: Array
    """int32: the signed size of the last executed order, units; 0 before a game's first."""
    last_slippage: Array
    """float32: the last executed order's slippage, points per unit; 0 before a game's first."""
    last_fill_ratio: Array
    """float32: the last executed order's fill ratio; 1 before a game's first."""
    inventory: Array | None = None
    """int32: the units that are held, owed if negative; None where nothing is carried."""


class Past(NamedTuple):
    """What a game's earlier rounds have told everybody."""

    belief: Belief
    """How likely each event is at the round's start, before its hints."""
    ranks: Array
    """int32 [3]: the last round's cards, 2..14; 0 in a game's first."""
    S: Array
    """float32: the last round's S, points; 0 in a game's first."""


class State(NamedTuple):
    """The whole game between two rounds."""

    market: Market
    """The market that is up for trade."""
    players: Players
    """The players, with what the last round left them."""
    round: Array
    """int32: rounds already played, 0..9."""
    past: Past | None = None
    """What is known from earlier rounds; None where the event is known, since it says it all."""
    maker: MakerSeat | None = None
    """The seat of a maker that plays; None where the quotes are drawn."""


@dataclasses.dataclass(frozen=True)
class CardMarket:
    """The market for `n_players` takers who share quotes and depth and act at once.

    Everything per player has a leading axis [A]; with `squeeze` (the `single` game) that axis is
    dropped at the door. All methods are pure and can be jitted and vmapped, over keys and over
    `params` alike.
    """

    n_players: int = 2
    """A, at least 1."""
    squeeze: bool = False
    """Whether a single player's axis [A] is dropped from all that goes in and out."""
    observe_posterior: bool = False
    """Whether the observation ends with mu and sigma, an ablation."""
    event_info: str = "known"
    """One of `observation.EVENT_INFO`: whether the event is known, or what is seen in its place."""
    inventory: bool = False
    """Whether units are carried from round to round."""
    maker: str = maker_rules.ORACLE
    """One of `maker.PLAYED_BY`: who quotes. If it is an agent, each round has two moves: first
    `quote`, then `step`; and what `reset` and `step` return as the observation is the maker's,
    since it moves next.
    """

    def __post_init__(self) -> None:
        """Refuse rules that cannot be combined."""
        if self.has_maker and (self.hides_event or self.inventory):
            allowed = "must be oracle unless env.event_info is known and env.inventory is off"
            raise ParameterError("env.maker", self.maker, allowed)

    def reset(self, key: Array, params: EnvParams) -> tuple[Array, State]:
        """A new game: its first observation, float32 [A, D], and its state."""
        past = self._new_past(params)
        market = draw_market(key, jnp.int32(events.NO_EVENT), jnp.bool_(True), past, params)
        state = State(market, self._new_players(params), jnp.int32(0), past)
        state = self._before_quote(key, state, self._no_flow, params)
        return self._observe_next(state, params), state

    def quote(self, state: State, action: Array, params: EnvParams) -> State:
        """The round with the maker's quote, which takers then meet.

        Args:
            state: a round of a game whose maker plays; of several quotes the last one counts.
            action: [2], on the ask and on the bid 0..59, which is `maker.quote_index(offset,
                depth)`; anything else is reported as rejected and quotes the largest offset and
                the smallest depth.
            params: the market's numbers and switches.
        """
        choice, rejected = maker_rules.checked(jnp.asarray(action).reshape((maker_rules.SIDES,)))
        seat = _seat(state)._replace(choice=choice, rejected=rejected)
        return _quoted(state._replace(maker=seat), params)

    def step(
        self, key: Array, state: State, action: Array, params: EnvParams
    ) -> tuple[Array, State, Array, Array, Array, dict[str, Array]]:
        """Settles the round and draws the next, which after a game's last is a new game's first.

        Args:
            key: what the next round's market is drawn from, and nothing else is.
            state: the game so far.
            action: [A], 0 pass, 1..10 buy, 11..20 sell; anything else, NaN included, is a rejected
                pass.
            params: the market's numbers and switches.

        Returns:
            (obs float32 [A, D], state, reward float32 [A], terminated bool, truncated bool, info).
            Where a maker plays, the rewards are the takers', and the maker's is
            info["maker_reward"].
            Where `terminated`, obs and state are those of `reset(key, params)`, and
            info["final_observation"] is the ended game's last. `truncated` is never True.
        """
        end, reward, terminated, info = self._play_round(key, state, action, params)
        fresh = self._new_players(params), self._new_past(params), self._no_flow
        flow = None if end.maker is None else end.maker.last
        players, past, flow = jax.tree.map(
            lambda new, old: jnp.where(terminated, new, old), fresh, (end.players, end.past, flow)
        )
        market = draw_market(key, state.market.event, terminated, past, params)
        following = State(market, players, jnp.where(terminated, 0, end.round), past)
        following = self._before_quote(key, following, flow, params)
        obs, truncated = self._observe_next(following, params), jnp.zeros_like(terminated)
        return obs, following, reward, terminated, truncated, info

    def step_env(
        self, key: Array, state: State, action: Array, params: EnvParams
    ) -> tuple[Array, State, Array, Array, dict[str, Array]]:
        """As `step`, but never begins a new game, not even past the end of one.

        Returns:
            (obs float32 [A, D], state, reward float32 [A], terminated bool, info).
        """
        end, reward, terminated, info = self._play_round(key, state, action, params)
        return info["final_observation"], end, reward, terminated, info

    def view(self, state: State, params: EnvParams) -> View:
        """What each player knows: a View whose attributes have a leading axis [A]."""
        return self._door(_view(state, params))

    def observe(self, state: State, params: EnvParams) -> Array:
        """What each player knows as networks read it, float32 [A, D]: `encode` of `view`."""
        return self.encode(self.view(state, params))

    def maker_view(self, state: State, params: EnvParams) -> MakerView:
        """What the maker knows, where it plays."""
        return _maker_view(state, params)

    def observe_maker(self, state: State, params: EnvParams) -> Array:
        """What the maker knows as networks read it, float32 [D']."""
        return self.encode_maker(self.maker_view(state, params))

    def encode_maker(self, view: MakerView) -> Array:
        """The flat vectors, float32 [..., D'], of a maker's views with any leading shape."""
        return observation.vector(maker_rules.MAKER_FIELDS, view)

    def encode(self, view: View) -> Array:
        """The flat vectors, float32 [..., D], of views of this game with any leading shape."""
        return observation.encode(view, self.observe_posterior, self.event_info)

    def action_mask(self, state: State, params: EnvParams) -> Array:
        """Which actions are valid now, bool [A, 21]."""
        return self.view(state, params).action_mask

    def largest_sizes(self, state: State, params: EnvParams) -> tuple[Array, Array]:
        """The largest valid buy and sell now, int32 [A] each: the action mask in two numbers."""
        return self._door(_largest_sizes(state, params))

    def sample_action(self, key: Array, state: State, params: EnvParams) -> Array:
        """A random action for each player, all valid ones equally likely: int32 [A].

        What is drawn is independent of what `reset` and `step` draw from the same key, so one key
        per round is enough:

            action = env.sample_action(key, state, params)
            obs, state, reward, terminated, truncated, info = env.step(key, state, action, params)
        """
        n_words = -(-self.n_players // sampling.PLAYERS_PER_WORD)
        words = draws.words(key, n_words, first_child=WORDS_PER_ROUND // draws.WORDS_OF_A_CHILD)
        return self._door(sampling.uniform_valid(words, *_largest_sizes(state, params)))

    @property
    def version(self) -> str:
        """Which edition of the game this is.

        Within one, the same keys and actions give the same draws, observations and rewards.
        """
        return "v0"

    @property
    def hides_event(self) -> bool:
        """Whether the event is hidden from everybody. Who has learned one way cannot play the
        other.
        """
        return self.event_info != observation.KNOWN

    @property
    def has_maker(self) -> bool:
        """Whether the maker is a player, who quotes before the takers order."""
        return self.maker == maker_rules.AGENT

    def refuse_maker(self, who: str) -> None:
        """Refuse a maker that plays, on behalf of what knows no such player.

        Raises:
            ParameterError: it plays.
        """
        if self.has_maker:
            raise ParameterError("env.maker", self.maker, f"must be {maker_rules.ORACLE} for {who}")

    @property
    def maker_observation_fields(self) -> dict[str, Field]:
        """As `observation_fields`, of the maker's observation."""
        return observation.table_of(maker_rules.MAKER_FIELDS)

    @property
    def observation_fields(self) -> dict[str, Field]:
        """name → Field(slice, scale, doc, low, high), in the observation's order."""
        return observation.field_table(
            self.n_players, self.observe_posterior, self.event_info, self.inventory
        )

    @property
    def observation_size(self) -> int:
        """D, the length of one player's observation."""
        return _size(self.observation_fields)

    @property
    def maker_observation_size(self) -> int:
        """D', the length of the maker's observation."""
        return _size(self.maker_observation_fields)

    def observation_space(self, params: EnvParams) -> Box:
        """The bounds of the observation, shape [A, D]."""
        return _bounds(self.observation_fields, self._players_shape)

    def maker_observation_space(self, params: EnvParams) -> Box:
        """The bounds of the maker's observation, shape [D']."""
        return _bounds(self.maker_observation_fields, ())

    def action_space(self, params: EnvParams) -> Discrete:
        """0..20 for each player, shape [A]."""
        return Discrete(execution.N_ACTIONS, self._players_shape)

    def maker_action_space(self, params: EnvParams) -> Discrete:
        """0..59 on each side, shape [2]."""
        return Discrete(maker_rules.N_QUOTES, (maker_rules.SIDES,))

    def _play_round(
        self, key: Array, state: State, action: Array, params: EnvParams
    ) -> tuple[State, Array, Array, dict[str, Array]]:
        """The state after the round (drawn as if the game went on), rewards, its end, and info."""
        market, players = state.market, state.players
        fill = execution.execute(
            jnp.asarray(action).reshape((self.n_players,)),
            market.quote.bid,
            market.quote.ask,
            _largest_sum(state),
            market.depth_bid,
            market.depth_ask,
            players.wealth,
            params,
            players.inventory,
        )
        carried = _carried(state, fill)
        pnl = execution.settle(fill, market.S)
        if carried is not None:
            pnl += carried.pnl
        wealth = players.wealth + pnl

        played = state.round + 1
        terminated = (played >= N_ROUNDS) | all_short_axis(execution.stopped_out(wealth, params))
        charge = _risk_charge(fill, carried, terminated, params)
        expected_pnl = execution.settle(fill, market.mu)
        reward = execution.reward_of(pnl, expected_pnl, players.wealth, params)
        if charge is not None:
            reward -= charge
        position = fill.position.astype(jnp.int32)
        held = None if carried is None else carried.held
        after = Players(wealth, position, fill.slippage, fill.fill_ratio, held)
        past = _learned(state, params)
        following = draw_market(key, market.event, jnp.bool_(False), past, params)
        end = State(following, after, played, past)
        of_maker = None
        if state.maker is not None:
            of_maker = maker_rules.settle(
                state.maker, fill, market.quote, market.S, market.mu, params
            )
            end = self._before_quote(key, end, of_maker.flow, params)

        of_players = {
            "action": fill.action,
            "rejected": fill.rejected,
            "exec_price": fill.exec_price,
            "fill_ratio": fill.fill_ratio,
            "slippage": fill.slippage,
            "pnl": pnl,
            "wealth": wealth,
        }
        if carried is not None and charge is not None:
            of_players |= {
                "inventory": carried.held,
                "carry_pnl": carried.pnl,
                "risk_charge": charge,
            }
        info = _info(state, params) | self._door(of_players)
        if of_maker is not None:
            info |= _maker_info(state, of_maker, params)
        info |= {
            "action_mask": self.action_mask(state, params),
            "final_observation": self._observe_next(end, params),
            "terminated": terminated,
            "truncated": jnp.zeros_like(terminated),
        }
        return end, self._door(reward), terminated, info

    def _new_players(self, params: EnvParams) -> Players:
        """The players at a game's start."""
        return new_players(self.n_players, params, self.inventory)

    def _new_past(self, params: EnvParams) -> Past | None:
        """What is known at a game's start."""
        if not self.hides_event:
            return None
        return Past(beliefs.prior(params), jnp.zeros(cards.N_CARDS, jnp.int32), jnp.float32(0))

    @property
    def _no_flow(self) -> maker_rules.Flow | None:
        """What a maker that plays has traded at a game's start."""
        return maker_rules.no_flow() if self.has_maker else None

    def _before_quote(
        self, key: Array, state: State, last: maker_rules.Flow | None, params: EnvParams
    ) -> State:
        """The round as drawn or, where a maker plays, without a quote yet: that of NO_QUOTE stands.

        Args:
            key: the round's.
            state: without a maker's seat.
            last: what the maker traded in the round before, if it plays.
            params: the market's numbers and switches.
        """
        if last is None:
            return state
        return _quoted(state._replace(maker=maker_rules.opened(key, last)), params)

    def _observe_next(self, state: State, params: EnvParams) -> Array:
        """The observation of those who move next."""
        return (self.observe_maker if self.has_maker else self.observe)(state, params)

    def _door(self, tree: T) -> T:
        """What leaves the market: with `squeeze`, without the axis [A] of its one player."""
        return jax.tree.map(lambda leaf: leaf[0], tree) if self.squeeze else tree

    @property
    def _players_shape(self) -> tuple[int, ...]:
        return () if self.squeeze else (self.n_players,)


def draw_market(
    key: Array, previous_event: Array, first: Array, past: Past | None, params: EnvParams
) -> Market:
    """A round's market. Its draws depend on the key and the previous event: orders have no part.

    Args:
        key: one random key.
        previous_event: int32, the last round's event.
        first: bool, whether this is a game's first round.
        past: what is known from earlier rounds, from which a maker quotes who does not know the
            event; None if it does.
        params: the market's numbers and switches.
    """
    word_event, word_cards, word_mid, word_depth = draws.words(key, WORDS_PER_ROUND)
    event = events.draw_event(word_event, previous_event, first, params)
    ranks, word_hints = cards.deal(word_cards, event)
    n_hints = cards.draw_n_hints(word_hints, params)

    value = cards.values_of(ranks, event)
    if past is None:
        shown = cards.first_of(value, n_hints)
        mu, sigma = quotes.posterior_moments(
            event, n_hints, sum_short_axis(shown), sum_short_axis(shown * shown)
        )
    else:
        hints = cards.first_of(ranks, n_hints)
        mu, sigma = beliefs.moments(past.belief, hints)
    quote = quotes.draw_quote(draws.normal(word_mid), mu, sigma, params)
    z_bid, z_ask = draws.normal_pair(word_depth)
    return Market(
        event=event,
        ranks=ranks,
        n_hints=n_hints,
        S=sum_short_axis(value),
        mu=mu,
        sigma=sigma,
        quote=quote,
        depth_bid=liquidity.draw_depth(z_bid, sigma, quote.spread, params),
        depth_ask=liquidity.draw_depth(z_ask, sigma, quote.spread, params),
    )


def new_players(n_players: int, params: EnvParams, inventory: bool = False) -> Players:
    """The players at a game's start: wealth W0, "last" values 0, 0 and 1, and nothing held."""
    nothing = jnp.zeros(n_players, jnp.float32)
    return Players(
        wealth=nothing + params.initial_wealth,
        last_position=jnp.zeros(n_players, jnp.int32),
        last_slippage=nothing,
        last_fill_ratio=nothing + 1,
        inventory=jnp.zeros(n_players, jnp.int32) if inventory else None,
    )


class _Carried(NamedTuple):
    """A round's units that are carried; both attributes have shape [A]."""

    held: Array
    """int32: after the round's orders."""
    pnl: Array
    """float32: what those held before the round have earned, points."""


def _carried(state: State, fill: execution.Fill) -> _Carried | None:
    """What became of the inventories; None where nothing is carried."""
    held, market, past = state.players.inventory, state.market, state.past
    if held is None:
        return None
    mark = inventory.mark_of(market.event, None if past is None else past.belief)
    return _Carried(
        held=held + fill.position.astype(jnp.int32),
        pnl=inventory.carried_pnl(held, market.S, mark),
    )


def _risk_charge(
    fill: execution.Fill, carried: _Carried | None, ended: Array, params: EnvParams
) -> Array | None:
    """The charge on what is held or, where nothing is carried, on what was ordered; None where that
    is known to be free, so that it costs no time.
    """
    if carried is None:
        if isinstance(params.risk.phi, np.floating) and params.risk.phi == 0:
            return None
        return inventory.risk_charge(fill.position, jnp.bool_(False), params)
    return inventory.risk_charge(carried.held, ended, params)


def _learned(state: State, params: EnvParams) -> Past | None:
    """What is known after the round, when its cards and S are public."""
    if state.past is None:
        return None
    ranks, S = state.market.ranks, state.market.S
    return Past(beliefs.next_round(state.past.belief, ranks, S, params), ranks, S)


def _largest_sum(state: State) -> Array:
    """S_max; under a hidden event that of any event, so that what is valid tells nothing."""
    if state.past is None:
        return cards.largest_sum(state.market.event)
    return jnp.float32(cards.LARGEST_SUM)


def _largest_sizes(state: State, params: EnvParams) -> tuple[Array, Array]:
    """The largest valid buy and sell of each player, int32 [A] each."""
    quote, s_max, players = state.market.quote, _largest_sum(state), state.players
    return execution.largest_sizes(
        quote.bid, quote.ask, s_max, players.wealth, params, players.inventory
    )


def _seat(state: State) -> MakerSeat:
    """The seat of the maker.

    Raises:
        ParameterError: it does not play.
    """
    if state.maker is None:
        raise ParameterError(
            "env.maker", maker_rules.ORACLE, "must be agent for a maker that plays"
        )
    return state.maker


def _quoted(state: State, params: EnvParams) -> State:
    """The round with the prices and depths of the maker's choice."""
    market = state.market
    mean, _ = maker_rules.posterior(market.event, market.ranks, market.n_hints, params)
    return state._replace(
        market=market._replace(**maker_rules.quoted(_seat(state).choice, mean)._asdict())
    )


def _maker_view(state: State, params: EnvParams) -> MakerView:
    """What the maker knows before it quotes."""
    market = state.market
    mu, sigma = maker_rules.posterior(market.event, market.ranks, market.n_hints, params)
    return MakerView(
        event=market.event,
        hints=cards.first_of(market.ranks, maker_rules.n_seen(market.n_hints, params)),
        mu=mu,
        sigma=sigma,
        round=state.round,
        last=_seat(state).last,
        action_mask=jnp.ones((maker_rules.SIDES, maker_rules.N_QUOTES), bool),
    )


def _view(state: State, params: EnvParams) -> View:
    """What each player knows, leading axis [A]; what all players see is repeated for each."""
    market, players = state.market, state.players
    quote, s_max, past = market.quote, _largest_sum(state), state.past
    hints = cards.first_of(market.ranks, market.n_hints)
    n_players = players.wealth.shape[0]

    def shared(leaf: Array) -> Array:
        return jnp.broadcast_to(leaf, (n_players, *leaf.shape))

    view = View(
        bid=shared(quote.bid),
        ask=shared(quote.ask),
        mid=shared(quote.mid),
        spread=shared(quote.spread),
        displayed_bid=shared(_displayed(state, market.depth_bid, params)),
        displayed_ask=shared(_displayed(state, market.depth_ask, params)),
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
        action_mask=execution.mask_of(*_largest_sizes(state, params)),
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


def _others(values: Array) -> Array:
    """For each player the others' values, in seat order after oneself: [A] → [A, A − 1]."""
    n_players = values.shape[0]
    if n_players == 1:
        return jnp.zeros((1, 0), values.dtype)
    return jnp.stack([jnp.roll(values, -seat) for seat in range(1, n_players)], -1)


def _displayed(state: State, depth: Array, params: EnvParams) -> Array:
    """What players see of a true depth: all of it where a maker that plays has chosen it."""
    return depth if state.maker is not None else liquidity.displayed(depth, params)


def _info(state: State, params: EnvParams) -> dict[str, Array]:
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
        "displayed_bid": _displayed(state, market.depth_bid, params),
        "displayed_ask": _displayed(state, market.depth_ask, params),
    }


def _maker_info(state: State, settled: maker_rules.Settled, params: EnvParams) -> dict[str, Array]:
    """What `step` reports of a maker that plays."""
    market, seat = state.market, _seat(state)
    mean, _ = maker_rules.posterior(market.event, market.ranks, market.n_hints, params)
    reward = maker_rules.reward_of(settled, params)
    return {
        "maker_action": seat.choice,
        "maker_rejected": seat.rejected,
        "maker_mu": mean,
        "maker_pnl": settled.pnl[0] + settled.pnl[1],
        "maker_expected_pnl": settled.expected_pnl[0] + settled.expected_pnl[1],
        "maker_reward": reward[0] + reward[1],
        "maker_reward_by_side": reward,
        "noise_bought": settled.flow.noise_bought,
        "noise_sold": settled.flow.noise_sold,
    }


def _size(fields: Mapping[str, Field]) -> int:
    """The length of a vector of these fields."""
    return list(fields.values())[-1].slice.stop


def _bounds(fields: Mapping[str, Field], players: tuple[int, ...]) -> Box:
    """The bounds of a vector of these fields for each player."""
    widths = [field.slice.stop - field.slice.start for field in fields.values()]
    low = np.repeat([field.low for field in fields.values()], widths)
    high = np.repeat([field.high for field in fields.values()], widths)
    shape = (*players, _size(fields))
    return Box(
        np.broadcast_to(low, shape).astype(np.float32),
        np.broadcast_to(high, shape).astype(np.float32),
    )
