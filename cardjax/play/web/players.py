"""Whom a visitor may meet: scripted policies by name, and by label the policies that the server was
started with.

A visitor gives labels and never paths, so no request reaches the file system.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

from cardjax.env import ParameterError
from cardjax.env.trees import ArrayTree
from cardjax.play.participants import (
    TOLD,
    Participant,
    other_event_info,
    other_inventory,
    other_maker,
)
from cardjax.play.score import benchmark_of
from cardjax.play.setup import Setup
from cardjax.policies.policy import Policy, prepared
from cardjax.policies.registry import FOR_INVENTORY, POLICIES

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
    "planner": "plans its inventory to the end of the game, as if alone",
    "myopic": "minds the charge of this round alone",
}
MAKER_WORDS = {
    "monopolist": "quotes what earns the most against takers in equilibrium",
    "competitive": "quotes as close to its mean as it can without a loss",
    "random_quotes": "any quote, blindly",
}
"""Makers who may be watched."""
SCRIPTED = POLICIES | FOR_INVENTORY
"""Whom every visitor may name."""


class Listed(TypedDict):
    """A player as the page lists it."""

    name: str
    words: str
    served: bool
    """the server was started with it."""


@dataclass(frozen=True)
class ServedPlayer:
    """A policy that the server was started with."""

    label: str
    policy: Policy
    weights: ArrayTree = None
    """None for a policy that no training made, which acts on the market's parameters."""
    n_players: int | None = None
    """of the game that it was trained on, the only one whose observations it reads; None: of any
    game."""
    hides_event: bool | None = None
    """whether the events were hidden where it was trained; None: of any game."""
    inventory: bool | None = None
    """whether units were carried where it was trained; None: of any game."""
    has_maker: bool | None = None
    """whether the maker was a player where it was trained, as a taker; None: of any game."""

    @property
    def words(self) -> str:
        """What visitors are told of it."""
        if self.weights is None:
            return "added by the host"
        for rule, words in (
            (self.hides_event, "trained with hidden events"),
            (self.inventory, "trained with inventory"),
            (self.has_maker, "trained where the maker plays"),
        ):
            if rule:
                return words
        return "trained"

    def fits(self, n_players: int, has_maker: bool = False) -> bool:
        """Whether it can play a game of that many players, whose maker is a player or is not."""
        return self.n_players in (None, n_players) and self.has_maker in (None, has_maker)

    def misfit(self, setup: Setup) -> str:
        """Why it cannot play this game; "" if it can."""
        if self.n_players not in (None, setup.n_players):
            return f"was trained for {self.n_players} player(s), not for {setup.n_players}"
        if self.hides_event not in (None, setup.hides_event):
            return other_event_info(self.hides_event)
        if self.inventory not in (None, setup.carries):
            return other_inventory(self.inventory)
        if self.has_maker not in (None, setup.has_maker):
            return other_maker(self.has_maker)
        if setup.hides_event and getattr(self.policy, "sees_event", False):
            return TOLD
        return ""

    def participant(self, setup: Setup) -> Participant:
        """It in a game."""
        # Also of a run that trained the maker alone: its takers follow a script.
        params = prepared(self.policy, setup.params) if self.weights is None else self.weights
        return Participant(self.label, self.policy, params)


@dataclass(frozen=True)
class Roster:
    """All players that visitors may name."""

    served: tuple[ServedPlayer, ...] = ()

    def labels(self, n_players: int, has_maker: bool = False) -> list[Listed]:
        """Those who can play a game of `n_players`, as takers if its maker is a player; what it was
        started with comes first.
        """
        served = [
            Listed(name=own.label, words=own.words, served=True)
            for own in self.served
            if own.fits(n_players, has_maker)
        ]
        scripted = [
            Listed(name=name, words=WORDS.get(name, ""), served=False)
            for name in _scripted(has_maker)
        ]
        return served + scripted

    def find(self, key: str, label: object, setup: Setup) -> Participant:
        """The player of that label.

        Args:
            key: what an error calls the field.

        Raises:
            ParameterError: nobody goes by it, or it was trained on another game.
        """
        scripted = _scripted(setup.has_maker)
        if isinstance(label, str) and label in scripted:
            return Participant(label, scripted[label], prepared(scripted[label], setup.params))
        for own in self.served:
            if own.label == label:
                misfit = own.misfit(setup)
                if misfit:
                    raise ParameterError(key, label, misfit)
                return own.participant(setup)
        listed = self.labels(setup.n_players, setup.has_maker)
        known = ", ".join(player["name"] for player in listed)
        raise ParameterError(key, label, f"must be one of {known}")

    def compared(self, setup: Setup) -> list[Participant]:
        """Whom a finished game is compared with: the exact benchmark (or `planner`, where risk is
        charged for and none is known), those that the server was started with and that can play,
        and two simple players.
        """
        if setup.yardstick.charged:
            known = benchmark_of(setup)
            benchmark = self.find("player", "planner", setup) if known is None else known
        elif setup.n_players == 1:
            optimum = self.find("player", "best_response:pass", setup)
            benchmark = replace(optimum, name="the optimum")
        else:
            benchmark = self.find("player", "equilibrium", setup)
        served = [own.participant(setup) for own in self.served if not own.misfit(setup)]
        simple = [self.find("player", label, setup) for label in ("ev_oracle", "random_valid")]
        return [benchmark, *served, *simple]


def _scripted(has_maker: bool) -> dict[str, Policy]:
    """Nothing is carried where the maker is a player, so nobody plans an inventory there."""
    return POLICIES if has_maker else SCRIPTED


def load_served(names: Sequence[str]) -> tuple[ServedPlayer, ...]:
    """The players that a command line names, as `cardjax.find_player` reads them.

    A run or an exported file goes by its own name without the folders above it, and FILE.py:NAME by
    NAME. Of several training seeds the first one plays.

    Raises:
        ParameterError: one is no policy, or two go by one name.
    """
    served: dict[str, ServedPlayer] = {}
    for name in names:
        # Learners load slowly, and a server without players of its own needs none.
        from cardjax.loading.players import is_trained, load_player, named_policy
        from cardjax.runtime.own import short_name

        label = Path(name).resolve().name if is_trained(name) else short_name(name)
        if label in served or label in SCRIPTED:
            raise ParameterError("--policy", name, f"another player is called {label} already")
        if is_trained(name):
            player, market, _ = load_player(Path(name))
            served[label] = ServedPlayer(
                label,
                player.policy,
                player.params[0],
                market.n_players,
                market.hides_event,
                market.inventory,
                market.has_maker,
            )
        else:
            served[label] = ServedPlayer(label, named_policy(name))
    return tuple(served.values())
