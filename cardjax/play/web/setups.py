"""A new game as a visitor asks for it: every field is known, typed and in range, or the request is
refused in one line.
"""

import secrets
from collections.abc import Mapping
from typing import Any

from cardjax.config import presets_by_name
from cardjax.config.documents import read_yaml
from cardjax.config.presets import RULES
from cardjax.env import N_ACTIONS, N_ROUNDS, ParameterError
from cardjax.env.maker import N_QUOTES
from cardjax.play.maker.score import IN_ITS_PLACE
from cardjax.play.participants import Participant, human
from cardjax.play.setup import (
    MAKER,
    MAX_SEED,
    PLAYED,
    PLAYED_AS_MAKER,
    ROLES,
    TAKER,
    Setup,
    make_setup,
)
from cardjax.play.web.players import Roster
from cardjax.play.web.requests import RefusedError, refuse_unknown, shown

MODES = ("single", "two")
GAME = ("mode", "preset", "seed", "events", "impact")
NEW_GAME = (*GAME, "opponent", "role")
NOT_READ = ("env.sigma_q", "env.spread.", "env.liquidity.")
"""How the names begin of what is not read where the maker plays."""


def read_game(body: Mapping[str, Any], players: Roster) -> tuple[Setup, list[Participant]]:
    """A game with the visitor at the first seat, and with `opponent` at the second if there is one.

    Raises:
        RefusedError, ParameterError: what is not allowed.
    """
    refuse_unknown(body, NEW_GAME)
    setup = _read_setup(body)
    if setup.n_players == 1:
        if body.get("opponent") is not None:
            raise ParameterError(
                "opponent", body["opponent"], "a single player has none: leave it out"
            )
        return setup, [human()]
    return setup, [human(), players.find("opponent", body.get("opponent", "equilibrium"), setup)]


def read_role(body: Mapping[str, Any]) -> str:
    """Whose seat the visitor asks for.

    Raises:
        RefusedError: there is none of that name.
    """
    return _one_of(body, "role", ROLES, TAKER)


def read_maker_game(body: Mapping[str, Any], players: Roster) -> tuple[Setup, Participant]:
    """A game with the visitor at the maker's seat, and with `opponent` at all takers' seats.

    Raises:
        RefusedError, ParameterError: what is not allowed.
    """
    refuse_unknown(body, NEW_GAME)
    setup = _read_setup(body, MAKER)
    return setup, players.find("opponent", body.get("opponent", "equilibrium"), setup)


def read_maker_match(body: Mapping[str, Any], players: Roster) -> tuple[Setup, Participant, str]:
    """A game of a scripted maker, by its name, and with `opponent` at all takers' seats.

    Raises:
        RefusedError, ParameterError: what is not allowed.
    """
    refuse_unknown(body, (*NEW_GAME, "maker"))
    setup = _read_setup(body, MAKER)
    name: str = _one_of(body, "maker", tuple(IN_ITS_PLACE), next(iter(IN_ITS_PLACE)))
    return setup, players.find("opponent", body.get("opponent", "equilibrium"), setup), name


def presets_of(role: str) -> list[str]:
    """The presets whose markets differ for a role, by name."""
    presets = {name: set(read_yaml(path)) for name, path in presets_by_name().items()}
    if role == TAKER:
        return [name for name, values in presets.items() if "env.maker" not in values]
    own = [name for name, values in presets.items() if values & {"env.maker"}]
    others = [
        name
        for name, values in presets.items()
        if not values & set(RULES) and any(not key.startswith(NOT_READ) for key in values)
    ]
    return [*own, *others]


def read_match(body: Mapping[str, Any], players: Roster) -> tuple[Setup, list[Participant]]:
    """A game among policies, `players` naming one for each seat.

    Raises:
        RefusedError, ParameterError: what is not allowed.
    """
    refuse_unknown(body, (*GAME, "role", "players"))
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


def read_quote(body: Mapping[str, Any]) -> tuple[int, tuple[int, int]]:
    """(round, choices on the ask and on the bid) of a quote, like `read_order`.

    Raises:
        RefusedError: what is not allowed.
    """
    refuse_unknown(body, ("round", "ask", "bid"))
    ask, bid = (_whole(body, name, 0, N_QUOTES - 1) for name in ("ask", "bid"))
    return _whole(body, "round", 1, N_ROUNDS), (ask, bid)


def _read_setup(body: Mapping[str, Any], role: str = TAKER) -> Setup:
    played = PLAYED_AS_MAKER if role == MAKER else PLAYED
    mode, preset = (
        _one_of(body, "mode", MODES, "two"),
        _one_of(body, "preset", tuple(presets_by_name()), played),
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
    off = {name: False for name, on in switches.items() if not on}
    return make_setup(mode, preset, off, seed, role=role)


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
