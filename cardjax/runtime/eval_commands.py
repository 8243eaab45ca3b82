"""The command lines of eval/ beyond evaluate.py: other markets, two policies compared, all against
all, export.
"""

import argparse
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cardjax.env.declaration import ParameterError
from cardjax.runtime.command_line import (
    add_protocol_arguments,
    market_overrides,
    read_protocol,
    run_command,
    write_figures,
)
from cardjax.runtime.compilation import keep_compiled_programs


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


def cross_play_main(argv: Sequence[str] | None = None) -> None:
    """`eval/cross_play.py --policies A B C …`: each at the first seat against each at the others."""
    parser = argparse.ArgumentParser(description="Every policy against every policy.")
    parser.add_argument(
        "--policies", nargs="+", required=True, metavar="POLICY", help="names or run folders"
    )
    add_protocol_arguments(parser)
    arguments = _with_overrides_apart(parser.parse_args(argv))
    run_command(lambda: _cross_play(arguments))


def export_main(argv: Sequence[str] | None = None) -> None:
    """`eval/export.py --policy RUN_DIR --output FILE.npz`: a trained policy as plain arrays."""
    parser = argparse.ArgumentParser(
        description="Write a trained policy to one file of plain arrays."
    )
    parser.add_argument("--policy", required=True, help="a run folder")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FILE.npz", help="replaced if it exists"
    )
    parser.add_argument(
        "--training-seed", type=int, metavar="SEED", help="of several; by default the run's first"
    )
    parser.add_argument(
        "--play", choices=("greedy", "sampled"), help="by default as the run's ppo.play"
    )
    arguments = parser.parse_args(argv)
    run_command(lambda: _export(arguments))


def _with_overrides_apart(arguments: argparse.Namespace) -> argparse.Namespace:
    """argparse takes all that follows --policies for policies, overrides of the market included."""
    policies = [name for name in arguments.policies if "=" not in name]
    arguments.overrides += [text for text in arguments.policies if "=" in text]
    arguments.policies = policies
    return arguments


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
    with _bar(protocol.config.games * len(player.params)) as done:
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
            _pm(r.score),
            _pm(r.mean_expected_pnl),
            _pm(r.against_self["exploitability_share"]),
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
        _over(points[0][0])
        + "; score and exploitability are shares of each market's own equilibrium."
    )
    write_figures(
        arguments,
        [{"market": name} | r.as_json() for name, (r,) in zip(names, points, strict=True)],
    )


def _compare(arguments: argparse.Namespace) -> None:
    from cardjax.evaluation.comparison import compare
    from cardjax.runtime import runs

    keep_compiled_programs()
    config = read_protocol(arguments).config
    players, market, params = _players(arguments)
    first, second = players.values() if len(players) == 2 else list(players.values()) * 2
    opponent = (
        None if arguments.opponent is None else runs.opponents_for(market, (arguments.opponent,))
    )
    with _bar(config.games) as done:
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
    print(f"expected P&L        {_pm(result.expected_pnl)} points a game")
    print(f"P&L                 {_pm(result.pnl)} points a game")
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


def _cross_play(arguments: argparse.Namespace) -> None:
    from cardjax.evaluation.comparison import cross_play
    from cardjax.evaluation.table import text_table

    keep_compiled_programs()
    config = read_protocol(arguments).config
    players, market, params = _players(arguments)
    if market.n_players == 1:
        raise ParameterError(
            "--policies", " ".join(players), "a single player meets nobody: --mode two"
        )
    with _bar(
        config.games * sum(len(player.params) for player in players.values()) * len(players)
    ) as done:
        table = cross_play(market, params, players, config.games, config.seed, progress=done)
    rows = [
        (name, *(_pm(result.mean_expected_pnl, 2) for result in results))
        for name, results in table.items()
    ]
    title = f"expected P&L of the row's player against the column's, {config.games:,} games each, test draws"
    print(text_table(("", *players), rows, title))
    print(_over(next(iter(table.values()))[0]) + "; points a game.")
    write_figures(
        arguments,
        [
            {"player": name} | result.as_json()
            for name, results in table.items()
            for result in results
        ],
    )


def _export(arguments: argparse.Namespace) -> None:
    from cardjax.runtime.trained import load_policy

    policy = load_policy(arguments.policy, arguments.training_seed, arguments.play)
    policy.save(arguments.output)
    size = arguments.output.stat().st_size
    print(f"{arguments.output}: {policy.algorithm}, training seed {policy.seed}, {size:,} bytes")


def _players(arguments: argparse.Namespace) -> tuple[Mapping[str, Any], Any, Any]:
    """(name → player, market, parameters): all of one game, that of the first run among them."""
    from cardjax.runtime import runs

    names = list(dict.fromkeys(arguments.policies))
    overrides = market_overrides(arguments)
    leader = next((name for name in names if runs.is_trained(name)), names[0])
    _, market, params = runs.find_player(leader, overrides)
    players = {}
    for name in names:
        player, own, _ = runs.find_player(name, overrides if runs.is_trained(name) else ())
        if runs.is_trained(name) and own.n_players != market.n_players:
            allowed = f"plays with {own.n_players} player(s), {leader} with {market.n_players}"
            raise ParameterError("--policies", name, allowed)
        if (
            len(names) > 1
            and not getattr(player.policy, "share_params", True)
            and market.n_players > 1
        ):
            raise ParameterError(
                "--policies", name, "has weights for each seat (ppo.share_params off)"
            )
        players[name] = player
    return players, market, params


def _pm(interval: Any, digits: int = 3) -> str:
    from cardjax.evaluation.table import with_half_width

    return with_half_width(interval, digits)


def _over(result: Any) -> str:
    return f"± is a 95% interval over {result.n_units:,} {result.unit}"


@contextlib.contextmanager
def _bar(total: int) -> Iterator[Callable[[int], object]]:
    """A progress bar of games, by the function that counts them."""
    from tqdm import tqdm

    with tqdm(total=total, unit="game", unit_scale=True, leave=False) as bar:
        yield bar.update
