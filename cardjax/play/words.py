"""Cards, events and orders in words: what a person reads where a policy reads a number."""

import numpy as np

from cardjax.env.events import EVENTS, LOWEST_RANK, N_RANKS, REMAP
from cardjax.env.execution import MAX_SIZE, PASS

FACES = {11: "J", 12: "Q", 13: "K", 14: "A"}
PLURALS = (
    "Twos",
    "Threes",
    "Fours",
    "Fives",
    "Sixes",
    "Sevens",
    "Eights",
    "Nines",
    "Tens",
    "Jacks",
    "Queens",
    "Kings",
    "Aces",
)
FILTERS = (
    "All ranks are in the deck",
    "Only 10 and higher",
    "Only 7 and lower",
    "Only even ranks",
    "Only odd ranks",
)
KINDS = (
    "all ranks as usual",
    "only 10 and higher",
    "only 7 and lower",
    "only even ranks",
    "only odd ranks",
    "one rank revalued",
)
"""What the six kinds of event do, in the order of cardjax.env.EVENT_KINDS."""
HIDDEN_EVENT = "The event is hidden from everybody"
"""In place of an event's own words."""


def card_name(rank: int) -> str:
    """A card of rank 2..14 as it is printed: 2..10, J, Q, K, A."""
    return FACES.get(rank, str(rank))


def card_value(event: int, rank: int) -> int:
    """What a card of this rank is worth under the event, points."""
    return int(EVENTS.value[event, rank - LOWEST_RANK])


def eligible_ranks(event: int) -> list[int]:
    """The ranks 2..14 that an event leaves in the deck."""
    return [int(column) + LOWEST_RANK for column in np.flatnonzero(EVENTS.eligible[event])]


def event_words(event: int) -> str:
    """An event (id 0..160) as a sentence: "Sevens count as 12 this round"."""
    if event >= REMAP:
        return f"{remap_words(event)} this round"
    ranks = eligible_ranks(event)
    return (
        FILTERS[event]
        if len(ranks) == N_RANKS
        else f"{FILTERS[event]}: {' '.join(map(card_name, ranks))}"
    )


def remap_words(event: int) -> str:
    """A remap (id 5..160): "Sevens count as 12"."""
    plural = PLURALS[int(EVENTS.remap_from[event]) - LOWEST_RANK]
    return f"{plural} count as {int(EVENTS.remap_to[event])}"


def percent(chance: float) -> str:
    """A probability: "31%"; 0% and 100% are certain."""
    if 0 < chance < 0.005:
        return "<1%"
    return ">99%" if 0.995 < chance < 1 else f"{100 * chance:.0f}%"


def side_of(action: int) -> str:
    """ "pass", "buy" or "sell"."""
    return "pass" if action == PASS else "buy" if action <= MAX_SIZE else "sell"


def size_of(action: int) -> int:
    """The units of an action 0..20; 0 for a pass."""
    return action - MAX_SIZE if action > MAX_SIZE else action


def action_words(action: int) -> str:
    """ "pass", "buy 3", "sell 5"."""
    return "pass" if action == PASS else f"{side_of(action)} {size_of(action)}"


def units_words(units: int) -> str:
    """ "1 unit", "3 units", whatever their sign."""
    return f"{abs(units)} unit{'' if abs(units) == 1 else 's'}"


def doing_words(action: int) -> str:
    """ "passing", "buying 3", "selling 5"."""
    return "passing" if action == PASS else f"{side_of(action)}ing {size_of(action)}"


def mix_words(mix: tuple[tuple[int, float], ...]) -> str:
    """A mixture of actions in words: "buy 3", or "buy 3 (70%) or buy 4 (30%)"."""
    if len(mix) == 1:
        return action_words(mix[0][0])
    return " or ".join(f"{action_words(action)} ({100 * chance:.0f}%)" for action, chance in mix)
