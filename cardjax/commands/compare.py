"""What one policy earns more than another, in the very same markets."""

import argparse

from cardjax.commands import roles
from cardjax.commands.shared import (
    POLICY,
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
from cardjax.evaluation.result import SEEDS
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
    roles.add_maker_argument(parser, "both policies take from")
    parser.add_argument(
        "--takers",
        metavar=POLICY,
        help="where the maker is a player, compare the policies as makers against these takers; "
        "with neither --maker nor --takers each run's maker meets its own takers",
    )
    add_protocol_arguments(parser)


def run(arguments: argparse.Namespace) -> None:
    """The difference of two policies on common random numbers."""
    from cardjax.evaluation.comparison import compare
    from cardjax.evaluation.text_tables import bounded
    from cardjax.evaluation.yardsticks import yardstick_of

    keep_compiled_programs()
    separate_overrides(arguments)
    if len(arguments.policies) != 2:
        raise ParameterError("--policies", " ".join(arguments.policies), "must be two policies")
    config = read_protocol(arguments).config
    game = named_game(arguments, [name for name in (arguments.maker, arguments.takers) if name])
    market, params = game.market, game.env_params
    if market.has_maker:
        roles.compare(arguments, game, config)
        return
    roles.refuse(arguments, "maker", "takers")
    found = named_players(arguments, game)
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
    print(f"effect              {bounded(result.effect)} standard deviations of {chance}")
    if result.unit == SEEDS:
        print(
            f"P(improvement)      {bounded(result.improvement)}, "
            "that a seed of the first earns more"
        )
    print(f"common draws save   {result.draws_in_words()}")
    write_figures(arguments, [{"first": a, "second": b} | result.as_json()])
