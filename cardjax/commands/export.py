"""Write a trained policy to one file of plain arrays (docs/export.md has its layout)."""

import argparse

from cardjax.commands.shared import (
    add_out_argument,
    add_policy_argument,
    add_training_seed_argument,
    take_first_word,
)
from cardjax.env.declaration import ParameterError

TRAINED = "RUN_DIR|FILE.npz"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options."""
    add_policy_argument(parser, TRAINED, "a run folder, or an exported file")
    parser.add_argument("overrides", nargs="*", metavar=TRAINED, help=argparse.SUPPRESS)
    add_out_argument(parser, required=True, metavar="FILE.npz", help="replaced if it exists")
    add_training_seed_argument(parser)
    parser.add_argument(
        "--play", choices=("greedy", "sampled"), help="by default as the run's ppo.play"
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the file."""
    from cardjax.loading.trained import load_policy

    take_first_word(arguments, TRAINED)
    for word in arguments.overrides:
        allowed = "is neither an option nor the one policy that is exported"
        raise ParameterError("argument", word, allowed)
    policy = load_policy(arguments.policy, arguments.training_seed, arguments.play)
    policy.save(arguments.out)
    size = arguments.out.stat().st_size
    print(f"{arguments.out}: {policy.algorithm}, training seed {policy.seed}, {size:,} bytes")
