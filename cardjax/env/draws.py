"""Random words, and what can be drawn from one.

A round of the market spends four 32-bit words, so the draws are written on words rather than on
keys: each function turns one word (or half of one) into a number and says how finely. Nothing here
has a bias that a test over fewer than 1e9 draws could see; tests/env/test_draws.py holds the
distributions.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.env import threefry

LARGEST_BELOW_ONE = 1.0 - 2.0**-24


def words(key: Array, n: int) -> tuple[Array, ...]:
    """`n` independent uint32 words from one key (typed or raw, of any implementation).

    The children of a key are themselves random words, and every word that the generator computes is
    handed out, where `jax.random.bits` folds each pair of them into one: half the work for the same
    randomness. Of a child only the first two words count: an "rbg" key has four, and they are the
    same two twice.
    """
    n_children = -(-n // min(_words_of(key).shape[-1], 2))
    if threefry.is_threefry(key):
        children = [_words_of(threefry.fold_in(key, i)) for i in range(n_children)]
    else:
        children = list(_words_of(jax.random.split(key, n_children)))
    flat = [word for child in children for word in child[:2]]
    return tuple(flat[:n])


def uniform(word: Array) -> Array:
    """float32 in [0, 1); steps of 2^-24 near 1 and of 2^-32 near 0, so put the rarest outcome at
    the low end.
    """
    return jnp.minimum(
        word.astype(jnp.float32) * jnp.float32(2.0**-32), jnp.float32(LARGEST_BELOW_ONE)
    )


def below(word: Array, n: Array) -> tuple[Array, Array]:
    """An int32 in [0, n) for n < 2^16, and a new word holding the randomness that was not used.

    The product word · n has 48 bits: the high part is the draw, the low 32 bits are the rest.
    Drawing from bounds n1, n2, … in turn from one word makes each outcome's probability right to n1
    · n2 · … / 2^32.
    """
    bound = n.astype(jnp.uint32)
    high = ((word >> 16) * bound + (((word & 0xFFFF) * bound) >> 16)) >> 16
    return high.astype(jnp.int32), word * bound


def categorical(u: Array, weights: Sequence[Array]) -> Array:
    """int32 index drawn from unnormalised scalar `weights` by where the uniform `u` falls; zero
    weights never come.
    """
    cumulative = [weights[0]]
    for weight in weights[1:]:
        cumulative.append(cumulative[-1] + weight)
    scaled = jnp.minimum(u, jnp.float32(LARGEST_BELOW_ONE)) * cumulative[-1]
    index = jnp.zeros(jnp.shape(u), jnp.int32)
    for bound in cumulative[:-1]:
        index += scaled >= bound
    return index


def normal(word: Array) -> Array:
    """A standard normal by the inverse of its distribution function, at 24 bits: |z| ≤ 5.4."""
    return _normal_at((word >> 8).astype(jnp.float32), 24)


def normal_pair(word: Array) -> tuple[Array, Array]:
    """Two standard normals, 16 bits each: |z| ≤ 4.4, their distribution functions right to 2^-17."""
    return _normal_at((word >> 16).astype(jnp.float32), 16), _normal_at(
        (word & 0xFFFF).astype(jnp.float32), 16
    )


def _normal_at(cell: Array, n_bits: int) -> Array:
    centred = (cell + jnp.float32(0.5)) * jnp.float32(2.0 ** (1 - n_bits)) - jnp.float32(1.0)
    # At 24 bits the outermost cell's centre rounds to ±1, whose normal is infinite: hold it one
    # float32 step inside.
    inside = jnp.clip(centred, -jnp.float32(LARGEST_BELOW_ONE), jnp.float32(LARGEST_BELOW_ONE))
    return jnp.float32(2.0**0.5) * jax.lax.erf_inv(inside)


def _words_of(key: Array) -> Array:
    return jax.random.key_data(key) if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else key
