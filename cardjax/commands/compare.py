"""`eval/compare.py`: what one policy earns more than another, in the very same markets."""

import argparse
from collections.abc import Sequence

from cardjax.commands.shared import (
    add_protocol_arguments,
    games_bar,
    named_players,
    read_protocol,
    with_error,
    write_figures,
)
from cardjax.runtime.compilation import keep_compiled_programs
from cardjax.runtime.exits import run_command


def compare_main(argv: Sequence[str] | None = None) -> None:
    """`eval/compare.py FIRST SECOND`: the difference of two policies on common random numbers."""
    parser = argparse.ArgumentParser(
        description="What one policy earns more than another, in the very same markets."
    )
    parser.add_argument(
        "--policies",
        nargs=2,
        required=True,
        metavar=("FIRST", "SECOND"),
        help="names or run folders",
    )
    parser.add_argument(
        "--opponent", help="who takes the other seats; by default each policy plays itself"
    )
    add_protocol_arguments(parser)
    arguments = parser.parse_args(argv)
    run_command(lambda: _compare(arguments))


def _compare(arguments: argparse.Namespace) -> None:
    from cardjax.evaluation.comparison import compare
    from cardjax.runtime import runs

    keep_compiled_programs()
    config = read_protocol(arguments).config
    players, market, params = named_players(arguments)
    first, second = players.values() if len(players) == 2 else list(players.values()) * 2
    opponent = (
        None if arguments.opponent is None else runs.opponents_for(market, (arguments.opponent,))
    )
    with games_bar(config.games) as done:
        result = compare(
            market,
            params,
            first,
            second,
            None if opponent is None else opponent[arguments.opponent],
            config.games,
            config.seed,
            progress=done,
        )
    a, b = arguments.policies
    print(
        f"{a} less {b}, {config.games:,} games in the same markets, ± 95% over {result.n_units:,} {result.unit}"
    )
    print(f"expected P&L        {with_error(result.expected_pnl)} points a game")
    print(f"P&L                 {with_error(result.pnl)} points a game")
    print(f"common draws save   {result.fewer_games:.1f} times the games")
    if result.improvement.low is not None:
        low, high = result.improvement.low, result.improvement.high
        print(
            f"P(improvement)      {result.improvement.mean:.2f}, {low:.2f} to {high:.2f} (bootstrap over seeds)"
        )
    entry = {
        "first": a,
        "second": b,
        "unit": result.unit,
        "n_units": result.n_units,
        "expected_pnl": result.expected_pnl.mean,
        "expected_pnl_ci95": list(result.expected_pnl[1:]),
        "pnl": result.pnl.mean,
        "pnl_ci95": list(result.pnl[1:]),
        "fewer_games": result.fewer_games,
        "improvement": result.improvement.mean,
        "improvement_ci95": list(result.improvement[1:]),
    }
    write_figures(arguments, [entry])
