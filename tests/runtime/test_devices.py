"""How replicates and games are dealt to devices. What several devices compute: test_seeds.py."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from cardjax.agents.ppo import PPO
from cardjax.config import make_config
from cardjax.run.learners import ALGORITHMS, make_learner
from cardjax.runtime.devices import (
    _spread,
    make_mesh,
    over_replicates,
    state_shardings,
    use_all_cores,
)


@pytest.mark.parametrize(
    ("n_replicates", "n_games", "shard_games", "n_devices", "spread"),
    [
        (8, 64, False, 4, (4, 1)),
        (6, 64, False, 4, None),
        (6, 64, False, 3, (3, 1)),
        (1, 64, False, 2, None),
        (1, 64, True, 2, (1, 2)),
        (3, 64, True, 2, (1, 2)),
        (2, 64, True, 8, (2, 4)),
        (2, 6, True, 8, None),
        (5, 1, True, 1, (1, 1)),
    ],
)
def test_shares_by_hand(n_replicates, n_games, shard_games, n_devices, spread):
    assert _spread(n_replicates, n_games, shard_games, n_devices) == spread


def test_a_function_of_one_row_becomes_one_of_all_with_shared_arguments_last():
    def function(a, b, n):
        return {"sum": a + b, "times": a * n}

    a, b = jnp.arange(6.0).reshape(3, 2), jnp.ones(3)
    out = over_replicates(function, make_mesh(3, 1), n_shared=1)(a, b, jnp.float32(10))
    np.testing.assert_array_equal(out["sum"], a + 1)
    np.testing.assert_array_equal(out["times"], 10 * a)


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_games_are_shared_and_weights_are_not(algorithm):
    learner = make_learner(algorithm, make_config({"train.n_envs": 48, "ppo.n_minibatches": 4}))
    state = jax.eval_shape(jax.vmap(learner.init), jax.random.split(jax.random.key(0), 3))
    shardings = state_shardings(state, learner.PER_GAME, 48, make_mesh(3, 48))
    specs = {
        name: {sharding.spec for sharding in jax.tree.leaves(field)}
        for name, field in zip(state._fields, shardings, strict=True)
    }
    assert specs["games"] == {PartitionSpec("replicates", "games")}
    assert specs["weights"] == specs["optimizer"] == specs["key"] == {PartitionSpec("replicates")}


def test_what_a_learner_says_is_per_game_is():
    learner = make_learner("ippo", make_config({"train.n_envs": 32, "ppo.memory": "gru"}))
    state = jax.eval_shape(learner.init, jax.random.key(0))
    for name in PPO.PER_GAME:
        assert {leaf.shape[0] for leaf in jax.tree.leaves(getattr(state, name))} == {32}


def test_asking_for_all_cores_once_jax_runs_changes_nothing():
    before = jax.device_count()
    use_all_cores(64, 64)
    assert jax.device_count() == before
