"""The smallest difference of two policies that a number of training seeds and games would show."""

import argparse
from typing import TYPE_CHECKING

from cardjax.commands.shared import (
    add_policies_argument,
    add_protocol_arguments,
    named_game,
    named_players,
    read_protocol,
    separate_overrides,
    write_figures,
)
from cardjax.env.declaration import ParameterError
from cardjax.runtime.compilation import keep_compiled_programs
from cardjax.runtime.progress import games_bar

if TYPE_CHECKING:
    from cardjax.evaluation.differences import Versus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options."""
    add_policies_argument(parser)
    parser.add_argument(
        "--planned-seeds",
        nargs="+",
        type=int,
        default=[3, 5, 10, 20],
        metavar="N",
        help="training seeds of each side that has several (default: 3 5 10 20)",
    )
    parser.add_argument(
        "--planned-games",
        nargs="+",
        type=int,
        default=[1000, 10_000, 65_536],
        metavar="N",
        help="games that all seeds play (default: 1000 10000 65536)",
    )
    parser.add_argument(
        "--power",
        type=float,
        default=0.8,
        metavar="P",
        help="the probability of telling it from 0 (default: 0.8)",
    )
    add_protocol_arguments(parser)


def run(arguments: argparse.Namespace) -> None:
    """The smallest difference that is told from 0, by numbers of seeds and games."""
    from cardjax.evaluation.comparison import compare
    from cardjax.evaluation.differences import detectable_difference
    from cardjax.evaluation.statistics import FEWEST_GAMES, FEWEST_SEEDS
    from cardjax.evaluation.text_tables import decimal, text_table

    for option, values, fewest in (
        ("--planned-seeds", arguments.planned_seeds, FEWEST_SEEDS),
        ("--planned-games", arguments.planned_games, FEWEST_GAMES),
    ):
        for value in values:
            if value < fewest:
                raise ParameterError(
                    option, value, f"must be at least {fewest}: below that there is no interval"
                )
    if not 0.05 < arguments.power < 1:
        raise ParameterError("--power", arguments.power, "must be a number in (0.05, 1)")
    keep_compiled_programs()
    separate_overrides(arguments)
    if len(arguments.policies) != 2:
        raise ParameterError("--policies", " ".join(arguments.policies), "must be two policies")
    config = read_protocol(arguments).config
    game = named_game(arguments)
    players = named_players(arguments, game)
    first, second = players.values() if len(players) == 2 else list(players.values()) * 2
    with games_bar(config.games * (len(first.params) + len(second.params))) as done:
        error = compare(
            game.market,
            game.env_params,
            first,
            second,
            None,
            config.games,
            config.seed,
            progress=done,
        ).error
    seeds = arguments.planned_seeds if max(error.n_seeds) > 1 else [1]
    entries = [
        {
            "seeds": m,
            "games": n,
            "power": arguments.power,
            "detectable_difference": detectable_difference(
                error.planned((m, m), n), arguments.power
            ),
        }
        for m in seeds
        for n in arguments.planned_games
    ]
    found = {(entry["seeds"], entry["games"]): entry["detectable_difference"] for entry in entries}
    rows = [
        (f"{m:,}", *(decimal(found[m, n], ".4f") for n in arguments.planned_games)) for m in seeds
    ]
    a, b = arguments.policies
    title = f"{a} less {b}: the difference that is told from 0 {arguments.power:.0%} of the time"
    print(text_table(("seeds", *(f"{n:,} games" for n in arguments.planned_games)), rows, title))
    print(
        "Expected P&L, points per game; 95% intervals over seeds (of a side that has several) and "
        f"the games that both sides play. Estimated from {config.games:,} games{_of_seeds(error)}."
    )
    write_figures(arguments, entries)


def _of_seeds(error: "Versus") -> str:
    """Of which seeds the spread was estimated, if there are any."""
    seeds = " and ".join(f"{n:,}" for n in error.n_seeds if n > 1)
    return f" and the spread of {seeds} training seeds, which a few tell roughly" if seeds else ""
