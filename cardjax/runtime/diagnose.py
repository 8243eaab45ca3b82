"""`eval/diagnose.py`: a policy's diagnostics, a figure and a CSV each; and what a run's critic
believes of orders.
"""

import dataclasses
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.agents.critic_view import critic_view
from cardjax.agents.dqn import DQN
from cardjax.agents.normalization import normalized
from cardjax.agents.policy import unroll_seats
from cardjax.agents.ppo import PPO
from cardjax.agents.rewards import SMALLEST_VARIANCE
from cardjax.env.declaration import ParameterError
from cardjax.env.observation import View
from cardjax.env.params import REWARD_KINDS
from cardjax.evaluation.rounds import Estimator, Subject
from cardjax.evaluation.tables import Table
from cardjax.files.writing import replacing, write_text
from cardjax.runtime import loading, players
from cardjax.runtime.journal import Run
from cardjax.runtime.learners import make_learner


def subject_of(policy: str, overrides: Sequence[str] = ()) -> Subject:
    """A policy by name or run folder, in its game, with a run's own estimate of values.

    Args:
        overrides: `env.*` key=value changes to the game.

    Raises:
        ParameterError: as `players.find_player`.
    """
    player, market, env_params = players.find_player(policy, overrides)
    if not Path(policy).is_dir():
        return Subject(policy, player, market, env_params)
    estimator, beliefs = estimator_of(Path(policy))
    return Subject(Path(policy).resolve().name, player, market, env_params, estimator, beliefs)


def estimator_of(folder: Path) -> tuple[Estimator, list[Any]]:
    """What a run's checkpoint holds of values: how they are computed, and one entry of parameters a
    training seed.

    Raises:
        ParameterError: not a run folder, or one without a checkpoint.
    """
    algorithm, config = loading.read_run(folder)
    state = loading.last_state(Run(algorithm, config, folder))
    learner = make_learner(algorithm, config)
    known: PPOValues | DQNValues = (
        PPOValues(learner) if isinstance(learner, PPO) else DQNValues(learner)
    )
    params = jax.device_get(jax.vmap(known.params)(state))
    estimator = Estimator(
        known.name,
        known,
        gamma=float(learner.config.gamma),
        shared=isinstance(learner, PPO) and bool(learner.config.shared_reward),
        log_wealth=REWARD_KINDS[int(config.env.reward)] == "log_wealth",
    )
    return estimator, [
        jax.tree.map(lambda leaf, i=i: leaf[i], params) for i in range(config.train.n_seeds)
    ]


@dataclasses.dataclass(frozen=True)
class PPOValues:
    """A PPO critic's estimates for whole games, as `Estimator.values`."""

    learner: PPO

    @property
    def name(self) -> str:
        """Of what is estimated: V is the value of a view, whatever is then ordered."""
        return (
            "critic's action value"
            if self.learner.config.critic == "action_values"
            else "critic's value V"
        )

    def params(self, state: Any) -> tuple[Any, Any, Array]:
        """Of one training seed: the critic's weights, its normaliser, and what its unit is worth in
        rewards.
        """
        scale: Any = jnp.float32(1)
        if self.learner.config.normalize_rewards:
            scale = jnp.sqrt(jnp.maximum(state.reward_scale.moments.variance, SMALLEST_VARIANCE))
        return state.weights["critic"], state.normalizer["critic"], scale

    def __call__(self, params: Any, views: View, hidden: Mapping[str, Array]) -> Array:
        """As `Estimator.values`."""
        weights, normalizer, scale = params
        learner, market, config = self.learner, self.learner.market, self.learner.config
        games: Any = SimpleNamespace(market=SimpleNamespace(**hidden))
        seen = critic_view(
            market,
            games,
            market.encode(views),
            learner.joint_critic,
            bool(config.critic_sees_truth),
        )
        blank, first = learner.critic.carry(views.wealth.shape[1:]), views.round == 0
        x = normalized(normalizer, seen)
        return (
            scale * unroll_seats(learner.critic, config.share_params, weights, blank, x, first)[1]
        )


@dataclasses.dataclass(frozen=True)
class DQNValues:
    """The Q that a DQN's greedy policy chooses by, for whole games, as `Estimator.values`."""

    learner: DQN
    name: str = "Q of the action taken"

    def params(self, state: Any) -> Any:
        """Of one training seed."""
        return self.learner.policy_params(state)

    def __call__(self, params: Any, views: View, hidden: Mapping[str, Array]) -> Array:
        """As `Estimator.values`."""
        policy = self.learner.policy()
        blank = policy.init(jax.random.key(0), views.wealth.shape[1:])
        return jax.lax.scan(lambda carry, view: policy.values(params, carry, view), blank, views)[1]


def write(folder: Path, tables: Mapping[str, Table]) -> None:
    """NAME.csv and NAME.png for each table; a file appears, or is replaced, as a whole.

    Raises:
        ParameterError: the file system refuses.
    """
    from cardjax.evaluation import plots

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            picture = io.BytesIO()
            plots.save(plots.draw(name, table), picture)
            write_text(folder / f"{name}.csv", table.as_csv())
            with replacing(folder / f"{name}.png") as part:
                part.write_bytes(picture.getvalue())
    except OSError as error:
        said = f"cannot be written ({error.strerror or error})"
        raise ParameterError("--out", str(error.filename or folder), said) from None
