"""sb3-contrib's MaskablePPO learns on the Gymnasium environment, through its own `make_vec_env` and
masks.
"""

import numpy as np
import pytest

pytest.importorskip("sb3_contrib")

from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.evaluation import evaluate_policy
from stable_baselines3.common.env_util import make_vec_env

import cardjax.adapters.gymnasium  # noqa: F401

WIDE = {"reward": "expected_pnl", "sigma_q": 2.0}
"""Quotes that are often wrong: there is something to learn in thousands of rounds."""


@pytest.mark.slow
def test_maskable_ppo_learns():
    envs, fresh = (
        make_vec_env("cardjax/Single-v0", n_envs=8, seed=seed, env_kwargs=WIDE)
        for seed in (0, 10_000)
    )
    learner = MaskablePPO(
        "MlpPolicy", envs, n_steps=128, batch_size=256, gamma=1.0, learning_rate=1e-3, seed=0
    )
    before, _ = evaluate_policy(
        learner, fresh, 100, deterministic=False, return_episode_rewards=True
    )
    learner.learn(15_000)
    after, lengths = evaluate_policy(
        learner, fresh, 100, deterministic=False, return_episode_rewards=True
    )
    assert set(lengths) == {10}
    error = np.sqrt(np.var(before) / len(before) + np.var(after) / len(after))
    assert np.mean(after) - np.mean(before) > 5 * error
