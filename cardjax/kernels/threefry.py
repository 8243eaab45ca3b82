"""The children of a random key, in one loop over the games.

On a CPU jax computes threefry, its default generator, as a loop of five steps over whole arrays,
which saves compile time and costs a market round an eighth of its speed. Here the twenty rounds are
written out. The plain twins are `jax.random.fold_in` and `jax.random.split`, and the keys are
theirs bit for bit.
"""

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.kernels.own_kernel import own_kernel

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA


def fold_in(key: Array, data: Array | int) -> Array:
    """Computes `jax.random.fold_in(key, data)`, faster on a CPU.

    Args:
        key: one key, typed or raw; those of other generators than threefry are left to jax.
        data: an integer scalar, taken as uint32.

    Raises:
        ValueError: an array of keys, which is a matter for `jax.vmap`.
    """
    if not is_threefry(key):
        return jax.random.fold_in(key, data)
    words = words_of(key)
    child = jnp.stack(hash_pair(words[0], words[1], jnp.uint32(0), jnp.uint32(data)))
    return jax.random.wrap_key_data(child, impl="threefry2x32") if is_typed(key) else child


def split(key: Array, n: int, first: int = 0) -> tuple[Array, ...]:
    """Computes the keys of `jax.random.split(key, n)` from number `first` on, faster on a CPU.

    Args:
        key: one key, as in `fold_in`.
        n: how many there are.
        first: the number of the first that is computed.

    Returns:
        n − first keys.

    Raises:
        ValueError: an array of keys.
    """
    if not is_threefry(key):
        return tuple(jax.random.split(key, n)[first:])
    return tuple(fold_in(key, i) for i in range(first, n))


def words_of(key: Array) -> Array:
    """The words of one key, uint32 [2] for threefry and [4] for rbg.

    Raises:
        ValueError: an array of keys.
    """
    words = jax.random.key_data(key) if is_typed(key) else key
    if words.ndim != 1:
        raise ValueError(f"one random key is expected, not an array of keys {words.shape[:-1]}")
    return words


def is_typed(key: Array) -> bool:
    """Whether a key is one of `jax.random.key` rather than a raw one of `jax.random.PRNGKey`."""
    return jnp.issubdtype(key.dtype, jax.dtypes.prng_key)


def is_threefry(key: Array) -> bool:
    """Whether a key belongs to threefry; a raw one belongs to jax's default generator."""
    typed = key if is_typed(key) else jax.random.wrap_key_data(key)
    return str(jax.random.key_impl(typed)) == "threefry2x32"


@own_kernel
def hash_pair(key_0: Array, key_1: Array, x_0: Array, x_1: Array) -> tuple[Array, Array]:
    """Threefry-2x32 of the block (x_0, x_1), with 20 rounds; all words are uint32.

    Salmon, Moraes, Dror and Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3".
    """
    schedule = (key_0, key_1, key_0 ^ key_1 ^ jnp.uint32(PARITY))
    x_0, x_1 = x_0 + schedule[0], x_1 + schedule[1]
    for i in range(5):
        for rotation in ROTATIONS[i % 2]:
            x_0 = x_0 + x_1
            x_1 = x_0 ^ (x_1 << rotation | x_1 >> (32 - rotation))
        x_0, x_1 = x_0 + schedule[(i + 1) % 3], x_1 + schedule[(i + 2) % 3] + jnp.uint32(i + 1)
    return x_0, x_1
