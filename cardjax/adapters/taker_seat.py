"""A taker's seat of a market whose maker is a player, as a game for one learner: policies play the
maker and the other takers.
"""

import dataclasses
from functools import partial
from typing import NamedTuple

import jax
from jax import Array

from cardjax.adapters.seat import Seat, SeatState, Terms, make_game, seat_in
from cardjax.env import CardMarket, EnvParams, ParameterError, View
from cardjax.env.trees import ArrayTree
from cardjax.policies.makers import MakerPolicy, prepared_maker
from cardjax.policies.policy import Policy, TrainedPlayer
from cardjax.policies.registry import MAKERS

DEFAULT_MAKER = "monopolist"
MAKER_KEY = 0x0991
"""Folded into the key of a step to give the maker's randomness."""


class QuotedTerms(NamedTuple):
    """The parameters of a seat's game; all of them are traced."""

    seat: Terms
    maker: ArrayTree
    """What the maker acts on."""

    @property
    def market(self) -> EnvParams:
        """The market's."""
        return self.seat.market


class QuotedState(NamedTuple):
    """The game between two rounds, with the maker's quote, and the maker's memory."""

    seat: SeatState
    memory: ArrayTree


@dataclasses.dataclass(frozen=True)
class QuotedSeat:
    """The first taker's seat, with the methods of `Seat`: a step is the takers' orders, and then
    the maker's next quote. The market's draws are those that `CardMarket` makes from the same keys.
    """

    seat: Seat
    """Of a market whose maker plays."""
    maker: MakerPolicy

    @property
    def market(self) -> CardMarket:
        """Of both."""
        return self.seat.market

    def reset(self, key: Array, terms: QuotedTerms) -> tuple[Array, QuotedState]:
        """Start a new game, up to its first quote: (observation float32 [D], state)."""
        _, state = self.seat.reset(key, terms.seat)
        return self._quoted(key, state, self.maker.init(_maker_key(key), ()), terms)

    def step_env(
        self, key: Array, state: QuotedState, action: Array, terms: QuotedTerms
    ) -> tuple[Array, QuotedState, Array, Array, dict[str, Array]]:
        """A round: (observation, state, reward, terminated, info); it never begins a new game."""
        _, after, reward, terminated, info = self.seat.step_env(key, state.seat, action, terms.seat)
        observation, quoted = self._quoted(key, after, state.memory, terms)
        return observation, quoted, reward, terminated, info | {"final_observation": observation}

    def view(self, state: QuotedState, terms: QuotedTerms) -> View:
        """What the player at this seat knows."""
        return self.seat.view(state.seat, terms.seat)

    def action_mask(self, state: QuotedState, terms: QuotedTerms) -> Array:
        """Which actions are valid now, bool [21]."""
        return self.seat.action_mask(state.seat, terms.seat)

    def _quoted(
        self, key: Array, state: SeatState, memory: ArrayTree, terms: QuotedTerms
    ) -> tuple[Array, QuotedState]:
        """The round with the maker's quote, and what the player sees of it."""
        known = self.market.maker_view(state.game, terms.market)
        memory, choice = self.maker.act(terms.maker, memory, known, _maker_key(key))
        quoted = state._replace(game=self.market.quote(state.game, choice, terms.market))
        return self.seat.observe(quoted, terms.seat), QuotedState(quoted, memory)


def make_taker_seat(
    kind: str,
    opponent: str | Policy | TrainedPlayer | None = None,
    opponent_params: ArrayTree = None,
    market_maker: str | MakerPolicy | None = None,
    market_maker_params: ArrayTree = None,
    **overrides: object,
) -> tuple[Seat | QuotedSeat, Terms | QuotedTerms]:
    """A seat of a game, whoever quotes in it, and the parameters of its game.

    Args:
        kind: "single" or "two".
        opponent: as of `seat.make_seat`, and so are `opponent_params`.
        opponent_params: as there.
        market_maker: who quotes where the maker is a player (`preset="maker"`), by name, or a
            policy. The default is `monopolist`.
        market_maker_params: the weights of a trained one.
        overrides: those of `cardjax.make`, including preset and n_players.

    Raises:
        ParameterError: (a ValueError) a name or value is not allowed; the message is one line.
    """
    market, params = make_game(kind, **overrides)
    seat, terms = seat_in(market, params, opponent, opponent_params)
    if not market.has_maker:
        for name, given in (
            ("market_maker", market_maker),
            ("market_maker_params", market_maker_params),
        ):
            if given is not None:
                shown = given if isinstance(given, str) else type(given).__name__
                raise ParameterError(name, shown, "is read only with env.maker = agent")
        return seat, terms
    policy = _named_maker(DEFAULT_MAKER if market_maker is None else market_maker)
    if market_maker_params is None:
        prepare = partial(prepared_maker, policy, n_takers=market.n_players)
        market_maker_params = jax.jit(prepare)(params)
    return QuotedSeat(seat, policy), QuotedTerms(terms, market_maker_params)


def _named_maker(maker: str | MakerPolicy) -> MakerPolicy:
    if not isinstance(maker, str):
        return maker
    if maker not in MAKERS:
        raise ParameterError("market_maker", maker, f"must be one of {', '.join(MAKERS)}")
    return MAKERS[maker]


def _maker_key(key: Array) -> Array:
    return jax.random.fold_in(key, MAKER_KEY)
