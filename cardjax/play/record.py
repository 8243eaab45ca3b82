"""A saved game: one JSON file with the setup, the players' names, all actions, and the figures that
they led to.

`load_game` replays it through the market and compares, so what it returns is what the market says
and not what the file says. A file is untrusted: its size is bounded, it is plain JSON, and whatever
is wrong with it is refused in one line.
"""

import dataclasses
import json
import math
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, NotRequired, TypedDict, TypeVar

from cardjax.env import N_ACTIONS, N_ROUNDS, ParameterError
from cardjax.files.reading import MisfitError, fitted
from cardjax.files.writing import replacing
from cardjax.play.game import Game
from cardjax.play.rounds import RoundRecord
from cardjax.play.setup import TAKER, Setup, make_setup

T = TypeVar("T")
FORMAT, VERSION = "cardjax game", 1
FIRST_ENV_VERSION = "v0"
"""of games that were saved before the file said which."""
ADDED_LATER = (
    "env.event_info",
    "env.inventory",
    "env.inventory_limit",
    "env.maker",
    "env.maker_lag",
    "env.noise.decay",
    "env.noise.rate",
    "env.risk.phi",
    "env.risk.phi_end",
)
"""What games that were saved before it was added do not say: theirs is the default."""
MAX_BYTES = 1_000_000
MAX_NAME = 200
TOLERANCE = 1e-3
"""points, and its share of larger figures: what float32 may differ by between two machines."""


class Figures(TypedDict):
    """What a replay of a round has to lead to again; None for what is not finite."""

    event: int | None
    """None where nobody is told."""
    cards: list[int]
    n_hints: int
    bid: float
    ask: float
    S: float
    pnl: list[float | None]
    wealth: list[float | None]


class Heading(TypedDict):
    """What tells a saved game from other files."""

    format: str
    version: int


class Document(Heading):
    """A saved game's content."""

    env_version: NotRequired[str]
    kind: str
    n_players: int
    preset: str
    seed: int
    env: dict[str, Any]
    players: list[str]
    actions: list[list[int]]
    """per round, and in it per seat."""
    figures: list[Figures]
    """per round."""


@dataclasses.dataclass(frozen=True)
class SavedGame:
    """A game as it was played, replayed through the market."""

    setup: Setup
    players: tuple[str, ...]
    """a name for each seat: "human", a policy's name or a run folder's."""
    records: tuple[RoundRecord, ...]


def game_text(setup: Setup, players: Sequence[str], records: Sequence[RoundRecord]) -> str:
    """A game as the text of the file that `save_game` writes."""
    document = {
        "players": list(players),
        "actions": [[order.requested for order in record.orders] for record in records],
        "figures": [_figures(record) for record in records],
    }
    return document_text(FORMAT, setup, document)


def document_text(format: str, setup: Setup, played: Mapping[str, object]) -> str:
    """The text of a file: what tells it from others, which game it is, and what was played."""
    heading = {
        "format": format,
        "version": VERSION,
        "env_version": setup.market.version,
        "kind": setup.kind,
        "n_players": setup.n_players,
        "preset": setup.preset,
        "seed": setup.seed,
        "env": dict(setup.values),
    }
    return json.dumps(heading | dict(played), indent=1, allow_nan=False) + "\n"


def save_game(
    path: Path, setup: Setup, players: Sequence[str], records: Sequence[RoundRecord]
) -> None:
    """Write a game, finished or not, replacing the file as a whole: a crash leaves the old one or
    the new.

    Raises:
        ParameterError: it cannot be written.
    """
    write_game(path, game_text(setup, players, records))


def write_game(path: Path, text: str) -> None:
    """Write a saved game's text, replacing the file as a whole.

    Raises:
        ParameterError: it cannot be written.
    """
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
    return loaded(path, parse_game)


def loaded(path: Path, parse: Callable[[str], T]) -> T:
    """What `parse` makes of a file's text.

    Raises:
        ParameterError: it cannot be read, is too large, or `parse` refuses it.
    """
    try:
        return parse(_read(path))
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
    return _replayed(check_version(parse_document(text), FORMAT, Document))


def parse_document(text: str) -> dict[str, Any]:
    """The object that a file holds.

    Raises:
        ValueError: it holds none.
    """
    try:
        content = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise ValueError("is damaged, or no saved game (it is not JSON)") from None
    if not isinstance(content, dict):
        raise ValueError("is not a saved game of cardjax")
    return content


def check_version(content: dict[str, Any], format: str, schema: type[T]) -> T:
    """The content as a document of its format.

    Raises:
        ValueError: it is of another format or version, or does not fit the schema.
    """
    if content.get("format") != format:
        raise ValueError(f"is not a {format.replace('cardjax', 'saved')} of cardjax")
    version = _fitted(content, Heading)["version"]
    if version > VERSION:
        raise ValueError(f"was saved by a newer cardjax (version {version}, not {VERSION})")
    if version < VERSION:
        raise ValueError(f"is damaged (version {version} has never been)")
    document = _fitted(content, schema)
    unknown = [name for name in content if name not in schema.__annotations__]
    if unknown:
        raise ValueError(f"is damaged (it has an unknown {unknown[0][:20]!a})")
    return document


def _fitted(content: object, schema: type[T]) -> T:
    try:
        return fitted(content, schema)
    except MisfitError as misfit:
        raise ValueError(f"is damaged ({misfit})") from None


def _replayed(document: Document) -> SavedGame:
    setup = setup_of(document)
    players, actions, figures = document["players"], document["actions"], document["figures"]
    if len(players) != setup.n_players or not all(is_name(name) for name in players):
        raise ValueError("is damaged (players must be a short name for each seat)")
    if not len(actions) == len(figures) <= N_ROUNDS:
        raise ValueError(
            f"is damaged (it must have as many actions as figures, of at most {N_ROUNDS} rounds)"
        )
    game = Game(setup)
    for i, (asked, figure) in enumerate(zip(actions, figures, strict=True), 1):
        if len(asked) != setup.n_players or not all(0 <= a < N_ACTIONS for a in asked):
            allowed = f"must have an action 0..{N_ACTIONS - 1} for each seat"
            raise ValueError(f"is damaged (round {i} {allowed})")
        if game.over:
            raise ValueError(f"is damaged (round {i} comes after the game's end)")
        if not agree(_figures(game.play(asked)), figure):
            differ = f"round {i}: the market's figures are not the saved ones"
            raise ValueError(f"is damaged, or of other rules ({differ})")
    return SavedGame(setup, tuple(players), tuple(game.records))


def setup_of(document: Mapping[str, Any], role: str = TAKER) -> Setup:
    """The game that a document is of. The saved numbers are all there, so the preset's name is only
    a label, and its file need not exist.

    Raises:
        ValueError: it is of other rules, or of another version of the game.
    """
    env, preset, kind = document["env"], document["preset"], document["kind"]
    n_players = document["n_players"]
    if not is_name(preset):
        raise ValueError("is damaged (preset must be a short name)")
    default = make_setup(kind, n_players=n_players, role=role).values
    env = {name: default[name] for name in ADDED_LATER} | env
    if set(env) != set(default):
        raise ValueError(
            "is damaged, or of other rules (env: other parameters than the market has)"
        )
    made = make_setup(kind, "default", env, document["seed"], n_players, role)
    env_version = document.get("env_version", FIRST_ENV_VERSION)
    if env_version != made.market.version:
        raise ValueError(
            f"is of version {env_version[:20]!a} of the game; this cardjax plays "
            f"{made.market.version}"
        )
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


def _figures(record: RoundRecord) -> Figures:
    return Figures(
        event=record.event,
        cards=list(record.cards),
        n_hints=len(record.hints),
        bid=record.bid,
        ask=record.ask,
        S=record.S,
        pnl=[_finite(order.pnl) for order in record.orders],
        wealth=[_finite(order.wealth_after) for order in record.orders],
    )


def _finite(figure: float) -> float | None:
    return figure if math.isfinite(figure) else None


def agree(ours: Any, saved: Any) -> bool:
    """Whether figures are the same but for float32's errors. Of two values that fit one schema."""
    if isinstance(ours, dict):
        return all(agree(ours[name], saved[name]) for name in ours)
    if isinstance(ours, list):
        return len(ours) == len(saved) and all(map(agree, ours, saved))
    if ours is None or saved is None:
        return ours is saved
    return math.isclose(ours, saved, rel_tol=TOLERANCE / 10, abs_tol=TOLERANCE)


def is_name(text: str) -> bool:
    """Printable and short: it is shown on a terminal."""
    return 0 < len(text) <= MAX_NAME and text.isprintable()


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
