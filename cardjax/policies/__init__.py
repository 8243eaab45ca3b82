"""Policies that play the market: the protocol, the scripted policies by name, and the stage game,
from which the benchmarks are computed.
"""

from cardjax.policies.best_response import BestResponse
from cardjax.policies.equilibrium import Equilibrium
from cardjax.policies.ev_oracle import EvOracle
from cardjax.policies.hidden_depth import expected_overflow
from cardjax.policies.informed import Clairvoyant, Forgetful
from cardjax.policies.level1 import Level1
from cardjax.policies.makers import Competitive, MakerPolicy, Monopolist, RandomQuotes
from cardjax.policies.policy import Deterministic, Memoryless, Policy
from cardjax.policies.pure_equilibria import pure_equilibria
from cardjax.policies.registry import MAKERS, POLICIES, make_maker, make_policy
from cardjax.policies.stage_game import (
    expected_pnl,
    flow_of,
    flow_of_others,
    joint_payoff,
    symmetric_equilibrium,
)
from cardjax.policies.trivial import Pass, RandomValid

__all__ = [
    "MAKERS",
    "POLICIES",
    "BestResponse",
    "Clairvoyant",
    "Competitive",
    "Deterministic",
    "Equilibrium",
    "EvOracle",
    "Forgetful",
    "Level1",
    "MakerPolicy",
    "Memoryless",
    "Monopolist",
    "Pass",
    "Policy",
    "RandomQuotes",
    "RandomValid",
    "expected_overflow",
    "expected_pnl",
    "flow_of",
    "flow_of_others",
    "joint_payoff",
    "make_maker",
    "make_policy",
    "pure_equilibria",
    "symmetric_equilibrium",
]
