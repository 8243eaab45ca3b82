"""Whom a visitor may meet: scripted policies by name, and by label the runs that the server was
started with.

A visitor gives labels and never paths, so no request reaches the file system.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cardjax.env import ParameterError
from cardjax.play.game import Setup
from cardjax.play.participants import Participant
from cardjax.policies.policy import Policy
from cardjax.policies.registry import POLICIES

WORDS = {
    "pass": "never trades",
    "random_valid": "any valid order, blindly",
    "ev_oracle": "takes the good side as if depth were endless",
    "ev_oracle:max": "the same, always at its largest size",
    "ev_oracle:kelly": "the same, sized at half of Kelly's rule",
    "ev_oracle:kelly:0.25": "the same, sized at a quarter of Kelly's rule",
    "ev_oracle:fixed": "the same, always at one size",
    "level1": "learns how crowded a side gets and makes room",
    "level1:displayed": "the same, but blind to hidden depth",
    "best_response": "exact best reply to a level-0 player",
    "best_response:pass": "exact best order for an empty market",
    "best_response:random_valid": "exact best reply to random orders",
    "best_response:ev_oracle": "exact best reply to ev_oracle",
    "best_response:equilibrium": "exact best reply to the equilibrium",
    "equilibrium": "the exact symmetric Nash equilibrium",
}


@dataclass(frozen=True)
class TrainedPlayer:
    """A trained policy that the server was started with."""

    label: str
    policy: Policy
    params: Any
    n_players: int
    """of the game that it was trained on, the only one whose observations it reads."""


@dataclass(frozen=True)
class Roster:
    """All players that visitors may name."""

    runs: tuple[TrainedPlayer, ...] = ()

    def labels(self, n_players: int) -> list[dict[str, str]]:
        """[{"name", "words"}] of those who can play a game of `n_players`, trained ones first."""
        trained = [
            {"name": run.label, "words": "trained"}
            for run in self.runs
            if run.n_players == n_players
        ]
        return trained + [{"name": name, "words": WORDS.get(name, "")} for name in POLICIES]

    def find(self, key: str, label: object, setup: Setup) -> Participant:
        """The player of that label.

        Args:
            key: what an error calls the field.

        Raises:
            ParameterError: nobody goes by it, or it is a run of another game.
        """
        if isinstance(label, str) and label in POLICIES:
            return Participant(label, POLICIES[label], setup.params)
        for run in self.runs:
            if run.label == label and run.n_players != setup.n_players:
                allowed = f"was trained for {run.n_players} player(s), not for {setup.n_players}"
                raise ParameterError(key, label, allowed)
            if run.label == label:
                return Participant(run.label, run.policy, run.params)
        known = ", ".join(player["name"] for player in self.labels(setup.n_players))
        raise ParameterError(key, label, f"must be one of {known}")

    def compared(self, setup: Setup) -> list[Participant]:
        """Whom a finished game is compared with: the exact benchmark, the fitting runs, and two
        simple players.
        """
        if setup.n_players == 1:
            optimum = self.find("player", "best_response:pass", setup)
            benchmark = replace(optimum, name="the optimum")
        else:
            benchmark = self.find("player", "equilibrium", setup)
        trained = [run.label for run in self.runs if run.n_players == setup.n_players]
        others = [*trained, "ev_oracle", "random_valid"]
        return [benchmark, *(self.find("player", label, setup) for label in others)]


def load_runs(folders: Sequence[Path]) -> tuple[TrainedPlayer, ...]:
    """The runs of these folders, each under its folder's name; of several training seeds the first
    one plays.

    Raises:
        ParameterError: a folder is no run's, or two have one name.
    """
    runs: dict[str, TrainedPlayer] = {}
    for folder in folders:
        label = folder.resolve().name
        if label in runs or label in POLICIES:
            raise ParameterError("--run", str(folder), f"another player is called {label} already")
        # Learners load slowly, and only a run needs them.
        from cardjax.loading.players import load_player

        player, market, _ = load_player(folder)
        runs[label] = TrainedPlayer(label, player.policy, player.params[0], market.n_players)
    return tuple(runs.values())
