"""How a policy plays, in tables: what it does against edge, depth, uncertainty and the others, and
what it believes.

Whole games of self-play are collected by one compiled program, batch by batch, and sorted into
bins; a bin remembers a `Tally` of per-game sums, so that memory does not grow with the games (but
for wealth: 44 bytes per game and player). Rounds of one game are not independent: intervals run
over games, by the delta method for a ratio of per-game sums, or over training seeds and the draws
that they share where there are several. The yardstick is the exact benchmark on the very views that
the policy met: the stage game's symmetric equilibrium, which for a single player is the optimum.
"""

import dataclasses
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import jax
import numpy as np

from cardjax.env.execution import RUIN_LEVEL
from cardjax.env.params import N_ROUNDS, EnvParams, make_params
from cardjax.evaluation.belief_probe import belief_probe, can_be_probed
from cardjax.evaluation.binned_tables import (
    FOR_EXPLAINED,
    FOR_SLOPE,
    explained,
    from_games,
    slope,
    table_of,
)
from cardjax.evaluation.evaluate import SELF, TEST, evaluate_grid
from cardjax.evaluation.figure_data import (
    FigureData,
    bounds,
    interval_of_all,
    interval_over,
    printed,
    with_bounds,
)
from cardjax.evaluation.played_rounds import Estimator, PlayedRounds, Subject, batches_of
from cardjax.evaluation.questions import (
    Question,
    Ratio,
    Sums,
    bin_index,
    questions_of,
    tallies,
)
from cardjax.evaluation.statistics import (
    FEWEST_DECIDING,
    Estimate,
    Interval,
    as_estimate,
    quantile_interval,
    rate_interval,
)
from cardjax.evaluation.yardsticks import refuse_charged
from cardjax.policies.trivial import Pass

ORDERS_IN_BIN = 100
"""The fewest that bins of predictions are made of."""
Progress = Callable[[int], object]


def diagnose(
    subject: Subject, n_games: int, seed: int = 0, progress: Progress = lambda games: None
) -> dict[str, FigureData]:
    """All diagnostics of a policy, from self-play on test draws: name → table. Where the maker is a
    player, they are the takers', without ablations.

    Args:
        n_games: for each training seed, and for each point of the ablations.
        progress: called after each batch with the number of games done, of all training seeds:
            `games_of(subject, n_games)` in the end.

    Raises:
        ValueError: no games.
        ParameterError: risk is charged for.
    """
    refuse_charged(subject.market, subject.env_params, "diagnose")
    subject = subject._replace(market=dataclasses.replace(subject.market, squeeze=False))
    tables = tables_of_play(subject, n_games, seed, progress)
    if can_be_probed(subject):
        probe = belief_probe(subject, n_games, seed, progress)
        tables["belief_probe"] = dataclasses.replace(probe, about={"policy": subject.name})
    if subject.market.has_maker:  # who answers a change of the market with other quotes
        return tables
    return tables | {"ablations": ablations(subject, n_games, seed, progress)}


def games_of(subject: Subject, n_games: int) -> int:
    """How many games `diagnose` plays in all."""
    ablated = 0 if subject.market.has_maker else len(ablation_points(subject.env_params))
    parts = 1 + can_be_probed(subject) + ablated
    return n_games * len(subject.player.params) * parts


def tables_of_play(
    subject: Subject, n_games: int, seed: int = 0, progress: Progress = lambda games: None
) -> dict[str, FigureData]:
    """All diagnostics that come from games in the subject's own market."""
    if n_games < 1:
        raise ValueError(f"n_games = {n_games}: must be at least 1")
    subject = subject._replace(market=dataclasses.replace(subject.market, squeeze=False))
    # A memory for each training seed and, where there are several, one for all of them together,
    # since they play the same games.
    n_seeds = len(subject.player.params)
    questions = questions_of(subject)
    seeds = [_Memory(questions) for _ in range(n_seeds + (n_seeds > 1))]
    for batch in batches_of(subject, n_games, seed):
        edges = _prediction_bins(batch)
        together = [_as_seats_of_one_game(batch)] if n_seeds > 1 else []
        for memory, rounds in zip(seeds, [*batch, *together], strict=True):
            memory.add(rounds, edges)
        progress(batch[0].edge.shape[1] * len(batch))
    about = {
        "policy": subject.name,
        "benchmark": "equilibrium" if subject.market.n_players > 1 else "optimum",
    }
    tables = _binned_tables(seeds) | {
        "value_calibration": _calibration(subject, seeds),
        "wealth_fan": _wealth_fan(
            [memory.wealth() for memory in seeds], float(subject.env_params.initial_wealth)
        ),
    }
    return {
        name: dataclasses.replace(table, about=about | dict(table.about))
        for name, table in tables.items()
    }


def _as_seats_of_one_game(seeds: Sequence[PlayedRounds]) -> PlayedRounds:
    """All seeds' rounds [10, games, A] as [10, games, seeds · A]."""
    return jax.tree.map(lambda *leaves: np.concatenate(leaves, 2), *seeds)


# What is kept of the games


PAIR = ("n", "p", "r", "s", "pp", "rr", "ss", "pr", "sr")
"""Sums of predictions p, returns r, the stage game's values s, and of their products."""


class _Memory:
    """What is kept of one training seed's games."""

    def __init__(self, questions: Mapping[str, Question]) -> None:
        self.questions = questions
        self.sums: dict[str, list[Sums]] = {}
        self._wealth: list[np.ndarray] = []

    def add(self, rounds: PlayedRounds, predictions: np.ndarray) -> None:
        """A batch; the first one's `predictions`, the bins of calibration, stay."""
        for name, question in self.questions.items():
            needed = {
                column for ratio in question.ratios.values() for column in (ratio.of, ratio.over)
            } | {"n"}
            quantities = {k: v for k, v in question.quantities(rounds).items() if k in needed}
            self._keep(name, tallies(question.bin_of(rounds), len(question.bins), quantities))
        if not hasattr(self, "predictions"):
            self.predictions = predictions
        pair, order = _pair(rounds), np.asarray(rounds.position) != 0
        bins = np.where(order, bin_index(self.predictions, rounds.predicted) + 1, 0)
        self._keep(
            "calibration",
            tallies(bins, len(self.predictions), {k: pair[k] for k in ("n", "p", "r")}),
        )
        self._keep("all", tallies(np.zeros_like(bins), 1, pair))
        self._keep("orders", tallies(np.where(order, 0, -1), 1, pair))
        self._wealth.append(np.asarray(rounds.wealth))

    def wealth(self) -> np.ndarray:
        """float32 [10, games, A], after each round."""
        return np.concatenate(self._wealth, 1)

    def _keep(self, name: str, new: list[Sums]) -> None:
        old = self.sums.get(name)
        self.sums[name] = new if old is None else [a + b for a, b in zip(old, new, strict=True)]


# From bins to tables


def _binned_tables(seeds: Sequence[_Memory]) -> dict[str, FigureData]:
    """The tables of all questions; the observed and the counterfactual answers share one."""
    tables = {
        name: table_of(question, [memory.sums[name] for memory in seeds])
        for name, question in seeds[0].questions.items()
    }
    tables["sigma_sensitivity"] = _with_shares_of_value(tables["sigma_sensitivity"])
    if "observed" not in tables:
        return tables
    parts = {kind: tables.pop(kind) for kind in ("observed", "counterfactual")}
    units = {"kind": "", **parts["observed"].units, **parts["counterfactual"].units}
    blank = dict.fromkeys(units, math.nan)
    rows = [
        blank | {"kind": kind} | dict(row) for kind, table in parts.items() for row in table.rows
    ]
    return tables | {"opponent_response": FigureData(units, rows)}


def _with_shares_of_value(table: FigureData) -> FigureData:
    """With each bin's part of all that was attainable, beside which a bin's own share may count for
    little.
    """
    value = table["attainable"] * table["n_rounds"] if table.rows else np.zeros(0)
    shares = value / value.sum() if value.sum() else np.full(value.shape, math.nan)
    rows = [
        dict(row) | {"share_of_value": float(share)}
        for row, share in zip(table.rows, shares, strict=True)
    ]
    return FigureData(dict(table.units) | {"share_of_value": "share"}, rows)


# What is believed


def _prediction_bins(batch: Sequence[PlayedRounds]) -> np.ndarray:
    """Bounds of up to 12 bins with equally many orders each, by their predicted value."""
    orders = np.concatenate([np.asarray(r.predicted)[np.asarray(r.position) != 0] for r in batch])
    n_bins = int(np.clip(len(orders) // ORDERS_IN_BIN, 1, 12))
    if len(orders) == 0:
        return np.array([0.0, 1.0])
    edges = np.unique(np.quantile(orders, np.linspace(0, 1, n_bins + 1)))
    return edges if len(edges) > 1 else edges[0] + np.array([-0.5, 0.5])


def _pair(rounds: PlayedRounds) -> dict[str, np.ndarray]:
    """PAIR's columns, float64."""
    p, r, s = (
        np.asarray(x, np.float64) for x in (rounds.predicted, rounds.realised, rounds.stage_value)
    )
    return dict(
        zip(PAIR, (np.ones_like(p), p, r, s, p * p, r * r, s * s, p * r, s * r), strict=True)
    )


def _calibration(subject: Subject, seeds: Sequence[_Memory]) -> FigureData:
    """Bins of predicted value, of passes (one bin) and of orders; and what holds for all of them,
    in every row.
    """
    estimator = subject.estimator
    overall: dict[str, float] = {}
    for name, of_what in (("", "all"), ("_of_orders", "orders")):
        sums = [memory.sums[of_what][0].tally for memory in seeds]
        overall |= bounds(f"slope{name}", from_games(FOR_SLOPE, interval_over(slope, sums), sums))
        overall |= bounds(
            f"explained_variance{name}",
            from_games(FOR_EXPLAINED, interval_over(partial(explained, "p"), sums), sums),
        )
        comparable = estimator is None or not (
            estimator.gamma or estimator.shared or estimator.log_wealth
        )
        attainable = (
            from_games(FOR_EXPLAINED, interval_over(partial(explained, "s"), sums), sums)
            if comparable
            else Interval(math.nan, None, None)
        )
        overall |= bounds(f"stage_game_explained_variance{name}", attainable)
    unit = "ln points" if estimator is not None and estimator.log_wealth else "points"
    orders = [
        ("order", float(low), float(high)) for low, high in itertools.pairwise(seeds[0].predictions)
    ]
    bins = [("pass", math.nan, math.nan), *orders]
    ratios = {"predicted": Ratio(unit, "p"), "realised": Ratio(unit, "r")}
    keys = {"action": "", "predicted_from": unit, "predicted_to": unit}
    question = Question(keys, bins, lambda r: np.zeros(0), lambda r: {}, ratios)
    table = table_of(question, [memory.sums["calibration"] for memory in seeds])
    units = dict(table.units) | dict.fromkeys(overall, "")
    return FigureData(
        units, [dict(row) | overall for row in table.rows], _calibration_words(estimator, unit)
    )


def _calibration_words(estimator: Estimator | None, unit: str) -> dict[str, str]:
    if estimator is None:
        return {
            "predicted": f"stage game's expected P&L ({unit})",
            "realised": f"realised expected P&L ({unit})",
        }
    what = "change of ln wealth" if estimator.log_wealth else "expected P&L"
    what = f"{what}, mean of all players" if estimator.shared else what
    discounted = f"discounted return, γ = {estimator.gamma:g}\n"
    realised = f"{discounted if estimator.gamma else 'realised '}{what} ({unit})"
    return {"predicted": f"{estimator.name} ({unit})", "realised": realised}


# Wealth


FAN = {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95}


def _wealth_fan(seeds: Sequence[np.ndarray], initial: float) -> FigureData:
    """Rows for the start and after each round, from wealth [10, games, A] of each seed."""
    points = {name: "points" for quantity in ("mean", *FAN) for name in with_bounds(quantity)}
    units = {
        "round": "",
        **points,
        **dict.fromkeys(with_bounds("ruined"), "share"),
        "ruin_line": "points",
    }
    line = RUIN_LEVEL * initial
    paths = [np.concatenate([np.full_like(wealth[:1], initial), wealth]) for wealth in seeds]
    ruined = [np.logical_or.accumulate(path <= np.float32(line)) for path in paths]
    rows = []
    for t in range(N_ROUNDS + 1):
        row = {"round": float(t)} | bounds(
            "mean", _mean_wealth([path[t].mean(-1) for path in paths], initial)
        )
        for name, q in FAN.items():
            row |= bounds(name, _quantile_interval([path[t] for path in paths], q))
        of_ruin = _mean_interval([out[t].mean(-1) for out in ruined])
        row |= bounds("ruined", rate_interval(of_ruin, len(ruined[0][t])))
        rows.append(row | {"ruin_line": line})
    return FigureData(units, rows)


def _mean_wealth(seeds: Sequence[np.ndarray], initial: float) -> Interval:
    """`_mean_interval`; without bounds while it has changed in few games."""
    interval = _mean_interval(seeds)
    n_changed = min(int((wealth != np.float32(initial)).sum()) for wealth in seeds)
    if 0 < n_changed < FEWEST_DECIDING:
        return interval.without_bounds
    return interval


def _mean_interval(seeds: Sequence[np.ndarray]) -> Interval:
    """Of values [games] of each seed, and of all together."""
    return interval_of_all(
        [Estimate(float(v.mean()), float(v.var(ddof=1)) / len(v), len(v)) for v in seeds]
        if len(seeds[0]) > 1
        else [Estimate(float(v.mean()), math.nan, 1) for v in seeds]
    )


def _quantile_interval(seeds: Sequence[np.ndarray], q: float) -> Interval:
    """Of wealth [games, A] of each seed, and of all together."""

    def of_games(wealth: np.ndarray) -> Interval:
        ordered = np.sort(wealth, None)
        middle = np.quantile(ordered, q)
        return quantile_interval(
            lambda share: float(np.quantile(ordered, share)),
            q,
            float((wealth <= middle).mean(1).var() / len(wealth)),
            len(wealth),
        )

    if len(seeds) == 1:
        return of_games(seeds[0])
    return interval_of_all([as_estimate(of_games(wealth), len(wealth)) for wealth in seeds])


# Ablations


def ablation_points(params: EnvParams) -> dict[str, EnvParams]:
    """The subject's own market, and the four that differ from it in one switch, turned to where it
    is not.

    Single switches and not all 16 combinations: each row reads as one sentence, "without X the
    score is …", for a third of the games; what the sixteen would add are interactions, which nobody
    asked about.
    """
    flags, liquidity = params.flags, params.liquidity
    known = float(liquidity.cap) >= float(liquidity.max)
    persists = float(params.event_persist) > 0
    default = EnvParams()
    changes: dict[str, dict[str, object]] = {
        "events off" if flags.enable_events else "events on": {
            "flags.enable_events": not flags.enable_events
        },
        "impact off" if flags.enable_impact else "impact on": {
            "flags.enable_impact": not flags.enable_impact
        },
        "depth partly known" if known else "depth known": {
            "liquidity.cap": float(default.liquidity.cap) if known else float(liquidity.max)
        },
        "events do not persist" if persists else "events persist": {
            "event_persist": 0.0 if persists else float(default.event_persist)
        },
    }
    return {"own market": params} | {
        name: make_params(params, **change) for name, change in changes.items()
    }


def ablations(
    subject: Subject, n_games: int, seed: int = 0, progress: Progress = lambda games: None
) -> FigureData:
    """Score and expected P&L at `ablation_points`, all played by one compiled program on the same
    draws.
    """
    points = ablation_points(subject.env_params)
    grid = jax.tree.map(lambda *leaves: np.stack(leaves), *points.values())
    results = evaluate_grid(
        subject.market,
        grid,
        subject.player,
        {SELF: Pass()},
        n_games,
        seed,
        TEST,
        progress,
        exact_values=False,
    )
    units = {"market": "", **dict.fromkeys(with_bounds("score"), "share of the benchmark's")}
    units |= dict.fromkeys(
        (*with_bounds("expected_pnl"), "benchmark_expected_pnl"), "points per game"
    )
    units |= {"score_by_seed": ""}
    rows: list[dict[str, float | str]] = []
    for name, (result,) in zip(points, results, strict=True):
        expected, regret = result.mean_expected_pnl, result.metrics["regret"].mean
        row = bounds("score", result.score) | bounds("expected_pnl", expected)
        by_seed = {"score_by_seed": " ".join(printed(score) for score in result.scores)}
        rows.append(
            {
                "market": name,
                **row,
                "benchmark_expected_pnl": expected.mean + N_ROUNDS * regret,
                **by_seed,
            }
        )
    benchmark = "equilibrium" if subject.market.n_players > 1 else "optimum"
    return FigureData(units, rows, {"policy": subject.name, "benchmark": benchmark})
