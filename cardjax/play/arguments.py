"""The arguments of `cardjax play`, as the games of both roles read them."""

import argparse
import secrets
import shlex
from pathlib import Path

from cardjax.config import parse_override
from cardjax.env import ParameterError
from cardjax.files.writing import try_writing
from cardjax.play.setup import MAKER, MAX_SEED, PLAYED, PLAYED_AS_MAKER, TAKER, Setup, make_setup


def setup_of(arguments: argparse.Namespace) -> Setup:
    """The game that is asked for. The options stand for overrides and win over them.

    Raises:
        ParameterError: a value that is not allowed.
    """
    role = arguments.role or TAKER
    values: dict[str, object] = {"env.preset": PLAYED_AS_MAKER if role == MAKER else PLAYED}
    values |= dict(parse_override(text) for text in arguments.overrides)
    for name in values:
        if not name.startswith("env."):
            raise ParameterError(
                "argument", name, "must be an env.* override, such as env.alpha=0.5"
            )
    named = {"env.kind": arguments.mode, "env.preset": arguments.preset}
    flags = {
        "env.flags.enable_events": arguments.events,
        "env.flags.enable_impact": arguments.impact,
    }
    values |= {name: value for name, value in named.items() if value is not None}
    values |= {name: value == "on" for name, value in flags.items() if value is not None}
    seed = secrets.randbelow(MAX_SEED + 1) if arguments.seed is None else arguments.seed
    return make_setup(overrides=values, seed=seed, role=role)


def again(arguments: argparse.Namespace, setup: Setup) -> str:
    """The arguments that deal the same game."""
    words = ["--preset", setup.preset, "--seed", str(setup.seed)]
    for name in ("role", "mode", "events", "impact"):
        value = getattr(arguments, name)
        words += [] if value is None else [f"--{name}", value]
    words += [text for text in arguments.overrides if not text.startswith("env.preset=")]
    return shlex.join(words)


def check_save(path: Path | None) -> None:
    """Refuse a file that exists, whose folder does not, or that cannot be written.

    Raises:
        ParameterError: it is such a file.
    """
    if path is None:
        return
    try:
        fits = path.parent.is_dir() and not path.exists()
        if fits:
            try_writing(path)
    except OSError as error:
        said = f"cannot be written ({error.strerror or error})"
        raise ParameterError("--save", str(path), said) from None
    if not fits:
        raise ParameterError("--save", str(path), "must be a new file in a folder that exists")
