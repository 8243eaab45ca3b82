"""A training run from start to table."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cardjax.config import RunConfig, config_values, with_overrides
from cardjax.env.declaration import ParameterError
from cardjax.evaluation.evaluate import VALIDATION, Result, evaluate
from cardjax.evaluation.quoting import evaluate_quoting, games_to_play
from cardjax.evaluation.quoting_result import QuotingResult
from cardjax.evaluation.text_tables import quoting_table, results_table
from cardjax.files.writing import write_json
from cardjax.loading import players, saved
from cardjax.loading.saved import by_seed, maker_of, player_of, read_meta, read_run
from cardjax.run import run_folder
from cardjax.run.curves import learning_figures, rounds_to_score
from cardjax.run.identity import Run, seeds_of
from cardjax.run.learners import configured_for, make_learner
from cardjax.run.metrics_log import read_metrics
from cardjax.runtime import processes
from cardjax.runtime.own import short_name
from cardjax.runtime.progress import games_bar
from cardjax.runtime.watch import watched
from cardjax.training.loop import Outcome, train
from cardjax.training.warm_start import learned_for

Results = list[Result] | QuotingResult
"""Of every opponent; or where the maker plays, of both roles together."""
RUNS = Path("runs")
VALIDATION_NOTE = "validation draws are for tuning: publish what `cardjax evaluate` measures."


def start(algorithm: str, config: RunConfig) -> Path:
    """A new run: folder, training, table, summary.json. Returns the folder.

    Raises:
        ParameterError: the configuration is not for this algorithm, or a training's own.
    """
    config = configured_for(algorithm, config)
    run = Run(algorithm, config, RUNS / (config.name or made_up_name(algorithm, config)))
    refuse_what_does_not_fit(run)
    if processes.is_first():
        run_folder.create(run.folder, config, algorithm)
    train_and_report([run])
    return run.folder


def resume(algorithm: str, folder: Path, overrides: Sequence[str] = ()) -> Path:
    """Continue a run from its last checkpoint, to its own configuration's end.

    Args:
        overrides: `train.total_steps=N`, which moves that end; nothing else.

    Raises:
        ParameterError: not a run folder, another algorithm's, or a point of a sweep; or an override
            that is not allowed.
    """
    meta = read_meta(folder, algorithm)
    if "point" in meta:
        raise ParameterError(
            "--resume", str(folder), f"is a point of a sweep; continue all of it, {folder.parent}"
        )
    run = Run(algorithm, lengthened(read_run(folder)[1], overrides), folder)
    if is_finished(run):
        say_that_it_is_finished(algorithm, folder, run.config)
    else:
        train_and_report([run], resume=True)
    return folder


def refuse_what_does_not_fit(run: Run) -> None:
    """Look at everything that a new run needs, before anything of it is written.

    Raises:
        ParameterError: its configuration is none of its algorithm's, or `init_from` not such a run.
    """
    make_learner(run.algorithm, run.config)
    learned_for(run)


def lengthened(config: RunConfig, overrides: Sequence[str]) -> RunConfig:
    """The configuration with another `train.total_steps`.

    Schedules are then those of the new length: what an update trains with is what that update has
    in a run that is planned so long. The updates that are done stay as they were.

    Raises:
        ParameterError: an override of something else.
    """
    for text in overrides:
        if text.partition("=")[0] != "train.total_steps":
            allowed = "only train.total_steps=N may be given with --resume: the run has the rest"
            raise ParameterError("argument", text, allowed)
    return with_overrides(config, overrides)


def is_finished(run: Run) -> bool:
    """Whether a run has its table, and an intact checkpoint at its configuration's end; in every
    process.
    """

    def found() -> bool:
        summary = run_folder.read_summary(run.folder)
        if summary is None or summary["interrupted"]:
            return False
        if summary["total_steps"] != rounds_of(run.algorithm, run.config):
            return False  # it is of before the run was lengthened
        total = make_learner(run.algorithm, run.config).total_updates
        return saved.last_checkpoint(run)[0] == total

    return processes.any_process(processes.is_first() and found())


def say_that_it_is_finished(algorithm: str, folder: Path, config: RunConfig) -> None:
    """One line, with what continues it all the same."""
    rounds = f"{rounds_of(algorithm, config):,} rounds per seed"
    more = f"cardjax train --resume {folder} train.total_steps=N trains on to N"
    print(f"{folder} is finished: {rounds}; {more}", flush=True)


def rounds_of(algorithm: str, config: RunConfig) -> int:
    """The rounds that each seed trains for: `train.total_steps`, rounded up to whole updates."""
    learner = make_learner(algorithm, config)
    return learner.total_updates * learner.rounds_per_update


def made_up_name(algorithm: str, config: RunConfig) -> str:
    """A run's name where none is given: algorithm, game, time."""
    return f"{short_name(algorithm).lower()}-{config.game.kind}-{time.strftime('%Y%m%d-%H%M%S')}"


def train_and_report(
    runs: Sequence[Run], varied: Sequence[str] = (), resume: bool = False, tables: bool = True
) -> bool:
    """Train runs as one program, leave a summary.json for each, and print tables; whether they came
    to their end.
    """
    folder = runs[0].folder if tables else runs[0].folder.parent
    with tell_full_disk(runs[0].folder), watched(folder):
        if processes.is_first():
            _announce(runs)
        outcomes = train(runs, varied, resume)
        for run, outcome in zip(
            runs, outcomes, strict=False
        ):  # processes other than the first have no outcomes
            results = _report(run, outcome)
            if tables:
                play = make_learner(run.algorithm, run.config).play
                title = f"\n{run.algorithm}, {play} play, validation draws"
                print(f"{_table(results, title)}\n{VALIDATION_NOTE}", flush=True)
        processes.meet("reported")
    return not any(outcome.interrupted for outcome in outcomes)


@contextlib.contextmanager
def tell_full_disk(folder: Path) -> Iterator[None]:
    """Turn what a file system refuses into a ParameterError of one line."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        said = f"cannot be written ({reason}); checkpoints that were finished are intact"
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
    rounds, asked = rounds_of(algorithm, config), config.train.total_steps
    rounded = "" if rounds == asked else f" ({asked:,}, rounded up to whole updates)"
    amount = f"{points}{seeds} × {rounds:,} rounds{rounded}"
    print(f"{algorithm}, {_game_of(runs)}: {amount} → {where}", flush=True)


def _game_of(runs: Sequence[Run]) -> str:
    """What the runs are trained on, in the words of their configurations."""
    values = [config_values(run.config) for run in runs]
    named = {
        name: "|".join(dict.fromkeys(str(each[name]) for each in values))
        for name in ("env.kind", "env.preset", "env.reward")
    }
    return ", ".join(f"{name} = {value}" for name, value in named.items())


def _table(results: Results, title: str) -> str:
    if isinstance(results, QuotingResult):
        return quoting_table([{}], [results], title)
    return results_table(results, title)


def _report(run: Run, outcome: Outcome) -> Results:
    if outcome.interrupted:
        print(f"{run.folder}: stopped at {outcome.rounds:,} rounds; --resume continues it")
    results = _final_results(run, outcome)
    write_json(run.folder / "summary.json", _summary(run, outcome, results))
    return results


def _final_results(run: Run, outcome: Outcome) -> Results:
    learner, train = make_learner(run.algorithm, run.config), run.config.train
    params = by_seed(outcome.policy_params)
    player = player_of(learner, params)
    n_games = train.final_eval_games if not outcome.interrupted else train.eval_games
    if learner.market.has_maker:
        maker = maker_of(learner, params)
        total = games_to_play(learner.market, run.config.env, maker, player, n_games)
        with games_bar(total, f"evaluating {run.folder.name}") as played:
            return evaluate_quoting(
                learner.market,
                run.config.env,
                maker,
                player,
                n_games,
                domain=VALIDATION,
                progress=played,
            )
    opponents = players.opponents_for(learner.market)
    total = n_games * len(opponents) * len(player.params)
    with games_bar(total, f"evaluating {run.folder.name}") as played:
        return evaluate(
            learner.market,
            run.config.env,
            player,
            opponents,
            n_games,
            domain=VALIDATION,
            progress=played,
        )


def _summary(run: Run, outcome: Outcome, results: Results) -> dict[str, Any]:
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
        "play": make_learner(run.algorithm, run.config).play,
        "baselines": outcome.baselines,
        "rounds_to_score": rounds_to_score(metrics),
        **learning_figures(metrics),
        "draws": "validation",
        "results": [
            result.as_json()
            for result in ([results] if isinstance(results, QuotingResult) else results)
        ],
    }
