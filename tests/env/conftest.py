"""What the environment's tests share: compiled markets, scripted states, and large samples of
rounds.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.env import CardMarket, make_params
from cardjax.env.quotes import Quote
from cardjax.env.state import Market, Players, State

SAMPLED_GAMES = 2**17
SAMPLED_ROUNDS = 12
"""A game and the first two rounds of the next, so that a sample also shows what a reset keeps."""


class Record(NamedTuple):
    """A played game: what reset gave, and what each step gave, stacked along a leading axis [T]."""

    first_obs: jax.Array
    first_state: State
    obs: jax.Array
    state: State
    reward: jax.Array
    terminated: jax.Array
    truncated: jax.Array
    info: dict


class Game:
    """A market's public functions, each compiled once for all the tests: play in twelve rows
    wherever that will do.
    """

    def __init__(
        self,
        n_players,
        squeeze=False,
        observe_posterior=False,
        event_info="known",
        inventory=False,
    ):
        self.env = env = CardMarket(n_players, squeeze, observe_posterior, event_info, inventory)
        self.reset, self.step, self.step_env = (
            jax.jit(env.reset),
            jax.jit(env.step),
            jax.jit(env.step_env),
        )
        self.view, self.observe, self.mask = (
            jax.jit(env.view),
            jax.jit(env.observe),
            jax.jit(env.action_mask),
        )
        self.play, self.play_valid = jax.jit(self._play), jax.jit(self._play_valid)

    def _play(self, key, actions, params):
        """Reset, then a step for each row of actions [T, A]; a new game begins every ten rounds."""
        return self._record(key, actions, params, lambda state, action: action)

    def _play_valid(self, key, quantiles, params):
        """As play, with the valid actions that stand at these quantiles [T, A] of each mask."""
        mask = self.env.action_mask
        return self._record(
            key, quantiles, params, lambda state, u: valid_action(mask(state, params), u)
        )

    def _record(self, key, rows, params, choose):
        first_key, steps_key = jax.random.split(key)
        first_obs, first_state = self.env.reset(first_key, params)

        def round_(state, inputs):
            key, row = inputs
            obs, after, *rest = self.env.step(key, state, choose(state, row), params)
            return after, (obs, after, *rest)

        keys = jax.random.split(steps_key, rows.shape[0])
        return Record(first_obs, first_state, *jax.lax.scan(round_, first_state, (keys, rows))[1])


def valid_action(mask, u):
    """The valid action at quantile u in [0, 1) of a mask [..., 21]."""
    n = mask.sum(-1)
    nth = jnp.minimum((u * n).astype(jnp.int32), n - 1)
    return jnp.argmax(jnp.cumsum(mask, -1) > nth[..., None], -1).astype(jnp.int32)


@pytest.fixture(scope="session")
def game():
    """game(n_players, squeeze=False, observe_posterior=False, event_info="known",
    inventory=False): that market's compiled functions.
    """
    return functools.cache(Game)


@pytest.fixture(scope="session")
def scripted():
    """A state written by hand: quotes 19.5 / 20.5, S = 24 while its mean is 21, depths 4 (bid) and
    6 (ask), W = 500.
    """

    def build(
        n_players=1,
        *,
        event=0,
        ranks=(7, 8, 9),
        n_hints=0,
        S=24,
        mu=21,
        sigma=6,
        mid=20,
        spread=1,
        bid=19.5,
        ask=20.5,
        depth_bid=4,
        depth_ask=6,
        wealth=500,
        last_position=0,
        last_slippage=0,
        last_fill_ratio=1,
        played=0,
    ):
        f, i = jnp.float32, jnp.int32
        market = Market(
            event=i(event),
            ranks=jnp.array(ranks, i),
            n_hints=i(n_hints),
            S=f(S),
            mu=f(mu),
            sigma=f(sigma),
            quote=Quote(mid=f(mid), spread=f(spread), bid=f(bid), ask=f(ask)),
            depth_bid=f(depth_bid),
            depth_ask=f(depth_ask),
        )
        players = Players(
            jnp.broadcast_to(f(wealth), (n_players,)),
            jnp.broadcast_to(i(last_position), (n_players,)),
            jnp.broadcast_to(f(last_slippage), (n_players,)),
            jnp.broadcast_to(f(last_fill_ratio), (n_players,)),
        )
        return State(market, players, i(played))

    return build


@pytest.fixture(scope="session")
def settle(game, scripted):
    """settle(actions, params, **state): the scripted round's (reward, info), for as many players as
    actions.
    """

    def round_(actions, params=None, **state):
        n = len(actions)
        params = make_params(alpha=0.25) if params is None else params
        _, _, reward, _, info = game(n).step_env(
            jax.random.key(0), scripted(n, **state), jnp.array(actions), params
        )
        return np.asarray(reward), {name: np.asarray(leaf) for name, leaf in info.items()}

    return round_


@pytest.fixture(scope="session")
def sample_rounds():
    """sample_rounds(params, seed=0): info of 1.57 million rounds of passing, arrays [12, 131072] by
    name.
    """
    env = CardMarket(1, squeeze=True)
    kept = (
        "event",
        "cards",
        "n_hints",
        "S",
        "mu",
        "sigma",
        "bid",
        "ask",
        "mid",
        "spread",
        "depth_bid",
        "depth_ask",
        "displayed_bid",
        "displayed_ask",
    )

    @jax.jit
    def run(key, params):
        first_key, key = jax.random.split(key)
        _, state = jax.vmap(env.reset, (0, None))(
            jax.random.split(first_key, SAMPLED_GAMES), params
        )

        def round_(state, key):
            keys = jax.random.split(key, SAMPLED_GAMES)
            passes = jnp.zeros(SAMPLED_GAMES, jnp.int32)
            _, state, *_, info = jax.vmap(env.step, (0, 0, 0, None))(keys, state, passes, params)
            return state, {name: info[name] for name in kept}

        return jax.lax.scan(round_, state, jax.random.split(key, SAMPLED_ROUNDS))[1]

    def sample(params, seed=0):
        return {name: np.asarray(leaf) for name, leaf in run(jax.random.key(seed), params).items()}

    return sample


@pytest.fixture(scope="session")
def default_rounds(sample_rounds):
    """A sample of the default game."""
    return sample_rounds(make_params())
