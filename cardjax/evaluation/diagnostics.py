"""How a policy plays, in tables: what it does against edge, depth, uncertainty and the others, and what it believes.

Whole games of self-play are collected by one compiled program, batch by batch, and sorted into bins; a bin remembers a
`Tally` of per-game sums, so that memory does not grow with the games (but for wealth: 44 bytes a game and player).
Rounds of one game are not independent: intervals run over games, by the delta method for a ratio of per-game sums, or
over training seeds where there are several. The yardstick is the exact benchmark on the very views that the policy met:
the stage game's symmetric equilibrium, which for a single player is the optimum.
"""

import csv
import dataclasses
import io
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env.execution import MAX_SIZE, N_ACTIONS, PASS, RUIN_LEVEL, position_of
from cardjax.env.market import CardMarket
from cardjax.env.observation import View
from cardjax.env.params import N_ROUNDS, EnvParams, make_params
from cardjax.evaluation.evaluate import SELF, TEST, Player, domain_key, evaluate_grid
from cardjax.evaluation.match import Seats, play_seats
from cardjax.evaluation.statistics import Interval, delta_interval, t_interval
from cardjax.evaluation.tally import Tally
from cardjax.policies.protocol import Policy
from cardjax.policies.stage_game import expected_pnl, flow_of_others, good_side, symmetric_equilibrium
from cardjax.policies.trivial import Pass

GAMES_AT_ONCE = 4096
COUNTERFACTUAL_GAMES = 1024
"""Of each batch: every one of their views is decided on 21 times more."""
FEWEST_ROUNDS = 100
"""A bin with fewer rounds, of any training seed, is left out: its interval would say nothing."""
HIDDEN = ("S", "depth_bid", "depth_ask")
"""What no player sees, and a critic may."""
LAST_SIZES = np.arange(-MAX_SIZE, MAX_SIZE + 1)
BUY, SELL = "buying", "selling"
Values = Callable[[Any, View, Mapping[str, Array]], Array]
Progress = Callable[[int], object]


# What is asked, and the answer


@dataclasses.dataclass(frozen=True)
class Estimator:
    """What a learner expects to follow from a round."""

    name: str
    """for an axis, such as "critic's action value"."""
    values: Values
    """(params, views [10, games, A], HIDDEN by name [10, games]) → float32 [10, games, A, 21], of all actions, or
    [10, games, A, 1], of the view; hashable."""
    gamma: float = 0.0
    shared: bool = False
    """each player is paid the mean of all players' rewards."""
    log_wealth: bool = False
    """the reward is the change of ln W, and not P&L."""


class Subject(NamedTuple):
    """Who is looked at, and where."""

    name: str
    player: Player
    market: CardMarket
    env_params: EnvParams
    estimator: Estimator | None = None
    """none: the stage game's own expected P&L takes its place."""
    estimator_params: Sequence[Any] = ()
    """one entry for each training seed."""


@dataclasses.dataclass(frozen=True)
class Table:
    """The numbers behind one figure."""

    units: Mapping[str, str]
    """column → unit ("" for none), in order."""
    rows: Sequence[Mapping[str, float | str]]
    """a number that is not known is NaN."""
    about: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """words for legends and labels; not in the CSV."""

    def __getitem__(self, name: str) -> np.ndarray:
        """A column, [rows]."""
        return np.array([row[name] for row in self.rows])

    def where(self, **equal: float | str) -> "Table":
        """The rows in which columns have these values."""
        return dataclasses.replace(self, rows=[row for row in self.rows if all(row[k] == v for k, v in equal.items())])

    @property
    def header(self) -> list[str]:
        """Column names, with units in brackets."""
        return [f"{name} [{unit}]" if unit else name for name, unit in self.units.items()]

    def as_csv(self) -> str:
        """A line of `header`, then the rows; NaN is left blank."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(self.header)
        writer.writerows([_printed(row[name]) for name in self.units] for row in self.rows)
        return file.getvalue()


def diagnose(
    subject: Subject, n_games: int, seed: int = 0, progress: Progress = lambda games: None
) -> dict[str, Table]:
    """All diagnostics of a policy, from self-play on test draws: name → table.

    Args:
        n_games: for each training seed, and for each point of the ablations.
        progress: called with the number of games done after each batch.

    Raises:
        ValueError: no games.
    """
    return tables_of_play(subject, n_games, seed, progress) | {"ablations": ablations(subject, n_games, seed, progress)}


def tables_of_play(
    subject: Subject, n_games: int, seed: int = 0, progress: Progress = lambda games: None
) -> dict[str, Table]:
    """All diagnostics that come from games in the subject's own market."""
    if n_games < 1:
        raise ValueError(f"n_games = {n_games}: must be at least 1")
    subject = subject._replace(market=dataclasses.replace(subject.market, squeeze=False))
    seeds = [_Memory(_questions(subject)) for _ in subject.player.params]
    for batch in _batches(subject, n_games, seed):
        edges = _prediction_bins(batch)
        for memory, rounds in zip(seeds, batch, strict=True):
            memory.add(rounds, edges)
        progress(batch[0].edge.shape[1])
    about = {"policy": subject.name, "benchmark": "equilibrium" if subject.market.n_players > 1 else "optimum"}
    tables = _binned_tables(seeds) | {
        "value_calibration": _calibration(subject, seeds),
        "wealth_fan": _wealth_fan([memory.wealth() for memory in seeds], float(subject.env_params.initial_wealth)),
    }
    return {name: dataclasses.replace(table, about=about | dict(table.about)) for name, table in tables.items()}


# Playing


class Rounds(NamedTuple):
    """One batch of games of a training seed, round by round; leaves [10, games, A]."""

    edge: Array
    """of the better side of the quote, points a unit; below 0 neither side is worth taking."""
    is_sell: Array
    """the better side is the bid."""
    displayed: Array
    """depth on the better side, units."""
    sigma: Array
    position: Array
    """as executed, signed units: buys above 0."""
    expected_pnl: Array
    """with mu in place of S, points."""
    last: Array
    """the signed size that the next seat executed last round."""
    benchmark_size: Array
    """the benchmark's mean size on the better side, units."""
    benchmark_trades: Array
    """its chance of an order."""
    attainable: Array
    """its expected P&L, points."""
    stage_value: Array
    """expected P&L of the order given the view and what the others ordered, hidden depth integrated out."""
    predicted: Array
    realised: Array
    wealth: Array
    """after the round."""
    change: Any
    """[10, games, A, 21], the first COUNTERFACTUAL_GAMES: how the signed size changes if all others' last orders are
    taken to be LAST_SIZES; () for a single player."""


def _batches(subject: Subject, n_games: int, seed: int) -> Iterator[list[Rounds]]:
    """For each batch of games, the same market draws for all: the rounds of each training seed."""
    size, root = min(n_games, GAMES_AT_ONCE), domain_key(seed, TEST)
    play = partial(_play, subject.market, subject.player.policy, subject.estimator, size)
    believed = subject.estimator_params or [()] * len(subject.player.params)
    for i, start in enumerate(range(0, n_games, size)):
        n, key = min(size, n_games - start), jax.random.fold_in(root, i)
        yield [
            jax.tree.map(lambda leaf, n=n: np.asarray(leaf)[:, :n], play(own, beliefs, subject.env_params, key))
            for own, beliefs in zip(subject.player.params, believed, strict=True)
        ]


@partial(jax.jit, static_argnums=range(4))
def _play(
    market: CardMarket, policy: Policy, estimator: Estimator | None, n_games: int, params: Any, beliefs: Any,
    env_params: EnvParams, key: Array,
) -> Rounds:  # fmt: skip
    params = env_params if params is None else params

    def record(view: View, info: dict[str, Array]) -> tuple[dict[str, Array], View, dict[str, Array]]:
        return _record(env_params, view, info), view, {name: info[name] for name in HIDDEN}

    seats = [Seats(policy, params, market.n_players)]
    _, (columns, views, hidden) = play_seats(market, seats, env_params, key, n_games, record)
    action = columns.pop("action")
    predicted, realised = columns["stage_value"], columns["expected_pnl"]
    if estimator is not None:
        values = estimator.values(beliefs, views, hidden)
        predicted = values[..., 0] if values.shape[-1] == 1 else _at(values, action)
        realised = _realised(estimator, columns, views)
    change = () if market.n_players == 1 else _changes(policy, params, views, key)
    return Rounds(**columns, predicted=predicted, realised=realised, change=change)


def _record(params: EnvParams, view: View, info: dict[str, Array]) -> dict[str, Array]:
    """Most of `Rounds`' leaves, and the actions, for views [games, A]."""
    side, action = good_side(view), info["action"]
    best = symmetric_equilibrium(params, view, view.others_last.shape[-1] + 1)
    position = position_of(action).astype(jnp.float32)
    values = expected_pnl(params, view, flow_of_others(jax.nn.one_hot(action, N_ACTIONS)))
    return {
        "edge": side.edge,
        "is_sell": side.is_sell,
        "displayed": side.displayed,
        "sigma": view.sigma,
        "position": position,
        "expected_pnl": position * (info["mu"][:, None] - info["exec_price"]),
        "last": view.others_last[..., 0] if view.others_last.shape[-1] else jnp.zeros_like(action),
        "benchmark_size": best.size + best.p_more,
        "benchmark_trades": jnp.where(best.size > 0, 1, best.p_more),
        "attainable": best.payoff,
        "stage_value": _at(values, action),
        "wealth": info["wealth"],
        "action": action,
    }


def _realised(estimator: Estimator, columns: dict[str, Array], views: View) -> Array:
    """The discounted return of what the learner is paid, with mu in place of S where that is P&L: [10, games, A]."""
    reward = columns["expected_pnl"]
    if estimator.log_wealth:
        reward = jnp.log(jnp.maximum(columns["wealth"], 1)) - jnp.log(jnp.maximum(views.wealth, 1))
    if estimator.shared:
        reward = jnp.broadcast_to(reward.mean(-1, keepdims=True), reward.shape)

    def earlier(after: Array, now: Array) -> tuple[Array, Array]:
        total = now + estimator.gamma * after
        return total, total

    return jax.lax.scan(earlier, jnp.zeros_like(reward[0]), reward, reverse=True)[1]


def _changes(policy: Policy, params: Any, views: View, key: Array) -> Array:
    """`Rounds.change`: the games' views are decided on again, with the same random numbers whatever is put in."""
    views = jax.tree.map(lambda leaf: leaf[:, :COUNTERFACTUAL_GAMES], views)

    def play_round(carry: Any, now: tuple[View, Array]) -> tuple[Any, Array]:
        view, key = now

        def position_if(last: Array) -> Array:
            seen = view._replace(others_last=jnp.full_like(view.others_last, last))
            return _position(view, policy.act(params, carry, seen, key)[1])

        after, action = policy.act(params, carry, view, key)
        positions = jax.lax.map(position_if, jnp.asarray(LAST_SIZES, jnp.int32))
        return after, jnp.moveaxis(positions, 0, -1) - _position(view, action)[..., None]

    carry = policy.init(key, views.wealth.shape[1:])
    return jax.lax.scan(play_round, carry, (views, jax.random.split(key, N_ROUNDS)))[1]


def _position(view: View, action: Array) -> Array:
    """Signed units that an action comes to: an invalid one to none."""
    known = jnp.clip(action, 0, N_ACTIONS - 1)
    valid = (known == action) & _at(view.action_mask, known)
    return position_of(jnp.where(valid, known, PASS)).astype(jnp.float32)


def _at(values: Array, action: Array) -> Array:
    return jnp.take_along_axis(values, action[..., None], -1)[..., 0]


# Sorting into bins


class Ratio(NamedTuple):
    """A mean in a bin: the sum of one quantity over that of another."""

    unit: str
    of: str
    over: str = "n"


class Question(NamedTuple):
    """What a diagnostic sorts rounds by and what it averages."""

    keys: Mapping[str, str]
    """column → unit of what tells the bins apart."""
    bins: Sequence[tuple[float | str, ...]]
    """the keys' values."""
    bin_of: Callable[[Rounds], np.ndarray]
    """the bin of each entry of the quantities, or −1; the second axis is the games'."""
    quantities: Callable[[Rounds], Mapping[str, np.ndarray]]
    ratios: Mapping[str, Ratio]


PER_ROUND: dict[str, Callable[[Rounds], Any]] = {
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
SHARES = {"buy": Ratio("share", "buys"), "pass": Ratio("share", "passes"), "sell": Ratio("share", "sells")}
BENCHMARK_SHARES = {f"benchmark_{name}": Ratio(r.unit, f"benchmark_{r.of}") for name, r in SHARES.items()}


def _questions(subject: Subject) -> dict[str, Question]:
    params = subject.env_params
    questions = {
        "action_vs_edge": _action_vs_edge(params),
        "size_vs_depth": _size_vs_depth(params),
        "sigma_sensitivity": _sigma_sensitivity(),
    }
    if subject.market.n_players > 1:
        questions |= {"observed": _observed_response(), "counterfactual": _counterfactual_response()}
    return questions


def _action_vs_edge(params: EnvParams) -> Question:
    # The edge of the better side is |quote noise| − spread / 2, so the noise sets the scale.
    width = float(params.sigma_q) / 4 or 0.125
    first = max(-math.ceil(float(params.spread.max) / 2 / width), -24)
    last = min(max(math.ceil((4 * float(params.sigma_q) - float(params.spread.min) / 2) / width), 1), 24)
    edges = np.arange(first, last + 1) * width
    n = len(edges) - 1

    def bin_of(r: Rounds) -> np.ndarray:
        return _bin(edges, r.edge) + n * np.asarray(r.is_sell)

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

    def bin_of(r: Rounds) -> np.ndarray:
        depth = np.where(r.displayed >= np.float32(deepest), n - 1, _bin(depths, r.displayed))
        band = np.searchsorted(bands, r.edge, side="left") - 1
        return np.where(np.asarray(r.edge) > 0, band * n + depth, -1)

    ends = [*itertools.pairwise(depths), (deepest, deepest)]
    return Question(
        keys={"edge_from": "points", "edge_to": "points", "depth_from": "units", "depth_to": "units"},
        bins=[(float(bands[b]), float(bands[b + 1]), float(lo), float(hi)) for b in range(4) for lo, hi in ends],
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
        bin_of=lambda r: np.where(np.asarray(r.sigma) == 0, 0, _bin(edges, r.sigma) + 1),
        quantities=_per_round,
        ratios={
            "sigma": Ratio("points", "sigma"),
            "trade_rate": Ratio("share", "trades"),
            "benchmark_trade_rate": Ratio("share", "benchmark_trades"),
            "size_of_orders": Ratio("units", "units", "trades"),
            "benchmark_size_of_orders": Ratio("units", "benchmark_size", "benchmark_trades"),
            "captured": Ratio("share of the benchmark's", "value", "attainable"),
            "attainable": Ratio("points a round", "attainable"),
        },
    )


def _observed_response() -> Question:
    lows, highs = np.array([-10, -7, -3, 0, 1, 4, 8]), np.array([-8, -4, -1, 0, 3, 7, 10])

    def bin_of(r: Rounds) -> np.ndarray:
        return _meaningful(r, np.searchsorted(highs, r.last) + len(lows) * np.asarray(r.is_sell))

    return Question(
        keys={"better": "", "last_from": "units", "last_to": "units"},
        bins=[(side, float(lo), float(hi)) for side in (BUY, SELL) for lo, hi in zip(lows, highs, strict=True)],
        bin_of=bin_of,
        quantities=lambda r: _per_round(r) | {"last": np.asarray(r.last)},
        ratios={
            "last": Ratio("units", "last"),
            "size": Ratio("units", "good_size"),
            "benchmark_size": Ratio("units", "benchmark_size"),
            **SHARES,
        },
    )


def _counterfactual_response() -> Question:
    n = len(LAST_SIZES)

    def bin_of(r: Rounds) -> np.ndarray:
        kept = _meaningful(r, n * np.asarray(r.is_sell))[:, : r.change.shape[1], :, None]
        return np.where(kept < 0, -1, kept + np.arange(n))

    def quantities(r: Rounds) -> dict[str, np.ndarray]:
        towards = _towards(np.asarray(r.is_sell)[:, : r.change.shape[1], :, None], r.change)
        return {"n": np.ones_like(towards), "change": towards, "last": np.broadcast_to(LAST_SIZES, towards.shape)}

    return Question(
        keys={"better": "", "last_from": "units", "last_to": "units"},
        bins=[(side, float(last), float(last)) for side in (BUY, SELL) for last in LAST_SIZES],
        bin_of=bin_of,
        quantities=quantities,
        ratios={"last": Ratio("units", "last"), "change": Ratio("units", "change")},
    )


def _meaningful(r: Rounds, bins: np.ndarray) -> np.ndarray:
    """Without the games' first rounds, in which nobody has ordered before, and rounds in which no order pays."""
    later = np.arange(N_ROUNDS)[:, None, None] > 0
    return np.where(later & (np.asarray(r.edge) > 0), bins, -1)


def _per_round(r: Rounds) -> dict[str, np.ndarray]:
    return {name: np.asarray(quantity(r)) for name, quantity in PER_ROUND.items()}


def _towards(is_sell: Any, position: Any) -> np.ndarray:
    """A signed size as one that counts towards the better side, or back."""
    return np.where(is_sell, -position, position)


def _bin(edges: np.ndarray, values: Any) -> np.ndarray:
    """The bin [low, high) of each value; what lies outside goes to the first or the last."""
    return np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)


def tallies(bins: np.ndarray, n_bins: int, quantities: Mapping[str, np.ndarray]) -> list[Tally]:
    """For each bin, the tally of the per-game sums of quantities.

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
    return [Tally.of({name: column[:, b] for name, column in columns.items()}) for b in range(n_bins)]


PAIR = ("n", "p", "r", "s", "pp", "rr", "ss", "pr", "sr")
"""Sums of predictions p, returns r, the stage game's values s, and of their products."""


class _Memory:
    """What is kept of one training seed's games."""

    def __init__(self, questions: Mapping[str, Question]) -> None:
        self.questions = questions
        self.tallies: dict[str, list[Tally]] = {}
        self._wealth: list[np.ndarray] = []

    def add(self, rounds: Rounds, predictions: np.ndarray) -> None:
        """A batch; the first one's `predictions`, the bins of calibration, stay."""
        for name, question in self.questions.items():
            needed = {column for ratio in question.ratios.values() for column in (ratio.of, ratio.over)} | {"n"}
            quantities = {k: v for k, v in question.quantities(rounds).items() if k in needed}
            self._keep(name, tallies(question.bin_of(rounds), len(question.bins), quantities))
        if not hasattr(self, "predictions"):
            self.predictions = predictions
        pair, order = _pair(rounds), np.asarray(rounds.position) != 0
        bins = np.where(order, _bin(self.predictions, rounds.predicted) + 1, 0)
        self._keep("calibration", tallies(bins, len(self.predictions), {k: pair[k] for k in ("n", "p", "r")}))
        self._keep("all", tallies(np.zeros_like(bins), 1, pair))
        self._keep("orders", tallies(np.where(order, 0, -1), 1, pair))
        self._wealth.append(np.asarray(rounds.wealth))

    def wealth(self) -> np.ndarray:
        """float32 [10, games, A], after each round."""
        return np.concatenate(self._wealth, 1)

    def _keep(self, name: str, new: list[Tally]) -> None:
        old = self.tallies.get(name)
        self.tallies[name] = new if old is None else [a + b for a, b in zip(old, new, strict=True)]


# From bins to tables


def _binned_tables(seeds: Sequence[_Memory]) -> dict[str, Table]:
    """The tables of all questions; what was observed of the others and the counterfactual are one."""
    tables = {
        name: _table(question, [memory.tallies[name] for memory in seeds])
        for name, question in seeds[0].questions.items()
    }
    tables["sigma_sensitivity"] = _with_shares_of_value(tables["sigma_sensitivity"])
    if "observed" not in tables:
        return tables
    parts = {kind: tables.pop(kind) for kind in ("observed", "counterfactual")}
    units = {"kind": "", **parts["observed"].units, **parts["counterfactual"].units}
    blank = dict.fromkeys(units, math.nan)
    rows = [blank | {"kind": kind} | dict(row) for kind, table in parts.items() for row in table.rows]
    return tables | {"opponent_response": Table(units, rows)}


def _with_shares_of_value(table: Table) -> Table:
    """With each bin's part of all that was attainable, beside which a bin's own share may count for little."""
    value = table["attainable"] * table["n_rounds"] if table.rows else np.zeros(0)
    shares = value / value.sum() if value.sum() else np.full(value.shape, math.nan)
    rows = [dict(row) | {"share_of_value": float(share)} for row, share in zip(table.rows, shares, strict=True)]
    return Table(dict(table.units) | {"share_of_value": "share"}, rows)


def _table(question: Question, seeds: Sequence[Sequence[Tally]]) -> Table:
    units = dict(question.keys) | {"n_rounds": "rounds"}
    units |= {column: ratio.unit for name, ratio in question.ratios.items() for column in _with_bounds(name)}
    rows: list[dict[str, float | str]] = []
    for i, keys in enumerate(question.bins):
        of_bin = [bins[i] for bins in seeds]
        if min(_count(tally) for tally in of_bin) < FEWEST_ROUNDS:
            continue
        row = dict(zip(question.keys, keys, strict=True)) | {"n_rounds": sum(_count(tally) for tally in of_bin)}
        for name, ratio in question.ratios.items():
            row |= _bounds(name, _interval(partial(_ratio, ratio.of, ratio.over), of_bin))
        rows.append(row)
    return Table(units, rows)


def _interval(of: Callable[[Mapping[str, float]], float], seeds: Sequence[Tally]) -> Interval:
    """Over games for one training seed, else over seeds."""
    if len(seeds) == 1:
        return delta_interval(of, seeds[0])
    return t_interval(np.array([of(tally.means) for tally in seeds]))


def _ratio(of: str, over: str, means: Mapping[str, float]) -> float:
    return means[of] / means[over] if means[over] else math.nan


def _count(tally: Tally) -> int:
    return round(tally.means["n"] * tally.n)


def _with_bounds(name: str) -> tuple[str, str, str]:
    return name, f"{name}_low", f"{name}_high"


def _bounds(name: str, interval: Interval) -> dict[str, float]:
    """The three columns of an interval."""
    values = (math.nan if value is None else value for value in interval)
    return dict(zip(_with_bounds(name), values, strict=True))


def _printed(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return "" if math.isnan(value) else f"{value:.8g}"


# What is believed


def _prediction_bins(batch: Sequence[Rounds]) -> np.ndarray:
    """Bounds of up to 12 bins with equally many orders each, by their predicted value."""
    orders = np.concatenate([np.asarray(r.predicted)[np.asarray(r.position) != 0] for r in batch])
    n_bins = int(np.clip(len(orders) // FEWEST_ROUNDS, 1, 12))
    if len(orders) == 0:
        return np.array([0.0, 1.0])
    edges = np.unique(np.quantile(orders, np.linspace(0, 1, n_bins + 1)))
    return edges if len(edges) > 1 else edges[0] + np.array([-0.5, 0.5])


def _pair(rounds: Rounds) -> dict[str, np.ndarray]:
    """PAIR's columns, float64."""
    p, r, s = (np.asarray(x, np.float64) for x in (rounds.predicted, rounds.realised, rounds.stage_value))
    return dict(zip(PAIR, (np.ones_like(p), p, r, s, p * p, r * r, s * s, p * r, s * r), strict=True))


def _slope(m: Mapping[str, float]) -> float:
    """Of the regression of returns on predictions."""
    variance = m["pp"] * m["n"] - m["p"] ** 2
    return (m["pr"] * m["n"] - m["p"] * m["r"]) / variance if variance > 1e-12 * m["pp"] * m["n"] else math.nan


def _explained(by: str, m: Mapping[str, float]) -> float:
    """1 − var(return − prediction) / var(return)."""
    variance = m["rr"] * m["n"] - m["r"] ** 2
    left = (m["rr"] - 2 * m[f"{by}r"] + m[f"{by}{by}"]) * m["n"] - (m["r"] - m[by]) ** 2
    return 1 - left / variance if variance > 1e-12 * m["rr"] * m["n"] else math.nan


def _calibration(subject: Subject, seeds: Sequence[_Memory]) -> Table:
    """Bins of predicted value, of passes (one bin) and of orders; and what holds for all of them, in every row."""
    estimator = subject.estimator
    overall: dict[str, float] = {}
    for name, of_what in (("", "all"), ("_of_orders", "orders")):
        sums = [memory.tallies[of_what][0] for memory in seeds]
        overall |= _bounds(f"slope{name}", _interval(_slope, sums))
        overall |= _bounds(f"explained_variance{name}", _interval(partial(_explained, "p"), sums))
        comparable = estimator is None or not (estimator.gamma or estimator.shared or estimator.log_wealth)
        attainable = _interval(partial(_explained, "s"), sums) if comparable else Interval(math.nan, None, None)
        overall |= _bounds(f"stage_game_explained_variance{name}", attainable)
    unit = "ln points" if estimator is not None and estimator.log_wealth else "points"
    orders = [("order", float(low), float(high)) for low, high in itertools.pairwise(seeds[0].predictions)]
    bins = [("pass", math.nan, math.nan), *orders]
    ratios = {"predicted": Ratio(unit, "p"), "realised": Ratio(unit, "r")}
    keys = {"action": "", "predicted_from": unit, "predicted_to": unit}
    question = Question(keys, bins, lambda r: np.zeros(0), lambda r: {}, ratios)
    table = _table(question, [memory.tallies["calibration"] for memory in seeds])
    units = dict(table.units) | dict.fromkeys(overall, "")
    return Table(units, [dict(row) | overall for row in table.rows], _calibration_words(estimator, unit))


def _calibration_words(estimator: Estimator | None, unit: str) -> dict[str, str]:
    if estimator is None:
        return {"predicted": f"stage game's expected P&L ({unit})", "realised": f"realised expected P&L ({unit})"}
    what = "change of ln wealth" if estimator.log_wealth else "expected P&L"
    what = f"{what}, mean of all players" if estimator.shared else what
    discounted = f"discounted return, γ = {estimator.gamma:g}\n"
    realised = f"{discounted if estimator.gamma else 'realised '}{what} ({unit})"
    return {"predicted": f"{estimator.name} ({unit})", "realised": realised}


# Wealth


FAN = {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95}


def _wealth_fan(seeds: Sequence[np.ndarray], initial: float) -> Table:
    """Rows for the start and after each round, from wealth [10, games, A] of each seed."""
    points = {name: "points" for quantity in ("mean", *FAN) for name in _with_bounds(quantity)}
    units = {"round": "", **points, **dict.fromkeys(_with_bounds("ruined"), "share"), "ruin_line": "points"}
    line = RUIN_LEVEL * initial
    paths = [np.concatenate([np.full_like(wealth[:1], initial), wealth]) for wealth in seeds]
    ruined = [np.logical_or.accumulate(path <= np.float32(line)) for path in paths]
    rows = []
    for t in range(N_ROUNDS + 1):
        row = {"round": float(t)} | _bounds("mean", _mean_interval([path[t].mean(-1) for path in paths]))
        for name, q in FAN.items():
            row |= _bounds(name, _quantile_interval([path[t] for path in paths], q))
        row |= _bounds("ruined", _mean_interval([out[t].mean(-1) for out in ruined]))
        rows.append(row | {"ruin_line": line})
    return Table(units, rows)


def _mean_interval(seeds: Sequence[np.ndarray]) -> Interval:
    """Over games [games] for one seed, else over seeds."""
    return t_interval(seeds[0]) if len(seeds) == 1 else t_interval(np.array([values.mean() for values in seeds]))


def _quantile_interval(seeds: Sequence[np.ndarray], q: float) -> Interval:
    """Over games by order statistics, wealth [games, A] counting as one draw a game; over seeds by their quantiles."""
    if len(seeds) > 1:
        return t_interval(np.array([np.quantile(values, q) for values in seeds]))
    n = len(seeds[0])
    if n < 2:
        return Interval(float(np.quantile(seeds[0], q)), None, None)
    half = 1.96 * math.sqrt(q * (1 - q) / n)
    low, middle, high = np.quantile(seeds[0], np.clip([q - half, q, q + half], 0, 1)).tolist()
    return Interval(middle, low, high)


# Ablations


def ablation_points(params: EnvParams) -> dict[str, EnvParams]:
    """The subject's own market, and the four that differ from it in one switch, turned to where it is not.

    Single switches and not all 16 combinations: each row reads as one sentence, "without X the score is …", for a third
    of the games; what the sixteen would add are interactions, which nobody asked about.
    """
    flags, liquidity = params.flags, params.liquidity
    known = float(liquidity.cap) >= float(liquidity.max)
    persists = float(params.event_persist) > 0
    default = EnvParams()
    changes: dict[str, dict[str, object]] = {
        "events off" if flags.enable_events else "events on": {"flags.enable_events": not flags.enable_events},
        "impact off" if flags.enable_impact else "impact on": {"flags.enable_impact": not flags.enable_impact},
        "depth partly known" if known else "depth known": {
            "liquidity.cap": float(default.liquidity.cap) if known else float(liquidity.max)
        },
        "events do not persist" if persists else "events persist": {
            "event_persist": 0.0 if persists else float(default.event_persist)
        },
    }
    return {"own market": params} | {name: make_params(params, **change) for name, change in changes.items()}


def ablations(subject: Subject, n_games: int, seed: int = 0, progress: Progress = lambda games: None) -> Table:
    """Score and expected P&L at `ablation_points`, all played by one compiled program on the same draws."""
    points = ablation_points(subject.env_params)
    grid = jax.tree.map(lambda *leaves: np.stack(leaves), *points.values())
    results = evaluate_grid(
        subject.market, grid, subject.player, {SELF: Pass()}, n_games, seed, TEST, lambda n: progress(n * len(points))
    )
    units = {"market": "", **dict.fromkeys(_with_bounds("score"), "share of the benchmark's")}
    units |= dict.fromkeys((*_with_bounds("expected_pnl"), "benchmark_expected_pnl"), "points a game")
    units |= {"score_by_seed": ""}
    rows: list[dict[str, float | str]] = []
    for name, (result,) in zip(points, results, strict=True):
        expected, regret = result.mean_expected_pnl, result.metrics["regret"].mean
        row = _bounds("score", result.score) | _bounds("expected_pnl", expected)
        by_seed = {"score_by_seed": " ".join(_printed(score) for score in result.scores)}
        rows.append({"market": name, **row, "benchmark_expected_pnl": expected.mean + N_ROUNDS * regret, **by_seed})
    benchmark = "equilibrium" if subject.market.n_players > 1 else "optimum"
    return Table(units, rows, {"policy": subject.name, "benchmark": benchmark})
