"""Other libraries' environments under random play, for benchmarks/env_speed.py.

Each is stepped by the function that its users call, which begins a new episode where one ends.
Actions are drawn from words that the step's key holds already, as ours are, which costs less than
what their documentation shows; CartPole is there once more as gymnax's documentation plays it, with
a key of its own for the action and `sample`. One step is one call of the step function for one
environment: all agents act in JaxMARL's, one player moves in pgx's.
"""

import contextlib
import sys
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from rollouts import Game


def available(names: Iterable[str]) -> tuple[dict[str, Game], list[str]]:
    """Name → game of those whose library is installed, and the names of the others."""
    games, missing = {}, []
    for name in names:
        try:
            with contextlib.redirect_stdout(sys.stderr):  # some greet when they are imported
                games[name] = PEERS[name]()
        except ImportError:
            missing.append(name)
    return games, missing


def cart_pole(as_documented: bool) -> Game:
    import gymnax

    env, params = gymnax.make("CartPole-v1")

    def play(key: Array, state: Any) -> tuple[Any, Any, Any]:
        if as_documented:
            key_act, key = jax.random.split(key)
            action = env.action_space(params).sample(key_act)
        else:
            action = (jax.random.key_data(key)[0] >> 31).astype(jnp.int32)
        observation, state, reward, *_ = env.step(key, state, action, params)
        return observation, state, reward

    return Game(lambda key: env.reset(key, params)[1], play)


def pgx_game(name: str) -> Game:
    """Its state holds the observation, so nothing else is written out."""
    import pgx
    from pgx.experimental import auto_reset

    env = pgx.make(name)
    step = auto_reset(env.step, env.init)

    def play(key: Array, state: Any) -> tuple[Any, Any, Any]:
        legal = jnp.cumsum(state.legal_action_mask)
        draw = (jax.random.key_data(key)[0] >> 16) * legal[-1].astype(jnp.uint32) >> 16
        state = step(state, jnp.argmax(legal > draw.astype(jnp.int32)), key)
        return (), state, state.rewards

    return Game(env.init, play)


def jaxmarl_game(name: str) -> Game:
    import jaxmarl

    env = jaxmarl.make(name)

    def play(key: Array, state: Any) -> tuple[Any, Any, Any]:
        words = jax.random.key_data(key)
        halves = jnp.concatenate([words >> 16, words & 0xFFFF])
        actions = {
            agent: (halves[i] * jnp.uint32(env.action_space(agent).n) >> 16).astype(jnp.int32)
            for i, agent in enumerate(env.agents)
        }
        observation, state, reward, *_ = env.step(key, state, actions)
        return observation, state, reward

    return Game(lambda key: env.reset(key)[1], play)


CART_POLE, CART_POLE_AS_DOCUMENTED = "gymnax CartPole", "gymnax CartPole as documented"
PEERS: dict[str, Callable[[], Game]] = {
    CART_POLE: lambda: cart_pole(as_documented=False),
    CART_POLE_AS_DOCUMENTED: lambda: cart_pole(as_documented=True),
    "pgx Kuhn poker": lambda: pgx_game("kuhn_poker"),
    "pgx tic-tac-toe": lambda: pgx_game("tic_tac_toe"),
    "pgx Leduc": lambda: pgx_game("leduc_holdem"),
    "JaxMARL switch riddle": lambda: jaxmarl_game("switch_riddle"),
    "JaxMARL simple spread": lambda: jaxmarl_game("MPE_simple_spread_v3"),
}
