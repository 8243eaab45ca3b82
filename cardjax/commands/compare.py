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
from cardjax.evaluation.result import SEEDS
from cardjax.evaluation.statistics import Interval
from cardjax.loading.players import opponents_for
from cardjax.runtime.compilation import keep_compiled_programs
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
    from cardjax.evaluation.yardsticks import yardstick_of

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
    print(f"{a} less {b}, {config.games:,} games in the same markets; {result.in_words()}")
    charged = yardstick_of(market, params).charged
    payoff = "less the charge" if charged else "expected P&L"
    print(f"{payoff:20}{with_error(result.expected_pnl)} points per game")
    print(f"P&L                 {with_error(result.pnl)} points per game")
    chance = "two training seeds" if result.unit == SEEDS else "a game"
    print(f"effect              {_bounded(result.effect)} standard deviations of {chance}")
    if result.unit == SEEDS:
        print(
            f"P(improvement)      {_bounded(result.improvement)}, "
            "that a seed of the first earns more"
        )
    print(f"common draws save   {result.fewer_games:.1f} times the games")
    figures = {name: getattr(result, name) for name in FIGURES}
    entry = {
        "first": a,
        "second": b,
        "unit": result.unit,
        "n_units": result.n_units,
        "n_seeds": list(result.n_seeds),
        **{name: figure.mean for name, figure in figures.items()},
        **{f"{name}_ci95": list(figure[1:]) for name, figure in figures.items()},
        "fewer_games": result.fewer_games,
    }
    write_figures(arguments, [entry])


FIGURES = ("expected_pnl", "pnl", "effect", "improvement")


def _bounded(interval: Interval) -> str:
    """A figure whose interval is not symmetric."""
    if interval.low is None or interval.high is None:
        return f"{interval.mean:.2f}"
    return f"{interval.mean:.2f} ({interval.low:.2f} to {interval.high:.2f})"
