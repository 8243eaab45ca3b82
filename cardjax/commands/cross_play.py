"""`eval/cross_play.py`: every policy against every policy."""

import argparse
from collections.abc import Sequence

from cardjax.commands.shared import (
    add_protocol_arguments,
    games_bar,
    named_players,
    over_units,
    read_protocol,
    with_error,
    write_figures,
)
from cardjax.env.declaration import ParameterError
from cardjax.runtime.compilation import keep_compiled_programs
from cardjax.runtime.exits import run_command


def cross_play_main(argv: Sequence[str] | None = None) -> None:
    """`eval/cross_play.py --policies A B C …`: each at the first seat against each at the others."""
    parser = argparse.ArgumentParser(description="Every policy against every policy.")
    parser.add_argument(
        "--policies", nargs="+", required=True, metavar="POLICY", help="names or run folders"
    )
    add_protocol_arguments(parser)
    arguments = _with_overrides_apart(parser.parse_args(argv))
    run_command(lambda: _cross_play(arguments))


def _with_overrides_apart(arguments: argparse.Namespace) -> argparse.Namespace:
    """argparse takes all that follows --policies for policies, overrides of the market included."""
    policies = [name for name in arguments.policies if "=" not in name]
    arguments.overrides += [text for text in arguments.policies if "=" in text]
    arguments.policies = policies
    return arguments


def _cross_play(arguments: argparse.Namespace) -> None:
    from cardjax.evaluation.comparison import cross_play
    from cardjax.evaluation.table import text_table

    keep_compiled_programs()
    config = read_protocol(arguments).config
    players, market, params = named_players(arguments)
    if market.n_players == 1:
        raise ParameterError(
            "--policies", " ".join(players), "a single player meets nobody: --mode two"
        )
    with games_bar(
        config.games * sum(len(player.params) for player in players.values()) * len(players)
    ) as done:
        table = cross_play(market, params, players, config.games, config.seed, progress=done)
    rows = [
        (name, *(with_error(result.mean_expected_pnl, 2) for result in results))
        for name, results in table.items()
    ]
    title = f"expected P&L of the row's player against the column's, {config.games:,} games each, test draws"
    print(text_table(("", *players), rows, title))
    print(over_units(next(iter(table.values()))[0]) + "; points a game.")
    write_figures(
        arguments,
        [
            {"player": name} | result.as_json()
            for name, results in table.items()
            for result in results
        ],
    )
