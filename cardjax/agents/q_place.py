"""The place of a Q-learner in its games: what it sees, and what a round brings it once everybody
else, each played by a named player, has acted too.

It is a taker's seat or, where the maker is a player, the maker's. The maker is learned as its two
sides (`roles`), each with 60 choices, rather than as 3,600 pairs of choices. This loses nothing: a
round pays each side for what was traded there, and against takers who treat the sides separately,
as scripted ones do, what one side earns does not depend on the other.

A row is one seat of the learner in one game: games and then sides, [games · seats, …].
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.agents.roles import sides_of
from cardjax.env.declaration import ParameterError
from cardjax.env.maker import SIDES
from cardjax.env.market import CardMarket
from cardjax.env.observation import View
from cardjax.env.params import EnvParams
from cardjax.env.state import State
from cardjax.env.trees import ArrayTree
from cardjax.policies.makers import MakerPolicy, prepared_maker
from cardjax.policies.policy import Policy
from cardjax.policies.registry import POLICIES, make_policy


class Keys(NamedTuple):
    """The random keys of a round."""

    others: Array
    """Of the others' decisions."""
    market: Array
    """Of the next round's market."""


class Turn(NamedTuple):
    """The learner's turn in every game."""

    games: State
    """Leaves [games, …]."""
    views: Any
    """What is known in them: `Place.views`."""
    others: Any
    """The others' carries, leaves [games, …]."""
    table: ArrayTree
    """What a scripted maker acts on; () without one."""


class Played(NamedTuple):
    """A round, and what it brought the learner; leaves [games, …] and [rows]."""

    games: State
    """At the learner's next turn."""
    others: ArrayTree
    """The others' carries."""
    reward: Array
    terminated: Array
    rejected: Array


class Place(Protocol):
    """Games stand where it is the learner's turn, before and after every round."""

    def begin(self, key: Array, games: State) -> tuple[State, Any, Any]:
        """(new games [games, …] at the learner's turn, the others' carries [games, …], what a
        scripted maker acts on or ()).
        """

    def views(self, games: State) -> ArrayTree:
        """What is known in the games, leaves [games, A or sides, …]."""

    def own(self, views: Any) -> Any:
        """The learner's part of it, leaves [rows, …]."""

    def play(self, now: Turn, own_params: ArrayTree, action: Array, keys: Keys) -> Played:
        """A round of every game.

        Args:
            now: the learner's turn.
            own_params: what the learner's policy acts on, for others who play by it.
            action: int32 [rows], what the learner does.
            keys: of the round.
        """


@dataclasses.dataclass(frozen=True)
class TakerSeat:
    """One taker's seat. A maker that plays quotes as soon as a round begins, so that the learner
    always meets a quote.
    """

    market: CardMarket
    env_params: EnvParams
    seat: int
    opponent: Policy
    """Who takes the other seats."""
    plays_itself: bool
    """Whether that is the learner's own policy, which acts on its weights."""
    maker: MakerPolicy | None
    """Who quotes; None where the quotes are drawn."""

    def begin(self, key: Array, games: State) -> tuple[State, Any, Any]:
        """As `Place`."""
        n_games, n_others = games.round.shape[0], self.market.n_players - 1
        others = self.opponent.init(key, (n_games, n_others)) if n_others else ()
        if self.maker is None:
            return games, others, ()
        key_carry, key_quote = jax.random.split(jax.random.fold_in(key, 1))
        table = prepared_maker(self.maker, self.env_params, self.market.n_players)
        carry = self.maker.init(key_carry, (n_games,))
        games, carry = self._quoted(games, carry, table, key_quote)
        return games, (others, carry), table

    def views(self, games: State) -> View:
        """As `Place`."""
        return jax.vmap(self.market.view, (0, None))(games, self.env_params)

    def own(self, views: View) -> View:
        """As `Place`."""
        return jax.tree.map(lambda leaf: leaf[:, self.seat], views)

    def play(self, now: Turn, own_params: ArrayTree, action: Array, keys: Keys) -> Played:
        """As `Place`."""
        key, (takers, of_maker) = keys.others, (now.others, ())
        if self.maker is not None:
            key, key_quote = jax.random.split(keys.others)
            takers, of_maker = now.others
        others, actions = self.all_actions(action, own_params, takers, now.views, key)
        step = _stepped(self.market, self.env_params, keys.market)
        after, reward, terminated, info = step(now.games, actions)
        if self.maker is not None:
            after, of_maker = self._quoted(after, of_maker, now.table, key_quote)
            others = others, of_maker
        rejected = info["rejected"][:, self.seat]
        return Played(after, others, reward[:, self.seat], terminated, rejected)

    def all_actions(
        self, own: Array, own_params: ArrayTree, carry: ArrayTree, views: View, key: Array
    ) -> tuple[ArrayTree, Array]:
        """The opponents' next carry, and every taker's action int32 [games, A]."""
        if self.market.n_players == 1:
            return carry, own[:, None]

        def without_own(leaf: Array) -> Array:
            return jnp.delete(leaf, self.seat, 1, assume_unique_indices=True)

        params = own_params if self.plays_itself else self.env_params
        carry, theirs = self.opponent.act(params, carry, jax.tree.map(without_own, views), key)
        return carry, jnp.insert(theirs, self.seat, own, axis=1)

    def _quoted(
        self, games: State, carry: ArrayTree, table: ArrayTree, key: Array
    ) -> tuple[State, Any]:
        """The games with the maker's quotes, and its carry."""
        assert self.maker is not None
        known = jax.vmap(self.market.maker_view, (0, None))(games, self.env_params)
        carry, choice = self.maker.act(table, carry, known, key)
        return jax.vmap(self.market.quote, (0, 0, None))(games, choice, self.env_params), carry


@dataclasses.dataclass(frozen=True)
class MakerSeat:
    """Both sides of the maker's quote. Games stand before it."""

    market: CardMarket
    env_params: EnvParams
    takers: Policy
    """Who takes, at all seats."""

    def begin(self, key: Array, games: State) -> tuple[State, Any, Any]:
        """As `Place`."""
        batch = (games.round.shape[0], self.market.n_players)
        return games, self.takers.init(key, batch), ()

    def views(self, games: State) -> ArrayTree:
        """As `Place`."""
        return sides_of(jax.vmap(self.market.maker_view, (0, None))(games, self.env_params))

    def own(self, views: ArrayTree) -> ArrayTree:
        """As `Place`."""
        return jax.tree.map(self._as_rows, views)

    def play(self, now: Turn, own_params: ArrayTree, action: Array, keys: Keys) -> Played:
        """As `Place`."""
        choice = action.reshape(-1, SIDES)
        quoted = jax.vmap(self.market.quote, (0, 0, None))(now.games, choice, self.env_params)
        views = jax.vmap(self.market.view, (0, None))(quoted, self.env_params)
        others, actions = self.takers.act(self.env_params, now.others, views, keys.others)
        step = _stepped(self.market, self.env_params, keys.market)
        after, _, terminated, info = step(quoted, actions)
        of_both = partial(jnp.repeat, repeats=SIDES)
        reward = self._as_rows(info["maker_reward_by_side"])
        rejected = of_both(info["maker_rejected"])
        return Played(after, others, reward, of_both(terminated), rejected)

    def _as_rows(self, leaf: Array) -> Array:
        return leaf.reshape(-1, *leaf.shape[2:])


def opponent_of(section: str, name: str, own: Policy) -> Policy:
    """Who plays the other seats: `own` for self, else the policy of that name.

    Args:
        section: of the configuration that names it.

    Raises:
        ParameterError: there is no such policy.
    """
    if name == "self":
        return own
    try:
        return make_policy(name)
    except ValueError:
        allowed = f"must be self or one of {', '.join(POLICIES)}"
        raise ParameterError(f"{section}.opponent", name, allowed) from None


def _stepped(
    market: CardMarket, env_params: EnvParams, key: Array
) -> Callable[[State, Array], tuple[State, Array, Array, dict[str, Array]]]:
    """The function from games and all takers' actions to (the games after the round, rewards,
    whether games ended, info).
    """

    def step(games: State, actions: Array) -> tuple[State, Array, Array, dict[str, Array]]:
        keys = jax.random.split(key, actions.shape[0])
        each = jax.vmap(market.step, (0, 0, 0, None))
        _, after, reward, terminated, _, info = each(keys, games, actions, env_params)
        return after, reward, terminated, info

    return step
