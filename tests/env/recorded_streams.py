"""Ten games in each of eight settings, as arrays: what the base game's streams must stay for ever.

`python tests/env/recorded_streams.py` writes the arrays anew; only a new version of the base game
may do that. tests/env/test_recorded_streams.py compares.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import cardjax

FILE = Path(__file__).with_name("recorded_streams.npz")
GAMES, ROUNDS = 10, 11
"""A game of ten rounds, and the first round of the next, so that a reset is recorded too."""
SETTINGS = {
    "single": ("single", {}),
    "two": ("two", {}),
    "three": ("two", {"n_players": 3, "reward": "expected_pnl"}),
    "posterior": ("two", {"observe_posterior": True, "reward": "log_wealth"}),
    "no_events": ("two", {"flags.enable_events": False, "hints": 2}),
    "no_impact": ("two", {"flags.enable_impact": False, "event_persist": 0.0}),
    "stop_out": ("two", {"flags.stop_out": True, "initial_wealth": 60.0, "sigma_q": 3.0}),
    "remaps": ("single", {"events.remap": 1.0, "liquidity.cap": 4.0}),
}


def play(kind: str, overrides: dict) -> dict[str, np.ndarray]:
    """name → array [ROUNDS, GAMES, …] of observations, rewards, ends and every entry of info.

    Orders are raw bits of the key, valid or not, so that no part of a policy is recorded with them.
    """
    env, params = cardjax.make(kind, **overrides)

    def step(state, keys):
        bits = jax.vmap(lambda key: jax.random.bits(key, (env.n_players,)))(keys)
        orders = (bits % 22).astype(jnp.int32)
        orders = orders[:, 0] if env.squeeze else orders
        after = jax.vmap(env.step, (0, 0, 0, None))(keys, state, orders, params)
        obs, state, reward, terminated, _, info = after
        return state, {"obs": obs, "reward": reward, "terminated": terminated, **info}

    @jax.jit
    def games(key):
        first, later = jax.random.split(key)
        obs, state = jax.vmap(env.reset, (0, None))(jax.random.split(first, GAMES), params)
        keys = jax.random.split(later, (ROUNDS, GAMES))
        return {"first_obs": obs, **jax.lax.scan(step, state, keys)[1]}

    return {name: np.asarray(leaf) for name, leaf in games(jax.random.key(7)).items()}


def write() -> None:
    """Record every setting."""
    arrays = {
        f"{setting}/{name}": array
        for setting, (kind, overrides) in SETTINGS.items()
        for name, array in play(kind, overrides).items()
    }
    np.savez_compressed(FILE, **arrays)


if __name__ == "__main__":
    write()
