"""What a memory knows of a hidden event: a linear probe from it to the exact belief.

A linear regression reads the probability of each kind of event off the policy's memory (Alain &
Bengio 2017, "Understanding intermediate layers using linear classifier probes"). It is fitted to
one half of the games and judged on the other. What it explains is shown beside what the same
regression explains from the observation alone, which every player has without remembering anything.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import beliefs
from cardjax.env.events import EVENT_KINDS
from cardjax.env.market import CardMarket
from cardjax.env.observation import View
from cardjax.env.params import EnvParams
from cardjax.env.trees import ArrayTree
from cardjax.evaluation.binned_tables import FOR_EXPLAINED, explained, from_games, table_of
from cardjax.evaluation.evaluate import TEST, domain_key
from cardjax.evaluation.figure_data import FigureData, bounds, interval_over, with_bounds
from cardjax.evaluation.match import Seats, play_seats
from cardjax.evaluation.played_rounds import Subject
from cardjax.evaluation.questions import Question, Ratio, Sums, bin_index, tallies
from cardjax.evaluation.tally import Tally
from cardjax.policies.policy import Policy

GAMES_AT_ONCE = 4096
RIDGE = 1e-6
"""The penalty on squared weights, as a share of the rounds: it decides only where inputs are
collinear, as one-hot columns are.
"""
N_BINS = 10
EDGES = np.linspace(0, 1, N_BINS + 1)
"""Bins of the probability that the probe reads off."""
SOURCES = ("memory", "observation")


class _Rounds(NamedTuple):
    """Rounds of whole games; leaves [10, games, A, …]."""

    memory: np.ndarray
    """after the round's observation was seen, which the decision is made with."""
    observation: np.ndarray
    belief: np.ndarray
    """the exact probability of each kind, after the hints."""


class _Probe(NamedTuple):
    """Weights of the linear regressions, float64 [1 + inputs, 6]."""

    of_memory: np.ndarray
    of_observation: np.ndarray


Progress = Callable[[int], object]
Judged = dict[str, np.ndarray]
"""What was exact, and what was read off memory and observation: [10, games, A, 6] each."""


def can_be_probed(subject: Subject) -> bool:
    """Whether there is a hidden event to believe something about, and a memory to ask."""
    policy, n_players = subject.player.policy, subject.market.n_players
    carry = jax.eval_shape(lambda: policy.init(jax.random.key(0), (1, n_players)))
    return subject.market.hides_event and bool(jax.tree.leaves(carry))


def belief_probe(
    subject: Subject, n_games: int, seed: int = 0, progress: Progress = lambda games: None
) -> FigureData:
    """Calibration of the belief that a policy's memory holds, and the share of the exact belief's
    variance that it explains, for each kind of event.

    Args:
        subject: one that `can_be_probed`, with a player axis.
        n_games: of self-play on test draws for each training seed; half of them fit the probe.
        progress: called after each batch with its number of games.

    Raises:
        ValueError: fewer than two games.
    """
    if n_games < 2:
        raise ValueError(f"n_games = {n_games}: must be at least 2, since half fit the probe")
    seeds = [
        _judged(subject, params, n_games, jax.random.fold_in(domain_key(seed, TEST), 1), progress)
        for params in subject.player.params
    ]
    if len(seeds) > 1:
        # All training seeds play the same games: together they are more seats of each.
        seeds.append({name: np.concatenate([s[name] for s in seeds], 2) for name in seeds[0]})
    return _table([_calibration_sums(s) for s in seeds], [_kind_sums(s) for s in seeds])


def _judged(
    subject: Subject, params: ArrayTree, n_games: int, key: Array, progress: Progress
) -> Judged:
    """The second half of the games, with probes that the first half fitted."""
    n_fitted = n_games // 2
    fit, judge = jax.random.split(key)
    probe = _fitted(_batches(subject, params, n_fitted, fit, progress))
    parts = [
        {
            "exact": rounds.belief,
            "memory": _read(probe.of_memory, rounds.memory),
            "observation": _read(probe.of_observation, rounds.observation),
        }
        for rounds in _batches(subject, params, n_games - n_fitted, judge, progress)
    ]
    return {name: np.concatenate([part[name] for part in parts], 1) for name in parts[0]}


def _batches(
    subject: Subject, params: ArrayTree, n_games: int, key: Array, progress: Progress
) -> Iterator[_Rounds]:
    size = min(n_games, GAMES_AT_ONCE)
    for i, start in enumerate(range(0, n_games, size)):
        n, batch_key = min(size, n_games - start), jax.random.fold_in(key, i)
        market, policy = subject.market, subject.player.policy
        leaves = _play(market, policy, size, params, subject.env_params, batch_key)
        yield _Rounds(*(np.asarray(leaf)[:, :n] for leaf in leaves))
        progress(n)


@partial(jax.jit, static_argnums=range(3))
def _play(
    market: CardMarket,
    policy: Policy,
    n_games: int,
    params: ArrayTree,
    env_params: EnvParams,
    key: Array,
) -> tuple[Array, Array, Array]:
    """The leaves of `_Rounds`, of games of self-play."""
    seats = [Seats(policy, params, market.n_players)]
    _, views = play_seats(market, seats, env_params, key, n_games, lambda view, info: view)

    def remember(carry: ArrayTree, view: View) -> tuple[ArrayTree, Array]:
        carry, _ = policy.act(params, carry, view, key)
        return carry, jnp.concatenate(jax.tree.leaves(carry), -1)

    blank = policy.init(key, (n_games, market.n_players))
    memory = jax.lax.scan(remember, blank, views)[1]
    kinds = jnp.stack(beliefs.kind_chances(views.belief), -1)
    return memory, market.encode(views), kinds


def _fitted(batches: Iterator[_Rounds]) -> _Probe:
    """The regressions of least squares, from sums over all rounds."""
    of_memory, of_observation = _Regression(), _Regression()
    for rounds in batches:
        of_memory.add(rounds.memory, rounds.belief)
        of_observation.add(rounds.observation, rounds.belief)
    return _Probe(of_memory.weights(), of_observation.weights())


class _Regression:
    """Least squares, of sums over what was added."""

    def __init__(self) -> None:
        self.squares, self.products = np.zeros(()), np.zeros(())

    def add(self, inputs: np.ndarray, outputs: np.ndarray) -> None:
        """Rounds: inputs [..., n] and outputs [..., 6]."""
        y = outputs.reshape(-1, outputs.shape[-1]).astype(np.float64)
        x = _with_constant(inputs).reshape(len(y), -1)
        self.squares, self.products = self.squares + x.T @ x, self.products + x.T @ y

    def weights(self) -> np.ndarray:
        """[1 + n, 6], the constant's first."""
        n_rounds = self.squares[0, 0]
        penalty = RIDGE * n_rounds * np.eye(len(self.squares))
        return np.linalg.solve(self.squares + penalty, self.products)


def _read(weights: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    return _with_constant(inputs) @ weights


def _with_constant(inputs: np.ndarray) -> np.ndarray:
    """float64 [..., 1 + inputs]; the first column is 1."""
    constant = np.ones((*inputs.shape[:-1], 1))
    return np.concatenate([constant, inputs], -1, dtype=np.float64)


def _calibration_sums(judged: Judged) -> list[Sums]:
    """Of every kind's every bin of what was read off the memory."""
    read, exact = judged["memory"], judged["exact"]
    bins = bin_index(EDGES, read) + N_BINS * np.arange(len(EVENT_KINDS))
    quantities = {"n": np.ones_like(exact), "read": read, "exact": exact}
    return tallies(bins, N_BINS * len(EVENT_KINDS), quantities)


def _kind_sums(judged: Judged) -> list[Sums]:
    """Of every kind, what the shares of explained variance need."""
    p, s, r = judged["memory"], judged["observation"], np.asarray(judged["exact"], np.float64)
    quantities = {"n": np.ones_like(r), "p": p, "s": s, "r": r}
    quantities |= {"pp": p * p, "ss": s * s, "rr": r * r, "pr": p * r, "sr": s * r}
    kinds = np.broadcast_to(np.arange(len(EVENT_KINDS)), r.shape)
    return tallies(kinds, len(EVENT_KINDS), quantities)


def _table(calibration: Sequence[Sequence[Sums]], kinds: Sequence[Sequence[Sums]]) -> FigureData:
    """Rows for every kind's bins; what is explained of a kind is in each of its rows."""
    keys = {"kind": "", "read_from": "", "read_to": ""}
    bins = [
        (kind, float(low), float(high))
        for kind in EVENT_KINDS
        for low, high in itertools.pairwise(EDGES)
    ]
    ratios = {"read": Ratio("", "read"), "exact": Ratio("", "exact")}
    question = Question(keys, bins, lambda r: np.zeros(0), lambda r: {}, ratios)
    table = table_of(question, calibration)
    units = dict(table.units) | {
        column: "share of variance"
        for source in SOURCES
        for column in with_bounds(f"explained_by_{source}")
    }
    explained_of = {
        kind: _explained([seed[i].tally for seed in kinds]) for i, kind in enumerate(EVENT_KINDS)
    }
    rows = [{**row, **explained_of[str(row["kind"])]} for row in table.rows]
    return FigureData(units, rows)


def _explained(seeds: Sequence[Tally]) -> dict[str, float]:
    shares: dict[str, float] = {}
    for source, by in zip(SOURCES, "ps", strict=True):
        interval = from_games(FOR_EXPLAINED, interval_over(partial(explained, by), seeds), seeds)
        shares |= bounds(f"explained_by_{source}", interval)
    return shares
