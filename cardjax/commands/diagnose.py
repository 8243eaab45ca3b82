"""Draw how a policy plays: a figure and a CSV for each diagnostic."""

import argparse
import time
from pathlib import Path

from cardjax.commands import roles
from cardjax.commands.shared import (
    add_episodes_argument,
    add_market_arguments,
    add_out_argument,
    add_policy_argument,
    check_whole,
    market_overrides,
    take_first_word,
)
from cardjax.env.declaration import ParameterError
from cardjax.evaluation.diagnostics import diagnose, games_of
from cardjax.loading.players import is_trained
from cardjax.reports.figures import subject_of, write
from cardjax.runtime.compilation import keep_compiled_programs
from cardjax.runtime.progress import games_bar

DEFAULT_EPISODES = 65_536


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options."""
    add_policy_argument(parser)
    roles.add_maker_argument(
        parser, "the takers meet (default: the maker of the run, or monopolist)"
    )
    add_episodes_argument(
        parser,
        default=DEFAULT_EPISODES,
        help="games per training seed, and for each point of the ablations "
        f"(default {DEFAULT_EPISODES:,})",
    )
    add_out_argument(
        parser,
        metavar="FOLDER",
        help="default: diagnostics in the run folder, or diagnostics/NAME",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the draws (default 0)")
    add_market_arguments(parser)


def run(arguments: argparse.Namespace) -> None:
    """A figure and a CSV for each diagnostic."""
    keep_compiled_programs()
    take_first_word(arguments)
    policy, out = arguments.policy, arguments.out
    path = Path(policy)
    in_run = path.is_dir() and is_trained(policy)
    default = path / "diagnostics" if in_run else Path("diagnostics", path.name.replace(":", "-"))
    folder = default if out is None else out
    _check(arguments, folder)
    maker = arguments.maker or roles.default_maker(policy)
    subject = subject_of(policy, market_overrides(arguments), maker)
    if not subject.market.has_maker:
        roles.refuse(arguments, "maker")
    start = time.perf_counter()
    with games_bar(games_of(subject, arguments.episodes)) as played:
        tables = diagnose(subject, arguments.episodes, arguments.seed, played)
    write(folder, tables)
    print(f"{folder}: {', '.join(tables)} ({time.perf_counter() - start:.0f} s)")


def _check(arguments: argparse.Namespace, folder: Path) -> None:
    """Refuse what can be refused before anything is compiled."""
    check_whole("--episodes", arguments.episodes, 1)
    check_whole("--seed", arguments.seed, 0)
    blocking = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    if blocking.exists() and not blocking.is_dir():
        raise ParameterError("--out", str(folder), f"{blocking} is not a folder")
