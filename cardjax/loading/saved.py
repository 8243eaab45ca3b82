"""What a finished or stopped training left: its configuration, its state, its policies."""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import jax

from cardjax.agents.learner import Learner, QuotingLearner
from cardjax.agents.roles import RoleParams
from cardjax.config import RunConfig, load_config
from cardjax.env.declaration import ParameterError
from cardjax.env.trees import ArrayTree
from cardjax.evaluation.evaluate import Player
from cardjax.evaluation.quoting import Maker
from cardjax.loading import portable, references
from cardjax.run import run_folder
from cardjax.run.identity import Run, seeds_of
from cardjax.run.journal import Journal
from cardjax.run.learners import find_algorithm, make_learner
from cardjax.run.restoring import restore
from cardjax.runtime import processes


def read_meta(folder: Path, expected: str | None = None) -> run_folder.Meta:
    """A run's or sweep's meta.json.

    Args:
        expected: the algorithm that it is to be of.

    Raises:
        ParameterError: there is none, or it names no algorithm or another one.
    """
    if references.is_reference(folder):
        said = "is a policy that comes with cardjax, of which there is no run folder"
        raise ParameterError("run", str(folder), said)
    meta = run_folder.read_meta(folder)
    algorithm = meta["algorithm"]
    find_algorithm(algorithm, f"run {folder.name}: algorithm")
    if expected not in (None, algorithm):
        allowed = f"is a run of {algorithm}; continue it with cardjax train --resume {folder}"
        raise ParameterError("--resume", str(folder), allowed)
    return meta


def read_run(folder: Path) -> tuple[str, RunConfig]:
    """(algorithm, configuration) of a run folder.

    Raises:
        ParameterError: it is none.
    """
    meta = read_meta(folder)
    if "sweep" in meta:
        points = [str(folder / label) for label in meta["sweep"]]
        raise ParameterError("run", str(folder), f"is a sweep; its runs are {', '.join(points)}")
    return meta["algorithm"], load_config(folder / "config.yaml")


def read_policy(path: Path) -> tuple[str, RunConfig, dict[int, ArrayTree]]:
    """(algorithm, configuration, training seed → policy parameters) of a run folder, an exported
    file or a reference policy.

    Raises:
        ParameterError: as `load_player`.
    """
    path = references.file_of(path)
    if path.is_file():
        algorithm, config, seed, params = portable.read(path)
        return algorithm, config, {seed: params}
    algorithm, config = read_run(path)
    with _without_asides():
        state = last_state(Run(algorithm, config, path))
    learner = make_learner(algorithm, config)
    stacked = jax.device_get(jax.vmap(learner.policy_params)(state))
    return (
        algorithm,
        config,
        dict(zip(seeds_of(config), by_seed(stacked), strict=True)),
    )


def training_seeds(path: Path) -> list[int]:
    """The seeds whose policies a run folder, an exported file or a reference policy holds.

    Raises:
        ParameterError: none of these.
    """
    path = references.file_of(path)
    return [portable.read(path)[2]] if path.is_file() else seeds_of(read_run(path)[1])


def last_state(run: Run) -> ArrayTree:
    """A run's last intact checkpoint, leaves [n_seeds, …], keys as their data.

    Raises:
        ParameterError: there is none, or it is of another run.
    """
    n_updates, state = last_checkpoint(run)
    if not n_updates:
        raise ParameterError("run", str(run.folder), "has no checkpoint")
    return state


def last_checkpoint(run: Run) -> tuple[int, ArrayTree]:
    """(updates done, state) of a run's last intact checkpoint; (0, None) if it has none.

    Raises:
        ParameterError: one of another run, or none that can be read.
    """
    like = _shapes(make_learner(run.algorithm, run.config), run.config.train.n_seeds)
    journal = Journal(run)
    try:
        return restore([journal], like)
    finally:
        journal.close()


def _shapes(learner: Learner, n_seeds: int) -> ArrayTree:
    """Of a run's state as checkpoints hold it: jax.ShapeDtypeStruct, leaves [n_seeds, …]."""
    keys = jax.random.split(jax.random.key(0), n_seeds)
    return jax.eval_shape(lambda keys: processes.keys_as_data(jax.vmap(learner.init)(keys)), keys)


def by_seed(params: ArrayTree) -> list[ArrayTree]:
    """Parameters with leaves [n_seeds, …] as one entry a seed."""
    n_seeds = len(jax.tree.leaves(params)[0])
    return [jax.tree.map(lambda leaf, i=i: leaf[i], params) for i in range(n_seeds)]


def player_of(learner: Learner, params: Sequence[ArrayTree]) -> Player:
    """The policy of a learner, from its parameters, one entry a seed; where the maker plays, the
    takers'.
    """
    own = [one.takers for one in _roles(params)] if learner.market.has_maker else params
    return Player(learner.policy(), own)


def maker_of(learner: Learner, params: Sequence[ArrayTree]) -> Maker:
    """The maker of a learner of a game whose maker plays, as `player_of`."""
    maker = cast(QuotingLearner, learner).maker()
    return Maker(maker, tuple(one.maker for one in _roles(params)))


def _roles(params: Sequence[ArrayTree]) -> Sequence[RoleParams]:
    """The parameters of a learner of a game whose maker plays, as what they are."""
    return cast(Sequence[RoleParams], params)


@contextlib.contextmanager
def _without_asides() -> Iterator[None]:
    """Keep orbax from warning of a check that it does before it reads a checkpoint."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
