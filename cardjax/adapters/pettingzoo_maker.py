"""PettingZoo: the market whose maker is a player, as a `ParallelEnv` of two steps a round."""

import jax
import numpy as np

from cardjax.adapters.libraries import library
from cardjax.adapters.seat import OF_PLAYERS
from cardjax.adapters.slots import numbers
from cardjax.adapters.two_moves import MAKER, Each, TwoMoves
from cardjax.env import CardMarket, EnvParams
from cardjax.env.maker import N_QUOTES, SIDES

with library("pettingzoo", "pettingzoo"):
    from gymnasium import spaces

    from cardjax.adapters.gymnasium import seat_spaces
    from cardjax.adapters.pettingzoo_games import Dicts, GamesParallelEnv


class MakerParallelEnv(GamesParallelEnv):
    """Takers "player_0", "player_1", … and the "maker", in two steps a round.

    In the first step only the maker's action counts, two whole numbers 0..59 for the ask and the
    bid; in the second only the takers', 0..20. `infos[agent]["action_mask"]` says so: whose move it
    is not has one action left, 0. It is int8 [21] of a taker and int8 [2, 60] of the maker. Takers
    observe zeros until there is a quote. Rewards are of the second step, zeros in the first. The
    other entries of infos describe the round that has just been settled.
    """

    metadata = {"name": "cardjax_maker_v0", "render_modes": [], "is_parallelizable": True}
    render_mode = None

    def __init__(self, market: CardMarket, params: EnvParams):
        """Make the spaces.

        Args:
            market: with a player axis, and a maker that plays.
            params: its parameters.
        """
        self.game, self.params = TwoMoves(market), jax.device_put(params)
        self.takers = [f"player_{i}" for i in range(market.n_players)]
        self.possible_agents = [*self.takers, MAKER]
        self.agents: list[str] = []
        seen, orders = seat_spaces(market, params)
        # Zeros, before there is a quote, are within the bounds of all fields.
        box = market.maker_observation_space(params)
        known = spaces.Box(box.low, box.high, dtype=np.float32)
        self.observation_spaces = dict.fromkeys(self.takers, seen) | {MAKER: known}
        quotes = spaces.MultiDiscrete([N_QUOTES] * SIDES)
        self.action_spaces: dict[str, spaces.Space] = dict.fromkeys(self.takers, orders)
        self.action_spaces[MAKER] = quotes

    def state(self) -> np.ndarray:
        """All observations side by side, float32 [A · D + D'], for a central critic."""
        seen = self._shown.observation
        return np.concatenate([np.ravel(seen.takers), np.ravel(seen.maker)])

    def render(self) -> None:
        """Nothing: there is no render mode."""

    def _asked(self, actions: Dicts) -> Each:
        orders = np.asarray([actions[name] for name in self.takers])
        return Each(orders, np.asarray(actions[MAKER]))

    def _rewards(self) -> dict[str, float]:
        reward = self._shown.reward
        of_takers = {name: float(reward.takers[i]) for i, name in enumerate(self.takers)}
        return of_takers | {MAKER: float(reward.maker)}

    def _observations(self) -> Dicts:
        seen = self._shown.observation
        of_takers = {name: np.array(seen.takers[i]) for i, name in enumerate(self.takers)}
        return of_takers | {MAKER: np.array(seen.maker)}

    def _infos(self) -> Dicts:
        # Nothing is settled at a game's start, nor where the maker has just quoted.
        settled = self._shown.info if not bool(self._slot.state.quoted) else {}
        shared = {name: leaf for name, leaf in settled.items() if name not in OF_PLAYERS}
        by_agent = {MAKER: numbers(shared)}
        for i, name in enumerate(self.takers):
            own = {key: leaf[i] for key, leaf in settled.items() if key in OF_PLAYERS}
            by_agent[name] = numbers(shared | own)
            by_agent[name]["action_mask"] = self._shown.mask.takers[i].astype(np.int8)
        by_agent[MAKER]["action_mask"] = self._shown.mask.maker.astype(np.int8)
        return by_agent
