"""What one policy earns more than another, in the very same markets."""

import argparse

from cardjax.commands.shared import (
    POLICY,
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
from cardjax.runtime.players import opponents_for
from cardjax.runtime.progress import games_bar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options."""
    add_policies_argument(parser)
    parser.add_argument(
        "--opponent",
        metavar=POLICY,
        help="who takes the other seats; by default each policy plays itself",
    )
    add_protocol_arguments(parser)


def run(arguments: argparse.Namespace) -> None:
    """The difference of two policies on common random numbers."""
    from cardjax.evaluation.comparison import compare

    keep_compiled_programs()
    separate_overrides(arguments)
    if len(arguments.policies) != 2:
        raise ParameterError("--policies", " ".join(arguments.policies), "must be two policies")
    config = read_protocol(arguments).config
    found, market, params = named_players(arguments)
    first, second = found.values() if len(found) == 2 else list(found.values()) * 2
    opponent = None if arguments.opponent is None else opponents_for(market, (arguments.opponent,))
    with games_bar(config.games * (len(first.params) + len(second.params))) as done:
        result = compare(
            market,
            params,
            first,
            second,
            None if opponent is None else opponent[arguments.opponent],
            config.games,
            config.seed,
            config.domain,
            progress=done,
        )
    a, b = arguments.policies
    print(
        f"{a} less {b}, {config.games:,} games in the same markets, "
        f"± 95% over {result.n_units:,} {result.unit}"
    )
    print(f"expected P&L        {with_error(result.expected_pnl)} points a game")
    print(f"P&L                 {with_error(result.pnl)} points a game")
    print(f"common draws save   {result.fewer_games:.1f} times the games")
    if result.improvement.low is not None:
        low, high = result.improvement.low, result.improvement.high
        print(
            f"P(improvement)      {result.improvement.mean:.2f}, {low:.2f} to {high:.2f} "
            "(bootstrap over seeds)"
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
