"""Play a policy against opponents, on draws that training never sees, and score it."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cardjax.commands import roles
from cardjax.commands.shared import (
    POLICY,
    add_policy_argument,
    add_protocol_arguments,
    market_overrides,
    read_protocol,
    take_first_word,
    write_figures,
)
from cardjax.env.declaration import ParameterError
from cardjax.loading import players
from cardjax.runtime.compilation import keep_compiled_programs
from cardjax.runtime.progress import games_bar

if TYPE_CHECKING:
    from cardjax.env import CardMarket, EnvParams
    from cardjax.evaluation.evaluate import Player


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options."""
    add_policy_argument(parser)
    parser.add_argument(
        "--opponent",
        action="append",
        metavar=POLICY,
        help="who takes the other seats, or self; repeatable; by default the protocol's",
    )
    roles.add_maker_argument(
        parser,
        "the policy takes from (default: the maker of the run that is evaluated, or monopolist)",
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
    parser.add_argument(
        "--by",
        metavar="event,hints",
        help="break P&L, score and loss down by the kind of event, the cards shown or both",
    )


def run(arguments: argparse.Namespace) -> None:
    """A table of the policy's score against every opponent, at every market of a grid."""
    import jax

    from cardjax.env.params import params_grid
    from cardjax.evaluation.breakdown import break_down
    from cardjax.evaluation.evaluate import SELF, evaluate_grid
    from cardjax.evaluation.text_tables import breakdown_table, grid_table, results_table
    from cardjax.training.grid import market_axes

    keep_compiled_programs()
    take_first_word(arguments)
    by = _read_by(arguments.by)
    config = read_protocol(arguments).config
    player, market, params = players.find_player(arguments.policy, market_overrides(arguments))
    if market.has_maker:
        _evaluate_quoting(arguments, player, market, params, by)
        return
    roles.refuse(arguments, "maker")
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
    labelled: list[dict[str, object]] = [{"at": point} if point else {} for point in points]
    entries = [
        where | result.as_json()
        for where, of_point in zip(labelled, results, strict=True)
        for result in of_point
    ]
    for i, at in enumerate(labelled if by else []):
        there = jax.tree.map(lambda leaf, i=i: leaf[i], grid)
        for name, opponent in opponents.items():
            rival = None if name == SELF else opponent
            bins = break_down(
                market, there, player, rival, by, config.games, config.seed, config.domain
            )
            where = "".join(f", {key} = {value}" for key, value in points[i].items())
            said = f"{arguments.policy} against {name}{where}, {config.games:,} games"
            print(breakdown_table(bins, f"{said}, {config.draws} draws"))
            entries += [at | {"opponent": name} | found.as_json() for found in bins]
    write_figures(arguments, entries)


def _evaluate_quoting(
    arguments: argparse.Namespace,
    player: "Player",
    market: "CardMarket",
    params: "EnvParams",
    by: Sequence[str],
) -> None:
    """A table of what a maker and takers earn and how far both are from their exact yardsticks, at
    every market of a grid; and with `by` one for each market by what rounds were like.
    """
    import jax

    from cardjax.env.params import params_grid
    from cardjax.evaluation.quoting import evaluate_quoting, games_to_play
    from cardjax.evaluation.quoting_breakdown import break_down_quoting
    from cardjax.evaluation.text_tables import quoting_breakdown_table, quoting_table
    from cardjax.training.grid import market_axes

    if arguments.opponent is not None:
        shown = ", ".join(arguments.opponent)
        raise ParameterError("--opponent", shown, "is for env.maker = oracle alone")
    name = arguments.maker or roles.default_maker(arguments.policy)
    maker, config = players.find_maker(name, market), read_protocol(arguments).config
    grid, points = params_grid(params, **market_axes(arguments.sweep))
    markets = [jax.tree.map(lambda leaf, i=i: leaf[i], grid) for i in range(len(points))]
    total = sum(games_to_play(market, there, maker, player, config.games) for there in markets)
    with games_bar(total) as played:
        results = [
            evaluate_quoting(
                market,
                there,
                maker,
                player,
                config.games,
                config.seed,
                config.domain,
                progress=played,
            )
            for there in markets
        ]
    title = f"{name} quotes, {arguments.policy} takes, {config.games:,} games, {config.draws} draws"
    print(quoting_table(points, results, title))
    labelled = [{"at": point} if point else {} for point in points]
    names = {"maker": name, "takers": arguments.policy}
    entries = [at | names | result.as_json() for at, result in zip(labelled, results, strict=True)]
    for i, at in enumerate(labelled if by else []):
        bins = break_down_quoting(
            market, markets[i], maker, player, by, config.games, config.seed, config.domain
        )
        where = "".join(f", {key} = {value}" for key, value in points[i].items())
        said = f"{name} quotes, {arguments.policy} takes{where}, {config.games:,} games"
        print(quoting_breakdown_table(bins, f"{said}, {config.draws} draws"))
        entries += [at | names | found.as_json() for found in bins]
    write_figures(arguments, entries)


def _read_by(text: str | None) -> tuple[str, ...]:
    from cardjax.evaluation.breakdown import BY

    names = tuple(dict.fromkeys(text.split(","))) if text is not None else ()
    for name in names:
        if name not in BY:
            raise ParameterError(
                "--by", text, f"must be one or more of {', '.join(BY)}, with commas"
            )
    return names
