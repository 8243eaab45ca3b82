"""What the commands that play games share: their options, and how they are read."""

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardjax.config import find_config
from cardjax.env.declaration import ParameterError
from cardjax.loading import players
from cardjax.policies.policy import misfit

if TYPE_CHECKING:
    from cardjax.evaluation.evaluate import Player
    from cardjax.evaluation.protocol import Protocol
    from cardjax.evaluation.statistics import Interval


POLICY = "NAME|RUN_DIR|FILE.npz|file.py:Class"
POLICY_HELP = (
    "a name (ev_oracle, level1, equilibrium, …), a run folder, an exported file, "
    "or a class of your own"
)
MAX_SEED = 2**31 - 1


def add_policy_argument(
    parser: argparse.ArgumentParser, metavar: str = POLICY, said: str = POLICY_HELP
) -> None:
    """--policy, or the first word in its place; read by `take_first_word`."""
    parser.add_argument("--policy", metavar=metavar, help=f"{said}; or the first word")


def add_policies_argument(parser: argparse.ArgumentParser) -> None:
    """--policies, or the words that are no overrides; read by `separate_overrides`."""
    parser.add_argument(
        "--policies",
        nargs="+",
        metavar="POLICY",
        help=f"each {POLICY_HELP}; or the words without an option",
    )


def add_market_arguments(parser: argparse.ArgumentParser, preset: str = "default") -> None:
    """Which market is played: read by `market_overrides`.

    Args:
        preset: what is said of the preset by default.
    """
    parser.add_argument(
        "--mode",
        choices=("single", "two"),
        help="the game: one player or several; of a run, its own (default: two)",
    )
    parser.add_argument(
        "--preset", help=f"the name of a preset; of a run, its own market (default: {preset})"
    )
    parser.add_argument("--events", choices=("on", "off"), help="whether events change the deck")
    parser.add_argument(
        "--impact", choices=("on", "off"), help="whether large orders move the price"
    )
    parser.add_argument(
        "overrides",
        nargs="*",
        default=[],
        metavar="key=value",
        help="changes to the market, such as env.alpha=0.5",
    )


def add_episodes_argument(parser: argparse.ArgumentParser, **options: Any) -> None:
    """--episodes, which --games is another word for."""
    parser.add_argument("--episodes", "--games", type=int, metavar="N", **options)


def add_out_argument(parser: argparse.ArgumentParser, **options: Any) -> None:
    """--out, which --output is another word for."""
    parser.add_argument("--out", "--output", type=Path, **options)


def add_training_seed_argument(parser: argparse.ArgumentParser) -> None:
    """--training-seed."""
    parser.add_argument(
        "--training-seed",
        type=int,
        metavar="SEED",
        help="which of a run's seeds plays (default: its first)",
    )


def add_protocol_arguments(parser: argparse.ArgumentParser) -> None:
    """What the commands that score share: the protocol and changes to it, the market, and where
    figures go.
    """
    parser.add_argument(
        "--config",
        type=Path,
        help="the protocol: a YAML file like configs/eval.yaml (default: that)",
    )
    add_episodes_argument(parser, help="games per opponent and training seed (eval.games)")
    parser.add_argument("--seed", type=int, help="of the evaluation draws (eval.seed)")
    parser.add_argument(
        "--draws",
        choices=("validation", "test"),
        help="validation: for choosing between policies; test: for what was chosen (eval.draws)",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the results with every metric"
    )
    parser.add_argument(
        "--csv", type=Path, metavar="FILE", help="the same as a table, one row per result"
    )
    add_market_arguments(parser)


def is_override(word: str) -> bool:
    """Whether a word of the command line is key=value; what exists as a path is a path."""
    return "=" in word and not Path(word).exists()


def separate_overrides(arguments: argparse.Namespace, *options: str) -> None:
    """Move the overrides among --policies, which takes all words that follow it, to where they
    belong; and where no --policies is given, the other way round.

    Args:
        arguments: as parsed.
        options: others that take all words.

    Raises:
        ParameterError: no policy is named.
    """
    if arguments.policies is None:
        arguments.policies = arguments.overrides
        arguments.overrides = []
        if all(map(is_override, arguments.policies)):
            raise ParameterError("--policies", "", f"must be policies, each {POLICY}")
    for option in ("policies", *options):
        words = getattr(arguments, option) or []
        setattr(arguments, option, [word for word in words if not is_override(word)])
        arguments.overrides = [*arguments.overrides, *filter(is_override, words)]


def take_first_word(arguments: argparse.Namespace, allowed: str = POLICY) -> None:
    """Without --policy the first word that is no override is the policy.

    Raises:
        ParameterError: there is neither.
    """
    words = [word for word in arguments.overrides if not is_override(word)]
    if arguments.policy is None:
        if not words:
            raise ParameterError("--policy", "", f"must be {allowed}")
        arguments.policy = words[0]
        arguments.overrides.remove(words[0])


def check_whole(option: str, value: int | None, low: int) -> None:
    """Refuse what is given and not in [low, MAX_SEED].

    Raises:
        ParameterError: it is not.
    """
    if value is not None and not low <= value <= MAX_SEED:
        raise ParameterError(option, value, f"must be a whole number in [{low}, {MAX_SEED}]")


def read_protocol(arguments: argparse.Namespace) -> "Protocol":
    """The protocol that `add_protocol_arguments` gave, and a look at where its figures are to go.

    Raises:
        ParameterError: what is not allowed, before anything is played.
    """
    from cardjax.evaluation.protocol import load_protocol

    protocol = load_protocol(None if arguments.config is None else find_config(arguments.config))
    named = {"games": arguments.episodes, "seed": arguments.seed, "draws": arguments.draws}
    check_whole("--episodes", arguments.episodes, 1)
    check_whole("--seed", arguments.seed, 0)
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
    """The market's `key=value` overrides, and the options as overrides behind them."""
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


def named_game(arguments: argparse.Namespace, makers: Sequence[str] = ()) -> players.Game:
    """The game of --policies and of the makers: that of the first run among them."""
    return players.named_game([*arguments.policies, *makers], market_overrides(arguments))


def named_players(arguments: argparse.Namespace, game: players.Game) -> Mapping[str, "Player"]:
    """name → player, of --policies, in the game that `named_game` found.

    Raises:
        ParameterError: one that cannot play it beside the others.
    """
    market, names = game.market, list(dict.fromkeys(arguments.policies))
    overrides = market_overrides(arguments)
    found = {}
    for name in names:
        player, own, _ = players.find_player(name, overrides if players.is_trained(name) else ())
        if players.is_trained(name) and (said := misfit(own, market)):
            raise ParameterError("--policies", name, f"{said}, as {game.leader} was")
        if (
            len(names) > 1
            and not getattr(player.policy, "share_params", True)
            and market.n_players > 1
        ):
            raise ParameterError(
                "--policies", name, "has weights for each seat (ppo.share_params off)"
            )
        found[name] = player
    return found


def with_error(interval: "Interval", digits: int = 3) -> str:
    """`text_tables.with_half_width`, imported when it is first needed."""
    from cardjax.evaluation.text_tables import with_half_width

    return with_half_width(interval, digits)
