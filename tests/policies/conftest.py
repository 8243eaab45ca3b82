"""What the policies' tests share: games played under jit, the views that come up in them, and a
float64 reference.
"""

import functools
import importlib.util
import pathlib
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.env import N_ROUNDS, CardMarket, View, make_params
from cardjax.policies import POLICIES, RandomValid

N_GAMES = 1024
N_VIEWS = 2 * N_ROUNDS * N_GAMES
"""One size for all, so that each function compiles once."""


class Games(NamedTuple):
    """Leaves [T, games, A]."""

    view: View
    action: jax.Array
    reward: jax.Array


@functools.partial(jax.jit, static_argnums=(0, 1))
def _play(policy, n_players, params, key):
    env = CardMarket(n_players)
    reset_key, init_key, rounds_key = jax.random.split(key, 3)
    _, state = jax.vmap(env.reset, (0, None))(jax.random.split(reset_key, N_GAMES), params)
    step, view_of = jax.vmap(env.step, (0, 0, 0, None)), jax.vmap(env.view, (0, None))

    def round_(at, key):
        state, carry = at
        act_key, step_key = jax.random.split(key)
        view = view_of(state, params)
        carry, action = policy.act(params, carry, view, act_key)
        _, state, reward, *_ = step(jax.random.split(step_key, N_GAMES), state, action, params)
        return (state, carry), Games(view, action, reward)

    carry = policy.init(init_key, (N_GAMES, n_players))
    return jax.lax.scan(round_, (state, carry), jax.random.split(rounds_key, N_ROUNDS))[1]


@pytest.fixture(scope="session")
def play():
    """play(policy, n_players, params, seed) → Games; everybody plays the same policy."""
    return lambda policy, n_players, params, seed: _play(
        policy, n_players, params, jax.random.key(seed)
    )


@pytest.fixture(scope="session")
def views(play):
    """views(n_players, params, seed) → View with leaves [N_VIEWS], met in games of random_valid.

    One and three players are shown games of two and four, of whom they see none and two.
    """

    def sample(n_players, params=None, seed=0):
        n_seats = n_players + n_players % 2
        view = play(RandomValid(), n_seats, make_params() if params is None else params, seed).view
        flat = jax.tree.map(
            lambda x: np.asarray(x).reshape(view.bid.size, *x.shape[3:])[:N_VIEWS], view
        )
        return flat._replace(others_last=flat.others_last[:, : n_players - 1])

    return sample


@pytest.fixture(scope="session")
def acts():
    """name → compiled `act`, one for equal players."""
    compiled = {policy: jax.jit(policy.act) for policy in POLICIES.values()}
    return {name: compiled[policy] for name, policy in POLICIES.items()}


@pytest.fixture(scope="session")
def reference():
    """The module beside this file."""
    path = pathlib.Path(__file__).with_name("reference.py")
    spec = importlib.util.spec_from_file_location("policies_reference", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


NUMBERS = {
    "bid": 23,
    "ask": 25,
    "mid": 24,
    "spread": 2,
    "displayed_bid": 8,
    "displayed_ask": 8,
    "last_slippage": 0,
    "last_fill_ratio": 1,
    "mu": 24,
    "sigma": 5,
    "s_max": 42,
    "wealth": 500,
    "initial_wealth": 500,
}
WHOLE_NUMBERS = {"event": 0, "round": 0, "others_last": [0], "hints": [0] * 3}


def hand_made(action_mask=(True,) * 21, **leaves):
    """A View of one two-player round, without a leading shape: mu 24, bid 23, ask 25, all sizes
    valid.
    """
    numbers = {name: jnp.float32(leaves.pop(name, x)) for name, x in NUMBERS.items()}
    whole = {name: jnp.asarray(leaves.pop(name, x), jnp.int32) for name, x in WHOLE_NUMBERS.items()}
    assert not leaves
    return View(**numbers, **whole, action_mask=jnp.asarray(action_mask))


@pytest.fixture(scope="session", name="hand_made")
def _hand_made():
    return hand_made
