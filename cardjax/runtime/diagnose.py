"""`eval/diagnose.py`: a policy's diagnostics, a figure and a CSV each; and what a run's critic
believes of orders.
"""

import argparse
import dataclasses
import io
import os
import time
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
from cardjax.evaluation.diagnostics import ablation_points, diagnose
from cardjax.evaluation.rounds import Estimator, Subject
from cardjax.evaluation.tables import Table
from cardjax.runtime import run_folder, runs
from cardjax.runtime.command_line import run_command
from cardjax.runtime.compilation import keep_compiled_programs
from cardjax.runtime.journal import Run
from cardjax.runtime.learners import make_learner

DEFAULT_EPISODES = 65_536


def diagnose_main(argv: Sequence[str] | None = None) -> None:
    """`eval/diagnose.py RUN [--episodes N] [--out FOLDER] [--seed N] [env.key=value …]`."""
    run_command(lambda: _main(_arguments(argv)))


def subject_of(policy: str, overrides: Sequence[str] = ()) -> Subject:
    """A policy by name or run folder, in its game, with a run's own estimate of values.

    Args:
        overrides: `env.*` key=value changes to the game.

    Raises:
        ParameterError: as `runs.find_player`.
    """
    player, market, env_params = runs.find_player(policy, overrides)
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
    algorithm, config = runs.read_run(folder)
    state = runs.last_state(Run(algorithm, config, folder))
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
            run_folder.write_text(folder / f"{name}.csv", table.as_csv())
            part = folder / f"{name}.png.part"
            part.write_bytes(picture.getvalue())
            os.replace(part, folder / f"{name}.png")
    except OSError as error:
        said = f"cannot be written ({error.strerror or error})"
        raise ParameterError("--out", str(error.filename or folder), said) from None


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Draw how a policy plays: a figure and a CSV for each diagnostic."
    )
    parser.add_argument(
        "policy", metavar="RUN", help="a run folder, or a policy's name (level1, equilibrium, …)"
    )
    parser.add_argument(
        "--episodes",
        type=int,
        default=DEFAULT_EPISODES,
        metavar="N",
        help=f"games a training seed, and for each point of the ablations (default {DEFAULT_EPISODES:,})",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="default: diagnostics in the run folder, or diagnostics/NAME",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the draws (default 0)")
    parser.add_argument(
        "overrides", nargs="*", metavar="env.key=value", help="of the market, such as env.alpha=0.5"
    )
    return parser.parse_intermixed_args(argv)  # overrides may follow options


def _main(arguments: argparse.Namespace) -> None:
    from tqdm import tqdm

    keep_compiled_programs()
    policy, out = arguments.policy, arguments.out
    default = (
        Path(policy) / "diagnostics"
        if Path(policy).is_dir()
        else Path("diagnostics", policy.replace(":", "-"))
    )
    folder = default if out is None else out
    _check(arguments, folder)
    subject = subject_of(policy, arguments.overrides)
    start, n_seeds = time.perf_counter(), len(subject.player.params)
    total = arguments.episodes * (1 + len(ablation_points(subject.env_params)))
    with tqdm(total=total * n_seeds, unit="game", unit_scale=True, leave=False) as bar:
        tables = diagnose(
            subject, arguments.episodes, arguments.seed, lambda games: bar.update(games * n_seeds)
        )
    write(folder, tables)
    print(f"{folder}: {', '.join(tables)} ({time.perf_counter() - start:.0f} s)")


def _check(arguments: argparse.Namespace, folder: Path) -> None:
    """Refuse what can be refused before anything is compiled."""
    for name, low in (("episodes", 1), ("seed", 0)):
        if not low <= getattr(arguments, name) < 2**31:
            raise ParameterError(
                f"--{name}",
                getattr(arguments, name),
                f"must be a whole number in [{low}, 2147483647]",
            )
    blocking = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    if blocking.exists() and not blocking.is_dir():
        raise ParameterError("--out", str(folder), f"{blocking} is not a folder")
