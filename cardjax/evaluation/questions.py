"""What is asked of a policy's rounds: how they are sorted into bins, and what is averaged there."""

import dataclasses
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jax.typing import ArrayLike

from cardjax.env.params import N_ROUNDS, EnvParams
from cardjax.evaluation.played_rounds import LAST_SIZES, PlayedRounds, Subject
from cardjax.evaluation.statistics import FEWEST_DECIDING
from cardjax.evaluation.tally import Tally

BUY, SELL = "buying", "selling"


class Ratio(NamedTuple):
    """A mean in a bin: the sum of one quantity over that of another."""

    unit: str
    of: str
    over: str = "n"
    is_rate: bool = False
    """whether it counts events, or adds up their probabilities: at most 1 in each round."""


class Question(NamedTuple):
    """What a diagnostic sorts rounds by and what it averages."""

    keys: Mapping[str, str]
    """column → unit of what tells the bins apart."""
    bins: Sequence[tuple[float | str, ...]]
    """the keys' values."""
    bin_of: Callable[[PlayedRounds], np.ndarray]
    """the bin of each entry of the quantities, or −1; the second axis is the games'."""
    quantities: Callable[[PlayedRounds], Mapping[str, np.ndarray]]
    ratios: Mapping[str, Ratio]


@dataclasses.dataclass(frozen=True)
class Sums:
    """What is remembered of a bin's rounds: sums per game, and how many games they come from."""

    tally: Tally
    """of the sums, over all games."""
    games_with: Mapping[str, int]
    """In how many games a quantity is not 0 in every round of the bin."""

    def __add__(self, other: "Sums") -> "Sums":
        games = {name: n + other.games_with[name] for name, n in self.games_with.items()}
        return Sums(self.tally + other.tally, games)

    @property
    def n_rounds(self) -> int:
        """Of the quantity `n`, 1 in each round of a seat."""
        return round(self.tally.means["n"] * self.tally.n)


def has_enough_games(
    seeds: Sequence[Sums], names: Sequence[str], unless_none: Sequence[str] = ()
) -> bool:
    """Whether each of some quantities is not 0 in FEWEST_DECIDING games, of every training seed, or
    for those of `unless_none` in no game at all.
    """

    def enough(sums: Sums, name: str) -> bool:
        n = sums.games_with[name]
        return n >= FEWEST_DECIDING or (name in unless_none and n == 0)

    return all(enough(sums, name) for sums in seeds for name in (*names, *unless_none))


PER_ROUND: dict[str, Callable[[PlayedRounds], Any]] = {
    "n": lambda r: np.ones_like(r.edge),
    "edge": lambda r: r.edge,
    "depth": lambda r: r.displayed,
    "sigma": lambda r: r.sigma,
    "position": lambda r: r.position,
    "good_size": lambda r: np.maximum(_towards(r.is_sell, r.position), 0),
    "units": lambda r: np.abs(r.position),
    "trades": lambda r: r.position != 0,
    "buys": lambda r: r.position > 0,
    "passes": lambda r: r.position == 0,
    "sells": lambda r: r.position < 0,
    "value": lambda r: r.expected_pnl,
    "attainable": lambda r: r.attainable,
    "benchmark_size": lambda r: r.benchmark_size,
    "benchmark_position": lambda r: _towards(r.is_sell, r.benchmark_size),
    "benchmark_trades": lambda r: r.benchmark_trades,
    "benchmark_buys": lambda r: np.where(r.is_sell, 0, r.benchmark_trades),
    "benchmark_passes": lambda r: 1 - r.benchmark_trades,
    "benchmark_sells": lambda r: np.where(r.is_sell, r.benchmark_trades, 0),
}
"""What is summed over a bin's rounds."""
SHARES = {
    "buy": Ratio("share", "buys", is_rate=True),
    "pass": Ratio("share", "passes", is_rate=True),
    "sell": Ratio("share", "sells", is_rate=True),
}
BENCHMARK_SHARES = {
    f"benchmark_{name}": r._replace(of=f"benchmark_{r.of}") for name, r in SHARES.items()
}


def questions_of(subject: Subject) -> dict[str, Question]:
    """By the name of a diagnostic; the two about the others only where there are others."""
    params = subject.env_params
    questions = {
        "action_vs_edge": _action_vs_edge(params),
        "size_vs_depth": _size_vs_depth(params),
        "sigma_sensitivity": _sigma_sensitivity(),
    }
    if subject.market.n_players > 1:
        questions |= {
            "observed": _observed_response(),
            "counterfactual": _counterfactual_response(),
        }
    return questions


def _action_vs_edge(params: EnvParams) -> Question:
    # The edge of the better side is |quote noise| − spread / 2, so the noise sets the scale.
    width = float(params.sigma_q) / 4 or 0.125
    first = max(-math.ceil(float(params.spread.max) / 2 / width), -24)
    last = min(
        max(math.ceil((4 * float(params.sigma_q) - float(params.spread.min) / 2) / width), 1), 24
    )
    edges = np.arange(first, last + 1) * width
    n = len(edges) - 1

    def bin_of(r: PlayedRounds) -> np.ndarray:
        return bin_index(edges, r.edge) + n * np.asarray(r.is_sell)

    return Question(
        keys={"better": "", "edge_from": "points", "edge_to": "points"},
        bins=[(side, *map(float, edges[i : i + 2])) for side in (BUY, SELL) for i in range(n)],
        bin_of=bin_of,
        quantities=_per_round,
        ratios={
            "edge": Ratio("points", "edge"),
            "size": Ratio("units", "position"),
            "benchmark_size": Ratio("units", "benchmark_position"),
            **SHARES,
            **BENCHMARK_SHARES,
        },
    )


def _size_vs_depth(params: EnvParams) -> Question:
    scale, liquidity = float(params.sigma_q) or 0.5, params.liquidity
    bands = np.array([0, 0.25, 0.5, 1, math.inf]) * scale
    deepest = float(min(liquidity.cap, liquidity.max))
    depths = np.linspace(min(float(liquidity.min), deepest), deepest, 9)
    n = len(depths)  # eight bins below the cap, and the cap

    def bin_of(r: PlayedRounds) -> np.ndarray:
        depth = np.where(r.displayed >= np.float32(deepest), n - 1, bin_index(depths, r.displayed))
        band = np.searchsorted(bands, r.edge, side="left") - 1
        return np.where(np.asarray(r.edge) > 0, band * n + depth, -1)

    ends = [*itertools.pairwise(depths), (deepest, deepest)]
    return Question(
        keys={
            "edge_from": "points",
            "edge_to": "points",
            "depth_from": "units",
            "depth_to": "units",
        },
        bins=[
            (float(bands[b]), float(bands[b + 1]), float(lo), float(hi))
            for b in range(4)
            for lo, hi in ends
        ],
        bin_of=bin_of,
        quantities=_per_round,
        ratios={
            "depth": Ratio("units", "depth"),
            "size": Ratio("units", "good_size"),
            "benchmark_size": Ratio("units", "benchmark_size"),
        },
    )


def _sigma_sensitivity() -> Question:
    edges = np.arange(0, 9)
    return Question(
        keys={"sigma_from": "points", "sigma_to": "points"},
        bins=[(0.0, 0.0), *((float(low), float(low + 1)) for low in edges[:-1])],
        bin_of=lambda r: np.where(np.asarray(r.sigma) == 0, 0, bin_index(edges, r.sigma) + 1),
        quantities=_per_round,
        ratios={
            "sigma": Ratio("points", "sigma"),
            "trade_rate": Ratio("share", "trades", is_rate=True),
            "benchmark_trade_rate": Ratio("share", "benchmark_trades", is_rate=True),
            "size_of_orders": Ratio("units", "units", "trades"),
            "benchmark_size_of_orders": Ratio("units", "benchmark_size", "benchmark_trades"),
            "captured": Ratio("share of the benchmark's", "value", "attainable"),
            "attainable": Ratio("points per round", "attainable"),
        },
    )


def _observed_response() -> Question:
    lows, highs = np.array([-10, -7, -3, 0, 1, 4, 8]), np.array([-8, -4, -1, 0, 3, 7, 10])

    def bin_of(r: PlayedRounds) -> np.ndarray:
        return _meaningful(r, np.searchsorted(highs, r.last) + len(lows) * np.asarray(r.is_sell))

    return Question(
        keys={"better": "", "last_from": "units", "last_to": "units"},
        bins=[
            (side, float(lo), float(hi))
            for side in (BUY, SELL)
            for lo, hi in zip(lows, highs, strict=True)
        ],
        bin_of=bin_of,
        quantities=lambda r: _per_round(r) | {"last": np.asarray(r.last)},
        ratios={
            "last": Ratio("units", "last"),
            "size": Ratio("units", "good_size"),
            "benchmark_size": Ratio("units", "benchmark_size"),
            **SHARES,
        },
    )


def _changes_of(r: PlayedRounds) -> np.ndarray:
    assert r.change is not None  # this figure is of several players only
    return np.asarray(r.change)


def _counterfactual_response() -> Question:
    n = len(LAST_SIZES)

    def bin_of(r: PlayedRounds) -> np.ndarray:
        n_games = _changes_of(r).shape[1]
        kept = _meaningful(r, n * np.asarray(r.is_sell))[:, :n_games, :, None]
        return np.where(kept < 0, -1, kept + np.arange(n))

    def quantities(r: PlayedRounds) -> dict[str, np.ndarray]:
        changes = _changes_of(r)
        towards = _towards(np.asarray(r.is_sell)[:, : changes.shape[1], :, None], changes)
        return {
            "n": np.ones_like(towards),
            "change": towards,
            "last": np.broadcast_to(LAST_SIZES, towards.shape),
        }

    return Question(
        keys={"better": "", "last_from": "units", "last_to": "units"},
        bins=[(side, float(last), float(last)) for side in (BUY, SELL) for last in LAST_SIZES],
        bin_of=bin_of,
        quantities=quantities,
        ratios={"last": Ratio("units", "last"), "change": Ratio("units", "change")},
    )


def _meaningful(r: PlayedRounds, bins: np.ndarray) -> np.ndarray:
    """Without the games' first rounds, in which nobody has ordered before, and rounds in which no
    order pays.
    """
    later = np.arange(N_ROUNDS)[:, None, None] > 0
    return np.where(later & (np.asarray(r.edge) > 0), bins, -1)


def _per_round(r: PlayedRounds) -> dict[str, np.ndarray]:
    return {name: np.asarray(quantity(r)) for name, quantity in PER_ROUND.items()}


def _towards(is_sell: ArrayLike, position: ArrayLike) -> np.ndarray:
    """A signed size as one that counts towards the better side, or back."""
    return np.where(is_sell, -np.asarray(position), position)


def bin_index(edges: np.ndarray, values: ArrayLike) -> np.ndarray:
    """The bin [low, high) of each value; what lies outside goes to the first or the last."""
    return np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)


def tallies(bins: np.ndarray, n_bins: int, quantities: Mapping[str, np.ndarray]) -> list[Sums]:
    """For each bin, what is remembered of the per-game sums of quantities.

    Args:
        bins: int [rounds, games, …], −1 for none.
        quantities: name → [rounds, games, …].
    """
    n_games, kept = bins.shape[1], bins >= 0
    game = np.broadcast_to(np.arange(n_games).reshape(1, -1, *[1] * (bins.ndim - 2)), bins.shape)
    cell = (game * n_bins + bins)[kept]

    def sums(quantity: np.ndarray) -> np.ndarray:
        return np.bincount(cell, quantity[kept], n_games * n_bins).reshape(n_games, n_bins)

    columns = {name: sums(quantity) for name, quantity in quantities.items()}
    games = {name: (sums(quantity != 0) > 0).sum(0) for name, quantity in quantities.items()}
    return [
        Sums(
            Tally.of({name: column[:, b] for name, column in columns.items()}),
            {name: int(n[b]) for name, n in games.items()},
        )
        for b in range(n_bins)
    ]
