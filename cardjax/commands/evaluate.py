"""Play a policy against opponents, on draws that training never sees, and score it."""

import argparse

from cardjax.commands.shared import (
    POLICY,
    add_policy_argument,
    add_protocol_arguments,
    market_overrides,
    read_protocol,
    write_figures,
)
from cardjax.runtime import players
from cardjax.runtime.compilation import keep_compiled_programs
from cardjax.runtime.progress import games_bar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options."""
    add_policy_argument(parser)
    parser.add_argument(
        "--opponent",
        action="append",
        metavar=POLICY,
        help="who takes the other seats, or self; repeatable; by default the protocol's",
    )
    add_protocol_arguments(parser)
    parser.add_argument(
        "--sweep",
        nargs="+",
        default=[],
        metavar="key=value,value,…",
        help="play in a grid of markets, one program for all, such as env.alpha=0.1,0.3 "
        "env.sigma_q=0.5,1",
    )


def run(arguments: argparse.Namespace) -> None:
    """A table of the policy's score against every opponent, at every market of a grid."""
    from cardjax.env.params import params_grid
    from cardjax.evaluation.evaluate import evaluate_grid
    from cardjax.evaluation.table import grid_table, results_table
    from cardjax.runtime.grid import market_axes

    keep_compiled_programs()
    config = read_protocol(arguments).config
    player, market, params = players.find_player(arguments.policy, market_overrides(arguments))
    names = tuple(dict.fromkeys(arguments.opponent or ()))
    opponents = players.opponents_for(
        market, names or (config.opponents if market.n_players > 1 else None)
    )
    grid, points = params_grid(params, **market_axes(arguments.sweep))
    total = config.games * len(opponents) * len(player.params) * len(points)
    with games_bar(total) as played:
        results = evaluate_grid(
            market,
            grid,
            player,
            opponents,
            config.games,
            config.seed,
            config.domain,
            progress=played,
        )
    title = f"{arguments.policy}, {config.games:,} games per opponent, {config.draws} draws"
    print(
        grid_table(points, results, title) if arguments.sweep else results_table(results[0], title)
    )
    labelled = [
        ({"at": point} if point else {}, of_point)
        for point, of_point in zip(points, results, strict=True)
    ]
    write_figures(
        arguments, [where | result.as_json() for where, of_point in labelled for result in of_point]
    )
