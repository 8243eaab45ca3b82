"""Score a policy in markets that it was not trained in."""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from cardjax.commands.shared import (
    add_policy_argument,
    add_protocol_arguments,
    market_overrides,
    read_protocol,
    take_first_word,
    with_error,
    write_figures,
)
from cardjax.loading import players
from cardjax.runtime.compilation import keep_compiled_programs
from cardjax.runtime.progress import games_bar

if TYPE_CHECKING:
    from cardjax.evaluation.result import Result
    from cardjax.evaluation.statistics import Interval
    from cardjax.evaluation.yardsticks import Yardstick


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options."""
    add_policy_argument(parser)
    add_protocol_arguments(parser)


def run(arguments: argparse.Namespace) -> None:
    """The policy in every shifted market of the protocol."""
    from cardjax.evaluation.evaluate import SELF, evaluate_grid
    from cardjax.evaluation.protocol import shifted_markets
    from cardjax.evaluation.text_tables import text_table, without_interval

    keep_compiled_programs()
    take_first_word(arguments)
    protocol = read_protocol(arguments)
    player, market, params = players.find_player(arguments.policy, market_overrides(arguments))
    grid, names = shifted_markets(params, protocol.shifts)
    opponents = players.opponents_for(market, (SELF,))
    with games_bar(protocol.config.games * len(player.params) * len(names)) as done:
        points = evaluate_grid(
            market,
            grid,
            player,
            opponents,
            protocol.config.games,
            protocol.config.seed,
            protocol.config.domain,
            progress=done,
        )
    yardstick = points[0][0].yardstick
    figures: dict[str, Callable[[Result], Interval]] = {
        "score": lambda r: r.score,
        "less charge" if yardstick.charged else "expected P&L": lambda r: r.mean_payoff,
    }
    if not yardstick.charged:
        figures["exploitability"] = lambda r: r.against_self["exploitability_share"]
    rows = [
        (
            name,
            *(with_error(figure(r)) for figure in figures.values()),
            f"{r.metrics['trade_rate'].mean:.1%}",
        )
        for name, (r,) in zip(names, points, strict=True)
    ]
    headings = ("market", *figures, "trades")
    title = (
        f"{arguments.policy} in shifted markets, {protocol.config.games:,} games each, "
        f"{protocol.config.draws} draws"
    )
    print(text_table(headings, rows, title))
    shown = [figure(r) for (r,) in points for figure in figures.values()]
    print(f"{points[0][0].in_words()}; {_said_of(yardstick)}.{without_interval(shown)}")
    write_figures(
        arguments,
        [{"market": name} | r.as_json() for name, (r,) in zip(names, points, strict=True)],
    )


def _said_of(yardstick: "Yardstick") -> str:
    """What the shares are shares of."""
    if yardstick.missing:
        return f"there is no score: {yardstick.missing}"
    if yardstick.charged:
        return f"the score is a share of each market's own {yardstick.name}"
    return f"score and exploitability are shares of each market's own {yardstick.name}"
