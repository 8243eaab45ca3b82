"""The scripted policies by the names that configurations and command lines use."""

import math
from collections.abc import Callable

from cardjax.env.execution import MAX_SIZE
from cardjax.policies.best_response import BestResponse
from cardjax.policies.equilibrium import Equilibrium
from cardjax.policies.ev_oracle import EvOracle
from cardjax.policies.informed import Clairvoyant, Forgetful
from cardjax.policies.level1 import Level1
from cardjax.policies.makers import Competitive, MakerPolicy, Monopolist, RandomQuotes
from cardjax.policies.planning.inventory import InventoryPlanner, Myopic
from cardjax.policies.planning.wealth import WealthPlanner
from cardjax.policies.policy import Policy
from cardjax.policies.trivial import Pass, RandomValid

POLICIES: dict[str, Policy] = {
    "pass": Pass(),
    "random_valid": RandomValid(),
    "ev_oracle": EvOracle(),
    "ev_oracle:max": EvOracle("max"),
    "ev_oracle:kelly": EvOracle("kelly"),
    "ev_oracle:kelly:0.25": EvOracle("kelly", fraction=0.25),
    "ev_oracle:fixed": EvOracle("fixed"),
    "level1": Level1(),
    "level1:displayed": Level1("displayed"),
    "best_response": BestResponse(),
    "best_response:pass": BestResponse(Pass()),
    "best_response:random_valid": BestResponse(RandomValid()),
    "best_response:ev_oracle": BestResponse(EvOracle()),
    "best_response:equilibrium": BestResponse(Equilibrium()),
    "equilibrium": Equilibrium(),
}
"""spec → policy. A spec is a name, or name:option."""

PLANNERS: dict[str, Policy] = {
    "planner:wealth": WealthPlanner("pnl"),
    "planner:log_wealth": WealthPlanner("log_wealth"),
}
"""Policies that solve the single game before they play it (`prepared`), which takes seconds."""

FOR_INVENTORY: dict[str, Policy] = {"planner": InventoryPlanner(), "myopic": Myopic()}
"""Policies that mind the charge for risk, to the end of the game or in this round alone. Before
games are played, `planner` solves the single game, which takes seconds (`prepared`).
"""

FOR_HIDDEN_EVENTS: dict[str, Policy] = {"forgetful": Forgetful(), "clairvoyant": Clairvoyant()}
"""Policies that tell what it is worth to remember past rounds, and to know the event; where it is
known, they are `best_response`.
"""


MAKERS: dict[str, MakerPolicy] = {
    "competitive": Competitive(),
    "monopolist": Monopolist(),
    "random_quotes": RandomQuotes(),
}
"""name → player of the maker's seat. The maker that errs, which is no player, is the rule of
`env.maker: oracle`.
"""


def make_maker(name: str) -> MakerPolicy:
    """The scripted maker of this name.

    Raises:
        ValueError: it is unknown; one line names it and what is allowed.
    """
    if name not in MAKERS:
        raise ValueError(f"maker = {name!r}: must be one of {', '.join(MAKERS)}")
    return MAKERS[name]


def _kelly(text: str) -> EvOracle:
    fraction = float(text)
    if not 0 < fraction < math.inf:
        raise ValueError(text)
    return EvOracle("kelly", fraction=fraction)


def _fixed(text: str) -> EvOracle:
    size = int(text)
    if not 1 <= size <= MAX_SIZE:
        raise ValueError(text)
    return EvOracle("fixed", fixed_size=size)


WITH_NUMBER: dict[str, tuple[Callable[[str], Policy], str]] = {
    "ev_oracle:kelly": (_kelly, "a fraction above 0 of the Kelly bet, such as 0.25"),
    "ev_oracle:fixed": (_fixed, f"a whole number of units in [1, {MAX_SIZE}]"),
}
"""spec → (a function that reads the number of spec:NUMBER, what the number may be)."""


def make_policy(spec: str) -> Policy:
    """The scripted policy that `spec` names.

    A spec is a name in POLICIES, PLANNERS, FOR_INVENTORY or FOR_HIDDEN_EVENTS, or
    `ev_oracle:kelly:FRACTION`, or `ev_oracle:fixed:UNITS`.

    Raises:
        ValueError: the name or option is unknown; one line names the value and what is allowed.
    """
    named = POLICIES | PLANNERS | FOR_INVENTORY | FOR_HIDDEN_EVENTS
    if spec in named:
        return named[spec]
    name, _, number = spec.rpartition(":")
    if name in WITH_NUMBER:
        read, allowed = WITH_NUMBER[name]
        try:
            return read(number)
        except ValueError:
            raise ValueError(f"policy = {spec!r}: {name}: takes {allowed}") from None
    if spec in MAKERS:
        raise ValueError(f"policy = {spec!r}: quotes and does not take; --maker {spec} names it")
    raise ValueError(
        f"policy = {spec!r}: must be one of {', '.join(named)}; "
        "ev_oracle:kelly:FRACTION and ev_oracle:fixed:UNITS are names too"
    )


def is_policy(spec: str) -> bool:
    """Whether `make_policy` knows the name."""
    try:
        make_policy(spec)
    except ValueError:
        return False
    return True
