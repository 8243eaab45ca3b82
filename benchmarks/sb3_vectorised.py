"""Our Gymnasium `VectorEnv` as Stable-Baselines3's `VecEnv`: all games step in one device call."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from stable_baselines3.common.vec_env import VecEnv

from cardjax.adapters.gymnasium_vector import MarketVectorEnv


class VectorisedMarket(VecEnv):
    """`n_envs` single-player markets. A game's last observation is left out of `infos`: games are
    never cut off, so nothing is bootstrapped from it."""

    def __init__(self, n_envs: int, seed: int, **overrides: Any):
        self._envs = MarketVectorEnv(n_envs, autoreset_mode="SameStep", **overrides)
        self._first_seed = seed
        super().__init__(
            n_envs, self._envs.single_observation_space, self._envs.single_action_space
        )

    def reset(self) -> np.ndarray:
        return self._envs.reset(seed=self._first_seed)[0]

    def step_async(self, actions: np.ndarray) -> None:
        self._actions = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        observations, rewards, terminations, _, _ = self._envs.step(self._actions)
        return observations, rewards, terminations, [{} for _ in range(self.num_envs)]

    def close(self) -> None:
        self._envs.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self._envs, attr_name)] * self._count(indices)

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        setattr(self._envs, attr_name, value)

    def env_method(
        self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any
    ) -> list[Any]:
        return [getattr(self._envs, method_name)(*args, **kwargs)]

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * self._count(indices)

    def _count(self, indices: int | Sequence[int] | None) -> int:
        if indices is None:
            return self.num_envs
        return 1 if isinstance(indices, int) else len(indices)
