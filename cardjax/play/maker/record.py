"""A maker's saved game: one JSON file with the setup, the takers' name, all quotes and orders, and
the figures that they led to. What `cardjax.play.record` says of a taker's holds for it too.

Takers who are a scripted policy by name decide again when the file is read, and have to order what
is saved. Others, such as a run's, are a name that nothing is known of.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from cardjax.env import N_ACTIONS, N_ROUNDS
from cardjax.env.maker import N_QUOTES, SIDES
from cardjax.play.maker.game import MakerGame
from cardjax.play.maker.rounds import QuoteRecord
from cardjax.play.participants import Participant, find_participant
from cardjax.play.record import (
    Heading,
    SavedGame,
    agree,
    check_version,
    document_text,
    is_name,
    loaded,
    parse_document,
    parse_game,
    setup_of,
    write_game,
)
from cardjax.play.setup import MAKER, Setup
from cardjax.policies.registry import is_policy

FORMAT = "cardjax maker game"


class MakerFigures(TypedDict):
    """What a replay of a round has to lead to again."""

    event: int
    cards: list[int]
    n_hints: int
    S: float
    bid: float
    ask: float
    depth: list[int]
    """at the ask and at the bid, units."""
    noise: list[int]
    """bought and sold by noise traders, units."""
    pnl: float
    expected_pnl: float
    against: float | None
    """what the quote was worth against these takers, `QuoteRecord.against`."""


class MakerDocument(Heading):
    """A saved game's content."""

    env_version: NotRequired[str]
    kind: str
    n_players: int
    preset: str
    seed: int
    env: dict[str, Any]
    takers: str
    quotes: list[list[int]]
    """per round: 0..59 on the ask and on the bid."""
    actions: list[list[int]]
    """per round, and in it per taker."""
    figures: list[MakerFigures]
    """per round."""


@dataclasses.dataclass(frozen=True)
class SavedMakerGame:
    """A game as it was played, replayed through the market."""

    setup: Setup
    takers: Participant
    """without a policy, if it is no scripted one by name."""
    records: tuple[QuoteRecord, ...]


def maker_game_text(setup: Setup, takers: str, records: Sequence[QuoteRecord]) -> str:
    """A game as the text of the file that `save_maker_game` writes."""
    document = {
        "takers": takers,
        "quotes": [[side.choice for side in record.quoted] for record in records],
        "actions": [[order.action for order in record.orders] for record in records],
        "figures": [_figures(record) for record in records],
    }
    return document_text(FORMAT, setup, document)


def save_maker_game(path: Path, setup: Setup, takers: str, records: Sequence[QuoteRecord]) -> None:
    """Write a game, as `save_game` does.

    Raises:
        ParameterError: it cannot be written.
    """
    write_game(path, maker_game_text(setup, takers, records))


def load_any_game(path: Path) -> SavedGame | SavedMakerGame:
    """Read a saved game, a taker's or a maker's, and replay it.

    Raises:
        ParameterError: as `load_game`.
    """
    return loaded(path, parse_any_game)


def parse_any_game(text: str) -> SavedGame | SavedMakerGame:
    """`load_any_game` of a file's text.

    Raises:
        ValueError: as `load_any_game`, in one line.
    """
    content = parse_document(text)
    return _parsed(content) if content.get("format") == FORMAT else parse_game(text)


def _parsed(content: dict[str, Any]) -> SavedMakerGame:
    document = check_version(content, FORMAT, MakerDocument)
    setup = setup_of(document, role=MAKER)
    name, quotes, actions = document["takers"], document["quotes"], document["actions"]
    figures = document["figures"]
    if not is_name(name):
        raise ValueError("is damaged (takers must be a short name)")
    if not len(quotes) == len(actions) == len(figures) <= N_ROUNDS:
        raise ValueError(
            "is damaged (it must have as many quotes and actions as figures, of at most "
            f"{N_ROUNDS} rounds)"
        )
    takers = find_participant(name, setup) if is_policy(name) else Participant(name)
    game = MakerGame(setup, takers)
    for i, (quote, asked, figure) in enumerate(zip(quotes, actions, figures, strict=True), 1):
        if len(quote) != SIDES or not all(0 <= choice < N_QUOTES for choice in quote):
            raise ValueError(f"is damaged (round {i} must have two quotes 0..{N_QUOTES - 1})")
        if len(asked) != setup.n_players or not all(0 <= a < N_ACTIONS for a in asked):
            allowed = f"must have an action 0..{N_ACTIONS - 1} for each taker"
            raise ValueError(f"is damaged (round {i} {allowed})")
        if game.over:
            raise ValueError(f"is damaged (round {i} comes after the game's end)")
        differ = _difference(game, quote, asked, figure)
        if differ is not None:
            raise ValueError(f"is damaged, or of other rules (round {i}: {differ})")
    return SavedMakerGame(setup, takers, tuple(game.records))


def _difference(
    game: MakerGame, quote: list[int], asked: list[int], saved: MakerFigures
) -> str | None:
    """How the next round, which is played, differs from what is saved of it; None if it does not.

    Args:
        game: before the round.
        quote, asked: the saved choices and orders.
        saved: the figures.
    """
    is_known = game.takers.policy is not None
    record = game.play(quote, None if is_known else asked)
    if [order.action for order in record.orders] != asked:
        return f"{game.takers.name} orders otherwise"
    figures = _figures(record)
    if not is_known:
        figures["against"] = saved["against"]
    return None if agree(figures, saved) else "the market's figures are not the saved ones"


def _figures(record: QuoteRecord) -> MakerFigures:
    ask, bid = record.quoted
    return MakerFigures(
        event=record.event,
        cards=list(record.cards),
        n_hints=record.n_shown,
        S=record.S,
        bid=bid.price,
        ask=ask.price,
        depth=[ask.depth, bid.depth],
        noise=[ask.noise_units, bid.noise_units],
        pnl=record.pnl,
        expected_pnl=record.expected_pnl,
        against=record.against,
    )
