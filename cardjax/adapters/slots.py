"""Games one after another, for libraries whose environments keep their own state and take a seed
instead of a key.

A slot is a place in which one game is played at a time. Its seed gives a base key B. Game number g
has the key K = fold_in(B, g), of which `reset` uses fold_in(K, 0), and round t (from 0) uses
fold_in(K, t + 1). The games of a slot are therefore the same whether it is stepped alone or among
thousands, and whenever it is reset.
"""

from functools import partial
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.adapters.seat import NATIVE_ONLY
from cardjax.env.trees import ArrayTree


class Playable(Protocol):
    """What `CardMarket`, `Seat` and `TwoMoves` have in common, each with states, actions and
    parameters of its own. It is hashable, so that it can be static.
    """

    def reset(self, key: Array, params: Any) -> tuple[ArrayTree, Any]: ...
    def step_env(
        self, key: Array, state: Any, action: Any, params: Any
    ) -> tuple[ArrayTree, Any, ArrayTree, Array, dict[str, Array]]: ...
    def action_mask(self, state: Any, params: Any) -> ArrayTree: ...
    def view(self, state: Any, params: Any) -> Any: ...


class Slot(NamedTuple):
    """A game under way."""

    seed_words: Array
    """uint32 [2]: what the base key is made from."""
    game: Array
    """int32: how many games were played in this slot before."""
    round: Array
    """int32: how many rounds of this game have been played."""
    state: Any


class Shown(NamedTuple):
    """What a reset or a step returns; leaves are JAX arrays, or NumPy's once they are fetched."""

    observation: Any
    mask: Any
    """bool [..., 21]: which actions are valid next."""
    reward: Any
    terminated: Any
    info: dict[str, Any]
    """About the round that has just been settled, without the entries that other libraries return
    elsewhere; empty after a reset.
    """


def words_of(generator: np.random.Generator) -> np.ndarray:
    """The next two 32-bit words of a generator, uint32 [2], as a slot's seed."""
    return generator.integers(2**32, size=2, dtype=np.uint32)


def numbers(info: dict[str, Any]) -> dict[str, Any]:
    """The info with scalars as Python numbers and arrays as copies, as these libraries expect."""
    return {name: np.array(leaf) if leaf.ndim else leaf.item() for name, leaf in info.items()}


def base_key(seed_words: Array) -> Array:
    """The base key B of a slot."""
    return jax.random.fold_in(jax.random.key(seed_words[0]), seed_words[1])


@partial(jax.jit, static_argnums=0)
def start(env: Playable, seed_words: Array, game: Array, params: ArrayTree) -> tuple[Slot, Shown]:
    """Start game number `game` of a slot."""
    observation, state = env.reset(jax.random.fold_in(_game_key(seed_words, game), 0), params)
    slot = Slot(jnp.asarray(seed_words), jnp.int32(game), jnp.int32(0), state)
    return slot, Shown(
        observation, env.action_mask(state, params), jnp.float32(0), jnp.bool_(False), {}
    )


@partial(jax.jit, static_argnums=0)
def play(env: Playable, slot: Slot, action: Array, params: ArrayTree) -> tuple[Slot, Shown]:
    """Settle a round. At the end of a game, the state is the final one, and nothing is reset."""
    key = jax.random.fold_in(_game_key(slot.seed_words, slot.game), slot.round + 1)
    observation, state, reward, terminated, info = env.step_env(key, slot.state, action, params)
    info = {name: leaf for name, leaf in info.items() if name not in NATIVE_ONLY}
    after = slot._replace(round=slot.round + 1, state=state)
    return after, Shown(observation, env.action_mask(state, params), reward, terminated, info)


@partial(jax.jit, static_argnums=0)
def view(env: Playable, slot: Slot, params: ArrayTree) -> ArrayTree:
    """The View of the slot's players."""
    return env.view(slot.state, params)


def _game_key(seed_words: Array, game: Array) -> Array:
    return jax.random.fold_in(base_key(seed_words), game)
