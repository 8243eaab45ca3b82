"""Best responses that know less or more than the public about a hidden event: what a memory is
worth, and what knowing the event would be (docs/evaluation.md#exact-yardsticks).
"""

import dataclasses
from typing import ClassVar

from jax import Array

from cardjax.env import EnvParams, ParameterError, View, beliefs
from cardjax.policies.best_response import BestResponse
from cardjax.policies.policy import Deterministic


@dataclasses.dataclass(frozen=True)
class Forgetful(Deterministic):
    """Forgets past rounds: it believes that the event is fresh, sees this round's hints, and takes
    what is best if S has the mean and the deviation that follow from these.

    Where the event is known, it is `best_response`.
    """

    def choose(self, params: EnvParams, view: View) -> Array:
        """int32 [...]; ties go to passing, then to the smaller size."""
        if view.event is None:
            mu, sigma = beliefs.moments(beliefs.prior(params), view.hints)
            view = view._replace(mu=mu, sigma=sigma)
        return BestResponse().choose(params, view)


@dataclasses.dataclass(frozen=True)
class Clairvoyant(Deterministic):
    """Knows the event, which no player of the game may: for evaluations only.

    It takes what is best if S has the mean that event and hints give it. Depth follows from the
    maker's own sigma, as for everybody. Where the event is known, it is `best_response`.
    """

    sees_event: ClassVar[bool] = True
    """Tells matches to fill in `View.event`, and the mean that it means (evaluation/decision.py's
    `tell`).
    """

    def choose(self, params: EnvParams, view: View) -> Array:
        """int32 [...]; ties go to passing, then to the smaller size.

        Raises:
            ParameterError: the event is not in the View: this is no match of an evaluation.
        """
        if view.event is None:
            allowed = "is told the hidden event in evaluations only, and cannot play elsewhere"
            raise ParameterError("policy", "clairvoyant", allowed)
        return BestResponse().choose(params, view)
