"""A saved game: one JSON file with the setup, the players' names, all actions, and the figures they
led to.

`load_game` replays it through the market and compares, so what it returns is what the market says,
and not the file. A file is untrusted: its size is bounded, it is plain JSON, and whatever is wrong
with it is refused in one line.
"""

import dataclasses
import json
import math
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from cardjax.env import N_ACTIONS, N_ROUNDS, ParameterError
from cardjax.files.writing import replacing
from cardjax.play.game import Game, Setup, make_setup
from cardjax.play.rounds import RoundRecord

FORMAT, VERSION = "cardjax game", 1
MAX_BYTES = 1_000_000
MAX_NAME = 200
TOLERANCE = 1e-3
"""points, and its share of larger figures: what float32 may differ by between two machines."""
KEYS = {
    "format",
    "version",
    "kind",
    "n_players",
    "preset",
    "seed",
    "env",
    "players",
    "actions",
    "figures",
}


@dataclasses.dataclass(frozen=True)
class SavedGame:
    """A game as it was played, replayed through the market."""

    setup: Setup
    players: tuple[str, ...]
    """a name for each seat: "human", a policy's name or a run folder's."""
    records: tuple[RoundRecord, ...]


def game_json(
    setup: Setup, players: Sequence[str], records: Sequence[RoundRecord]
) -> dict[str, Any]:
    """A game as the JSON document that `save_game` writes."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "kind": setup.kind,
        "n_players": setup.n_players,
        "preset": setup.preset,
        "seed": setup.seed,
        "env": dict(setup.values),
        "players": list(players),
        "actions": [[order.requested for order in record.orders] for record in records],
        "figures": [_figures(record) for record in records],
    }


def save_game(
    path: Path, setup: Setup, players: Sequence[str], records: Sequence[RoundRecord]
) -> None:
    """Write a game, finished or not, replacing the file as a whole: a crash leaves the old one or
    the new.

    Raises:
        ParameterError: it cannot be written.
    """
    text = json.dumps(game_json(setup, players, records), indent=1, allow_nan=False) + "\n"
    try:
        with replacing(path) as part, part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ParameterError("--save", str(path), f"cannot be written ({error.strerror})") from None


def load_game(path: Path) -> SavedGame:
    """Read a saved game and replay it.

    Raises:
        ParameterError: it cannot be read, is too large, damaged, of another kind or a newer
            version, or the market does not lead from its actions to its figures.
    """
    try:
        return parse_game(_read(path))
    except ValueError as error:  # ParameterError is one too
        raise ParameterError("saved game", str(path), str(error)) from None
    except OSError as error:
        raise ParameterError(
            "saved game", str(path), f"cannot be read ({error.strerror})"
        ) from None


def parse_game(text: str) -> SavedGame:
    """`load_game` of a file's text.

    Raises:
        ValueError: as `load_game`, in one line.
    """
    try:
        document = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise ValueError("is damaged, or no saved game (it is not JSON)") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError("is not a saved game of cardjax")
    version = document.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < VERSION:
        raise ValueError(f"has no version that is known (version: {str(version)[:20]!r})")
    if version > VERSION:
        raise ValueError(
            f"was saved by a newer cardjax (version {str(version)[:20]}; this one reads {VERSION})"
        )
    if set(document) != KEYS:
        names = sorted(set(document) ^ KEYS)
        raise ValueError(
            f"is damaged (missing or unknown: {', '.join(name[:20] for name in names[:5])!r})"
        )
    return _replayed(document)


def _replayed(document: Mapping[str, Any]) -> SavedGame:
    setup = _setup(document)
    players, actions, figures = document["players"], document["actions"], document["figures"]
    if not _is_list(players, setup.n_players) or not all(_is_name(name) for name in players):
        raise ValueError("is damaged (players: a name for each seat)")
    if (
        not isinstance(actions, list)
        or len(actions) > N_ROUNDS
        or not _is_list(figures, len(actions))
    ):
        raise ValueError(
            f"is damaged (actions and figures: as many, and at most {N_ROUNDS} rounds)"
        )
    game = Game(setup)
    for i, (asked, figure) in enumerate(zip(actions, figures, strict=True), 1):
        if not _is_list(asked, setup.n_players) or not all(
            _is_int(a) and 0 <= a < N_ACTIONS for a in asked
        ):
            raise ValueError(f"is damaged (round {i}: an action 0..{N_ACTIONS - 1} for each seat)")
        if game.over:
            raise ValueError(f"is damaged (round {i} comes after the game's end)")
        if not _agree(_figures(game.play(asked)), figure):
            raise ValueError(
                f"is damaged, or of other rules (round {i}: the market's figures are not the saved ones)"
            )
    return SavedGame(setup, tuple(players), tuple(game.records))


def _setup(document: Mapping[str, Any]) -> Setup:
    """The saved numbers are all there, so the preset's name is only a label, and its file need not
    exist.
    """
    env, preset = document["env"], document["preset"]
    if not isinstance(env, dict) or not _is_name(preset) or not _is_int(document["n_players"]):
        raise ValueError("is damaged (env, preset or n_players)")
    if not isinstance(document["kind"], str) or not _is_int(document["seed"]):
        raise ValueError("is damaged (kind or seed)")
    if set(env) != set(make_setup(document["kind"], n_players=document["n_players"]).values):
        raise ValueError(
            "is damaged, or of other rules (env: other parameters than the market has)"
        )
    made = make_setup(document["kind"], "default", env, document["seed"], document["n_players"])
    return dataclasses.replace(made, preset=preset)


def _read(path: Path) -> str:
    # Not a device or a pipe, which could block or never end; and no more than the bound whatever
    # `stat` said.
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("is not a file")
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"is larger than {MAX_BYTES:,} bytes: no saved game")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("is damaged, or no saved game (it is not text)") from None


def _figures(record: RoundRecord) -> dict[str, Any]:
    """What a replay has to lead to again."""
    return {
        "event": record.event,
        "cards": list(record.cards),
        "n_hints": len(record.hints),
        "bid": record.bid,
        "ask": record.ask,
        "S": record.S,
        "pnl": [order.pnl for order in record.orders],
        "wealth": [order.wealth_after for order in record.orders],
    }


def _agree(ours: Any, saved: Any) -> bool:
    if isinstance(ours, dict):
        return (
            isinstance(saved, dict)
            and set(saved) == set(ours)
            and all(_agree(ours[k], saved[k]) for k in ours)
        )
    if isinstance(ours, list):
        return _is_list(saved, len(ours)) and all(map(_agree, ours, saved))
    if isinstance(saved, bool) or not isinstance(saved, int | float):
        return False
    return math.isclose(ours, saved, rel_tol=TOLERANCE / 10, abs_tol=TOLERANCE)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_list(value: object, length: int) -> bool:
    return isinstance(value, list) and len(value) == length


def _is_name(value: object) -> bool:
    """Printable and short: it is shown on a terminal."""
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME and value.isprintable()


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
