"""`eval/diagnose.py`: how a policy plays, a figure and a CSV for each diagnostic."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from cardjax.env.declaration import ParameterError
from cardjax.evaluation.diagnostics import ablation_points, diagnose
from cardjax.runtime.compilation import keep_compiled_programs
from cardjax.runtime.diagnose import subject_of, write
from cardjax.runtime.exits import run_command

DEFAULT_EPISODES = 65_536


def diagnose_main(argv: Sequence[str] | None = None) -> None:
    """`eval/diagnose.py RUN [--episodes N] [--out FOLDER] [--seed N] [env.key=value …]`."""
    run_command(lambda: _main(_arguments(argv)))


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Draw how a policy plays: a figure and a CSV for each diagnostic."
    )
    parser.add_argument(
        "policy", metavar="RUN", help="a run folder, or a policy's name (level1, equilibrium, …)"
    )
    parser.add_argument(
        "--episodes",
        type=int,
        default=DEFAULT_EPISODES,
        metavar="N",
        help=f"games a training seed, and for each point of the ablations (default {DEFAULT_EPISODES:,})",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="default: diagnostics in the run folder, or diagnostics/NAME",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the draws (default 0)")
    parser.add_argument(
        "overrides", nargs="*", metavar="env.key=value", help="of the market, such as env.alpha=0.5"
    )
    return parser.parse_intermixed_args(argv)  # overrides may follow options


def _main(arguments: argparse.Namespace) -> None:
    from tqdm import tqdm

    keep_compiled_programs()
    policy, out = arguments.policy, arguments.out
    default = (
        Path(policy) / "diagnostics"
        if Path(policy).is_dir()
        else Path("diagnostics", policy.replace(":", "-"))
    )
    folder = default if out is None else out
    _check(arguments, folder)
    subject = subject_of(policy, arguments.overrides)
    start, n_seeds = time.perf_counter(), len(subject.player.params)
    total = arguments.episodes * (1 + len(ablation_points(subject.env_params)))
    with tqdm(total=total * n_seeds, unit="game", unit_scale=True, leave=False) as bar:
        tables = diagnose(
            subject, arguments.episodes, arguments.seed, lambda games: bar.update(games * n_seeds)
        )
    write(folder, tables)
    print(f"{folder}: {', '.join(tables)} ({time.perf_counter() - start:.0f} s)")


def _check(arguments: argparse.Namespace, folder: Path) -> None:
    """Refuse what can be refused before anything is compiled."""
    for name, low in (("episodes", 1), ("seed", 0)):
        if not low <= getattr(arguments, name) < 2**31:
            raise ParameterError(
                f"--{name}",
                getattr(arguments, name),
                f"must be a whole number in [{low}, 2147483647]",
            )
    blocking = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    if blocking.exists() and not blocking.is_dir():
        raise ParameterError("--out", str(folder), f"{blocking} is not a folder")
