"""Whom diagnostics look at, what a run believes of its orders' values, and the files of the
figures.
"""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from cardjax.env.declaration import ParameterError
from cardjax.env.params import REWARD_KINDS
from cardjax.evaluation.figure_data import FigureData
from cardjax.evaluation.played_rounds import Estimator, Subject
from cardjax.files.writing import replacing, write_text
from cardjax.loading.players import find_maker, find_player, is_trained
from cardjax.loading.saved import last_state, read_run
from cardjax.run.identity import Run
from cardjax.run.learners import make_learner
from cardjax.runtime.own import short_name


def subject_of(policy: str, overrides: Sequence[str] = (), maker: str | None = None) -> Subject:
    """A policy and its game, with a run's own estimate of values where its learner has one.

    Args:
        policy: as of `find_player`.
        overrides: `env.*` key=value changes to the game.
        maker: as of `find_maker`, who quotes where the maker is a player.

    Raises:
        ParameterError: as `find_player` and `find_maker`; or a run in which no taker has learned.
    """
    player, market, env_params = find_player(policy, overrides)
    quoting = find_maker(maker, market) if market.has_maker and maker is not None else None
    if not is_trained(policy):
        return Subject(short_name(policy), player, market, env_params, maker=quoting)
    if player.params[0] is None:
        allowed = "has learned to be the maker alone, and the figures are of takers"
        raise ParameterError("--policy", policy, allowed)
    path = Path(policy)
    named = Subject(path.resolve().name, player, market, env_params, maker=quoting)
    estimator, beliefs = estimator_of(path) if path.is_dir() else (None, [])
    return named._replace(estimator=estimator, estimator_params=beliefs)


def estimator_of(folder: Path) -> tuple[Estimator | None, list[Any]]:
    """What a run's checkpoint holds of values: how they are computed, and one entry of parameters
    per training seed; (None, []) if its learner estimates none.

    Raises:
        ParameterError: not a run folder, or one without a checkpoint.
    """
    algorithm, config = read_run(folder)
    values = make_learner(algorithm, config).values()
    if values is None:
        return None, []
    state = last_state(Run(algorithm, config, folder))
    params = jax.device_get(jax.vmap(values.params)(state))
    estimator = Estimator(
        values.name,
        values,
        gamma=values.gamma,
        shared=values.shared_reward,
        log_wealth=REWARD_KINDS[int(config.env.reward)] == "log_wealth",
    )
    return estimator, [
        jax.tree.map(lambda leaf, i=i: leaf[i], params) for i in range(config.train.n_seeds)
    ]


def write(folder: Path, tables: Mapping[str, FigureData]) -> None:
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
