"""Random words, and what can be drawn from one.

A round of the market spends four 32-bit words, so the draws are written on words rather than on
keys: each function turns one word (or half of one) into a number and says how finely. Every
distribution function is right to 2^-17 or better, which no Kolmogorov–Smirnov test over fewer than
1e9 draws could see; tests/env/test_draws.py holds the distributions. What such a test does not see
is that `normal_pair` takes 65,536 values: counted cell by cell, a million draws show it. A depth
that is clipped and compared with whole units does not. docs/design_notes.md says which draws share
a word.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.kernels import threefry

LARGEST_BELOW_ONE = 1.0 - 2.0**-24
TINY = np.float32(1e-30)
"""What divisors are held above, where a share may be 0."""
WORDS_OF_A_CHILD = 2


def words(key: Array, n: int, first_child: int = 0) -> tuple[Array, ...]:
    """`n` independent random words from one key.

    The children of a key are themselves random words, and every word that the generator computes is
    handed out, where `jax.random.bits` folds each pair of them into one: half the work for the same
    randomness. Only the first two words of a child count: an "rbg" key has four, and they are the
    same two twice.

    Args:
        key: one key, typed or raw, of any implementation.
        n: words.
        first_child: the number of the first child that is spent, two words each. Whoever spends
            other children of the same key draws independently.

    Returns:
        `n` words, uint32 [].
    """
    last_child = first_child - (-n // WORDS_OF_A_CHILD)
    children = threefry.split(key, last_child, first_child)
    flat = [word for child in children for word in threefry.words_of(child)[:WORDS_OF_A_CHILD]]
    return tuple(flat[:n])


def uniform(word: Array) -> Array:
    """A uniform in [0, 1), float32 [...].

    Its steps are 2^-24 near 1 and 2^-32 near 0, so the rarest outcome belongs at the low end.
    """
    return jnp.minimum(
        word.astype(jnp.float32) * jnp.float32(2.0**-32), jnp.float32(LARGEST_BELOW_ONE)
    )


def below(word: Array, n: Array) -> tuple[Array, Array]:
    """A whole number in 0..n − 1, and a new word holding the randomness that was not used.

    The product word · n has 48 bits: the high part is the draw, the low 32 bits are the rest.
    Drawing from bounds n1, n2, … in turn from one word makes each outcome's probability right to n1
    · n2 · … / 2^32.

    Args:
        word: uint32 [...].
        n: int32 [...], 1..65535.

    Returns:
        The number, int32 [...], and the new word, uint32 [...].
    """
    bound = n.astype(jnp.uint32)
    high = ((word >> 16) * bound + (((word & 0xFFFF) * bound) >> 16)) >> 16
    return high.astype(jnp.int32), word * bound


def categorical(u: Array, weights: Sequence[Array]) -> Array:
    """An index drawn with the given weights, by where a uniform falls among them.

    Args:
        u: float32 [...] in [0, 1).
        weights: unnormalised scalars; an index of weight 0 never comes.

    Returns:
        int32 [...] in 0..len(weights) − 1.
    """
    cumulative = [weights[0]]
    for weight in weights[1:]:
        cumulative.append(cumulative[-1] + weight)
    scaled = jnp.minimum(u, jnp.float32(LARGEST_BELOW_ONE)) * cumulative[-1]
    index = jnp.zeros(jnp.shape(u), jnp.int32)
    for bound in cumulative[:-1]:
        index += (scaled >= bound).astype(jnp.int32)
    return index


def normal(word: Array) -> Array:
    """A standard normal, float32 [...], by the inverse of its distribution function.

    It has 24 bits: |z| ≤ 5.4.
    """
    return _normal_at((word >> 8).astype(jnp.float32), 24)


def normal_pair(word: Array) -> tuple[Array, Array]:
    """Two independent standard normals, float32 [...] each.

    They have 16 bits each: |z| ≤ 4.4, and distribution functions that are right to 2^-17.
    """
    high, low = word >> 16, word & 0xFFFF
    return _normal_at(high.astype(jnp.float32), 16), _normal_at(low.astype(jnp.float32), 16)


def _normal_at(cell: Array, n_bits: int) -> Array:
    """The normal in the middle of cell 0..2^n_bits − 1 of equally likely ones."""
    centred = (cell + jnp.float32(0.5)) * jnp.float32(2.0 ** (1 - n_bits)) - jnp.float32(1.0)
    # At 24 bits the outermost cell's centre rounds to ±1, whose normal is infinite: hold it one
    # float32 step inside.
    inside = jnp.clip(centred, -jnp.float32(LARGEST_BELOW_ONE), jnp.float32(LARGEST_BELOW_ONE))
    return jnp.float32(2.0**0.5) * jax.lax.erf_inv(inside)
