"""Scores while training: self-play on validation draws, as a share of the exact benchmark's.

Nothing here is compiled or played before it is first asked for, so that a training starts with its
updates.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import jax
import numpy as np

from cardjax.agents.learner import Learner
from cardjax.evaluation.evaluate import self_play_payoff
from cardjax.policies.registry import make_policy
from cardjax.training.replicates import Replicates

BASELINES = ("random_valid", "ev_oracle")
"""Whose self-play scores stand beside a learning curve."""


class Scores:
    """Policy parameters of all replicates, leaves [n_replicates, …] → their scores, float
    [n_replicates].
    """

    def __init__(self, learner: Learner, replicates: Replicates, n_runs: int, n_games: int):
        self._learner, self._n_games, self._env_params = learner, n_games, replicates.env_params
        self._n_runs, self._per_run = n_runs, replicates.n_replicates // n_runs

    def __call__(self, params: Any) -> np.ndarray:
        return np.asarray(self._payoff(params, self._env_params)) / np.repeat(
            self._yardstick, self._per_run
        )

    @cached_property
    def baselines(self) -> list[dict[str, float]]:
        """Each run's scores of BASELINES."""
        scores = {name: self._scripted(name) / self._yardstick for name in BASELINES}
        return [
            {name: float(score[i]) for name, score in scores.items()} for i in range(self._n_runs)
        ]

    @cached_property
    def _payoff(self) -> Callable[[Any, Any], jax.Array]:
        return self_play_payoff(self._learner.market, self._learner.policy(), self._n_games)

    @cached_property
    def _yardstick(self) -> np.ndarray:
        """What the benchmark earns in each run's game; NaN where that is nothing, and there is no
        score.
        """
        payoff = self._scripted("equilibrium")
        return np.where(payoff == 0, np.nan, payoff)

    def _scripted(self, name: str) -> np.ndarray:
        of_runs = jax.tree.map(lambda leaf: leaf[:: self._per_run], self._env_params)
        play = self_play_payoff(self._learner.market, make_policy(name), self._n_games)
        return np.asarray(play(of_runs, of_runs))
