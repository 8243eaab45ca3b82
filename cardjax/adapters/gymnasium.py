"""Gymnasium: the seat of one learner as an `Env`.

Importing this module registers `cardjax/Single-v0`, `cardjax/Two-v0` and `cardjax/Maker-v0`.
Gymnasium does not look for plugins by itself since 1.0, so either import this module or name it in
the id:
`gymnasium.make("cardjax.adapters.gymnasium:cardjax/Single-v0")`.
"""

import math
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np

from cardjax.adapters.libraries import library
from cardjax.adapters.seat import Seat
from cardjax.adapters.slots import Playable, Shown, Slot, numbers, play, start, view, words_of
from cardjax.adapters.taker_seat import QuotedSeat, make_taker_seat
from cardjax.adapters.text import round_text
from cardjax.env import CardMarket, EnvParams, ParameterError
from cardjax.env.declaration import plain
from cardjax.env.trees import ArrayTree
from cardjax.policies.makers import MakerPolicy
from cardjax.policies.policy import Policy, TrainedPlayer

with library("gymnasium", "gym"):
    import gymnasium
    from gymnasium import spaces
    from gymnasium.error import ResetNeeded

RENDER_MODES = ["ansi"]
KINDS = {"cardjax/Single-v0": "single", "cardjax/Two-v0": "two"}
"""Registered id → kind of game."""
MAKER_ID = "cardjax/Maker-v0"
"""The id of the maker's seat, `gymnasium_maker.MakerEnv`."""


class SetByReset:
    """An attribute that `reset` sets; reading it earlier raises ResetNeeded."""

    def __get__(self, env: object, owner: type) -> NoReturn:
        raise ResetNeeded("call reset() first: no game has been started yet")


class SeatEnv(gymnasium.Env[np.ndarray, Any]):
    """A seat's games, one after another; what kind of seat it is, a subclass says."""

    seat: Playable
    terms: ArrayTree
    """What the seat's rounds depend on, on the device."""
    _slot: Slot = SetByReset()  # type: ignore[assignment]
    _shown: Shown = SetByReset()  # type: ignore[assignment]
    _seed_words: np.ndarray | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start a new game: (observation, info).

        With a seed, it is the seed's first game; without one, it is the next game. No options
        exist.
        """
        super().reset(seed=seed)
        if seed is not None or self._seed_words is None:
            self._seed_words, game = words_of(self.np_random), 0
        else:
            game = int(self._slot.game) + 1
        self._slot, shown = start(self.seat, self._seed_words, np.int32(game), self.terms)
        self._shown = jax.device_get(shown)
        return np.array(self._shown.observation), self._info()

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Settle a round: (observation, reward, terminated, truncated, info).

        Raises:
            ResetNeeded: no game has been started yet.
            ParameterError: (a ValueError) an action that is no number, or not as many as one has.
        """
        action = _numbers_of(action, self.action_space)
        self._slot, shown = play(self.seat, self._slot, action, self.terms)
        self._shown = shown = jax.device_get(shown)
        return (
            np.array(shown.observation),
            float(shown.reward),
            bool(shown.terminated),
            False,
            self._info(),
        )

    def _info(self) -> dict[str, Any]:
        """What is told of the round that has just been settled; nothing at a game's start."""
        return numbers(self._shown.info)


def _numbers_of(action: Any, space: "spaces.Space[Any]") -> np.ndarray:
    """An action as an array of the space's shape; which numbers are allowed is the market's matter.

    Raises:
        ParameterError: it is none, or not as many numbers.
    """
    shape = space.shape or ()
    try:
        read = np.asarray(action)
    except ValueError:  # lists of unequal lengths
        read = np.empty(0)
    is_number = read.dtype == bool or jnp.isdtype(read.dtype, ("integral", "real floating"))
    if not is_number or read.size != math.prod(shape):
        allowed = f"must be {math.prod(shape)} number(s), as {space} has them"
        raise ParameterError("action", plain(action), allowed)
    return read.reshape(shape)


class MarketEnv(SeatEnv):
    """One taker's seat of the market; `opponent` plays the others.

    Observations are float32 [D]. Actions are 0..20: 0 pass, 1..10 buy, 11..20 sell; an invalid one
    is a rejected pass. Rewards are in points, or as `reward` says. A game ends with
    terminated = True after ten rounds; truncated is never True. `info["action_mask"]`, int8 [21],
    says which actions are valid next, in the form that `spaces.Discrete.sample` expects. The other
    entries of `info` describe the round that has just been settled. They have the names that
    `CardMarket.step` uses, and are Python numbers and arrays.
    """

    metadata = {"render_modes": RENDER_MODES, "render_fps": 1}
    seat: Seat | QuotedSeat

    def __init__(
        self,
        kind: str = "single",
        opponent: str | Policy | TrainedPlayer | None = None,
        opponent_params: ArrayTree = None,
        render_mode: str | None = None,
        market_maker: str | MakerPolicy | None = None,
        market_maker_params: ArrayTree = None,
        **overrides: object,
    ):
        """Make the seat and its spaces.

        Args:
            kind: "single" or "two"; the registered ids set it.
            opponent: who plays the other seats: a policy's name, a Policy, or what
                `cardjax.load_policy` returns. The default is `equilibrium`.
            opponent_params: the weights of a trained Policy.
            render_mode: None or "ansi".
            market_maker: who quotes where the maker is a player (`preset="maker"`): competitive,
                monopolist (the default), random_quotes, or a policy of that seat.
            market_maker_params: the weights of a trained one.
            overrides: preset, n_players, observe_posterior, and EnvParams by dotted name.

        Raises:
            ParameterError: (a ValueError) a name or value is not allowed; the message is one line.
        """
        self.render_mode = check_render_mode(render_mode)
        self.seat, terms = make_taker_seat(
            kind, opponent, opponent_params, market_maker, market_maker_params, **overrides
        )
        self.observation_space, self.action_space = seat_spaces(self.seat.market, terms.market)
        self.terms = jax.device_put(terms)

    def action_masks(self) -> np.ndarray:
        """Which actions are valid now, bool [21]; sb3-contrib's MaskablePPO asks for it."""
        return np.array(self._shown.mask)

    def render(self) -> str | None:
        """One line of text about the market, if `render_mode` is "ansi"."""
        if self.render_mode is None:
            return None
        known = jax.device_get(view(self.seat, self._slot, self.terms))
        return round_text(known, self._shown.info, bool(self._shown.terminated))

    def _info(self) -> dict[str, Any]:
        return super()._info() | {"action_mask": self._shown.mask.astype(np.int8)}


def seat_spaces(market: CardMarket, params: EnvParams) -> tuple[spaces.Box, spaces.Discrete]:
    """One player's observation and action spaces."""
    box = market.observation_space(params)
    return spaces.Box(box.low[0], box.high[0], dtype=np.float32), spaces.Discrete(
        market.action_space(params).n
    )


class RenderModeError(ValueError, TypeError):
    """An unknown render mode.

    It is a TypeError too, because stable-baselines3's `make_vec_env` asks for rgb_array and does
    without it on a TypeError.
    """


def check_render_mode(render_mode: str | None) -> str | None:
    """The render mode, if it exists.

    Raises:
        RenderModeError: (a ValueError) it is neither None nor "ansi".
    """
    if render_mode not in (None, *RENDER_MODES):
        raise RenderModeError(f"render_mode = {render_mode}: must be None or ansi")
    return render_mode


for _id, _kind in KINDS.items():
    if _id not in gymnasium.registry:
        gymnasium.register(
            _id,
            entry_point="cardjax.adapters.gymnasium:MarketEnv",
            vector_entry_point="cardjax.adapters.gymnasium_vector:MarketVectorEnv",
            kwargs={"kind": _kind},
        )

if MAKER_ID not in gymnasium.registry:
    gymnasium.register(MAKER_ID, entry_point="cardjax.adapters.gymnasium_maker:MakerEnv")
