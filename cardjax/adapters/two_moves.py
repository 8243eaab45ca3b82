"""A game whose maker is a player, for libraries in which all agents act in one step: a round is two
steps. In the first only the maker's action counts, in the second only the takers'.
"""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.env import N_ACTIONS, PASS, CardMarket, EnvParams, State
from cardjax.env.maker import N_QUOTES, SIDES

MAKER = "maker"
"""The name of the maker among the agents."""


class Each(NamedTuple):
    """What is given for each role: observations, actions, masks or rewards."""

    takers: Any
    """Leading axis [A]."""
    maker: Any


class TwoMovesState(NamedTuple):
    """The game between two steps."""

    game: State
    quoted: Array
    """bool: the maker has quoted, and the takers move next."""


@dataclasses.dataclass(frozen=True)
class TwoMoves:
    """The market with the methods of `CardMarket`, a step being one move.

    The market's draws are those that `CardMarket` makes from the keys of the takers' moves.
    """

    market: CardMarket
    """With a player axis, and a maker that plays."""

    def reset(self, key: Array, params: EnvParams) -> tuple[Each, TwoMovesState]:
        """A new game: (observations, state)."""
        _, game = self.market.reset(key, params)
        state = TwoMovesState(game, jnp.bool_(False))
        return self.observe(state, params), state

    def step(
        self, key: Array, state: TwoMovesState, action: Each, params: EnvParams
    ) -> tuple[Each, TwoMovesState, Each, Array, dict[str, Array]]:
        """As `step_env`; a game's last round is followed by the first move of the next game."""
        _, after, reward, terminated, _, info = self.market.step(
            key, state.game, action.takers, params
        )
        return self._moved(state, action, params, after, reward, terminated, info)

    def step_env(
        self, key: Array, state: TwoMovesState, action: Each, params: EnvParams
    ) -> tuple[Each, TwoMovesState, Each, Array, dict[str, Array]]:
        """One move: (observations, state, rewards, terminated, info).

        After the maker's move, rewards and info are zeros.

        Args:
            key: what the next round's market is drawn from, in the takers' move.
            state: the game so far.
            action: takers int32 [A] and maker int32 [2]; of which one counts.
            params: the market's.
        """
        _, after, reward, terminated, info = self.market.step_env(
            key, state.game, action.takers, params
        )
        return self._moved(state, action, params, after, reward, terminated, info)

    def observe(self, state: TwoMovesState, params: EnvParams) -> Each:
        """float32 [A, D], zeros before there is a quote, and float32 [D']."""
        of_takers = self.market.observe(state.game, params)
        of_maker = self.market.observe_maker(state.game, params)
        return Each(jnp.where(state.quoted, of_takers, 0), of_maker)

    def action_mask(self, state: TwoMovesState, params: EnvParams) -> Each:
        """Which actions count, bool [A, 21] and bool [2, 60]: where it is the other role's move,
        only the first one, which is to pass.
        """
        of_takers = self.market.action_mask(state.game, params)
        nothing = jnp.arange(N_ACTIONS, dtype=jnp.int32) == PASS
        first = jnp.arange(N_QUOTES, dtype=jnp.int32) == 0
        return Each(
            jnp.where(state.quoted, of_takers, nothing),
            jnp.broadcast_to(~state.quoted | first, (SIDES, N_QUOTES)),
        )

    def view(self, state: TwoMovesState, params: EnvParams) -> Each:
        """What each role knows."""
        game = state.game
        return Each(self.market.view(game, params), self.market.maker_view(game, params))

    def _moved(
        self,
        state: TwoMovesState,
        action: Each,
        params: EnvParams,
        after: State,
        reward: Array,
        terminated: Array,
        info: dict[str, Array],
    ) -> tuple[Each, TwoMovesState, Each, Array, dict[str, Array]]:
        """The outcome of the move that it is, given what the takers' would be."""
        quoted = self.market.quote(state.game, action.maker, params)

        def of_move(takers: Array, maker: Array | int) -> Array:
            return jnp.where(state.quoted, takers, maker)

        following = TwoMovesState(jax.tree.map(of_move, after, quoted), ~state.quoted)
        return (
            self.observe(following, params),
            following,
            Each(of_move(reward, 0), of_move(info["maker_reward"], 0)),
            of_move(terminated, jnp.bool_(False)),
            {name: of_move(leaf, jnp.zeros_like(leaf)) for name, leaf in info.items()},
        )
