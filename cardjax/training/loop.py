"""The training loop on the host: compiled chunks of updates, and between them progress, logs,
scores, checkpoints.
"""

import contextlib
import dataclasses
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import jax
import numpy as np
from tqdm import tqdm

from cardjax.agents.learner import Learner
from cardjax.env.declaration import ParameterError
from cardjax.env.trees import ArrayTree
from cardjax.run.identity import Run
from cardjax.run.journal import Journal
from cardjax.run.learners import make_learner
from cardjax.run.restoring import restore
from cardjax.run.run_folder import held
from cardjax.runtime import interruption, processes
from cardjax.runtime.interruption import Postponed
from cardjax.training.replicates import Replicates
from cardjax.training.scores import Scores
from cardjax.training.warm_start import learned_for

CHEAP_SAVE, SAVE_PATIENCE = 2.0, 20
"""A checkpoint that took more than so many seconds is followed by the next after so many times as
long.
"""
LOG_POINTS = 200
"""Rows per seed in metrics.csv, at most: a chunk is total_updates / LOG_POINTS updates."""


@dataclasses.dataclass
class Outcome:
    """What the training of a run came to."""

    policy_params: ArrayTree
    """the learner's, as NumPy arrays, leaves [n_seeds, …]."""
    n_updates: int
    rounds: int
    """played by each seed."""
    train_seconds: float
    """spent in updates, of all runs of the program together: compilation, evaluation and
    checkpoints apart.
    """
    wall_seconds: float
    """of the whole training, all that included; from the first start to the last resumption's end.
    """
    interrupted: bool
    baselines: dict[str, float]
    """scores of `scores.BASELINES` on the validation draws."""


def train(runs: Sequence[Run], varied: Sequence[str] = (), resume: bool = False) -> list[Outcome]:
    """Train every seed of every run, as one program, for `train.total_steps` rounds; each run ends
    with a checkpoint.

    Ctrl-C ends the training after the chunk that is running, with a checkpoint; a second one ends
    it at once.

    Args:
        runs: they differ in the values of `varied` alone.
        varied: names of traced values (`grid.traced_names`); everything else is a constant of the
            program.
        resume: continue from the last checkpoint that all runs have.

    Returns:
        One outcome a run; in processes other than the first, which neither score nor write, none.

    Raises:
        ParameterError: a folder that cannot be written or that another process trains, or
            checkpoints that do not fit, cannot be read, or are of more rounds than there are to be.
    """
    learner = make_learner(runs[0].algorithm, runs[0].config)
    replicates = Replicates(learner, [run.config for run in runs], varied)
    with contextlib.ExitStack() as stack:
        journals = [_opened(run, stack) for run in runs] if processes.is_first() else []
        saved, done = _saved_state(replicates, journals) if resume else (None, 0)
        _refuse_too_short(runs[0], done * learner.rounds_per_update, done > learner.total_updates)
        learned = _learned(runs) if saved is None else {}
        request = stack.enter_context(interruption.postponed(_say_that_it_stops))
        return _Loop(learner, replicates, runs, journals, request).run(saved, done, learned)


def _opened(run: Run, stack: contextlib.ExitStack) -> Journal:
    """The run's journal, for this process alone until the stack is unwound."""
    stack.enter_context(held(run.folder))
    journal = Journal(run)
    stack.callback(journal.close)
    return journal


States: TypeAlias = list[ArrayTree]
"""The replicates' states, as `Replicates` keeps them."""


def _learned(runs: Sequence[Run]) -> dict[str, ArrayTree]:
    """What the runs begin with in place of fresh fields of the state, leaves [n_replicates, …]; the
    same in every process, which all read it themselves.
    """
    each = [learned_for(run) for run in runs]
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *each)


def _refuse_too_short(run: Run, rounds: int, is_shorter: bool) -> None:
    if is_shorter:
        allowed = f"must be at least {rounds:,}, the rounds that {run.folder} has trained for"
        raise ParameterError("train.total_steps", run.config.train.total_steps, allowed)


def _saved_state(replicates: Replicates, journals: Sequence[Journal]) -> tuple[States | None, int]:
    """(state, updates done) of the last common checkpoint; (None, 0) if there is none."""
    like = replicates.shapes
    done, saved = restore(journals, like) if journals else (0, None)
    done = int(processes.from_first(np.int32(done)))
    if not done:
        return None, 0
    blank = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), like)
    return replicates.from_host(processes.from_first(blank if saved is None else saved)), done


def _say_that_it_stops() -> None:
    said = "stopping after this chunk (Ctrl-C again: at once, losing what is not checkpointed)"
    tqdm.write(said, file=sys.stderr)


class _Loop:
    """Chunks of updates, and what happens between them."""

    def __init__(
        self,
        learner: Learner,
        replicates: Replicates,
        runs: Sequence[Run],
        journals: Sequence[Journal],
        request: Postponed,
    ):
        self._learner, self._replicates, self._runs = learner, replicates, runs
        self._journals, self._request = journals, request
        self._per_run = replicates.n_replicates // len(runs)
        self._saved_at, self._save_seconds = 0.0, 0.0
        self._score = Scores(learner, replicates, len(runs), runs[0].config.train.eval_games)

    def run(
        self, state: States | None, done: int, learned: Mapping[str, ArrayTree]
    ) -> list[Outcome]:
        """Train on from a saved state, or else from a fresh one with the fields `learned`."""
        total, per_update = self._learner.total_updates, self._learner.rounds_per_update
        for journal in self._journals:
            journal.begin(done, per_update)
        with tqdm(
            total=total * per_update,
            initial=done * per_update,
            unit="round",
            unit_scale=True,
            dynamic_ncols=True,
            disable=not self._journals,
        ) as bar:
            bar.set_description("compiling")
            if state is None:
                state, chunk = self._replicates.start()
                state = self._replicates.after_learning(state, learned)
            else:
                chunk = self._replicates.compile()
            clock = self._clock()
            bar.set_description("training")
            evaluate_at = _milestones(total, self._runs[0].config.train.n_evals)
            while done < total and not processes.any_process(self._request.signum is not None):
                n = min(
                    math.ceil(total / LOG_POINTS), min(m for m in evaluate_at if m > done) - done
                )
                with clock.training():
                    state, metrics = chunk(state, n)
                done += n
                scores = self._scores(state, bar) if done in evaluate_at else None
                for i, journal in enumerate(self._journals):
                    own = None if scores is None else {k: v[self._of(i)] for k, v in scores.items()}
                    rows = self._metrics_of(i, metrics)
                    journal.add(
                        done * per_update, clock.train_seconds, clock.wall_seconds, rows, own
                    )
                if done in evaluate_at:
                    if (
                        self._worth_saving()
                    ):  # after the log: resuming drops rows past the checkpoint, it invents none
                        self._save(done, state)
                    self._draw()
                bar.update(n * per_update)
            self._save(done, state)
        return self._outcomes(state, done, clock)

    def _of(self, run: int) -> slice:
        return slice(run * self._per_run, (run + 1) * self._per_run)

    def _clock(self) -> "_Clock":
        log = self._journals[0].log if self._journals else None
        return _Clock(log.train_seconds, log.wall_seconds) if log else _Clock(0, 0)

    def _scores(self, state: States, bar: tqdm) -> dict[str, np.ndarray] | None:
        params = self._replicates.policy_params(state)
        if not self._journals:
            return None
        scores = self._score(params)
        of_runs = scores["score"].reshape(len(self._runs), -1).mean(1)
        best = f"score {of_runs[0]:.3f}" if len(of_runs) == 1 else f"best score {of_runs.max():.3f}"
        bar.set_postfix_str(best if np.isfinite(of_runs).any() else "no score")
        return scores

    def _metrics_of(self, run: int, metrics: dict[str, np.ndarray]) -> list[dict[str, float]]:
        own = {name: values[self._of(run)] for name, values in sorted(metrics.items())}
        return [
            {name: float(values[seed]) for name, values in own.items()}
            for seed in range(self._per_run)
        ]

    def _save(self, done: int, state: States) -> None:
        if (
            all(done in journal.checkpoints.steps() for journal in self._journals)
            and jax.process_count() == 1
        ):
            return
        start = time.perf_counter()
        host = self._replicates.to_host(state)
        for i, journal in enumerate(self._journals):
            journal.checkpoints.save(done, jax.tree.map(lambda leaf, i=i: leaf[self._of(i)], host))
        self._saved_at = time.perf_counter()
        self._save_seconds = self._saved_at - start

    def _worth_saving(self) -> bool:
        """Whether a checkpoint costs little beside what it may save: replays of many seeds take
        long to write.

        Of several processes all have to answer alike, so they always save.
        """
        waited = time.perf_counter() - self._saved_at
        cheap = self._save_seconds < CHEAP_SAVE or waited > SAVE_PATIENCE * self._save_seconds
        return cheap or jax.process_count() > 1

    def _draw(self, now: bool = False) -> None:
        for i, journal in enumerate(self._journals):
            journal.draw(self._score.baselines[i], now)

    def _outcomes(self, state: States, done: int, clock: "_Clock") -> list[Outcome]:
        params = self._replicates.policy_params(state)
        self._draw(now=True)
        return [
            Outcome(
                policy_params=jax.tree.map(lambda leaf, i=i: leaf[self._of(i)], params),
                n_updates=done,
                rounds=done * self._learner.rounds_per_update,
                train_seconds=clock.train_seconds,
                wall_seconds=clock.wall_seconds,
                interrupted=done < self._learner.total_updates,
                baselines=self._score.baselines[i],
            )
            for i in range(len(self._journals))
        ]


def _milestones(total: int, n: int) -> set[int]:
    return {max(1, round(i * total / n)) for i in range(1, n + 1)}


class _Clock:
    """Seconds spent in updates and since the start, on top of those that an earlier part of the run
    took.
    """

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
