"""A new game as a visitor asks for it: every field is known, typed and in range, or the request is
refused in one line.
"""

import secrets
from collections.abc import Mapping
from typing import Any

from cardjax.config import presets_by_name
from cardjax.env import N_ACTIONS, N_ROUNDS, ParameterError
from cardjax.play.game import MAX_SEED, PLAYED, Setup, make_setup
from cardjax.play.participants import Participant, human
from cardjax.play.web.players import Roster
from cardjax.play.web.requests import RefusedError, refuse_unknown, shown

MODES = ("single", "two")
GAME = ("mode", "preset", "seed", "events", "impact")


def read_game(body: Mapping[str, Any], players: Roster) -> tuple[Setup, list[Participant]]:
    """A game with the visitor at the first seat, and with `opponent` at the second if there is one.

    Raises:
        RefusedError, ParameterError: what is not allowed.
    """
    refuse_unknown(body, (*GAME, "opponent"))
    setup = _read_setup(body)
    if setup.n_players == 1:
        if body.get("opponent") is not None:
            raise ParameterError(
                "opponent", body["opponent"], "a single player has none: leave it out"
            )
        return setup, [human()]
    return setup, [human(), players.find("opponent", body.get("opponent", "equilibrium"), setup)]


def read_match(body: Mapping[str, Any], players: Roster) -> tuple[Setup, list[Participant]]:
    """A game among policies, `players` naming one for each seat.

    Raises:
        RefusedError, ParameterError: what is not allowed.
    """
    refuse_unknown(body, (*GAME, "players"))
    setup = _read_setup(body)
    named = body.get("players")
    if not isinstance(named, list) or len(named) != setup.n_players:
        raise RefusedError(
            400, f"players = {shown(named)}: must be a list of {setup.n_players} name(s)."
        )
    return setup, [players.find("players", label, setup) for label in named]


def read_order(body: Mapping[str, Any]) -> tuple[int, int]:
    """(round, action) of an order; the round says which offer the visitor saw, so that no order
    counts twice.

    Raises:
        RefusedError: what is not allowed.
    """
    refuse_unknown(body, ("round", "action"))
    return _whole(body, "round", 1, N_ROUNDS), _whole(body, "action", 0, N_ACTIONS - 1)


def _read_setup(body: Mapping[str, Any]) -> Setup:
    mode, preset = (
        _one_of(body, "mode", MODES, "two"),
        _one_of(body, "preset", tuple(presets_by_name()), PLAYED),
    )
    seed = (
        secrets.randbelow(MAX_SEED + 1)
        if body.get("seed") is None
        else _whole(body, "seed", 0, MAX_SEED)
    )
    # A switch can turn something off; one that is left on leaves it as the preset has it.
    switches = {
        "flags.enable_events": _switch(body, "events"),
        "flags.enable_impact": _switch(body, "impact"),
    }
    return make_setup(mode, preset, {name: False for name, on in switches.items() if not on}, seed)


def _one_of(body: Mapping[str, Any], name: str, allowed: tuple[str, ...], default: str) -> str:
    value = body.get(name, default)
    if not isinstance(value, str) or value not in allowed:
        raise RefusedError(400, f"{name} = {shown(value)}: must be one of {', '.join(allowed)}.")
    return value


def _whole(body: Mapping[str, Any], name: str, low: int, high: int) -> int:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise RefusedError(
            400, f"{name} = {shown(value)}: must be a whole number in [{low}, {high}]."
        )
    return value


def _switch(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name, True)
    if not isinstance(value, bool):
        raise RefusedError(400, f"{name} = {shown(value)}: must be true or false.")
    return value
