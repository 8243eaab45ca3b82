"""Columns side by side, and wide groups of small whole numbers read off the bits of a few words.

A CPU joins a few wide pieces faster than many narrow ones, and reads a bit faster than it compares
a number with each of 13 ranks. An accelerator joins single columns, each a contiguous run over the
games.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.custom_batching import custom_vmap

from cardjax.kernels.own_kernel import own_kernel
from cardjax.kernels.short_axes import sum_short_axis

BITS_OF_A_WORD = 32
BITS_OF_A_COUNT = 2
LONGEST_CHAIN = 8
LARGEST_COUNT = 2**BITS_OF_A_COUNT - 1


class CannotPack(ValueError):  # noqa: N818  (a refusal, which the plain encoder answers)
    """Columns that do not fit into words; the message says why."""


@dataclasses.dataclass(frozen=True, eq=False)
class OneHot:
    """Columns of which a code sets one to 1, or none. Each takes a bit of the code's word."""

    source: str
    """Where the codes are found, int32 [...] in 0..n_codes − 1."""
    column: np.ndarray
    """int32 [n_codes]: the column that each code sets; outside 0..width − 1 it sets none."""
    width: int

    def plain(self, code: Array) -> Array:
        """The columns by their definition, float32 [..., width]."""
        column = jnp.asarray(self.column)[code]
        return (column[..., None] == jnp.arange(self.width)).astype(jnp.float32)


@dataclasses.dataclass(frozen=True, eq=False)
class Counts:
    """How many of a few numbers are lowest, lowest + 1, …. Each column takes two bits of a word."""

    source: str
    """Where the numbers are found, int32 [..., n], n at most 3; a 0 is no number."""
    lowest: int
    width: int

    def plain(self, numbers: Array) -> Array:
        """The columns by their definition, float32 [..., width]."""
        counted = self.lowest + jnp.arange(self.width)
        return (numbers[..., None] == counted).sum(-2).astype(jnp.float32)


def side_by_side(columns: list[Array]) -> Array:
    """Computes `jnp.stack(columns, -1)`, its plain twin, bit for bit.

    Up to LONGEST_CHAIN columns are a chain of selections, which is vectorised where copies of
    single numbers are not; more are joined from such pieces.
    """
    pieces = [
        _selected(columns[i : i + LONGEST_CHAIN]) for i in range(0, len(columns), LONGEST_CHAIN)
    ]
    return jnp.concatenate(pieces, -1) if len(pieces) > 1 else pieces[0]


@custom_vmap
def columns_first(columns: list[Array]) -> Array:
    """Computes `jnp.stack(columns, -1)`, its plain twin, bit for bit, for an accelerator.

    Neighbouring threads have neighbouring games, so an array whose games are contiguous is written
    at the memory's full width, and one whose columns are contiguous is not. Under `jax.vmap` the
    columns of all games are stacked along the first axis; only then is the array turned around.

    Args:
        columns: of one shape [...].
    """
    return jnp.stack(columns, -1)


@columns_first.def_vmap
def _of_all_games(
    n_games: int, batched: tuple[list[bool]], columns: list[Array]
) -> tuple[Array, bool]:
    each = [
        column if has_games else jnp.broadcast_to(column, (n_games, *column.shape))
        for column, has_games in zip(columns, batched[0], strict=True)
    ]
    together = jnp.stack([column.reshape(-1) for column in each])
    return together.T.reshape(*each[0].shape, len(each)), True


@own_kernel
def _selected(columns: list[Array]) -> Array:
    index = jnp.arange(len(columns))
    row = jnp.broadcast_to(columns[-1][..., None], (*columns[-1].shape, len(columns)))
    for i, column in enumerate(columns[:-1]):
        row = jnp.where(index == i, column[..., None], row)
    return row


def packed(packings: tuple[OneHot | Counts, ...], sources: Mapping[str, Array]) -> Array:
    """Computes the `plain` columns of all packings, side by side, bit for bit.

    Args:
        packings: what the columns are, in their order.
        sources: name → array, all that the packings name.

    Returns:
        float32 [..., the sum of the packings' widths].

    Raises:
        CannotPack: columns of one source that take more than 32 bits, a source that is both coded
            and counted or is counted twice, or more than three numbers to count.
    """
    layout, words = _words_of(packings, sources)
    word = words[-1][..., None]
    for i in reversed(range(len(words) - 1)):
        word = jnp.where(layout.word_of_column == i, words[i][..., None], word)
    return (word >> layout.shifts & layout.masks).astype(jnp.int32).astype(jnp.float32)


def packed_columns(
    packings: tuple[OneHot | Counts, ...], sources: Mapping[str, Array]
) -> list[Array]:
    """The columns of `packed` one by one, float32 [...] each.

    Args:
        packings: as of `packed`.
        sources: as of `packed`.

    Raises:
        CannotPack: as `packed`.
    """
    layout, words = _words_of(packings, sources)
    return [
        (words[word] >> shift & mask).astype(jnp.int32).astype(jnp.float32)
        for word, shift, mask in zip(
            layout.word_of_column, layout.shifts, layout.masks, strict=True
        )
    ]


def _words_of(
    packings: tuple[OneHot | Counts, ...], sources: Mapping[str, Array]
) -> tuple["_Layout", tuple[Array, ...]]:
    """Where the columns stand, and the word of each source."""
    layout = _layout(packings)
    for packing in packings:
        if isinstance(packing, Counts) and sources[packing.source].shape[-1] > LARGEST_COUNT:
            n = sources[packing.source].shape[-1]
            raise CannotPack(f"{n} {packing.source} can be alike, and a count has two bits")
    return layout, layout.words(*(sources[name] for name in layout.sources))


class _Layout(NamedTuple):
    """Which bits of which word every column is."""

    sources: tuple[str, ...]
    words: Callable[..., tuple[Array, ...]]
    """From the sources, in their order, a uint32 word of each."""
    word_of_column: np.ndarray
    shifts: np.ndarray
    masks: np.ndarray


@functools.cache
def _layout(packings: tuple[OneHot | Counts, ...]) -> _Layout:
    sources = tuple(dict.fromkeys(packing.source for packing in packings))
    together = {name: [p for p in packings if p.source == name] for name in sources}
    used = dict.fromkeys(sources, 0)
    word_of_column, shifts, masks = [], [], []
    for packing in packings:
        name, bits = packing.source, 1 if isinstance(packing, OneHot) else BITS_OF_A_COUNT
        if len(together[name]) > 1 and any(isinstance(other, Counts) for other in together[name]):
            raise CannotPack(f"{name} is counted, and its word holds nothing else")
        word_of_column += [sources.index(name)] * packing.width
        shifts += [used[name] + bits * i for i in range(packing.width)]
        masks += [2**bits - 1] * packing.width
        used[name] += bits * packing.width
    for name, n_bits in used.items():
        if n_bits > BITS_OF_A_WORD:
            raise CannotPack(f"the columns of {name} take {n_bits} bits, and a word has 32")
    makers = [_word_maker(together[name]) for name in sources]

    @own_kernel
    def words(*values: Array) -> tuple[Array, ...]:
        return tuple(maker(value) for maker, value in zip(makers, values, strict=True))

    return _Layout(
        sources,
        words,
        np.array(word_of_column),
        np.array(shifts, np.uint32),
        np.array(masks, np.uint32),
    )


def _word_maker(packings: list[OneHot | Counts]) -> Callable[[Array], Array]:
    """What makes the word of one source: a table of its codes, or the sum of its numbers' bits."""
    first = packings[0]
    if isinstance(first, Counts):
        lowest = first.lowest

        def count(numbers: Array) -> Array:
            place = BITS_OF_A_COUNT * (numbers - lowest).astype(jnp.uint32)
            return sum_short_axis(jnp.where(numbers > 0, jnp.uint32(1) << place, 0))

        return count

    table, start = np.zeros(len(first.column), np.uint32), 0
    for packing in packings:
        assert isinstance(packing, OneHot)
        sets_one = (packing.column >= 0) & (packing.column < packing.width)
        table[sets_one] |= np.uint32(1) << (start + packing.column[sets_one]).astype(np.uint32)
        start += packing.width
    if not table.any():
        return lambda code: jnp.zeros(code.shape, jnp.uint32)
    return lambda code: jnp.asarray(table)[code]
