"""Who takes part in a game, and the game that asks policies and takes people's orders.

setup = make_setup("two", seed=7)
game = SeatedGame(setup, [human(), find_participant("equilibrium", setup)])
while not game.over:
    game.offer                           # Offer
    record = game.play({0: action})      # {seat: action 0..20} of every human seat
"""

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import Array

from cardjax.env import ParameterError, View
from cardjax.env.trees import ArrayTree
from cardjax.play.game import Game
from cardjax.play.rounds import Offer, RoundRecord
from cardjax.play.setup import Setup
from cardjax.policies.policy import Policy, prepared
from cardjax.policies.registry import POLICIES

HUMAN = "human"
TOLD = "knows the hidden event, which nobody at the table may"
"""Why a policy that asks to be told it cannot play."""


@dataclasses.dataclass(frozen=True)
class Participant:
    """A name to show and who decides; a person if `policy` is None."""

    name: str
    policy: Policy | None = None
    params: ArrayTree = None
    """the policy's: EnvParams for a scripted one, weights for a trained one."""

    @property
    def is_human(self) -> bool:
        """A person decides."""
        return self.policy is None


def human(name: str = HUMAN) -> Participant:
    """A person."""
    return Participant(name)


def find_participant(name: str, setup: Setup, key: str = "--opponent") -> Participant:
    """A participant by name: "human", or a policy as of `cardjax.find_player` (of a run, the
    first training seed plays).

    Args:
        key: what an error calls the argument.

    Raises:
        ParameterError: none of these, a run of a game with another number of players or other
            rules (hidden events, inventory, a maker that plays), or a policy that is told what is
            hidden.
    """
    if name == HUMAN:
        return human()
    if name in POLICIES:
        return Participant(name, POLICIES[name], setup.params)
    # Learners load slowly, and only who is no scripted player needs them.
    from cardjax.loading.players import is_trained, load_player, named_policy
    from cardjax.runtime.own import short_name

    if not is_trained(name):
        policy = named_policy(name, key)
        if setup.hides_event and getattr(policy, "sees_event", False):
            raise ParameterError(key, name, TOLD)
        return Participant(short_name(name), policy, prepared(policy, setup.params))
    player, own, _ = load_player(Path(name))
    if own.n_players != setup.n_players:
        allowed = f"was trained for {own.n_players} player(s), not for {setup.n_players}"
        raise ParameterError(key, name, allowed)
    if own.has_maker != setup.has_maker:
        raise ParameterError(key, name, other_maker(own.has_maker))
    if own.hides_event != setup.hides_event:
        raise ParameterError(key, name, other_event_info(own.hides_event))
    if own.inventory != setup.carries:
        raise ParameterError(key, name, other_inventory(own.inventory))
    weights = player.params[0]
    if weights is None:  # A run that trained the maker alone has takers who follow a script.
        weights = prepared(player.policy, setup.params)
    return Participant(_run_name(Path(name)), player.policy, weights)


def other_event_info(hidden: bool) -> str:
    """Why somebody who has learned with hidden events, or with known ones, cannot play a game of
    the other sort.
    """
    learned, played = ("hidden", "known") if hidden else ("known", "hidden")
    return f"was trained with {learned} events, and here they are {played}"


def other_maker(plays: bool) -> str:
    """Why somebody who has learned where the maker plays, or where it does not, cannot play a game
    of the other sort.
    """
    learned, played = ("a player", "none") if plays else ("none", "a player")
    return f"was trained where the maker is {learned}, and here it is {played}"


def other_inventory(carries: bool) -> str:
    """Why somebody who has learned with inventory, or without, cannot play a game of the other
    sort.
    """
    if carries:
        return "was trained with inventory, and here nothing is carried"
    return "was trained without inventory, and here units are carried"


def _run_name(folder: Path) -> str:
    """ "run NAME": no path of this machine, and nothing that a terminal or a saved game could not
    take.
    """
    return "run " + "".join(c if c.isprintable() else "?" for c in folder.resolve().name)[:100]


class SeatedGame:
    """A Game with a participant at every seat."""

    def __init__(self, setup: Setup, participants: Sequence[Participant]):
        """The first offer is made.

        Raises:
            ValueError: not as many participants as the setup has players.
        """
        if len(participants) != setup.n_players:
            raise ValueError(f"{len(participants)} participants in a game of {setup.n_players}")
        self.setup, self.participants, self.game = setup, tuple(participants), Game(setup)
        keys = jax.random.split(self.game.round_key, len(participants) + 1)
        # A policy sits at all seats and decides at its own: one may have weights for each seat.
        self._carries = [
            None if who.policy is None else who.policy.init(key, (setup.n_players,))
            for who, key in zip(participants, keys[1:], strict=True)
        ]

    @property
    def names(self) -> list[str]:
        """What the participants are called, in seat order."""
        return [who.name for who in self.participants]

    @property
    def offer(self) -> Offer:
        """What may be known before this round's orders."""
        return self.game.offer

    @property
    def records(self) -> list[RoundRecord]:
        """The rounds settled so far."""
        return self.game.records

    @property
    def over(self) -> bool:
        """The game has ended."""
        return self.game.over

    @property
    def human_seats(self) -> tuple[int, ...]:
        """The seats that `play` takes orders of."""
        return tuple(i for i, who in enumerate(self.participants) if who.is_human)

    def play(self, orders: Mapping[int, int]) -> RoundRecord:
        """Settle the round: the policies decide at the same time as the people whose orders these
        are.

        Args:
            orders: seat → action 0..20, of every human seat and no other.

        Raises:
            ValueError: `orders` are not those of exactly the human seats, one is no action, or the
                game is over; nothing has happened then.
        """
        if set(orders) != set(self.human_seats):
            raise ValueError(
                f"orders of seats {sorted(orders)}: must be of {list(self.human_seats)}"
            )
        actions: list[int] = []
        carries: list[Any] = []
        for i, (who, carry) in enumerate(zip(self.participants, self._carries, strict=True)):
            if who.policy is None:
                actions.append(orders[i])
                carries.append(None)
                continue
            key = jax.random.fold_in(self.game.round_key, i)
            after, action = decide(who.policy, who.params, carry, self.game.view, key)
            actions.append(int(np.asarray(action)[i]))
            carries.append(after)
        record = self.game.play(actions)
        self._carries = carries
        return record


@partial(jax.jit, static_argnums=0)
def decide(
    policy: Policy, params: ArrayTree, carry: ArrayTree, view: View, key: Array
) -> tuple[ArrayTree, Array]:
    """What a policy does at all the seats of a view: its next carry and int32 [A]."""
    return policy.act(params, carry, view, key)
