"""The training loop on the host: compiled chunks of updates, and between them progress, logs, scores, checkpoints."""

import contextlib
import dataclasses
import math
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from tqdm import tqdm

from cardjax.config import RunConfig
from cardjax.env.market import CardMarket
from cardjax.env.params import EnvParams
from cardjax.evaluation.evaluate import domain_key, self_play_score
from cardjax.policies.protocol import Policy
from cardjax.runtime.checkpoints import Checkpoints
from cardjax.runtime.devices import over_seeds
from cardjax.runtime.run_folder import MetricsLog

TRAINING = 0
"""The key domain of training; evaluation uses others."""
LOG_POINTS = 200
"""Rows a seed in metrics.csv, at most: a chunk is total_updates / LOG_POINTS updates."""


class Learner(Protocol):
    """Two pure functions and what the loop has to know of them."""

    @property
    def market(self) -> CardMarket:
        """The game."""

    @property
    def env_params(self) -> EnvParams:
        """Its parameters."""

    @property
    def total_updates(self) -> int:
        """How many updates the training is planned for."""

    @property
    def rounds_per_update(self) -> int:
        """Rounds played by one update."""

    def init(self, key: Array) -> Any:
        """A fresh state."""

    def update(self, state: Any) -> tuple[Any, dict[str, Array]]:
        """The next state, and scalar metrics."""

    def policy(self, greedy: bool = True) -> Policy:
        """The player that is being trained."""

    def policy_params(self, state: Any) -> Any:
        """Its parameters in a state."""


@dataclasses.dataclass
class Outcome:
    """What a training came to."""

    state: Any
    """the learner's, leaves [n_seeds, …]."""
    n_updates: int
    train_seconds: float
    """spent in updates: compilation, evaluation and checkpoints apart."""
    wall_seconds: float
    """of the whole training, all that included; from the first start to the last resumption's end."""
    interrupted: bool


def train(config: RunConfig, learner: Learner, folder: Path, resume: bool = False) -> Outcome:
    """Train `train.n_seeds` seeds for `train.total_steps` rounds each, and leave a checkpoint at the end.

    Ctrl-C ends the training after the chunk that is running, with a checkpoint; a second one ends it at once.
    """
    checkpoints = Checkpoints(folder)
    state = initial_state(learner, config)
    if resume and checkpoints.latest() is not None:  # a run killed before its first checkpoint starts afresh
        state = checkpoints.restore(state)
    done = int(np.asarray(state.n_updates)[0])
    log = MetricsLog(folder, seeds_of(config), keep_rounds=done * learner.rounds_per_update)
    try:
        with _Interrupt() as interrupt:
            outcome = _run_chunks(config, learner, state, done, log, checkpoints, interrupt)
    finally:
        log.close()
        checkpoints.close()
    return outcome


def initial_state(learner: Learner, config: RunConfig) -> Any:
    """The state before the first update, leaves [n_seeds, …]."""
    keys = jnp.stack([domain_key(seed, TRAINING) for seed in seeds_of(config)])
    return jax.jit(over_seeds(learner.init, config.train.n_seeds))(keys)


def seeds_of(config: RunConfig) -> list[int]:
    """The seeds of a run: each trains as a run of its own with that seed would."""
    return [config.seed + i for i in range(config.train.n_seeds)]


def _run_chunks(
    config: RunConfig, learner: Learner, state: Any, done: int, log: MetricsLog, checkpoints: Checkpoints,
    interrupt: "_Interrupt",
) -> Outcome:  # fmt: skip
    clock = _Clock(log.train_seconds, log.wall_seconds)
    total, per_update = learner.total_updates, learner.rounds_per_update
    with tqdm(
        total=total * per_update, initial=done * per_update, unit="round", unit_scale=True, dynamic_ncols=True
    ) as bar:
        bar.set_description("compiling")
        run = _compiled_chunk(learner, config.train.n_seeds, state)
        score = self_play_score(learner.market, learner.env_params, learner.policy(), config.train.eval_games)
        evaluate_at = _milestones(total, config.train.n_evals)
        chunk = math.ceil(total / LOG_POINTS)
        bar.set_description("training")
        while done < total and not interrupt.requested:
            n = min(chunk, min(m for m in evaluate_at if m > done) - done)
            with clock.training():
                state, metrics = jax.block_until_ready(run(state, jnp.int32(n)))
            done += n
            rows = _rows(metrics)
            if done in evaluate_at:
                scores = np.asarray(score(learner.policy_params(state)))
                bar.set_postfix_str(f"score {scores.mean():.3f}")
                rows = [row | {"score": float(s)} for row, s in zip(rows, scores, strict=True)]
            log.add(
                done * per_update, clock.train_seconds, clock.wall_seconds, [{"score": math.nan} | row for row in rows]
            )
            if done in evaluate_at:  # after the log: resuming drops rows past the checkpoint, and cannot make one up
                checkpoints.save(done, state)
            bar.update(n * per_update)
        checkpoints.save(done, state)
    return Outcome(state, done, clock.train_seconds, clock.wall_seconds, interrupted=done < total)


def _compiled_chunk(learner: Learner, n_seeds: int, state: Any) -> Callable[[Any, Array], tuple[Any, dict[str, Array]]]:
    """(state, n) → state after n updates and the metrics' means over them; one program for every n."""

    def chunk(state: Any, n: Array) -> tuple[Any, dict[str, Array]]:
        shapes = jax.eval_shape(learner.update, state)[1]
        sums = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

        def one(_: Array, carry: tuple[Any, Any]) -> tuple[Any, Any]:
            state, metrics = learner.update(carry[0])
            return state, jax.tree.map(jnp.add, carry[1], metrics)

        state, sums = jax.lax.fori_loop(0, n, one, (state, sums))
        return state, jax.tree.map(lambda leaf: leaf / n, sums)

    mapped = jax.jit(over_seeds(chunk, n_seeds, n_shared=1), donate_argnums=0)
    return mapped.lower(state, jnp.int32(1)).compile()


def _milestones(total: int, n: int) -> set[int]:
    return {max(1, round(i * total / n)) for i in range(1, n + 1)}


def _rows(metrics: dict[str, Array]) -> list[dict[str, float]]:
    table = {name: np.asarray(values) for name, values in sorted(metrics.items())}
    n_seeds = len(next(iter(table.values())))
    return [{name: float(values[seed]) for name, values in table.items()} for seed in range(n_seeds)]


class _Clock:
    """Seconds spent in updates and since the start, on top of those that an earlier part of the run took."""

    def __init__(self, train_seconds: float, wall_seconds: float):
        self.train_seconds, self._start = train_seconds, time.perf_counter() - wall_seconds

    @property
    def wall_seconds(self) -> float:
        return time.perf_counter() - self._start

    @contextlib.contextmanager
    def training(self) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.train_seconds += time.perf_counter() - start


class _Interrupt:
    """Turns the first Ctrl-C into a request to stop between chunks, and leaves the second to Python."""

    requested = False

    def __enter__(self) -> "_Interrupt":
        try:
            self._previous = signal.signal(signal.SIGINT, self._request)
        except ValueError:
            self._previous = None  # not the main thread: Ctrl-C does not reach it
        return self

    def __exit__(self, *_: object) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)

    def _request(self, *_: object) -> None:
        self.requested = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        tqdm.write("stopping after this chunk (Ctrl-C again: at once, losing what is not checkpointed)")
