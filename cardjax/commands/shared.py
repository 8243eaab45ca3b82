"""What the commands that play games share: their options, and how they are read."""

import argparse
import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardjax.config import find_config
from cardjax.env.declaration import ParameterError

if TYPE_CHECKING:
    from cardjax.evaluation.protocol import Protocol


def add_protocol_arguments(parser: argparse.ArgumentParser) -> None:
    """What all commands of eval/ share: the protocol and changes to it, the market, and where
    figures go.
    """
    parser.add_argument(
        "--config",
        type=Path,
        help="the protocol: a YAML file like configs/eval.yaml (default: that)",
    )
    parser.add_argument(
        "--episodes", type=int, metavar="N", help="games an opponent and training seed (eval.games)"
    )
    parser.add_argument("--seed", type=int, help="of the evaluation draws (eval.seed)")
    parser.add_argument(
        "--mode", choices=("single", "two"), help="the game, for a policy by name (default two)"
    )
    parser.add_argument("--preset", help="a preset's name, for a policy by name (default: default)")
    parser.add_argument("--events", choices=("on", "off"), help="env.flags.enable_events")
    parser.add_argument("--impact", choices=("on", "off"), help="env.flags.enable_impact")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the results with every metric"
    )
    parser.add_argument(
        "--csv", type=Path, metavar="FILE", help="the same as a table, one row a result"
    )
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="of the market, such as env.alpha=0.5"
    )


def read_protocol(arguments: argparse.Namespace) -> "Protocol":
    """The protocol that `add_protocol_arguments` gave, and a look at where its figures are to go.

    Raises:
        ParameterError: what is not allowed, before anything is played.
    """
    from cardjax.evaluation.protocol import load_protocol

    protocol = load_protocol(None if arguments.config is None else find_config(arguments.config))
    named = {"games": arguments.episodes, "seed": arguments.seed}
    if arguments.episodes is not None and arguments.episodes < 1:
        raise ParameterError(
            "--episodes", arguments.episodes, "must be a whole number of at least 1"
        )
    if arguments.seed is not None and not 0 <= arguments.seed < 2**31:
        raise ParameterError("--seed", arguments.seed, "must be a whole number in [0, 2147483647]")
    for option in ("json", "csv"):
        path = getattr(arguments, option)
        if path is not None and (path.is_dir() or not path.parent.is_dir()):
            raise ParameterError(f"--{option}", str(path), "must be a file in a folder that exists")
    changes = {name: value for name, value in named.items() if value is not None}
    return dataclasses.replace(protocol, config=dataclasses.replace(protocol.config, **changes))


def write_figures(arguments: argparse.Namespace, entries: Sequence[Mapping[str, Any]]) -> None:
    """The entries to --json and --csv, where they are asked for."""
    from cardjax.files.writing import write_csv, write_json

    try:
        if arguments.json is not None:
            write_json(arguments.json, entries)
        if arguments.csv is not None:
            write_csv(arguments.csv, entries)
    except OSError as error:
        raise ParameterError(
            "output", str(error.filename), f"cannot be written ({error.strerror})"
        ) from None


def market_overrides(arguments: argparse.Namespace) -> list[str]:
    """The market's `key=value` overrides behind the evaluation's options, options after plain ones."""
    named = {
        "env.kind": arguments.mode,
        "env.preset": arguments.preset,
        "env.flags.enable_events": arguments.events,
        "env.flags.enable_impact": arguments.impact,
    }
    return [
        *arguments.overrides,
        *(f"{key}={value}" for key, value in named.items() if value is not None),
    ]


def named_players(arguments: argparse.Namespace) -> tuple[Mapping[str, Any], Any, Any]:
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


def with_error(interval: Any, digits: int = 3) -> str:
    """A mean and half the width of its interval."""
    from cardjax.evaluation.table import with_half_width

    return with_half_width(interval, digits)


def over_units(result: Any) -> str:
    """What the interval of a result is over."""
    return f"± is a 95% interval over {result.n_units:,} {result.unit}"


@contextlib.contextmanager
def games_bar(total: int) -> Iterator[Callable[[int], object]]:
    """A progress bar of games, by the function that counts them."""
    from tqdm import tqdm

    with tqdm(total=total, unit="game", unit_scale=True, leave=False) as bar:
        yield bar.update
