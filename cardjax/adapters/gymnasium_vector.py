"""Gymnasium: many seats side by side as a `VectorEnv`, with one device call per step and all three
autoreset modes.

It plays the very games that `SyncVectorEnv` over as many `MarketEnv` plays: sub-environment i has
the seed + i.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.adapters.gymnasium import RENDER_MODES, SetByReset, check_render_mode, seat_spaces
from cardjax.adapters.libraries import library
from cardjax.adapters.slots import Playable, Shown, Slot, play, start, view, words_of
from cardjax.adapters.taker_seat import make_taker_seat
from cardjax.adapters.text import round_text
from cardjax.env import ParameterError, View
from cardjax.env.trees import ArrayTree
from cardjax.policies.makers import MakerPolicy
from cardjax.policies.policy import Policy, TrainedPlayer

with library("gymnasium", "gym"):
    from gymnasium.utils import seeding
    from gymnasium.vector import AutoresetMode, VectorEnv
    from gymnasium.vector.utils import batch_space

T = TypeVar("T")
Infos = dict[str, Any]


class MarketVectorEnv(VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """`num_envs` seats, each with a market and opponents of its own.

    All arrays have a leading axis [num_envs]. The autoreset modes are as Gymnasium documents them:
        NEXT_STEP: the step after a game's end ignores its action and returns the start of the next
            game, with reward 0.
        SAME_STEP: the step that ends a game returns the start of the next one; the end is in
            `infos["final_obs"]` and `infos["final_info"]`.
        DISABLED: only `reset(options={"reset_mask": bool [num_envs]})` starts new games.
    """

    metadata = {"render_modes": RENDER_MODES, "render_fps": 1}
    _shown: Shown = SetByReset()  # type: ignore[assignment]

    def __init__(
        self,
        num_envs: int = 1,
        kind: str = "single",
        opponent: str | Policy | TrainedPlayer | None = None,
        opponent_params: ArrayTree = None,
        render_mode: str | None = None,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        market_maker: str | MakerPolicy | None = None,
        market_maker_params: ArrayTree = None,
        **overrides: object,
    ):
        """Make the seats; arguments that are not listed here are those of `MarketEnv`.

        Args:
            num_envs: the number of seats.
            autoreset_mode: an AutoresetMode or its value, "NextStep" (default), "SameStep" or
                "Disabled".

        Raises:
            ParameterError: (a ValueError) a name or value is not allowed; the message is one line.
        """
        if isinstance(num_envs, bool) or not isinstance(num_envs, int) or num_envs < 1:
            raise ParameterError("num_envs", num_envs, "must be a whole number of at least 1")
        self.num_envs, self.render_mode = num_envs, check_render_mode(render_mode)
        self.autoreset_mode = _mode(autoreset_mode)
        self.metadata = self.metadata | {"autoreset_mode": self.autoreset_mode}
        self.seat, terms = make_taker_seat(
            kind, opponent, opponent_params, market_maker, market_maker_params, **overrides
        )
        self.single_observation_space, self.single_action_space = seat_spaces(
            self.seat.market, terms.market
        )
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.terms = jax.device_put(terms)
        self._seed_words = np.zeros((num_envs, 2), np.uint32)
        self._slots: Slot | None = None
        self._settled: dict[str, np.ndarray] = {}

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[np.ndarray, Infos]:
        """Start new games: (observations [num_envs, D], infos).

        Args:
            seed: a number s for the seeds s, s + 1, …, or a list with one seed per sub-environment.
                None starts the next game.
            options: {"reset_mask": bool array [num_envs]} resets only the sub-environments that
                the mask selects.

        Raises:
            TypeError, ValueError: the mask is not such an array or selects nothing, or the number
                of seeds is wrong.
        """
        chosen = self._chosen(options)
        if isinstance(seed, int):
            super().reset(seed=seed)
        seeded = self._reseed(seed, chosen)
        games = np.where(seeded, 0, self._games() + 1).astype(np.int32)
        slots, shown = _start_all(self.seat, self._seed_words, games, self.terms)
        if not chosen.all():
            slots, shown = _choose(
                chosen, (slots, shown), (self._slots, self._shown._replace(info={}))
            )
        self._slots, self._shown = slots, jax.device_get(shown)
        self._settled = self._settled if not chosen.all() else {}
        return np.array(self._shown.observation), _masked(
            {"action_mask": self._shown.mask.astype(np.int8)}, chosen
        )

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, Infos]:
        """Settle a round of every game: (observations, rewards, terminations, truncations, infos).

        Raises:
            ResetNeeded: no game has been started yet.
            ValueError: a game is over and autoreset is disabled.
        """
        over = self._shown.terminated
        if self.autoreset_mode is AutoresetMode.DISABLED and over.any():
            raise ValueError(
                f"{int(over.sum())} games are over: reset them by options={{'reset_mask': …}}"
            )
        actions = np.asarray(actions).reshape(self.num_envs)
        self._slots, *both = _step_all(
            self.autoreset_mode, self.seat, self._slots, over, actions, self.terms
        )
        self._shown, played = jax.device_get(both)
        self._settled = played.info
        terminations = played.terminated & ~over
        observations, rewards = (
            np.array(self._shown.observation),
            self._shown.reward.astype(np.float64),
        )
        infos = self._infos(played, over)
        return observations, rewards, terminations, np.zeros(self.num_envs, bool), infos

    def action_masks(self) -> np.ndarray:
        """Which actions are valid now, bool [num_envs, 21]."""
        return np.array(self._shown.mask)

    def render(self) -> tuple[str, ...] | None:
        """One line of text per market, if `render_mode` is "ansi"."""
        if self.render_mode is None:
            return None
        over = self._shown.terminated
        known = jax.device_get(_view_all(self.seat, self._slots, self.terms))
        lines = []
        for i in range(self.num_envs):
            own, settled = jax.tree.map(lambda leaf, i=i: leaf[i], (known, self._settled))
            lines.append(round_text(own, settled if own.round > 0 else None, bool(over[i])))
        return tuple(lines)

    def _infos(self, played: Shown, over: np.ndarray) -> Infos:
        same_step = self.autoreset_mode is AutoresetMode.SAME_STEP
        everyone = np.ones(self.num_envs, bool)
        infos = _masked({"action_mask": self._shown.mask.astype(np.int8)}, everyone)
        infos |= _masked(played.info, ~played.terminated if same_step else ~over)
        if same_step and played.terminated.any():
            infos |= _finals(played)
        return infos

    def _games(self) -> np.ndarray:
        """The number of each slot's game, −1 before the first."""
        return np.full(self.num_envs, -1) if self._slots is None else np.asarray(self._slots.game)

    def _reseed(self, seed: int | Sequence[int | None] | None, chosen: np.ndarray) -> np.ndarray:
        """Seed those of `chosen` that are given a seed or have none yet.

        Returns:
            bool [num_envs], which ones were seeded.
        """
        seeds = [seed + i for i in range(self.num_envs)] if isinstance(seed, int) else seed
        seeds = [None] * self.num_envs if seeds is None else list(seeds)
        if len(seeds) != self.num_envs:
            raise ValueError(f"seed has {len(seeds)} entries for {self.num_envs} sub-environments")
        seeded = chosen & np.array([s is not None or self._slots is None for s in seeds])
        words = self._seed_words.copy()
        for i in np.flatnonzero(seeded):
            words[i] = words_of(
                self.np_random if seeds[i] is None else seeding.np_random(seeds[i])[0]
            )
        self._seed_words = words
        return seeded

    def _chosen(self, options: dict[str, Any] | None) -> np.ndarray:
        mask = (options or {}).get("reset_mask")
        if mask is None:
            return np.ones(self.num_envs, bool)
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
            raise TypeError(
                f"options['reset_mask'] must be a NumPy array of bool, not {type(mask).__name__}"
            )
        if mask.shape != (self.num_envs,) or not mask.any():
            raise ValueError(
                f"options['reset_mask'] must have shape ({self.num_envs},) and at least one True"
            )
        if self._slots is None and not mask.all():
            raise ValueError(
                "options['reset_mask'] needs a reset of all sub-environments before it"
            )
        return mask


def _mode(value: str | AutoresetMode) -> AutoresetMode:
    try:
        return AutoresetMode(value)
    except ValueError:
        allowed = f"must be one of {', '.join(mode.value for mode in AutoresetMode)}"
        raise ParameterError("autoreset_mode", value, allowed) from None


@partial(jax.jit, static_argnums=0)
def _start_all(
    seat: Playable, seed_words: Array, games: Array, terms: ArrayTree
) -> tuple[Slot, Shown]:
    return jax.vmap(partial(start, seat), (0, 0, None))(seed_words, games, terms)


@partial(jax.jit, static_argnums=(0, 1))
def _step_all(
    mode: AutoresetMode, seat: Playable, slots: Slot, over: Array, actions: Array, terms: ArrayTree
) -> tuple[Slot, Shown, Shown]:
    """(slots, what is shown, how the rounds ended); the last two differ where a game is new."""

    def one(slot: Slot, over: Array, action: Array) -> tuple[Slot, Shown, Shown]:
        after, played = play(seat, slot, action, terms)
        if mode is AutoresetMode.DISABLED:
            return after, played._replace(info={}), played
        fresh, begun = start(seat, slot.seed_words, slot.game + 1, terms)
        if mode is AutoresetMode.SAME_STEP:
            over, begun = played.terminated, begun._replace(reward=played.reward)
        after, shown = _where(over, (fresh, begun), (after, played._replace(info={})))
        return after, shown, played

    return jax.vmap(one)(slots, over, actions)


@jax.jit
def _choose(chosen: Array, new: T, old: T) -> T:
    """Leaves [num_envs, …]: of `new` where `chosen` [num_envs] is True, else of `old`."""
    return jax.vmap(_where)(chosen, new, old)


def _where(condition: Array, yes: T, no: T) -> T:
    return jax.tree.map(partial(jnp.where, condition), yes, no)


@partial(jax.jit, static_argnums=0)
def _view_all(seat: Playable, slots: Slot, terms: ArrayTree) -> View:
    return jax.vmap(partial(view, seat), (0, None))(slots, terms)


def _masked(values: dict[str, np.ndarray], rows: np.ndarray) -> Infos:
    """The infos in Gymnasium's layout: each entry is zero where `rows` is False, and `_name` says
    which sub-environments have the entry.
    """
    if not rows.any():
        return {}
    infos: Infos = {}
    for name, value in values.items():
        infos[name] = np.where(
            rows.reshape(-1, *[1] * (value.ndim - 1)), value, np.zeros((), value.dtype)
        )
        infos[f"_{name}"] = rows.copy()
    return infos


def _finals(played: Shown) -> Infos:
    """The last observation and info of the games that ended.

    The observations are an object array, with None for the other games.
    """
    ended = played.terminated
    final_obs = np.full(len(ended), None, dtype=object)
    for i in np.flatnonzero(ended):
        final_obs[i] = np.array(played.observation[i])
    final_info = _masked(played.info | {"action_mask": played.mask.astype(np.int8)}, ended)
    return {
        "final_obs": final_obs,
        "_final_obs": ended.copy(),
        "final_info": final_info,
        "_final_info": ended.copy(),
    }
