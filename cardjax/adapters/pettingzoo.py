"""PettingZoo: the market as a `ParallelEnv`, for any number of players who act simultaneously."""

from typing import Any

import jax
import numpy as np

from cardjax.adapters.libraries import library
from cardjax.adapters.seat import make_game, player_info
from cardjax.adapters.slots import numbers, view
from cardjax.adapters.text import round_text
from cardjax.env import N_ACTIONS, ParameterError

with library("pettingzoo", "pettingzoo"):
    from gymnasium import spaces

    from cardjax.adapters.gymnasium import RENDER_MODES, check_render_mode, seat_spaces
    from cardjax.adapters.pettingzoo_games import Dicts, GamesParallelEnv
    from cardjax.adapters.pettingzoo_maker import MakerParallelEnv

MASKS = ("info", "observation")


def parallel_env(kind: str = "two", **options: Any) -> "MarketParallelEnv | MakerParallelEnv":
    """The environment, by PettingZoo's usual name; arguments are those of `MarketParallelEnv`.

    Where the maker plays (`preset="maker"`), it is a `MakerParallelEnv`, whose masks are in the
    infos and which has no render mode.
    """
    market = {name: value for name, value in options.items() if name not in ("mask", "render_mode")}
    made, params = make_game(kind, **market)
    if not made.has_maker:
        return MarketParallelEnv(kind, **options)
    for name, only in (("mask", "info"), ("render_mode", None)):
        if options.get(name, only) != only:
            allowed = f"must be {only} with env.maker = agent"
            raise ParameterError(name, options[name], allowed)
    return MakerParallelEnv(made, params)


class MarketParallelEnv(GamesParallelEnv):
    """Players "player_0", "player_1", … in one market, who all play until the game ends.

    Observations are float32 [D] or, with `mask="observation"`, {"observation": float32 [D],
    "action_mask": int8 [21]}. Otherwise, `infos[player]["action_mask"]` says which actions are
    valid next. Actions are 0..20. Rewards are in points, or as `reward` says. Truncations are
    always False. The other entries of infos describe the round that has just been settled.
    """

    metadata = {
        "name": "cardjax_v0",
        "render_modes": RENDER_MODES,
        "render_fps": 1,
        "is_parallelizable": True,
    }

    def __init__(
        self,
        kind: str = "two",
        mask: str = "info",
        render_mode: str | None = None,
        **overrides: object,
    ):
        """Make the market and its spaces.

        Args:
            kind: "two" (with n_players up to 16), or "single".
            mask: where the mask of valid actions is: "info" or "observation".
            render_mode: None or "ansi".
            overrides: preset, n_players, observe_posterior, and EnvParams by dotted name.

        Raises:
            ParameterError: (a ValueError) a name or value is not allowed; the message is one line.
        """
        if mask not in MASKS:
            raise ParameterError("mask", mask, f"must be one of {', '.join(MASKS)}")
        self.mask, self.render_mode = mask, check_render_mode(render_mode)
        market, params = make_game(kind, **overrides)
        self.game = self.market = market
        self.market.refuse_maker("MarketParallelEnv; parallel_env makes another one for it")
        self.possible_agents = [f"player_{i}" for i in range(self.market.n_players)]
        self.agents: list[str] = []
        both = {agent: seat_spaces(self.market, params) for agent in self.possible_agents}
        self.observation_spaces = {agent: self._with_mask(box) for agent, (box, _) in both.items()}
        self.action_spaces = {agent: actions for agent, (_, actions) in both.items()}
        box = self.market.observation_space(params)
        self.state_space = spaces.Box(box.low.ravel(), box.high.ravel(), dtype=np.float32)
        self.params = jax.device_put(params)

    def state(self) -> np.ndarray:
        """All players' observations side by side, float32 [A · D], for a central critic."""
        return np.array(self._shown.observation).ravel()

    def render(self) -> str | None:
        """One line of text per player, if `render_mode` is "ansi"."""
        if self.render_mode is None:
            return None
        known, over = (
            jax.device_get(view(self.market, self._slot, self.params)),
            bool(self._shown.terminated),
        )
        lines = []
        for i, agent in enumerate(self.possible_agents):
            own = jax.tree.map(lambda leaf, i=i: leaf[i], known)
            lines.append(f"{agent}: {round_text(own, player_info(self._shown.info, i), over)}")
        return "\n".join(lines)

    def _asked(self, actions: dict[str, int]) -> np.ndarray:
        return np.asarray([actions[agent] for agent in self.agents])

    def _rewards(self) -> dict[str, float]:
        return {name: float(self._shown.reward[i]) for i, name in enumerate(self.possible_agents)}

    def _observations(self) -> Dicts:
        shown, by_agent = self._shown, {}
        for i, agent in enumerate(self.possible_agents):
            observation = np.array(shown.observation[i])
            masked = {"observation": observation, "action_mask": shown.mask[i].astype(np.int8)}
            by_agent[agent] = masked if self.mask == "observation" else observation
        return by_agent

    def _infos(self) -> Dicts:
        by_agent = {}
        for i, agent in enumerate(self.possible_agents):
            by_agent[agent] = numbers(player_info(self._shown.info, i))
            if self.mask == "info":
                by_agent[agent]["action_mask"] = self._shown.mask[i].astype(np.int8)
        return by_agent

    def _with_mask(self, box: spaces.Box) -> spaces.Space:
        if self.mask == "info":
            return box
        return spaces.Dict(
            {"observation": box, "action_mask": spaces.Box(0, 1, (N_ACTIONS,), np.int8)}
        )
