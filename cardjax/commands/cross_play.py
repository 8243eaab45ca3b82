"""Every policy against every policy: each at the first seat against each at the others."""

import argparse
from typing import TYPE_CHECKING

from cardjax.commands import roles
from cardjax.commands.shared import (
    add_policies_argument,
    add_protocol_arguments,
    named_game,
    named_players,
    read_protocol,
    separate_overrides,
    with_error,
    write_figures,
)
from cardjax.env.declaration import ParameterError
from cardjax.runtime.compilation import keep_compiled_programs
from cardjax.runtime.progress import games_bar

if TYPE_CHECKING:
    from cardjax.evaluation.result import Result
    from cardjax.evaluation.statistics import Interval


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options."""
    add_policies_argument(parser)
    parser.add_argument(
        "--makers",
        nargs="+",
        metavar="NAME",
        help="where the maker is a player, who quotes: each a name (competitive, monopolist, "
        "random_quotes), a run or a class of your own (default: the runs among --policies, or else "
        "monopolist); --policies are then the takers",
    )
    add_protocol_arguments(parser)


def run(arguments: argparse.Namespace) -> None:
    """A table of every policy against every policy."""
    from cardjax.evaluation.comparison import cross_play
    from cardjax.evaluation.text_tables import text_table, without_interval

    keep_compiled_programs()
    separate_overrides(arguments, "makers")
    config = read_protocol(arguments).config
    game = named_game(arguments, arguments.makers)
    market, params = game.market, game.env_params
    if market.has_maker:
        roles.cross_play(arguments, game, config)
        return
    roles.refuse(arguments, "makers")
    found = named_players(arguments, game)
    if market.n_players == 1:
        raise ParameterError(
            "--policies", " ".join(found), "a single player meets nobody: --mode two"
        )
    with games_bar(
        config.games * sum(len(player.params) for player in found.values()) * (len(found) + 1)
    ) as done:
        table = cross_play(
            market, params, found, config.games, config.seed, config.domain, progress=done
        )
    rows = [
        (
            name,
            *(with_error(result.mean_payoff, 2) for result in results),
            *(with_error(gain, 3) for gain in _exploitability(results[i])),
        )
        for i, (name, results) in enumerate(table.items())
    ]
    first = next(iter(table.values()))[0]
    charged = " less the charge for risk" if first.yardstick.charged else ""
    title = f"expected P&L{charged} of the row's player against the column's"
    last = () if first.yardstick.charged else ("exploitability",)
    draws = f"{config.games:,} games each, {config.draws} draws"
    print(text_table(("", *found, *last), rows, f"{title}, {draws}"))
    shown = [result.mean_payoff for results in table.values() for result in results]
    shown += [gain for i, row in enumerate(table.values()) for gain in _exploitability(row[i])]
    print(f"{first.in_words()}; points per game.{without_interval(shown)}")
    write_figures(
        arguments,
        [
            {"player": name} | result.as_json()
            for name, results in table.items()
            for result in results
        ],
    )


def _exploitability(result: "Result") -> list["Interval"]:
    """That of a player, where rounds can be looked at one by one."""
    return [figure for name, figure in result.against_self.items() if name == "exploitability"]
