"""How often the 95% intervals over games hold in real games, at the smallest number of games that
has an interval and at ten times as many.

    python benchmarks/interval_coverage.py [--quick] [--details] [--studies 400]

For each market and policy, a large sample of games stands for all games. Studies of n games are
drawn from it, and the share is counted of those whose interval holds the sample's own figure. Exact
values, breakdowns and diagnostics have samples of their own. 95% is right; with 400 studies a share
is known to two points. The table has a row for each figure and number of games and says how the
shares lie over all markets and policies; `--details` prints each of them.

The policies are such that few games decide: the equilibrium, which loses nothing; one that rounds
its mixes, as greedy play does; one that passes in remap rounds, which are rare; and two that earn
less or lose.

The full run has fifteen cases of several minutes each on two cores; `--quick` has five, of a minute
or two. The seconds of each are printed as it ends.
"""

import argparse
import dataclasses
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from timing import Parser

import cardjax
from cardjax.env import N_ACTIONS, EnvParams, View
from cardjax.env.events import REMAP
from cardjax.env.market import CardMarket
from cardjax.evaluation.breakdown import break_down
from cardjax.evaluation.diagnostics import tables_of_play
from cardjax.evaluation.evaluate import (
    SELF,
    TEST,
    Player,
    benchmark_of,
    game_batches,
    games_in_batches,
)
from cardjax.evaluation.exact_metrics import against_self, exact_columns
from cardjax.evaluation.exploitability import Exact, Switches, play_valued
from cardjax.evaluation.figure_data import with_bounds
from cardjax.evaluation.match import Seats
from cardjax.evaluation.metrics import METRICS, Metric, per_game
from cardjax.evaluation.played_rounds import Subject
from cardjax.evaluation.result import interval_of
from cardjax.evaluation.statistics import Interval
from cardjax.evaluation.tally import Tally
from cardjax.policies import Equilibrium, EvOracle, Pass, RandomValid
from cardjax.policies.policy import Memoryless, Policy

DRAWS = 100
"""The seed of the samples; studies with draws of their own have those that follow."""


@dataclasses.dataclass(frozen=True)
class Rounded(Memoryless):
    """The equilibrium's more probable order: a best reply gains in few rounds."""

    def action_probabilities(self, params: EnvParams, view: View) -> Array:
        """One action's."""
        chances = Equilibrium().action_probabilities(params, view)
        return jax.nn.one_hot(chances.argmax(-1), N_ACTIONS, dtype=jnp.float32)


@dataclasses.dataclass(frozen=True)
class PassesInRemaps(Memoryless):
    """The equilibrium, but for one or two rounds in a hundred."""

    def action_probabilities(self, params: EnvParams, view: View) -> Array:
        """The equilibrium's or a pass's; events must not be hidden."""
        assert view.event is not None
        chances = Equilibrium().action_probabilities(params, view)
        passes = jax.nn.one_hot(0, N_ACTIONS, dtype=jnp.float32)
        return jnp.where(view.event[..., None] >= REMAP, passes, chances)


MARKETS = (("two", "default"), ("two", "tight_budget"), ("single", "default"))
POLICIES: dict[str, Policy] = {
    "equilibrium": Equilibrium(),
    "rounded": Rounded(),
    "passes in remaps": PassesInRemaps(),
    "ev_oracle": EvOracle(),
    "random_valid": RandomValid(),
}


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much is played."""

    studies: int
    games: int
    """of a sample."""
    valued_games: int
    """of a sample of exact values."""
    markets: Sequence[tuple[str, str]] = MARKETS


Figure = tuple[str, str, int]
"""What it is, of which rounds ("" for all), and the games of a study."""
Shares = dict[Figure, float]
"""The share of studies whose interval holds."""


def holds(interval: Interval, truth: float) -> bool | None:
    """None without an interval. What is the same in every game is right to rounding."""
    if interval.low is None or interval.high is None or not np.isfinite(truth):
        return None
    slack = 1e-6 * abs(truth)
    return bool(interval.low - slack <= truth <= interval.high + slack)


# Studies drawn from a sample


def drawn_from(
    sample: Mapping[str, np.ndarray], metrics: Mapping[str, Metric], n_studies: int
) -> Shares:
    """At each metric's fewest games and at ten times as many, up to a tenth of the sample.

    Args:
        sample: the metrics' columns, [games].
    """
    rows, rng = np.stack(list(sample.values()), -1), np.random.default_rng(0)
    means = Tally.of(sample).means
    sizes: dict[int, list[str]] = defaultdict(list)
    for name, metric in metrics.items():
        for n in (metric.fewest_games, 10 * metric.fewest_games):
            if 10 * n <= len(rows):
                sizes[n].append(name)
    found: dict[Figure, list[bool | None]] = defaultdict(list)
    for n, names in sizes.items():
        for _ in range(n_studies):
            picked = rows[rng.integers(len(rows), size=n)]
            tally = Tally.of(dict(zip(sample, picked.T, strict=True)))
            for name in names:
                interval = interval_of(metrics[name], [tally], tally)
                found[name, "", n].append(holds(interval, metrics[name].of(means)))
    return _shares(found)


def of_mean_size(sample: Mapping[str, np.ndarray], n_studies: int) -> Shares:
    """The same at a million games. Games have few different numbers of units and trades, and a
    study is how often each occurs.
    """
    metric, rng = METRICS["mean_size"], np.random.default_rng(0)
    kinds, counts = np.unique(
        np.stack([sample["units"], sample["trades"]], -1), axis=0, return_counts=True
    )
    columns, n = ("units", "trades"), metric.fewest_games

    def tally(counts: np.ndarray) -> Tally:
        mean = counts @ kinds / counts.sum()
        apart = kinds - mean
        return Tally(columns, int(counts.sum()), mean, (apart * counts[:, None]).T @ apart)

    truth = metric.of(tally(counts).means)
    studies = [tally(rng.multinomial(n, counts / counts.sum())) for _ in range(n_studies)]
    held = [holds(interval_of(metric, [study], study), truth) for study in studies]
    return _shares({("mean_size", "", n): held})


def _shares(found: Mapping[Figure, Sequence[bool | None]]) -> Shares:
    """Without the figures that some of the studies do not have: the others would be chosen ones."""
    return {
        figure: float(np.mean([held for held in studies if held is not None]))
        for figure, studies in found.items()
        if None not in studies
    }


def games_of(
    market: CardMarket, params: EnvParams, policy: Policy, n_games: int
) -> dict[str, np.ndarray]:
    """`metrics.per_game` of self-play."""
    streams = [
        games_in_batches(market, params, Player(player, [None]), {SELF: Pass()}, n_games, DRAWS)
        for player in (policy, Equilibrium())
    ]
    return _joined(
        per_game(games, benchmark_of(best)) for (games,), (best,) in zip(*streams, strict=True)
    )


def exact_values_of(
    market: CardMarket, params: EnvParams, policy: Policy, n_games: int
) -> dict[str, np.ndarray]:
    """The columns of `exact_metrics.against_self`, with a reply at the first seat."""
    market = dataclasses.replace(market, squeeze=False)

    @partial(jax.jit, static_argnums=(1, 2, 3))
    def play(key: Array, who: Policy, size: int, replies: bool) -> Exact:
        seats = Seats(who, params, market.n_players)
        switches = Switches(valued=True, replies=replies)
        return play_valued(market, seats, None, params, key, size, switches).exact

    def batch(key: Array, size: int) -> dict[str, np.ndarray]:
        best, own, reply = (
            jax.tree.map(np.asarray, play(key, who, size, replies))
            for who, replies in ((Equilibrium(), False), (policy, False), (policy, True))
        )
        return exact_columns(best, own.value, reply.value[:, :1])

    return _joined(batch(key, size) for key, size, _ in game_batches(n_games, DRAWS, TEST))


def _joined(batches: Iterable[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    parts = list(batches)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


# Studies with draws of their own


def repeated(
    figures_of: Callable[[int, int], Mapping[tuple[str, str], Interval]],
    n_games: int,
    n_of_truth: int,
    n_studies: int,
) -> Shares:
    """Of all figures that have an interval in each study.

    Args:
        figures_of: from a number of games and a seed.
    """
    truth = figures_of(n_of_truth, DRAWS)
    studies = [figures_of(n_games, DRAWS + 1 + study) for study in range(n_studies)]
    return _shares(
        {
            (*figure, n_games): [
                holds(study[figure], known.mean) if figure in study else None for study in studies
            ]
            for figure, known in truth.items()
        }
    )


def broken_down(
    market: CardMarket, params: EnvParams, policy: Policy, n_games: int, seed: int
) -> dict[tuple[str, str], Interval]:
    """What `evaluate --by event` and `--by hints` say."""
    player = Player(policy, [None])
    return {
        (f"{name} by {by}", str(found.keys[by])): interval
        for by in ("event", "hints")
        for found in break_down(market, params, player, None, (by,), n_games, seed)
        for name, interval in found.figures.items()
    }


def diagnosed(
    market: CardMarket, params: EnvParams, policy: Policy, n_games: int, seed: int
) -> dict[tuple[str, str], Interval]:
    """What `diagnose` says, but for the bins of predictions, which every study chooses anew."""
    tables = tables_of_play(Subject("", Player(policy, [None]), market, params), n_games, seed)
    found = {}
    for name, table in tables.items():
        figures = [figure for figure in table.units if f"{figure}_low" in table.units]
        columns = list(table.units)
        keys = columns[: columns.index(figures[0])]
        for row in table.rows[:1] if name == "value_calibration" else table.rows:
            which = " ".join(str(row[key]) for key in keys if key != "n_rounds")
            for figure in figures:
                mean, low, high = (float(row[column]) for column in with_bounds(figure))
                bounds = (None, None) if np.isnan(low) else (low, high)
                if figure not in ("predicted", "realised"):
                    found[f"{name}: {figure}", which] = Interval(mean, *bounds)
    return found


# Tables


def summary(cases: Mapping[str, Shares]) -> str:
    """Markdown: how the shares of a figure lie over markets, policies and kinds of rounds."""
    shares: dict[tuple[str, int], list[float]] = defaultdict(list)
    for found in cases.values():
        for (name, _, n), share in found.items():
            shares[name, n].append(100 * share)
    rows = [
        f"| {name} | {n:,} | {len(of_all)} | "
        + " | ".join(f"{np.quantile(of_all, q):.1f}" for q in (0, 0.5, 1))
        + " |"
        for (name, n), of_all in shares.items()
    ]
    heading = "| figure | games | cases | lowest | middle | highest |"
    return "\n".join([heading, "|---|---:|---:|---:|---:|---:|", *rows])


def details(cases: Mapping[str, Shares]) -> str:
    """A line for each share."""
    return "\n".join(
        f"{case}: {' '.join(filter(None, (name, which)))}, {n:,} games: {share:.3f}"
        for case, found in cases.items()
        for (name, which, n), share in found.items()
    )


def shares_of(market: CardMarket, params: EnvParams, policy: Policy, plan: Plan) -> Shares:
    """Of everything that has an interval over games."""
    games = games_of(market, params, policy, plan.games)
    values = exact_values_of(market, params, policy, plan.valued_games)
    play = (market, params, policy)
    return (
        drawn_from(games, METRICS, plan.studies)
        | of_mean_size(games, plan.studies)
        | drawn_from(values, against_self(market.n_players), plan.studies)
        | repeated(partial(broken_down, *play), 1000, plan.games // 8, plan.studies // 2)
        | repeated(partial(diagnosed, *play), 1000, plan.valued_games, plan.studies // 4)
    )


def main() -> None:
    """The tables."""
    arguments = _arguments()
    plan = (
        Plan(arguments.studies or 100, 2**17, 2**14, MARKETS[:1])
        if arguments.quick
        else Plan(arguments.studies or 400, 2**20, 2**16)
    )
    cases: dict[str, Shares] = {}
    for kind, preset in plan.markets:
        market, params = cardjax.make(kind, preset=preset)
        for name, policy in POLICIES.items():
            start = time.perf_counter()
            cases[f"{kind} {preset} {name}"] = shares_of(market, params, policy, plan)
            print(f"{kind} {preset} {name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    if arguments.details:
        print(details(cases))
    print(summary(cases))


def _arguments() -> argparse.Namespace:
    parser = Parser(description="Coverage of the intervals over games.")
    parser.add_argument("--studies", type=int, help="default: 400, or 100 of the quick pass")
    parser.add_argument("--quick", action="store_true", help="one market, smaller samples")
    parser.add_argument("--details", action="store_true", help="a line for each share")
    return parser.parse_args()


if __name__ == "__main__":
    main()
