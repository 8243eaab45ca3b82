"""The floor that an update is held against: that it is an update's products, all of them and no
others.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.config import load_config
from cardjax.run.learners import make_learner

SMALL = [
    "train.n_envs=4",
    "train.n_seeds=1",
    "ppo.n_minibatches=2",
    "ppo.n_epochs=3",
    "ppo.hidden=[5,6]",
    "ppo.matmul_precision=float32",
]


def learner(algorithm="ippo", *overrides):
    return make_learner(algorithm, load_config(None, ["env.kind=two", *SMALL, *overrides]))


def test_shapes_are_the_updates():
    from matrix_floor import shapes_of

    shapes = shapes_of(learner())
    assert shapes == (10, 8, 2, 3, (57, 5, 6, 21), (57, 5, 6, 21), jnp.float32)
    assert shapes_of(learner("ippo", "ppo.critic=value")).critic == (57, 5, 6, 1)
    joint = learner("mappo")
    state = jax.eval_shape(joint.init, jax.random.key(0))
    weights = state.weights["critic"]["torso"]["params"]
    assert shapes_of(joint).critic[:2] == weights["Dense_0"]["kernel"].shape


@pytest.mark.parametrize(
    "override", ["ppo.memory=gru", "ppo.share_params=off", "ppo.opponents=[level1]"]
)
def test_other_learners_are_refused(override):
    from matrix_floor import shapes_of

    with pytest.raises(SystemExit, match="feed-forward"):
        shapes_of(learner("ippo", override))


def test_flops_by_hand():
    from matrix_floor import Shapes, flops

    shapes = Shapes(
        rounds=1,
        players=1,
        n_minibatches=1,
        n_epochs=1,
        actor=(2, 3, 5),
        critic=(2, 3, 1),
        dtype=None,
    )
    # Forward 2·(6 + 15) and 2·(6 + 3), in play and in learning; weights' gradients as much; hidden
    # layers' 2·15, 2·3.
    assert flops(shapes) == 3 * (42 + 18) + 30 + 6
    assert flops(shapes._replace(players=7, n_epochs=2)) == 7 * (60 + 2 * (2 * 60 + 36))


def test_a_step_is_a_gradient_step(monkeypatch):
    import matrix_floor

    monkeypatch.setattr(matrix_floor, "NOTHING", np.float32(1))
    keys = jax.random.split(jax.random.key(0), 4)
    weights = tuple(
        jax.random.normal(k, s) for k, s in zip(keys, [(4, 3), (3, 5), (5, 2)], strict=False)
    )
    x = jax.random.normal(keys[3], (7, 4))

    def loss(weights):
        return jnp.square(matrix_floor.forward(weights, x, jnp.float32)[-1]).sum() / 2

    expected = jax.tree.map(jnp.add, weights, jax.grad(loss)(weights))
    for after, wanted in zip(matrix_floor.stepped(weights, x, jnp.float32), expected, strict=True):
        np.testing.assert_allclose(after, wanted, rtol=1e-4)


def test_every_minibatch_of_every_epoch_is_learned_from(monkeypatch):
    import matrix_floor

    monkeypatch.setattr(
        matrix_floor, "stepped", lambda weights, x, dtype: tuple(w + x.sum() for w in weights)
    )
    shapes = matrix_floor.Shapes(
        2, 4, n_minibatches=2, n_epochs=3, actor=(3, 2), critic=(1, 2), dtype=jnp.float32
    )
    carry = matrix_floor.Carry(
        (jnp.zeros((3, 2)),), (jnp.zeros((1, 2)),), jnp.zeros((2, 2, 4)), jnp.zeros((2, 8))
    )
    after = matrix_floor.update(carry, jnp.ones((2, 4, 3)), jnp.ones((2, 4, 1)), shapes)
    assert float(after.actor[0][0, 0]) == 3 * 2 * 4 * 3
    assert float(after.critic[0][0, 0]) == 3 * 2 * 4


def test_the_rollout_is_written_out_and_weights_stay():
    import matrix_floor

    shapes = matrix_floor.shapes_of(learner())
    start = matrix_floor._first(shapes)
    seen = matrix_floor._inputs(shapes)
    after = jax.jit(matrix_floor.update, static_argnums=3)(start, *seen, shapes)
    for before, now in zip(start.actor + start.critic, after.actor + after.critic, strict=True):
        np.testing.assert_array_equal(before, now)
    for i, x in enumerate(seen[0]):
        wanted = matrix_floor.forward(start.actor, x, jnp.float32)[-1]
        np.testing.assert_allclose(after.logits[i], wanted, rtol=1e-4, atol=1e-4)
    wanted = matrix_floor.forward(
        start.critic, seen[1].reshape(-1, seen[1].shape[-1]), jnp.float32
    )[-1]
    np.testing.assert_allclose(after.estimates, wanted, rtol=1e-4, atol=1e-4)


def test_the_floor_multiplies_what_the_update_does():
    from matrix_floor import shapes_of

    assert shapes_of(learner("ippo", "ppo.matmul_precision=bfloat16")).dtype == jnp.bfloat16
