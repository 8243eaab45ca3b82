"""The presets of configs/: what each is for, computed exactly on views of games with a fixed
key.
"""

import pathlib

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import yaml

from cardjax.env import make_params
from cardjax.policies import Equilibrium, joint_payoff, symmetric_equilibrium
from cardjax.policies.stage_game import good_side

CONFIGS = pathlib.Path(__file__).parents[2] / "configs"
SEEDS = range(4)
equilibrium_of = jax.jit(symmetric_equilibrium, static_argnums=2)
joint_of = jax.jit(joint_payoff, static_argnums=2)


def preset(name):
    return make_params(
        **dict(flattened(yaml.safe_load((CONFIGS / f"{name}.yaml").read_text())["env"]))
    )


def flattened(tree, prefix=""):
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flattened(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


@pytest.fixture(scope="module")
def met(play):
    """met(params) → views that two equilibrium players meet, leaves [T, games, A]."""

    def sample(params):
        runs = [play(Equilibrium(), 2, params, seed).view for seed in SEEDS]
        return jax.tree.map(lambda *leaves: jnp.concatenate(leaves, 1), *runs)

    return sample


def unlimited(view):
    return view._replace(action_mask=jnp.ones_like(view.action_mask))


@pytest.mark.parametrize(("n_players", "least"), [(2, 1.08), (4, 1.30)])
def test_commons_pays_for_restraint(met, n_players, least):
    params = preset("commons")
    view = met(params)
    mix = equilibrium_of(params, view, n_players)
    ratio = float(joint_of(params, view, n_players).sum() / (n_players * mix.payoff.sum()))
    assert least + 0.03 < ratio < {2: 1.2, 4: 1.75}[n_players]
    # Several units to choose between, and hardly ever more wanted than can be had.
    assert float((mix.size * mix.payoff).sum() / mix.payoff.sum()) > 3
    assert float((mix.size == 10).mean()) < 0.02


def test_tight_budget_limits_most_games(met):
    params = preset("tight_budget")
    view = met(params)
    assert (
        equilibrium_of(params, unlimited(view), 1).size >= equilibrium_of(params, view, 1).size
    ).all()
    limited = equilibrium_of(params, unlimited(view), 1).size > equilibrium_of(params, view, 1).size
    assert 0.55 < float(limited.any(0).mean()) < 0.75


def test_the_default_budget_limits_nobody(met):
    params = preset("default")
    view = met(params)
    np.testing.assert_array_equal(
        equilibrium_of(params, unlimited(view), 1).size, equilibrium_of(params, view, 1).size
    )


def test_hidden_depth_is_hidden_where_it_matters(met):
    params = preset("hidden_depth")
    view = met(params)
    hidden = np.asarray(good_side(view).displayed) >= float(params.liquidity.cap)
    assert hidden[np.asarray(equilibrium_of(params, view, 1).size) > 0].mean() > 0.9


def test_calm_has_neither_events_nor_impact(met):
    params = preset("calm")
    view = met(params)
    mix = equilibrium_of(params, view, 2)
    assert not np.asarray(view.event).any()
    assert set(np.unique(mix.size)) == {0, 10}
    assert not np.asarray(view.last_slippage).any()


def test_lively_offers_something_in_most_rounds(met):
    params = preset("lively")
    mix = equilibrium_of(params, met(params), 2)
    assert float((mix.size > 0).mean()) > 0.6
    # Points per game: what the file says, within the sampling error of these few games.
    assert 40 < 10 * float(mix.payoff.mean()) < 57


def test_default_overrides_nothing():
    chex.assert_trees_all_equal(preset("default"), make_params())
