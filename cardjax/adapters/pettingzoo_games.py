"""PettingZoo: how games follow one another in a `ParallelEnv`, whoever plays in them."""

from typing import Any

import jax
import numpy as np

from cardjax.adapters.libraries import library
from cardjax.adapters.slots import Playable, Shown, Slot, play, start, words_of
from cardjax.env import EnvParams, ParameterError
from cardjax.env.trees import ArrayTree

with library("pettingzoo", "pettingzoo"):
    from gymnasium import spaces
    from gymnasium.utils import seeding
    from pettingzoo import ParallelEnv

    from cardjax.adapters.gymnasium import SetByReset

Dicts = dict[str, Any]


class GamesParallelEnv(ParallelEnv[str, Any, Any]):
    """Games one after another, in which all agents stay until the end.

    A subclass sets `game`, `params`, `possible_agents` and the two dictionaries of spaces, and says
    what actions, rewards, observations and infos are.
    """

    game: Playable
    params: EnvParams
    _seed_words: np.ndarray | None = None
    _slot: Slot = SetByReset()  # type: ignore[assignment]
    _shown: Shown = SetByReset()  # type: ignore[assignment]

    def reset(self, seed: int | None = None, options: Dicts | None = None) -> tuple[Dicts, Dicts]:
        """Start a new game: (observations, infos).

        With a seed, it is the seed's first game; without one, it is the next game. No options
        exist.
        """
        if seed is not None or self._seed_words is None:
            self._seed_words, game = words_of(seeding.np_random(seed)[0]), 0
        else:
            game = int(self._slot.game) + 1
        self._slot, shown = start(self.game, self._seed_words, np.int32(game), self.params)
        self._shown, self.agents = jax.device_get(shown), list(self.possible_agents)
        return self._observations(), self._infos()

    def step(self, actions: Dicts) -> tuple[Dicts, Dicts, Dicts, Dicts, Dicts]:
        """One step of all: (observations, rewards, terminations, truncations, infos).

        After the end of a game, all of these are empty.

        Raises:
            ResetNeeded: no game has been started yet.
            ParameterError: the actions are not exactly those of the live players.
        """
        slot, everybody = self._slot, self.possible_agents
        if not self.agents:
            return {}, {}, {}, {}, {}
        if set(actions) != set(self.agents):
            raise ParameterError(
                "actions of", ", ".join(actions), f"must be of {', '.join(self.agents)}"
            )
        self._slot, shown = play(self.game, slot, self._asked(actions), self.params)
        self._shown = jax.device_get(shown)
        over = bool(self._shown.terminated)
        self.agents = [] if over else list(everybody)
        return (
            self._observations(),
            self._rewards(),
            dict.fromkeys(everybody, over),
            dict.fromkeys(everybody, False),
            self._infos(),
        )

    def observation_space(self, agent: str) -> spaces.Space:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space:
        return self.action_spaces[agent]

    def close(self) -> None:
        """Nothing is held open."""

    def _asked(self, actions: Dicts) -> ArrayTree:
        """The agents' actions, as the game takes them."""
        raise NotImplementedError

    def _rewards(self) -> dict[str, float]:
        """The agents' rewards of the last step."""
        raise NotImplementedError

    def _observations(self) -> Dicts:
        """What the agents observe now."""
        raise NotImplementedError

    def _infos(self) -> Dicts:
        """What is told of the last step, and the masks of the next."""
        raise NotImplementedError
