"""CardMarket: the game as two pure functions, `reset` and `step`.

docs/rules.md is the specification. Each rule has a file of its own; here they are put together.
"""

import dataclasses
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.env import (
    beliefs,
    cards,
    draws,
    encoding,
    events,
    execution,
    liquidity,
    observation,
    quotes,
    quoting,
    sampling,
    settlement,
    spaces,
    views,
)
from cardjax.env import maker as maker_rules
from cardjax.env.declaration import ParameterError
from cardjax.env.maker import MakerView
from cardjax.env.observation import Field, View
from cardjax.env.params import EnvParams
from cardjax.env.past import Past, after_round, largest_sum, new_past
from cardjax.env.spaces import Box, Discrete
from cardjax.env.state import Market, Players, State, new_players
from cardjax.kernels.short_axes import sum_short_axis

T = TypeVar("T")

WORDS_PER_ROUND = 4
"""Random words that a round's market is drawn from."""


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
        return quoting.quote(state, action, params)

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
        return self._door(views.view_of(state, params))

    def observe(self, state: State, params: EnvParams) -> Array:
        """What each player knows as networks read it, float32 [A, D]: `encode` of `view`."""
        return self.encode(self.view(state, params))

    def maker_view(self, state: State, params: EnvParams) -> MakerView:
        """What the maker knows, where it plays."""
        return quoting.view_of(state, params)

    def observe_maker(self, state: State, params: EnvParams) -> Array:
        """What the maker knows as networks read it, float32 [D']."""
        return self.encode_maker(self.maker_view(state, params))

    def encode_maker(self, view: MakerView) -> Array:
        """The flat vectors, float32 [..., D'], of a maker's views with any leading shape."""
        return encoding.vector(maker_rules.MAKER_FIELDS, view)

    def encode(self, view: View) -> Array:
        """The flat vectors, float32 [..., D], of views of this game with any leading shape."""
        return encoding.encode(view, self.observe_posterior, self.event_info)

    def action_mask(self, state: State, params: EnvParams) -> Array:
        """Which actions are valid now, bool [A, 21]."""
        return self.view(state, params).action_mask

    def largest_sizes(self, state: State, params: EnvParams) -> tuple[Array, Array]:
        """The largest valid buy and sell now, int32 [A] each: the action mask in two numbers."""
        return self._door(views.largest_sizes(state, params))

    def sample_action(self, key: Array, state: State, params: EnvParams) -> Array:
        """A random action for each player, all valid ones equally likely: int32 [A].

        What is drawn is independent of what `reset` and `step` draw from the same key, so one key
        per round is enough:

            action = env.sample_action(key, state, params)
            obs, state, reward, terminated, truncated, info = env.step(key, state, action, params)
        """
        n_words = -(-self.n_players // sampling.PLAYERS_PER_WORD)
        words = draws.words(key, n_words, first_child=WORDS_PER_ROUND // draws.WORDS_OF_A_CHILD)
        return self._door(sampling.uniform_valid(words, *views.largest_sizes(state, params)))

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
        return spaces.size_of(self.observation_fields)

    @property
    def maker_observation_size(self) -> int:
        """D', the length of the maker's observation."""
        return spaces.size_of(self.maker_observation_fields)

    def observation_space(self, params: EnvParams) -> Box:
        """The bounds of the observation, shape [A, D]."""
        return spaces.box_of(self.observation_fields, self._players_shape)

    def maker_observation_space(self, params: EnvParams) -> Box:
        """The bounds of the maker's observation, shape [D']."""
        return spaces.box_of(self.maker_observation_fields, ())

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
            largest_sum(state.past, market.event),
            market.depth_bid,
            market.depth_ask,
            players.wealth,
            params,
            players.inventory,
        )
        settled = settlement.settle(state, fill, params)
        past = after_round(state.past, market.ranks, market.S, params)
        following = draw_market(key, market.event, jnp.bool_(False), past, params)
        end = State(following, settled.players, state.round + 1, past)
        info = views.info_of(state, params) | self._door(settlement.info_of(settled, fill))
        if state.maker is not None:
            of_maker = maker_rules.settle(
                state.maker, fill, market.quote, market.S, market.mu, params
            )
            end = self._before_quote(key, end, of_maker.flow, params)
            info |= quoting.info_of(state, of_maker, params)
        info |= {
            "action_mask": self.action_mask(state, params),
            "final_observation": self._observe_next(end, params),
            "terminated": settled.terminated,
            "truncated": jnp.zeros_like(settled.terminated),
        }
        return end, self._door(settled.reward), settled.terminated, info

    def _new_players(self, params: EnvParams) -> Players:
        """The players at a game's start."""
        return new_players(self.n_players, params, self.inventory)

    def _new_past(self, params: EnvParams) -> Past | None:
        """What is known at a game's start; None where the event is known."""
        return new_past(params) if self.hides_event else None

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
        return quoting.opened(key, state, last, params)

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
