"""Who a visitor may meet: scripted policies by name, and the runs that the server was started with,
by label.

A visitor gives labels and never paths, so no request reaches the file system.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cardjax.env import ParameterError
from cardjax.play.game import Setup
from cardjax.play.opponents import Seat
from cardjax.policies.protocol import Policy
from cardjax.policies.registry import POLICIES

WORDS = {
    "pass": "never trades",
    "random_valid": "any valid order, blindly",
    "ev_oracle": "takes the good side as if depth were endless",
    "ev_oracle:max": "the same, always at its largest size",
    "ev_oracle:kelly": "the same, sized by Kelly's rule",
    "ev_oracle:fixed": "the same, always at one size",
    "level1": "learns how crowded a side gets and makes room",
    "best_response": "exact best reply to a level-0 player",
    "best_response:pass": "exact best order for an empty market",
    "best_response:random_valid": "exact best reply to random orders",
    "best_response:ev_oracle": "exact best reply to ev_oracle",
    "best_response:equilibrium": "exact best reply to the equilibrium",
    "equilibrium": "the exact symmetric Nash equilibrium",
}


@dataclass(frozen=True)
class Run:
    """A trained policy that the server was started with."""

    label: str
    policy: Policy
    params: Any
    n_players: int
    """of the game that it was trained on, the only one whose observations it reads."""


@dataclass(frozen=True)
class Players:
    """All players that visitors may name."""

    runs: tuple[Run, ...] = ()

    def labels(self, n_players: int) -> list[dict[str, str]]:
        """[{"name", "words"}] of those who can play a game of `n_players`, trained ones first."""
        trained = [
            {"name": run.label, "words": "trained"}
            for run in self.runs
            if run.n_players == n_players
        ]
        return trained + [{"name": name, "words": WORDS.get(name, "")} for name in POLICIES]

    def seat(self, key: str, label: object, setup: Setup) -> Seat:
        """A seat for the player of that label.

        Args:
            key: what an error calls the field.

        Raises:
            ParameterError: nobody goes by it, or a run of another game.
        """
        if isinstance(label, str) and label in POLICIES:
            return Seat(label, POLICIES[label], setup.params)
        for run in self.runs:
            if run.label == label and run.n_players != setup.n_players:
                allowed = f"was trained for {run.n_players} player(s), not for {setup.n_players}"
                raise ParameterError(key, label, allowed)
            if run.label == label:
                return Seat(run.label, run.policy, run.params)
        known = ", ".join(player["name"] for player in self.labels(setup.n_players))
        raise ParameterError(key, label, f"must be one of {known}")

    def compared(self, setup: Setup) -> list[Seat]:
        """Whom a person's finished game is set beside: the exact optimum, two simple players, the
        fitting runs.
        """
        optimum = "best_response:pass" if setup.n_players == 1 else "equilibrium"
        trained = [run.label for run in self.runs if run.n_players == setup.n_players]
        return [
            self.seat("player", label, setup)
            for label in (optimum, *trained, "ev_oracle", "random_valid")
        ]


def load_runs(folders: Sequence[Path]) -> tuple[Run, ...]:
    """The runs of these folders, each by its folder's name; of several training seeds the first one
    plays.

    Raises:
        ParameterError: a folder is no run's, or two have one name.
    """
    runs: dict[str, Run] = {}
    for folder in folders:
        label = folder.resolve().name
        if label in runs or label in POLICIES:
            raise ParameterError("--run", str(folder), f"another player is called {label} already")
        from cardjax.runtime.runs import (
            load_player,
        )  # learners load slowly, and only a run needs them

        player, market, _ = load_player(folder)
        runs[label] = Run(label, player.policy, player.params[0], market.n_players)
    return tuple(runs.values())
