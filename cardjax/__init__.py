"""cardjax: a card-sum market as a pure-functional JAX simulator, its learners, and their
evaluation.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cardjax import env
    from cardjax.env.market import CardMarket
    from cardjax.env.params import EnvParams
    from cardjax.loading.players import find_player
    from cardjax.loading.trained import load_policy

__version__ = "0.1.0"
__all__ = ["CardMarket", "EnvParams", "env", "find_player", "load_policy", "make"]

_MODULES = {
    "CardMarket": "cardjax.env.market",
    "EnvParams": "cardjax.env.params",
    "find_player": "cardjax.loading.players",
    "load_policy": "cardjax.loading.trained",
}
"""name → the module that has it, imported when the name is first used: JAX takes a second to
import, the learners' libraries take several.
"""


def __getattr__(name: str) -> Any:
    if name == "env":
        return importlib.import_module("cardjax.env")
    if name in _MODULES:
        return getattr(importlib.import_module(_MODULES[name]), name)
    raise AttributeError(f"module 'cardjax' has no attribute {name!r}")


def make(
    kind: str = "two", preset: str = "default", n_players: int | None = None, **overrides: object
) -> "tuple[CardMarket, EnvParams]":
    """An environment and its checked parameters.

    Args:
        kind: "single" (one player, no player axis) or "two" (players along a leading axis [A]).
        preset: the name of a YAML with an `env` section under configs/.
        n_players: A, 1 to 16; by default 1 for "single" and 2 for "two".
        overrides: EnvParams by dotted name, `make("two", alpha=0.5, **{"flags.enable_impact":
            False})`; and the static choices `observe_posterior` (True for the observation's
            optional fields), `event_info` ("known", "belief" or "hidden"), `inventory` (True if
            units are carried from round to round) and `maker` ("oracle", or "agent" if the maker
            is a player).

    Raises:
        ParameterError: (a ValueError) a name or value that is not allowed, in one line.
    """
    from cardjax.config import make_market, preset_params
    from cardjax.config.build import GAME, check_maker, make_game
    from cardjax.env.params import make_params

    values = {f"env.{name.removeprefix('env.')}": value for name, value in overrides.items()}
    static = {name: values.pop(name) for name in GAME if name in values}
    named = {"env.kind": kind, "env.preset": preset, "env.n_players": n_players}
    game = make_game(named | static)
    market, params = make_market(game), make_params(preset_params(game.preset), **values)
    check_maker(market, params)
    return market, params
