"""The maker's seat of the market as a game for one learner, in which a policy plays the takers."""

import dataclasses

import jax
from jax import Array

from cardjax.adapters.seat import OPPONENT_KEY, SeatState, Terms
from cardjax.env import CardMarket
from cardjax.env.maker import MakerView
from cardjax.policies.policy import Policy


@dataclasses.dataclass(frozen=True)
class MakerSeat:
    """The maker's seat, with the methods of `CardMarket`: a step is a quote, and then the takers'
    orders. The market's draws are those that `CardMarket` makes from the same keys.
    """

    market: CardMarket
    """With a player axis, and a maker that plays."""
    takers: Policy

    def reset(self, key: Array, terms: Terms) -> tuple[Array, SeatState]:
        """Start a new game: (observation float32 [D'], state)."""
        observation, game = self.market.reset(key, terms.market)
        batch = (self.market.n_players,)
        return observation, SeatState(game, self.takers.init(_takers_key(key), batch))

    def step_env(
        self, key: Array, state: SeatState, action: Array, terms: Terms
    ) -> tuple[Array, SeatState, Array, Array, dict[str, Array]]:
        """A round: (observation, state, reward, terminated, info); it never begins a new game.

        Args:
            key: what the next round's market is drawn from; the takers' randomness too, on its own.
            state: the game so far.
            action: [2], 0..59 for the ask and for the bid.
            terms: the market's parameters, and the takers' weights.
        """
        quoted = self.market.quote(state.game, action, terms.market)
        view = self.market.view(quoted, terms.market)
        knows = terms.market if terms.opponent is None else terms.opponent
        memory, orders = self.takers.act(knows, state.memory, view, _takers_key(key))
        observation, game, _, terminated, info = self.market.step_env(
            key, quoted, orders, terms.market
        )
        return observation, SeatState(game, memory), info["maker_reward"], terminated, info

    def action_mask(self, state: SeatState, terms: Terms) -> Array:
        """Which choices are valid on each side, bool [2, 60]: all are."""
        return self.view(state, terms).action_mask

    def view(self, state: SeatState, terms: Terms) -> MakerView:
        """What the maker knows."""
        return self.market.maker_view(state.game, terms.market)


def _takers_key(key: Array) -> Array:
    return jax.random.fold_in(key, OPPONENT_KEY)
