"""How long an evaluation takes, and what memory: one network policy against another, in more and
more games.

    python benchmarks/evaluation_speed.py [--policy runs/NAME --opponent runs/OTHER] [--games
    100_000 1_000_000]

Without run folders both are fresh networks of configs/ippo.yaml's size, which cost as much to play
as trained ones. Compile time is apart: a first, small evaluation compiles the program. Every game
is also played by the benchmark, since a score is a share of what it earns on the same draws.
"""

import argparse
import resource
import time
from pathlib import Path

import jax
from timing import Parser

from cardjax.config import configs_folder, load_config, make_market
from cardjax.evaluation.evaluate import Player, evaluate
from cardjax.loading.players import find_player
from cardjax.run.learners import make_learner
from cardjax.runtime.compilation import keep_compiled_programs


def main() -> None:
    arguments = parse_arguments()
    keep_compiled_programs()
    config = load_config(configs_folder() / "ippo.yaml")
    market, env_params = make_market(config.game), config.env
    player, opponent = (
        player_of(run, seed) for seed, run in enumerate((arguments.policy, arguments.opponent))
    )

    def play(n_games: int) -> float:
        start = time.perf_counter()
        evaluate(market, env_params, player, {"the other": opponent}, n_games)
        return time.perf_counter() - start

    play(8192)
    print("| games | seconds | games/s | rounds/s | peak memory, MiB |\n|---:|---:|---:|---:|---:|")
    for n in arguments.games:
        seconds = min(play(n) for _ in range(arguments.repeats))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"| {n:,} | {seconds:.1f} | {n / seconds:,.0f} | {10 * n / seconds:,.0f} "
            f"| {peak:,.0f} |",
            flush=True,
        )


def player_of(run: Path | None, seed: int) -> Player:
    """The first training seed of a run, or a fresh network."""
    if run is not None:
        player, _, _ = find_player(str(run))
        return Player(player.policy, player.params[:1])
    learner = make_learner("ippo", load_config(configs_folder() / "ippo.yaml"))
    return Player(learner.policy(), [learner.policy_params(learner.init(jax.random.key(seed)))])


def parse_arguments() -> argparse.Namespace:
    parser = Parser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--policy", type=Path, help="a run folder")
    parser.add_argument("--opponent", type=Path, help="another")
    parser.add_argument("--games", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--repeats", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
