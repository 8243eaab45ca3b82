"""The two roles of a game as learners see them: seats that choose among some actions, from what
their networks read.

A taker's seat has 21 actions. The maker's seat is learned as two, its sides: the ask and the bid
are the same task in two places, each with 60 choices, and each is paid what it traded.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.agents.critic_view import PRIVATE, critic_inputs, critic_view, private_of
from cardjax.agents.policy import OnNetwork
from cardjax.config.hyperparameters import LEARNED
from cardjax.env import encoding, observation
from cardjax.env.declaration import ParameterError
from cardjax.env.execution import N_ACTIONS
from cardjax.env.maker import MAKER_FIELDS, N_QUOTES, SIDES, Flow, MakerView
from cardjax.env.market import CardMarket
from cardjax.env.state import State
from cardjax.env.trees import ArrayTree
from cardjax.policies.registry import MAKERS, POLICIES

TAKERS, MAKER = ROLES = ("takers", "maker")
SCRIPTED: dict[str, Mapping[str, object]] = {TAKERS: POLICIES, MAKER: MAKERS}
"""Who may play a role that is not learned, by name."""
FLOWS = Flow._fields


class RoleParams(NamedTuple):
    """What the players of both roles act on; None of a scripted one, who goes by the market."""

    takers: Any
    maker: Any


class Role(Protocol):
    """One kind of seat."""

    @property
    def n_seats(self) -> int:
        """Seats of the kind in a game."""

    @property
    def n_actions(self) -> int:
        """What each chooses from."""

    @property
    def observation_size(self) -> int:
        """What its actor reads."""

    def encode(self, view: Any) -> Array:
        """The actor's input, float32 [..., seats, n], from the role's views."""

    def critic_inputs(self, joint: bool, truth: bool) -> int:
        """How many inputs its critic has."""

    def critic_view(
        self, games: State, own: Array, other: Array | None, joint: bool, truth: bool
    ) -> Array:
        """The critic's input, float32 [games, seats, n], whose first columns are the actor's.

        Args:
            games: leaves [games, …].
            own: float32 [games, seats, n], the actors' inputs.
            other: those of the other role, if there is one.
            joint: whether it sees what others see too.
            truth: whether it sees what nobody sees.
        """


@dataclasses.dataclass(frozen=True)
class Takers:
    """The players of the market."""

    market: CardMarket

    @property
    def n_seats(self) -> int:
        """A."""
        return self.market.n_players

    @property
    def n_actions(self) -> int:
        """0..20."""
        return N_ACTIONS

    @property
    def observation_size(self) -> int:
        """D."""
        return self.market.observation_size

    def encode(self, view: observation.View) -> Array:
        """As the market does."""
        return self.market.encode(view)

    def critic_inputs(self, joint: bool, truth: bool) -> int:
        """As `Role`."""
        of_maker = _n_known_to_maker(self.market) if joint and self.market.has_maker else 0
        return critic_inputs(self.market, joint, truth) + of_maker

    def critic_view(
        self, games: State, own: Array, other: Array | None, joint: bool, truth: bool
    ) -> Array:
        """As `Role`: jointly, the maker's cards and what it has traded too."""
        seen = critic_view(self.market, games, own, joint, truth)
        if other is None or not joint:
            return seen
        return _beside(seen, _known_to_maker(self.market, other))


class SideView(NamedTuple):
    """What the maker knows when it quotes one side; leaves [..., 2]."""

    event: Array
    hints: Array
    round: Array
    last: Flow
    is_bid: Array
    """float32: 0 for the ask and 1 for the bid."""
    action_mask: Array
    """bool [..., 2, 60]."""


SIDE_FIELDS = MAKER_FIELDS | {
    "is_bid": observation.number("1 for the bid, 0 for the ask", lambda view: view.is_bid)
}


def sides_of(view: MakerView) -> SideView:
    """A maker's views [...] as those of its sides [..., 2]."""

    def both(leaf: Array) -> Array:
        n = view.round.ndim
        return jnp.broadcast_to(jnp.expand_dims(leaf, n), (*leaf.shape[:n], SIDES, *leaf.shape[n:]))

    is_bid = jnp.broadcast_to(np.array([0, 1], np.float32), (*view.round.shape, SIDES))
    return SideView(
        event=both(view.event),
        hints=both(view.hints),
        round=both(view.round),
        last=jax.tree.map(both, view.last),
        is_bid=is_bid,
        action_mask=view.action_mask,
    )


@dataclasses.dataclass(frozen=True)
class MakerSides:
    """The two sides of the maker's quote."""

    market: CardMarket

    @property
    def n_seats(self) -> int:
        """2."""
        return SIDES

    @property
    def n_actions(self) -> int:
        """0..59."""
        return N_QUOTES

    @property
    def observation_size(self) -> int:
        """The maker's observation, and which side it is."""
        return self.market.maker_observation_size + 1

    def encode(self, view: SideView) -> Array:
        """As `Role`."""
        return encoding.vector(SIDE_FIELDS, view)

    def critic_inputs(self, joint: bool, truth: bool) -> int:
        """As `Role`; no truth beyond what takers know has a meaning before the quote."""
        return self.observation_size + (_n_known_to_takers(self.market) if joint else 0)

    def critic_view(
        self, games: State, own: Array, other: Array | None, joint: bool, truth: bool
    ) -> Array:
        """As `Role`: jointly, all revealed cards and what each taker alone knows too."""
        if other is None or not joint:
            return own
        return _beside(own, _known_to_takers(self.market, other))


def _n_known_to_maker(market: CardMarket) -> int:
    fields = market.maker_observation_fields
    return sum(_width(fields[name].slice) for name in ("hint_counts", *FLOWS))


def _known_to_maker(market: CardMarket, sides: Array) -> Array:
    """What takers do not see of it, float32 [..., n], from its sides' inputs [..., 2, m]."""
    fields = market.maker_observation_fields
    columns = [sides[..., 0, fields[name].slice] for name in ("hint_counts", *FLOWS)]
    return jnp.concatenate(columns, -1)


def _n_known_to_takers(market: CardMarket) -> int:
    cards = _width(market.observation_fields["hint_counts"].slice)
    return cards + market.n_players * len(PRIVATE)


def _known_to_takers(market: CardMarket, seats: Array) -> Array:
    """What the maker does not see before it quotes, float32 [..., n], from takers' inputs
    [..., A, D].
    """
    cards = seats[..., 0, market.observation_fields["hint_counts"].slice]
    private = private_of(market, seats)
    return jnp.concatenate([cards, private.reshape(*private.shape[:-2], -1)], -1)


def _width(columns: slice) -> int:
    return int(columns.stop - columns.start)


def _beside(own: Array, shared: Array) -> Array:
    """Each seat's columns and, behind them, the same for all seats."""
    rows = (*own.shape[:-1], shared.shape[-1])
    return jnp.concatenate([own, jnp.broadcast_to(shared[..., None, :], rows)], -1)


@dataclasses.dataclass(frozen=True)
class LearnedMaker:
    """A trained policy of the maker's sides as a player of its seat, with the same `params`."""

    of_sides: OnNetwork[Any]

    def init(self, key: Array, batch: tuple[int, ...]) -> ArrayTree:
        """A blank memory of each side."""
        return self.of_sides.init(key, (*batch, SIDES))

    def act(
        self, params: ArrayTree, carry: ArrayTree, view: MakerView, key: Array
    ) -> tuple[ArrayTree, Array]:
        """As `MakerPolicy.act`."""
        return self.of_sides.act(params, carry, sides_of(view), key)

    def act_on(
        self,
        params: ArrayTree,
        carry: ArrayTree,
        observation: Array,
        mask: Array,
        first: Array,
        key: Array,
    ) -> tuple[ArrayTree, Array]:
        """As `act`, from the maker's flat observation [..., D'], the mask [..., 2, 60], and whether
        the round is a game's first.
        """
        batch = (*observation.shape[:-1], SIDES)
        seen = jnp.broadcast_to(observation[..., None, :], (*batch, observation.shape[-1]))
        is_bid = jnp.broadcast_to(np.array([0, 1], np.float32), batch)
        sides = jnp.concatenate([seen, is_bid[..., None]], -1)
        first = jnp.broadcast_to(first[..., None], batch)
        return self.of_sides.act_on(params, carry, sides, mask, first, key)


def check_roles(section: str, players: Mapping[str, str], has_maker: bool) -> None:
    """Refuse players of the roles that a learner cannot have.

    Args:
        section: of the configuration that names them.
        players: role → learned, or the name of who plays it.
        has_maker: whether the maker is a player.

    Raises:
        ParameterError: a name is unknown, nobody learns, or a name is given where no maker plays.
    """
    for role, name in players.items():
        if name != LEARNED and not has_maker:
            allowed = "is read only with env.maker = agent"
            raise ParameterError(f"{section}.{role}", name, allowed)
        if name != LEARNED and name not in SCRIPTED[role]:
            allowed = f"must be {LEARNED} or one of {', '.join(SCRIPTED[role])}"
            raise ParameterError(f"{section}.{role}", name, allowed)
    if LEARNED not in players.values():
        allowed = f"must be {LEARNED}, or {section}.{TAKERS} must be {LEARNED}"
        raise ParameterError(f"{section}.{MAKER}", players[MAKER], allowed)
