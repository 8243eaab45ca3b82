"""`eval/ood.py`: a policy in markets that it was not trained in."""

import argparse
from collections.abc import Sequence

from cardjax.commands.shared import (
    add_protocol_arguments,
    games_bar,
    market_overrides,
    over_units,
    read_protocol,
    with_error,
    write_figures,
)
from cardjax.runtime.compilation import keep_compiled_programs
from cardjax.runtime.exits import run_command


def ood_main(argv: Sequence[str] | None = None) -> None:
    """`eval/ood.py --policy NAME|RUN_DIR`: the policy in every shifted market of the protocol."""
    parser = argparse.ArgumentParser(
        description="Score a policy in markets that it was not trained in."
    )
    parser.add_argument(
        "--policy", required=True, help="a name (ev_oracle, level1, equilibrium, …) or a run folder"
    )
    add_protocol_arguments(parser)
    arguments = parser.parse_args(argv)
    run_command(lambda: _ood(arguments))


def _ood(arguments: argparse.Namespace) -> None:
    from cardjax.evaluation.evaluate import SELF, evaluate_grid
    from cardjax.evaluation.protocol import shifted_markets
    from cardjax.evaluation.table import text_table
    from cardjax.runtime import runs

    keep_compiled_programs()
    protocol = read_protocol(arguments)
    player, market, params = runs.find_player(arguments.policy, market_overrides(arguments))
    grid, names = shifted_markets(params, protocol.shifts)
    opponents = runs.opponents_for(market, (SELF,))
    with games_bar(protocol.config.games * len(player.params)) as done:
        points = evaluate_grid(
            market,
            grid,
            player,
            opponents,
            protocol.config.games,
            protocol.config.seed,
            progress=done,
        )
    rows = [
        (
            name,
            with_error(r.score),
            with_error(r.mean_expected_pnl),
            with_error(r.against_self["exploitability_share"]),
            f"{r.metrics['trade_rate'].mean:.1%}",
        )
        for name, (r,) in zip(names, points, strict=True)
    ]
    headings = ("market", "score", "expected P&L", "exploitability", "trades")
    title = (
        f"{arguments.policy} in shifted markets, {protocol.config.games:,} games each, test draws"
    )
    print(text_table(headings, rows, title))
    print(
        over_units(points[0][0])
        + "; score and exploitability are shares of each market's own equilibrium."
    )
    write_figures(
        arguments,
        [{"market": name} | r.as_json() for name, (r,) in zip(names, points, strict=True)],
    )
