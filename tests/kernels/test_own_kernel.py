"""What is told to the CPU's compiler changes no value, and is heard."""

import jax
import jax.numpy as jnp
import numpy as np

import cardjax
from cardjax.kernels.own_kernel import own_kernel


def test_an_own_kernel_computes_the_same_and_stays_a_call_of_its_own():
    def apart(x, y):
        return jnp.sin(x) * y, x - y

    together, kernel = (jax.jit(jax.vmap(f)) for f in (apart, own_kernel(apart)))
    x, y = jnp.linspace(0, 3, 64), jnp.linspace(2, 5, 64)
    for mine, expected in zip(kernel(x, y), together(x, y), strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-6)
    calls = [f.lower(x, y).compile().as_text().count(" call(") for f in (together, kernel)]
    assert calls == [0, 1]


def test_the_hash_of_a_step_is_not_computed_again_by_its_readers():
    """Each of its two blocks is a call, with two results of twenty rounds each: eighty rotations
    and no more.
    """
    market, params = cardjax.make("two")
    keys = jax.random.split(jax.random.key(0), 64)
    state = jax.eval_shape(jax.vmap(lambda key: market.reset(key, params)[1]), keys)
    step = jax.jit(jax.vmap(lambda k, s: market.step(k, s, jnp.zeros(2, jnp.int32), params)[:3]))
    text = step.lower(keys, state).compile().as_text()
    assert text.count(" shift-left(") <= 2 * 2 * 20 + 8
