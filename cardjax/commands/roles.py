"""What the commands do that compare players where the maker is one of them: makers and takers."""

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cardjax.commands.shared import named_players, with_error, write_figures
from cardjax.env.declaration import ParameterError
from cardjax.loading import players
from cardjax.runtime.progress import games_bar

if TYPE_CHECKING:
    from cardjax.evaluation.evaluate import Player
    from cardjax.evaluation.protocol import EvalConfig
    from cardjax.evaluation.quoting import Maker
    from cardjax.evaluation.quoting_comparison import Pair

BENCHMARK = "monopolist"
"""Who quotes where nobody is named."""


def add_maker_argument(parser: argparse.ArgumentParser, whom: str) -> None:
    """--maker.

    Args:
        parser: of the command.
        whom: the end of "the maker that …".
    """
    parser.add_argument(
        "--maker",
        metavar="NAME",
        help="where the maker is a player: competitive, monopolist, random_quotes, a run's maker "
        f"or a class of your own, whom {whom}",
    )


def default_maker(policy: str) -> str:
    """Who quotes where nobody is named: a run's own maker, or else BENCHMARK."""
    return policy if players.is_trained(policy) else BENCHMARK


def refuse(arguments: argparse.Namespace, *options: str) -> None:
    """Refuse options of games whose maker is a player in another game.

    Raises:
        ParameterError: one of them is given.
    """
    _refuse_given(arguments, options, "is for env.maker = agent alone")


def cross_play(arguments: argparse.Namespace, game: players.Game, config: "EvalConfig") -> None:
    """A table of every maker against all takers: what each role earns."""
    from cardjax.evaluation.quoting_comparison import cross_play_roles
    from cardjax.evaluation.text_tables import text_table, without_interval

    takers = named_players(arguments, game)
    runs = [name for name in takers if players.is_trained(name)]
    names = list(dict.fromkeys(arguments.makers or runs or [BENCHMARK]))
    makers = {name: players.find_maker(name, game.market, "--makers") for name in names}
    with games_bar(config.games * len(makers) * len(takers)) as done:
        table = cross_play_roles(
            game.market,
            game.env_params,
            makers,
            takers,
            config.games,
            config.seed,
            config.domain,
            progress=done,
        )
    draws = f"{config.games:,} games each, {config.draws} draws"
    shown = []
    for figure, whose, last in (
        ("maker_expected_pnl", "the row's maker against the column's takers", "maker_score"),
        ("taker_expected_pnl", "one of the column's takers against the row's maker", None),
    ):
        rows = []
        for name, results in table.items():
            figures = [result.metrics[figure] for result in results.values()]
            figures += [next(iter(results.values())).metrics[last]] if last else []
            shown += figures
            rows.append((name, *(with_error(found, 3) for found in figures)))
        title = f"expected P&L of {whose}, {draws}"
        headings = ("maker", *takers, *(["score"] if last else []))
        print(text_table(headings, rows, title))
    several = max((one for row in table.values() for one in row.values()), key=lambda r: r.n_seeds)
    print(f"{several.in_words()}; points per game.{without_interval(shown)}")
    entries = [
        {"maker": name, "takers": who} | result.as_json()
        for name, results in table.items()
        for who, result in results.items()
    ]
    write_figures(arguments, entries)


def compare(arguments: argparse.Namespace, game: players.Game, config: "EvalConfig") -> None:
    """What the makers or the takers of two policies earn more than each other, or the two roles of
    two runs.
    """
    from cardjax.evaluation.quoting_comparison import compare_roles
    from cardjax.evaluation.result import SEEDS
    from cardjax.evaluation.text_tables import bounded

    first, second, against = _pairs(arguments, game)
    with games_bar(config.games) as done:
        results = compare_roles(
            game.market,
            game.env_params,
            first,
            second,
            config.games,
            config.seed,
            config.domain,
            progress=done,
        )
    a, b = arguments.policies
    said = next(iter(results.values())).in_words()
    print(f"{a} less {b}, {against}, {config.games:,} games in the same markets; {said}")
    for role, result in results.items():
        whose = {"maker": "the maker", "takers": "a taker"}[role]
        chance = "two training seeds" if result.unit == SEEDS else "a game"
        print(f"{whose}:")
        print(f"  expected P&L       {with_error(result.expected_pnl)} points per game")
        print(f"  P&L                {with_error(result.pnl)} points per game")
        print(f"  effect             {bounded(result.effect)} standard deviations of {chance}")
        if result.unit == SEEDS:
            improvement = bounded(result.improvement)
            print(f"  P(improvement)     {improvement}, that a seed of the first earns more")
        print(f"  common draws save  {result.draws_in_words()}")
    names = {"first": a, "second": b, "maker": arguments.maker, "takers": arguments.takers}
    entries = [{"role": role} | names | result.as_json() for role, result in results.items()]
    write_figures(arguments, entries)


def _pairs(arguments: argparse.Namespace, game: players.Game) -> tuple["Pair", "Pair", str]:
    """The two pairs of a maker and takers that are compared, and what they have in common."""
    from cardjax.evaluation.quoting_comparison import Pair

    _refuse_given(arguments, ("opponent",), "is for env.maker = oracle alone")
    if arguments.maker is not None and arguments.takers is not None:
        allowed = "must not stand beside --maker: of the two roles one is compared"
        raise ParameterError("--takers", arguments.takers, allowed)
    if arguments.takers is not None:
        takers = _takers(arguments, [arguments.takers], game)[arguments.takers]
        makers = _makers(arguments.policies, game)
        first, second = (Pair(makers[name], takers) for name in arguments.policies)
        return first, second, f"{arguments.takers} takes"
    names = [arguments.maker] * 2 if arguments.maker is not None else arguments.policies
    if arguments.maker is None:
        for name in names:
            if not players.is_trained(name):
                allowed = "is no run, which has both roles: give --maker or --takers"
                raise ParameterError("--policies", name, allowed)
    makers, takers_of = _makers(names, game), _takers(arguments, arguments.policies, game)
    first, second = (
        Pair(makers[maker], takers_of[name])
        for maker, name in zip(names, arguments.policies, strict=True)
    )
    said = "each run by itself" if arguments.maker is None else f"{arguments.maker} quotes"
    return first, second, said


def _makers(names: Sequence[str], game: players.Game) -> "Mapping[str, Maker]":
    return {name: players.find_maker(name, game.market) for name in dict.fromkeys(names)}


def _takers(
    arguments: argparse.Namespace, names: Sequence[str], game: players.Game
) -> "Mapping[str, Player]":
    return named_players(argparse.Namespace(**{**vars(arguments), "policies": names}), game)


def _refuse_given(arguments: argparse.Namespace, options: Sequence[str], allowed: str) -> None:
    for option in options:
        given: Any = getattr(arguments, option)
        if given:
            shown = given if isinstance(given, str) else ", ".join(given)
            raise ParameterError(f"--{option}", shown, allowed)
