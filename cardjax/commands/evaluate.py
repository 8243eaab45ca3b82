"""`eval/evaluate.py`: play a policy against opponents and score it."""

import argparse
from collections.abc import Sequence

from cardjax.commands.shared import (
    add_protocol_arguments,
    market_overrides,
    read_protocol,
    write_figures,
)
from cardjax.runtime.compilation import keep_compiled_programs
from cardjax.runtime.exits import run_command


def evaluate_main(argv: Sequence[str] | None = None) -> None:
    """`eval/evaluate.py --policy NAME|RUN_DIR [--opponent …] [key=value …]`."""
    run_command(lambda: _evaluate(_evaluate_arguments(argv)))


def _evaluate_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Play a policy against opponents and score it.")
    parser.add_argument(
        "--policy", required=True, help="a name (ev_oracle, level1, equilibrium, …) or a run folder"
    )
    parser.add_argument(
        "--opponent",
        action="append",
        help="a name, a run folder or 'self'; repeatable; by default the protocol's",
    )
    add_protocol_arguments(parser)
    parser.add_argument(
        "--sweep",
        nargs="+",
        default=[],
        metavar="key=value,value,…",
        help="play in a grid of markets, one program for all, such as env.alpha=0.1,0.3 env.sigma_q=0.5,1",
    )
    return parser.parse_args(argv)


def _evaluate(arguments: argparse.Namespace) -> None:
    from tqdm import tqdm

    from cardjax.env.params import params_grid
    from cardjax.evaluation.evaluate import evaluate_grid
    from cardjax.evaluation.table import results_table
    from cardjax.runtime import runs
    from cardjax.runtime.grid import market_axes

    keep_compiled_programs()
    config = read_protocol(arguments).config
    player, market, params = runs.find_player(arguments.policy, market_overrides(arguments))
    names = tuple(dict.fromkeys(arguments.opponent or ()))
    opponents = runs.opponents_for(
        market, names or (config.opponents if market.n_players > 1 else None)
    )
    grid, points = params_grid(params, **market_axes(arguments.sweep))
    total = config.games * len(opponents) * len(player.params)
    with tqdm(total=total, unit="game", unit_scale=True, leave=False) as bar:
        results = evaluate_grid(
            market,
            grid,
            player,
            opponents,
            config.games,
            config.seed,
            progress=lambda games: bar.update(games * len(player.params)),
        )
    for point, of_point in zip(points, results, strict=True):
        where = "".join(f", {key} = {value}" for key, value in point.items())
        print(
            results_table(
                of_point,
                f"{arguments.policy}{where}, {config.games:,} games an opponent, test draws",
            )
        )
    labelled = [
        ({"at": point} if point else {}, of_point)
        for point, of_point in zip(points, results, strict=True)
    ]
    write_figures(
        arguments, [where | result.as_json() for where, of_point in labelled for result in of_point]
    )
