"""Scores while training: self-play on validation draws, as a share of the exact benchmark's.

Nothing here is compiled or played before it is first asked for, so that a training starts with its
updates.
"""

from collections.abc import Callable
from functools import cached_property
from typing import cast

import jax
import numpy as np

from cardjax.agents.learner import Learner, QuotingLearner
from cardjax.env.params import EnvParams
from cardjax.env.trees import ArrayTree
from cardjax.evaluation.evaluate import prepared_at
from cardjax.evaluation.validation import Roles, role_scores, self_play_payoff
from cardjax.evaluation.yardsticks import yardstick_of
from cardjax.policies.policy import Policy
from cardjax.policies.registry import make_policy
from cardjax.training.replicates import Replicates

BASELINES = ("random_valid", "ev_oracle")
"""Whose self-play scores stand beside a learning curve."""


class Scores:
    """Policy parameters of all replicates, leaves [n_replicates, …] → their scores by name, float
    [n_replicates].
    """

    def __init__(self, learner: Learner, replicates: Replicates, n_runs: int, n_games: int):
        self._learner, self._n_games, self._env_params = learner, n_games, replicates.env_params
        self._n_runs, self._per_run = n_runs, replicates.n_replicates // n_runs

    def __call__(self, params: ArrayTree) -> dict[str, np.ndarray]:
        """`score`; where the maker plays, the lower one of its role's and the takers', and both."""
        if self._learner.market.has_maker:
            maker, takers = map(np.asarray, self._of_roles(cast(Roles, params), self._env_params))
            return {
                "score": np.minimum(maker, takers),
                "maker_score": maker,
                "taker_score": takers,
            }
        payoff = np.asarray(self._payoff(params, self._env_params))
        return {"score": payoff / np.repeat(self._yardstick, self._per_run)}

    @cached_property
    def baselines(self) -> list[dict[str, float]]:
        """Each run's scores of BASELINES; none where the maker plays."""
        if self._learner.market.has_maker:
            return [{}] * self._n_runs
        scores = {name: self._scripted(make_policy(name)) / self._yardstick for name in BASELINES}
        return [
            {name: float(score[i]) for name, score in scores.items()} for i in range(self._n_runs)
        ]

    @cached_property
    def _payoff(self) -> Callable[[ArrayTree, EnvParams], jax.Array]:
        return self_play_payoff(self._learner.market, self._learner.policy(), self._n_games)

    @cached_property
    def _of_roles(self) -> Callable[[Roles, EnvParams], tuple[jax.Array, jax.Array]]:
        learner = cast(QuotingLearner, self._learner)
        return role_scores(learner.market, learner.maker(), learner.policy(), self._n_games)

    @cached_property
    def _yardstick(self) -> np.ndarray:
        """What the benchmark earns in each run's game; NaN where that is nothing or nobody is known
        to be the best, and there is no score.
        """
        policy = yardstick_of(self._learner.market, self._of_runs).policy
        if policy is None:
            return np.full(self._n_runs, np.nan)
        payoff = self._scripted(policy)
        return np.where(payoff == 0, np.nan, payoff)

    def _scripted(self, policy: Policy) -> np.ndarray:
        play = self_play_payoff(self._learner.market, policy, self._n_games)
        return np.asarray(play(prepared_at(policy, self._of_runs), self._of_runs))

    @property
    def _of_runs(self) -> EnvParams:
        """Each run's game, leaves [n_runs, …]."""
        return jax.tree.map(lambda leaf: leaf[:: self._per_run], self._env_params)
