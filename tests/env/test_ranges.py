"""The declared ranges: no corner of them leads to infinite wealth or an undefined depth."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cardjax
from cardjax.env import EnvParams, make_params
from cardjax.env.declaration import declared
from cardjax.env.params import N_ROUNDS

RANGES = {
    name: sorted({*declaration.bounds, float(default)})
    for name, declaration, default in declared(EnvParams)
    if declaration.bounds and not name.startswith("events.")
}
KINDS = ("none", "ge10_only", "le7_only", "even_only", "odd_only")


def corner(rng):
    """Every number at an end of its range or at its default, in all that `make_params` takes."""
    values = {name: rng.choice(ends) for name, ends in RANGES.items()}
    for group in ("spread", "liquidity"):
        ends = sorted((values[f"{group}.min"], values[f"{group}.max"]))
        values |= {f"{group}.min": ends[0], f"{group}.max": max(ends[1], 1e-9)}
    flags = {f"flags.{name}": rng.random() < 0.5 for name in vars(make_params().flags)}
    only = rng.choice(KINDS)
    events = {f"events.{kind}": float(kind == only) for kind in KINDS} if rng.random() < 0.5 else {}
    rest = {
        "hints": rng.choice([0, 1, 2, 3]) if rng.random() < 0.5 else [0.25] * 4,
        "reward": rng.choice(["pnl", "log_wealth", "expected_pnl"]),
        "events.remap": rng.choice([0.0, 0.015, 1.0]),
    }
    return make_params(**values, **flags, **events, **rest)


def corners(n, seed):
    """[n, …] of them."""
    rng = np.random.default_rng(seed)
    some = [corner(rng) for _ in range(n)]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *some)


@partial(jax.jit, static_argnums=(0, 2))
def unsound(market, params, n_games, key):
    """Which of the corners lead, in some game of largest and random orders, to what is not finite:
    bool [n_corners].
    """
    n_players = market.n_players

    def rounds(params, key):
        def step(carry, key):
            state, sound = carry
            of_step, which, largest, any_order = jax.random.split(key, 4)
            extreme = jnp.array([10, 20])[jax.random.bernoulli(largest, 0.5, (n_players,)) * 1]
            random = jax.random.randint(any_order, (n_players,), 0, 21)
            action = jnp.where(jax.random.bernoulli(which, 0.7), extreme, random)
            seen, state, reward, *_, info = market.step(of_step, state, action, params)
            return (state, sound & finite((seen, state, reward, info))), None

        first, rest = jax.random.split(key)
        seen, state = market.reset(first, params)
        start = (state, finite((seen, state)))
        (_, sound), _ = jax.lax.scan(step, start, jax.random.split(rest, N_ROUNDS))
        return sound

    games = jax.vmap(rounds, (None, 0))
    keys = jax.random.split(key, (len(params.alpha), n_games))
    return ~jax.vmap(games)(params, keys).all(1)


def finite(tree):
    numbers = [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.floating)]
    return jnp.stack([jnp.isfinite(leaf).all() for leaf in numbers]).all()


@pytest.mark.parametrize(
    ("n_players", "inventory"),
    [(2, False), (2, True), pytest.param(16, False, marks=pytest.mark.slow)],
)
def test_no_corner_of_the_ranges_leads_to_what_is_not_finite(n_players, inventory):
    market, _ = cardjax.make("two", n_players=n_players, inventory=inventory)
    params = corners(1000, seed=n_players)
    bad = np.flatnonzero(unsound(market, params, 4, jax.random.key(n_players)))
    assert not len(bad), jax.tree.map(lambda leaf: leaf[bad[0]], params)


def test_the_walk_finds_what_it_looks_for():
    market, params = cardjax.make("two")
    hostile = params.replace(alpha=np.float32(3e38))
    # In turns, as many as in the tests above, for which the program has been compiled.
    grid = jax.tree.map(lambda *leaves: np.stack(leaves)[np.arange(1000) % 2], params, hostile)
    found = np.asarray(unsound(market, grid, 4, jax.random.key(0)))
    assert not found[::2].any() and found[1::2].mean() > 0.5
