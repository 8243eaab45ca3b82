"""A training run from start to table, and a finished run as a player."""

import contextlib
import dataclasses
import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax

from cardjax.config import RunConfig, load_config, make_market, with_overrides
from cardjax.env.declaration import ParameterError
from cardjax.env.market import CardMarket
from cardjax.env.params import EnvParams
from cardjax.evaluation.evaluate import OPPONENTS, SELF, Player, Result, evaluate
from cardjax.evaluation.table import results_table
from cardjax.files.writing import write_json
from cardjax.policies.protocol import Policy
from cardjax.policies.registry import make_policy
from cardjax.runtime import portable, processes, run_folder
from cardjax.runtime.curves import rounds_to_beat
from cardjax.runtime.journal import Journal, Run
from cardjax.runtime.learners import ALGORITHMS, make_learner, way_of_play
from cardjax.runtime.metrics_log import read_metrics
from cardjax.runtime.rows import Learner, seeds_of
from cardjax.runtime.training import Outcome, restore, train

RUNS = Path("runs")


def start(algorithm: str, config: RunConfig) -> Path:
    """A new run: folder, training, table, summary.json. Returns the folder."""
    run = Run(algorithm, config, RUNS / (config.name or made_up_name(algorithm, config)))
    make_learner(algorithm, config)  # refuses what does not fit together before anything is written
    if processes.is_first():
        run_folder.create(run.folder, config, algorithm)
    train_and_report([run])
    return run.folder


def resume(algorithm: str, folder: Path) -> Path:
    """Continue a run from its last checkpoint, to its own configuration's end.

    Raises:
        ParameterError: not a run folder, another algorithm's, or a point of a sweep.
    """
    meta = read_meta(folder, algorithm)
    if "point" in meta:
        raise ParameterError(
            "--resume", str(folder), f"is a point of a sweep; continue all of it, {folder.parent}"
        )
    train_and_report([Run(algorithm, read_run(folder)[1], folder)], resume=True)
    return folder


def made_up_name(algorithm: str, config: RunConfig) -> str:
    """A run's name where none is given: algorithm, game, time."""
    return f"{algorithm}-{config.game.kind}-{time.strftime('%Y%m%d-%H%M%S')}"


def read_meta(folder: Path, expected: str | None = None) -> run_folder.Meta:
    """A run's or sweep's meta.json.

    Args:
        expected: the algorithm that it is to be of.

    Raises:
        ParameterError: there is none, or it names no algorithm or another one.
    """
    meta = run_folder.read_meta(folder)
    algorithm = meta["algorithm"]
    if algorithm not in ALGORITHMS:
        raise ParameterError(
            "run", str(folder), f"algorithm {algorithm!r} is not one of {', '.join(ALGORITHMS)}"
        )
    if expected not in (None, algorithm):
        allowed = f"is a run of {algorithm}; continue it with train/{algorithm}.py"
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


def is_trained(name: str) -> bool:
    """Whether a policy is named by the folder of its run, or by the file that it was exported to."""
    return Path(name).is_dir() or (name.endswith(".npz") and Path(name).is_file())


def find_player(policy: str, overrides: Sequence[str] = ()) -> tuple[Player, CardMarket, EnvParams]:
    """A player by name, run folder or exported file, and the game it is to play.

    Args:
        overrides: `env.*` key=value changes to the run's own game, or for a policy by name to the
            default game; and `ppo.play=…`, how a run's policy plays.

    Raises:
        ParameterError: neither a policy's name nor a run folder; or an override that is not
            allowed.
    """
    is_run = is_trained(policy)
    for text in overrides:
        if not text.startswith("env.") and not (is_run and text.startswith("ppo.play=")):
            allowed = "must be an env.* override, such as env.alpha=0.5, or for a run of PPO ppo.play=greedy or sampled"
            raise ParameterError("argument", text, allowed)
    if is_run:
        return load_player(Path(policy), overrides)
    try:
        scripted = make_policy(policy)
    except ValueError as error:
        raise ParameterError(
            "--policy", policy, f"is neither a run folder nor a policy ({error})"
        ) from None
    config = load_config(None, overrides)
    return Player(scripted, [None]), make_market(config.game), config.env


def load_player(path: Path, overrides: Sequence[str] = ()) -> tuple[Player, CardMarket, EnvParams]:
    """A run's or exported policy, one entry of parameters a seed, with the game that it was trained
    on.

    Args:
        overrides: as of `find_player`.

    Raises:
        ParameterError: neither, or what it holds does not fit its configuration.
    """
    algorithm, config, params = read_policy(path)
    played = replayed(path, algorithm, config, overrides)
    policy = make_learner(algorithm, dataclasses.replace(config, ppo=played.ppo)).policy()
    return Player(policy, list(params.values())), make_market(config.game), played.env


def read_policy(path: Path) -> tuple[str, RunConfig, dict[int, Any]]:
    """(algorithm, configuration, training seed → policy parameters) of a run folder or an exported
    file.

    Raises:
        ParameterError: as `load_player`.
    """
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
        dict(zip(seeds_of(config), player_of(learner, stacked).params, strict=True)),
    )


def training_seeds(path: Path) -> list[int]:
    """The seeds whose policies a run folder or an exported file holds.

    Raises:
        ParameterError: neither of the two.
    """
    return [portable.read(path)[2]] if path.is_file() else seeds_of(read_run(path)[1])


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


def replayed(path: Path, algorithm: str, config: RunConfig, overrides: Sequence[str]) -> RunConfig:
    """The configuration that a trained policy is to play by: `overrides` as of `find_player`.

    Raises:
        ParameterError: one that is not allowed, or a game with other observations than it was
            trained on.
    """
    played = with_overrides(config, overrides)
    for text in overrides:
        if text.startswith("ppo.") and ALGORITHMS[algorithm].section != "ppo":
            raise ParameterError(
                "argument", text, f"{path} was trained by {algorithm}, which plays greedily"
            )
    if make_market(played.game) != make_market(config.game):
        raise ParameterError(
            "argument", " ".join(overrides), f"{path} was trained on another game's observations"
        )
    return played


def last_state(run: Run) -> Any:
    """A run's last intact checkpoint, leaves [n_seeds, …], keys as their data."""
    learner = make_learner(run.algorithm, run.config)
    keys = jax.random.split(jax.random.key(0), run.config.train.n_seeds)
    like = jax.eval_shape(lambda keys: processes.keys_as_data(jax.vmap(learner.init)(keys)), keys)
    journal = Journal(run)
    try:
        n_updates, state = restore([journal], like)
    finally:
        journal.close()
    if not n_updates:
        raise ParameterError("run", str(run.folder), "has no checkpoint")
    return state


def player_of(learner: Learner, params: Any) -> Player:
    """The policy of a learner, one entry of parameters a seed; `params` has leaves [n_seeds, …]."""
    n_seeds = len(jax.tree.leaves(params)[0])
    return Player(
        learner.policy(), [jax.tree.map(lambda leaf, i=i: leaf[i], params) for i in range(n_seeds)]
    )


def opponents_for(
    market: CardMarket, names: tuple[str, ...] | None = None
) -> dict[str, Policy | Player]:
    """The named opponents, by default OPPONENTS; alone in the market there is only "self".

    Raises:
        ParameterError: neither a policy's name nor a run folder of this game, or an opponent for a
            single player.
    """
    alone = market.n_players == 1
    names = names or (("self",) if alone else OPPONENTS)
    if alone and set(names) != {"self"}:
        raise ParameterError(
            "--opponent", ", ".join(names), "a single player has none: leave it out"
        )
    return {name: _opponent(market, name) for name in names}


def _opponent(market: CardMarket, name: str) -> Policy | Player:
    if is_trained(name):
        player, own, _ = load_player(Path(name))
        if own.n_players != market.n_players:
            allowed = f"was trained for {own.n_players} player(s), not for {market.n_players}"
            raise ParameterError("--opponent", name, allowed)
        if not getattr(player.policy, "share_params", True):
            allowed = "has weights for each seat (ppo.share_params off), so it cannot take the others' seats alone"
            raise ParameterError("--opponent", name, allowed)
        return player
    try:
        return make_policy("pass" if name == SELF else name)
    except ValueError as error:
        raise ParameterError("--opponent", name, str(error)) from None


def train_and_report(
    runs: Sequence[Run], varied: Sequence[str] = (), resume: bool = False, tables: bool = True
) -> bool:
    """Train runs as one program, leave a summary.json for each, and print tables; whether they came
    to their end.
    """
    with tell_full_disk(runs[0].folder):
        if processes.is_first():
            _announce(runs)
        outcomes = train(runs, varied, resume)
        for run, outcome in zip(
            runs, outcomes, strict=False
        ):  # processes other than the first have no outcomes
            results = _report(run, outcome)
            if tables:
                play = way_of_play(run.algorithm, run.config)
                print(
                    results_table(results, f"\n{run.algorithm}, {play} play, test draws"),
                    flush=True,
                )
        processes.meet("reported")
    return not any(outcome.interrupted for outcome in outcomes)


@contextlib.contextmanager
def tell_full_disk(folder: Path) -> Iterator[None]:
    """Turn what a file system refuses into a ParameterError of one line."""
    try:
        yield
    except OSError as error:
        said = f"cannot be written ({error.strerror or error}); checkpoints that were finished are intact"
        raise ParameterError("run", str(error.filename or folder), said) from None


def _announce(runs: Sequence[Run]) -> None:
    algorithm, config, folder = runs[0]
    where = (
        str(folder)
        if len(runs) == 1
        else f"{folder.parent}/{{{' '.join(run.folder.name for run in runs)}}}"
    )
    points = "" if len(runs) == 1 else f"{len(runs)} points × "
    seeds = f"{config.train.n_seeds} seed(s)"
    print(
        f"{algorithm}: {points}{seeds} × {config.train.total_steps:,} rounds → {where}", flush=True
    )


def _report(run: Run, outcome: Outcome) -> list[Result]:
    if outcome.interrupted:
        print(f"{run.folder}: stopped at {outcome.rounds:,} rounds; --resume continues it")
    results = _final_results(run, outcome)
    write_json(run.folder / "summary.json", _summary(run, outcome, results))
    return results


def _final_results(run: Run, outcome: Outcome) -> list[Result]:
    learner, train = make_learner(run.algorithm, run.config), run.config.train
    player = player_of(learner, outcome.policy_params)
    n_games = train.final_eval_games if not outcome.interrupted else train.eval_games
    return evaluate(learner.market, run.config.env, player, opponents_for(learner.market), n_games)


def _summary(run: Run, outcome: Outcome, results: list[Result]) -> dict[str, Any]:
    metrics = read_metrics(run.folder / "metrics.csv")
    rounds = outcome.rounds * run.config.train.n_seeds
    return {
        "algorithm": run.algorithm,
        "total_steps": outcome.rounds,
        "wall_seconds": round(outcome.wall_seconds, 3),
        "train_seconds": round(outcome.train_seconds, 3),
        "steps_per_second": round(rounds / max(outcome.train_seconds, 1e-9)),
        "seeds": seeds_of(run.config),
        "interrupted": outcome.interrupted,
        "play": way_of_play(run.algorithm, run.config),
        "baselines": outcome.baselines,
        "rounds_to_beat": rounds_to_beat(metrics, outcome.baselines),
        "results": [result.as_json() for result in results],
    }
