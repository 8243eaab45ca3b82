"""Gymnasium: the maker's seat of one learner as an `Env`, `cardjax/Maker-v0`."""

import jax
import numpy as np

from cardjax.adapters.gymnasium import SeatEnv
from cardjax.adapters.libraries import library
from cardjax.adapters.maker_seat import MakerSeat
from cardjax.adapters.seat import DEFAULT_OPPONENT, Terms, make_game, named
from cardjax.env import ParameterError
from cardjax.env.maker import N_QUOTES, SIDES
from cardjax.env.trees import ArrayTree
from cardjax.policies.policy import Policy

with library("gymnasium", "gym"):
    from gymnasium import spaces


class MakerEnv(SeatEnv):
    """The maker's seat of the market; a policy plays the takers.

    Observations are float32 [50]. An action is two whole numbers 0..59, for the ask and for the
    bid; all are valid. A step is a round: the quote, and the takers' orders. Rewards are in points,
    or as `reward` says. A game ends with terminated = True after ten rounds; truncated is never
    True. `info` describes the round that has just been settled, under the names that
    `CardMarket.step` uses; what is the takers' are arrays.
    """

    metadata = {"render_modes": [], "render_fps": 1}
    seat: MakerSeat

    def __init__(
        self,
        kind: str = "two",
        takers: str | Policy = DEFAULT_OPPONENT,
        takers_params: ArrayTree = None,
        preset: str = "maker",
        **overrides: object,
    ):
        """Make the seat and its spaces.

        Args:
            kind: "two" (with n_players takers), or "single".
            takers: a policy's name, or a Policy.
            takers_params: the weights of a trained Policy.
            preset: one whose maker plays.
            overrides: n_players, and EnvParams by dotted name.

        Raises:
            ParameterError: (a ValueError) a name or value is not allowed; the message is one line.
        """
        market, params = make_game(kind, preset=preset, **overrides)
        if not market.has_maker:
            raise ParameterError("env.maker", market.maker, "must be agent for the maker's seat")
        self.seat = MakerSeat(market, named(takers, "takers"))
        self.terms = jax.device_put(Terms(params, takers_params))
        box = market.maker_observation_space(params)
        self.observation_space = spaces.Box(box.low, box.high, dtype=np.float32)
        self.action_space = spaces.MultiDiscrete([N_QUOTES] * SIDES)
