"""Every policy against every policy: each at the first seat against each at the others."""

import argparse

from cardjax.commands.shared import (
    add_policies_argument,
    add_protocol_arguments,
    named_players,
    read_protocol,
    separate_overrides,
    with_error,
    write_figures,
)
from cardjax.env.declaration import ParameterError
from cardjax.runtime.compilation import keep_compiled_programs
from cardjax.runtime.progress import games_bar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options."""
    add_policies_argument(parser)
    add_protocol_arguments(parser)


def run(arguments: argparse.Namespace) -> None:
    """A table of every policy against every policy."""
    from cardjax.evaluation.comparison import cross_play
    from cardjax.evaluation.text_tables import text_table, without_interval

    keep_compiled_programs()
    separate_overrides(arguments)
    config = read_protocol(arguments).config
    found, market, params = named_players(arguments)
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
            *(with_error(result.mean_expected_pnl, 2) for result in results),
            with_error(results[i].against_self["exploitability"], 3),
        )
        for i, (name, results) in enumerate(table.items())
    ]
    title = "expected P&L of the row's player against the column's"
    draws = f"{config.games:,} games each, {config.draws} draws"
    print(text_table(("", *found, "exploitability"), rows, f"{title}, {draws}"))
    shown = [result.mean_expected_pnl for results in table.values() for result in results]
    shown += [row[i].against_self["exploitability"] for i, row in enumerate(table.values())]
    words = next(iter(table.values()))[0].in_words()
    print(f"{words}; points per game.{without_interval(shown)}")
    write_figures(
        arguments,
        [
            {"player": name} | result.as_json()
            for name, results in table.items()
            for result in results
        ],
    )
