"""Scripted players by name, as configurations and command lines say them."""

from cardjax.policies.best_response import BestResponse
from cardjax.policies.equilibrium import Equilibrium
from cardjax.policies.ev_oracle import EvOracle
from cardjax.policies.level1 import Level1
from cardjax.policies.protocol import Policy
from cardjax.policies.trivial import Pass, RandomValid

POLICIES: dict[str, Policy] = {
    "pass": Pass(),
    "random_valid": RandomValid(),
    "ev_oracle": EvOracle(),
    "ev_oracle:max": EvOracle("max"),
    "ev_oracle:kelly": EvOracle("kelly"),
    "ev_oracle:fixed": EvOracle("fixed"),
    "level1": Level1(),
    "best_response": BestResponse(),
    "best_response:pass": BestResponse(Pass()),
    "best_response:random_valid": BestResponse(RandomValid()),
    "best_response:ev_oracle": BestResponse(EvOracle()),
    "best_response:equilibrium": BestResponse(Equilibrium()),
    "equilibrium": Equilibrium(),
}
"""spec → player; a spec is a name, or name:option."""


def make_policy(spec: str) -> Policy:
    """The scripted player that `spec` names.

    Raises:
        ValueError: an unknown name or option; one line that names the value and what is allowed.
    """
    if spec not in POLICIES:
        raise ValueError(f"policy = {spec!r}: must be one of {', '.join(POLICIES)}")
    return POLICIES[spec]
