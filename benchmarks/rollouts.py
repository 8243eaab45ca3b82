"""Random play of many games in one compiled program, spread over all devices: the same way for ours
and for others'.
"""

import itertools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from cardjax.env import CardMarket, State, make_params
from cardjax.env.sampling import uniform_valid
from cardjax.env.trees import ArrayTree
from cardjax.kernels import threefry

STEPS_A_CALL = 1_000_000


class Game(NamedTuple):
    """A game with random players in it."""

    reset: Callable[[Array], Any]
    """key → state."""
    play: Callable[[Array, Any], tuple[Any, Any, Any]]
    """(key, state) → (what is written out, state, reward), one step; a game that ended begins anew.
    """


class Rollout(NamedTuple):
    """A compiled program in which every game goes on from where the last call left it."""

    call: Callable[[], object]
    """makes `n_steps` and waits for their end."""
    n_steps: int
    """steps of a call, all games together."""
    compile_seconds: float


def card_market(n_players: int = 2, observe: bool = True, **rules: Any) -> Game:
    """Ours, every player choosing among the valid actions.

    Args:
        n_players: how many play.
        observe: whether observations are written out.
        rules: other choices of `CardMarket`.
    """
    market, params = CardMarket(n_players=n_players, **rules), make_params()

    def play(key: Array, state: State) -> tuple[Any, State, Array]:
        words = random_words(key, n_players)
        action = uniform_valid(tuple(words), *market.largest_sizes(state, params))
        observation, state, reward, *_ = market.step(key, state, action, params)
        return observation if observe else (), state, reward

    return Game(lambda key: market.reset(key, params)[1], play)


def as_a_user_writes_it(n_players: int = 2) -> Game:
    """Ours by public calls alone: every game splits its own key, samples an action and steps."""
    market, params = CardMarket(n_players=n_players), make_params()

    def reset(key: Array) -> tuple[Array, State]:
        key, key_reset = jax.random.split(key)
        return key, market.reset(key_reset, params)[1]

    def play(
        unused: Array, game: tuple[Array, State]
    ) -> tuple[ArrayTree, tuple[Array, State], Array]:
        key, state = game
        key, key_round = jax.random.split(key)
        action = market.sample_action(key_round, state, params)
        observation, state, reward, *_ = market.step(key_round, state, action, params)
        return observation, (key, state), reward

    return Game(reset, play)


def random_words(key: Array, n: int) -> Array:
    """uint32 [n]. A folded key is itself two random words."""
    return jax.random.key_data(key) if n == 2 else jax.random.bits(jax.random.fold_in(key, 1), (n,))


def compiled_rollout(
    game: Game, n_games: int, block: int = 0, least_steps: int = STEPS_A_CALL
) -> Rollout:
    """The program, after one call that is not to be timed. Its buffers are used again by every
    call.

    Games go to as many devices as get equal shares. A step's key is the game's folded with the
    step's number.

    Args:
        block: games that a device plays to the end of the call before it begins with the next ones,
            so that they stay in its cache, as plain C does with each single game; 0 plays all games
            of a device at once.
        least_steps: steps that a call makes if that takes no more than 20,000 rounds; an
            accelerator wants more of them, since waiting for a call takes it longer.
    """
    n_rounds = rounds_of(n_games, block, least_steps)
    n_devices = max(d for d in range(1, jax.device_count() + 1) if n_games % d == 0)
    mesh, games = Mesh(np.array(jax.devices()[:n_devices]), ("games",)), PartitionSpec("games")
    keys = jax.random.split(jax.random.key(0), n_games)
    reset = jax.vmap(game.reset)
    written, _, rewards = jax.eval_shape(jax.vmap(game.play), keys, jax.eval_shape(reset, keys))
    blank = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), (written, rewards))
    keys, states, blank = jax.device_put(
        (keys, jax.jit(reset)(keys), blank), NamedSharding(mesh, games)
    )

    def rollout(keys: Array, carry: ArrayTree, start: Array) -> ArrayTree:
        n = keys.shape[0]
        if not 0 < block < n or n % block:
            return play(keys, carry, start)
        folded = jax.tree.map(lambda leaf: leaf.reshape(-1, block, *leaf.shape[1:]), (keys, carry))
        carry = jax.lax.map(lambda part: play(part[0], part[1], start), folded)
        return jax.tree.map(lambda leaf: leaf.reshape(n, *leaf.shape[2:]), carry)

    def play(keys: Array, carry: ArrayTree, start: Array) -> ArrayTree:
        def body(carry: Any, t: Array) -> tuple[Any, None]:
            state, (_, total) = carry
            written, state, reward = jax.vmap(game.play)(
                jax.vmap(threefry.fold_in, (0, None))(keys, t), state
            )
            return (state, (written, jax.tree.map(jnp.add, total, reward))), None

        return jax.lax.scan(body, carry, start + jnp.arange(n_rounds))[0]

    specs = (games, games, PartitionSpec())
    spread = jax.shard_map(rollout, mesh=mesh, in_specs=specs, out_specs=games, check_vma=False)
    before = time.perf_counter()
    compiled = (
        jax.jit(spread, donate_argnums=1).lower(keys, (states, blank), jnp.int32(0)).compile()
    )
    compile_seconds = time.perf_counter() - before
    carry, starts = [(states, blank)], itertools.count(0, n_rounds)

    def call() -> None:
        carry[0] = jax.block_until_ready(compiled(keys, carry[0], jnp.int32(next(starts) % 2**31)))

    call()
    return Rollout(call, n_games * n_rounds, compile_seconds)


def rounds_of(n_games: int, block: int, least_steps: int = STEPS_A_CALL) -> int:
    """Rounds of one call: so many that neither the call nor the copies of a block count, and a
    whole game at least.
    """
    return min(20_000, max(100 if block else 10, least_steps // n_games))
