"""Games one after another for libraries whose environments keep their own state and take a seed,
not a key.

A slot is a place where one game is played at a time. Its seed gives a base key B; its game number g
has the key K = fold_in(B, g), from which `reset` gets fold_in(K, 0) and round t (from 0) fold_in(K,
t + 1). A slot's games are therefore the same whether it is stepped alone or among thousands, and
whenever it is reset.
"""

from functools import partial
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.adapters.seat import NATIVE_ONLY


class Playable(Protocol):
    """What `CardMarket` and `Seat` have in common; hashable, so that it can be static."""

    def reset(self, key: Array, params: Any) -> tuple[Array, Any]: ...
    def step_env(
        self, key: Array, state: Any, action: Array, params: Any
    ) -> tuple[Array, Any, Array, Array, dict[str, Array]]: ...
    def action_mask(self, state: Any, params: Any) -> Array: ...
    def view(self, state: Any, params: Any) -> Any: ...


class Slot(NamedTuple):
    """A game under way."""

    seed_words: Array
    """uint32 [2], from which the base key is made."""
    game: Array
    """int32, how many games were played here before."""
    round: Array
    """int32, rounds played in this one."""
    state: Any


class Shown(NamedTuple):
    """What a reset or a step shows; leaves are JAX's arrays on the device, NumPy's on the host."""

    observation: Any
    mask: Any
    """bool [..., 21], for the next action."""
    reward: Any
    terminated: Any
    info: dict[str, Any]
    """Of the round just settled, without the entries that other libraries return elsewhere; empty
    from a reset.
    """


def words_of(generator: np.random.Generator) -> np.ndarray:
    """The next two 32-bit words of a generator: a slot's seed, uint32 [2]."""
    return generator.integers(2**32, size=2, dtype=np.uint32)


def numbers(info: dict[str, Any]) -> dict[str, Any]:
    """A game's info with scalars as Python numbers and arrays as copies, as these libraries pass it
    on.
    """
    return {name: np.array(leaf) if leaf.ndim else leaf.item() for name, leaf in info.items()}


def base_key(seed_words: Array) -> Array:
    """B of a slot."""
    return jax.random.fold_in(jax.random.key(seed_words[0]), seed_words[1])


@partial(jax.jit, static_argnums=0)
def start(env: Playable, seed_words: Array, game: Array, params: Any) -> tuple[Slot, Shown]:
    """Game number `game` of a slot."""
    observation, state = env.reset(jax.random.fold_in(_game_key(seed_words, game), 0), params)
    slot = Slot(jnp.asarray(seed_words), jnp.int32(game), jnp.int32(0), state)
    return slot, Shown(
        observation, env.action_mask(state, params), jnp.float32(0), jnp.bool_(False), {}
    )


@partial(jax.jit, static_argnums=0)
def play(env: Playable, slot: Slot, action: Array, params: Any) -> tuple[Slot, Shown]:
    """Settle a round; at a game's end the state is that end's, and nothing is reset."""
    key = jax.random.fold_in(_game_key(slot.seed_words, slot.game), slot.round + 1)
    observation, state, reward, terminated, info = env.step_env(key, slot.state, action, params)
    info = {name: leaf for name, leaf in info.items() if name not in NATIVE_ONLY}
    after = slot._replace(round=slot.round + 1, state=state)
    return after, Shown(observation, env.action_mask(state, params), reward, terminated, info)


@partial(jax.jit, static_argnums=0)
def view(env: Playable, slot: Slot, params: Any) -> Any:
    """The View of the slot's players."""
    return env.view(slot.state, params)


def _game_key(seed_words: Array, game: Array) -> Array:
    return jax.random.fold_in(base_key(seed_words), game)
