"""How often the intervals over games hold in real games: for each metric, at the smallest number
of games at which it has an interval, and at ten times as many.

python benchmarks/interval_coverage.py [--studies 400]

A large sample of games of three policies in three markets stands for all games; studies are drawn
from it, and the share is counted of those whose interval holds the sample's own figure. 95% is
right; with 400 studies a share is known to about two points.
"""

import argparse

import numpy as np

import cardjax
from cardjax.evaluation.evaluate import SELF, Player, games_in_batches
from cardjax.evaluation.metrics import METRICS, Metric, per_game
from cardjax.evaluation.statistics import delta_estimate, over_games, rate_interval
from cardjax.evaluation.tally import Tally
from cardjax.policies import Equilibrium, EvOracle, Pass, RandomValid
from cardjax.policies.policy import Policy

MARKETS = (("two", "default"), ("two", "tight_budget"), ("single", "default"))
POLICIES: dict[str, Policy] = {
    "equilibrium": Equilibrium(),
    "ev_oracle": EvOracle(),
    "random_valid": RandomValid(),
}
N_GAMES = 131_072


def columns_of(kind: str, preset: str, policy: Policy) -> dict[str, np.ndarray]:
    """`metrics.per_game` of the sample."""
    market, params = cardjax.make(kind, preset=preset)
    streams = [
        games_in_batches(market, params, Player(player, [None]), {SELF: Pass()}, N_GAMES)
        for player in (policy, Equilibrium())
    ]
    batches = [
        per_game(games, best.expected_pnl.mean(-1))
        for (games,), (best,) in zip(*streams, strict=True)
    ]
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def coverage(metric: Metric, columns: dict[str, np.ndarray], n_games: int, n_studies: int) -> float:
    """The share of studies of `n_games` games whose interval holds the sample's own figure."""
    truth, rng = metric.of(Tally.of(columns).means), np.random.default_rng(0)
    held = []
    for _ in range(n_studies):
        picked = rng.integers(N_GAMES, size=n_games)
        tally = Tally.of({name: column[picked] for name, column in columns.items()})
        interval = over_games(delta_estimate(metric.of, tally))
        if metric.occasions is not None:
            interval = rate_interval(interval, n_games * metric.occasions(tally.means))
        if interval.low is not None and interval.high is not None:
            slack = 1e-6 * abs(truth)  # what is the same in every game is right to rounding
            held.append(interval.low - slack <= truth <= interval.high + slack)
    return float(np.mean(held)) if held else float("nan")


def main() -> None:
    """A table: a row for each metric, market and policy."""
    parser = argparse.ArgumentParser(description="Coverage of the intervals over games.")
    parser.add_argument("--studies", type=int, default=400)
    arguments = parser.parse_args()
    for kind, preset in MARKETS:
        for name, policy in POLICIES.items():
            columns = columns_of(kind, preset, policy)
            for figure, metric in METRICS.items():
                shares = [
                    f"{coverage(metric, columns, n, arguments.studies):.3f} of {n:,} games"
                    for n in (metric.fewest_games, min(10 * metric.fewest_games, 30_000))
                ]
                print(f"{kind} {preset} {name} {figure}: {', '.join(shares)}", flush=True)


if __name__ == "__main__":
    main()
