"""`eval/export.py`: a trained policy as one file of plain arrays."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from cardjax.runtime.exits import run_command


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


def _export(arguments: argparse.Namespace) -> None:
    from cardjax.runtime.trained import load_policy

    policy = load_policy(arguments.policy, arguments.training_seed, arguments.play)
    policy.save(arguments.output)
    size = arguments.output.stat().st_size
    print(f"{arguments.output}: {policy.algorithm}, training seed {policy.seed}, {size:,} bytes")
