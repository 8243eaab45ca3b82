"""A training run from start to table, and a finished run as a player."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from cardjax.config import RunConfig, load_config, make_market, with_overrides
from cardjax.env.declaration import ParameterError
from cardjax.env.market import CardMarket
from cardjax.env.params import EnvParams
from cardjax.evaluation.evaluate import OPPONENTS, Player, Result, evaluate
from cardjax.evaluation.table import results_table
from cardjax.policies.protocol import Policy
from cardjax.policies.registry import make_policy
from cardjax.runtime import run_folder
from cardjax.runtime.checkpoints import Checkpoints
from cardjax.runtime.learners import ALGORITHMS, make_learner
from cardjax.runtime.training import Learner, Outcome, initial_state, seeds_of, train

RUNS = Path("runs")


def start(algorithm: str, config: RunConfig) -> Path:
    """A new run: folder, training, table, summary.json. Returns the folder."""
    name = config.name or f"{algorithm}-{config.game.kind}-{time.strftime('%Y%m%d-%H%M%S')}"
    folder = run_folder.create(RUNS, name, config, algorithm)
    return _train_and_report(algorithm, config, folder, resume=False)


def resume(algorithm: str, folder: Path) -> Path:
    """Continue a run from its last checkpoint, to its own configuration's end.

    Raises:
        ParameterError: not a run folder, or another algorithm's.
    """
    trained_by, config = read_run(folder)
    if trained_by != algorithm:
        raise ParameterError(
            "--resume", str(folder), f"is a run of {trained_by}; continue it with train/{trained_by}.py"
        )
    return _train_and_report(algorithm, config, folder, resume=True)


def read_run(folder: Path) -> tuple[str, RunConfig]:
    """(algorithm, configuration) of a run folder.

    Raises:
        ParameterError: it is none.
    """
    if not (folder / "meta.json").is_file():
        raise ParameterError("run", str(folder), "is not a run folder (no meta.json)")
    meta = run_folder.read_json(folder / "meta.json")
    algorithm = meta.get("algorithm") if isinstance(meta, dict) else None
    if algorithm not in ALGORITHMS:
        raise ParameterError("run", str(folder), f"algorithm {algorithm!r} is not one of {', '.join(ALGORITHMS)}")
    return algorithm, load_config(folder / "config.yaml")


def find_player(policy: str, overrides: Sequence[str] = ()) -> tuple[Player, CardMarket, EnvParams]:
    """A player by name or run folder, and the game it is to play.

    Args:
        overrides: `env.*` key=value changes to the run's own game, or for a policy by name to the default game.

    Raises:
        ParameterError: neither a policy's name nor a run folder; or an override that is not allowed.
    """
    for text in overrides:
        if not text.startswith("env."):
            raise ParameterError("argument", text, "must be an env.* override, such as env.alpha=0.5")
    if Path(policy).is_dir():
        return load_player(Path(policy), overrides)
    try:
        scripted = make_policy(policy)
    except ValueError as error:
        raise ParameterError("--policy", policy, f"is neither a run folder nor a policy ({error})") from None
    config = load_config(None, overrides)
    return Player(scripted, [config.env]), make_market(config.game), config.env


def load_player(folder: Path, overrides: Sequence[str] = ()) -> tuple[Player, CardMarket, EnvParams]:
    """A run's trained policy, one entry of parameters a seed, with the game that it was trained on.

    Raises:
        ParameterError: not a run folder, or its checkpoint does not fit its configuration.
    """
    algorithm, config = read_run(folder)
    learner = make_learner(algorithm, config)
    checkpoints = Checkpoints(folder)
    try:
        state = checkpoints.restore(initial_state(learner, config))
    finally:
        checkpoints.close()
    played = with_overrides(config, overrides)
    if make_market(played.game) != make_market(config.game):
        raise ParameterError("argument", " ".join(overrides), f"{folder} was trained on another game's observations")
    return player_of(learner, state, config.train.n_seeds), make_market(config.game), played.env


def player_of(learner: Learner, state: Any, n_seeds: int) -> Player:
    """The greedy policy of a learner's state, one entry of parameters a seed."""
    stacked = jax.device_get(learner.policy_params(state))
    return Player(learner.policy(), [jax.tree.map(lambda leaf, i=i: leaf[i], stacked) for i in range(n_seeds)])


def opponents_for(market: CardMarket, names: tuple[str, ...] | None = None) -> dict[str, Policy]:
    """The named opponents, by default OPPONENTS; alone in the market there is only "self".

    Raises:
        ParameterError: an unknown name, or an opponent for a single player.
    """
    alone = market.n_players == 1
    names = names or (("self",) if alone else OPPONENTS)
    try:
        policies = {name: make_policy("pass" if name == "self" else name) for name in names}
    except ValueError as error:
        raise ParameterError("--opponent", ", ".join(names), str(error)) from None
    if alone and set(names) != {"self"}:
        raise ParameterError("--opponent", ", ".join(names), "a single player has none: leave it out")
    return policies


def _train_and_report(algorithm: str, config: RunConfig, folder: Path, resume: bool) -> Path:
    print(f"{algorithm}: {config.train.n_seeds} seed(s) × {config.train.total_steps:,} rounds → {folder}", flush=True)
    learner = make_learner(algorithm, config)
    outcome = train(config, learner, folder, resume)
    if outcome.interrupted:
        print(f"stopped at {outcome.n_updates * learner.rounds_per_update:,} rounds; continue with --resume {folder}")
    results = _final_results(config, learner, outcome)
    _write_summary(algorithm, config, learner, outcome, results, folder)
    print(results_table(results, f"\n{algorithm}, greedy play, test draws"), flush=True)
    return folder


def _final_results(config: RunConfig, learner: Learner, outcome: Outcome) -> list[Result]:
    player = player_of(learner, outcome.state, config.train.n_seeds)
    n_games = config.train.final_eval_games if not outcome.interrupted else config.train.eval_games
    return evaluate(learner.market, learner.env_params, player, opponents_for(learner.market), n_games)


def _write_summary(
    algorithm: str, config: RunConfig, learner: Learner, outcome: Outcome, results: list[Result], folder: Path
) -> None:
    rounds = outcome.n_updates * learner.rounds_per_update
    run_folder.write_json(
        folder / "summary.json",
        {
            "algorithm": algorithm,
            "total_steps": rounds,
            "wall_seconds": round(outcome.wall_seconds, 3),
            "train_seconds": round(outcome.train_seconds, 3),
            "steps_per_second": round(rounds * config.train.n_seeds / max(outcome.train_seconds, 1e-9)),
            "seeds": seeds_of(config),
            "interrupted": outcome.interrupted,
            "results": [result.as_json() for result in results],
        },
    )
