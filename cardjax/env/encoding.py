"""The flat vector of a View, which networks read: the fields that `observation.py` declares, one
after another. `plain_encode` defines it, and `encode` computes it.
"""

import itertools
import warnings
from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env.observation import KNOWN, FieldDeclaration, View, declared_fields
from cardjax.kernels.packing import (
    CannotPack,
    Counts,
    OneHot,
    columns_first,
    packed,
    packed_columns,
    side_by_side,
)


def plain_encode(view: View, observe_posterior: bool = False, event_info: str = KNOWN) -> Array:
    """The flat vector of a View: its fields in declared order, each times its scale.

    Args:
        view: leaves [...], of a game whose number of players is that of `others_last`, and one.
        observe_posterior: whether the optional posterior fields are among them.
        event_info: the game's.

    Returns:
        float32 [..., D].
    """
    return plain_vector(_fields_of(view, observe_posterior, event_info), view)


def encode(view: View, observe_posterior: bool = False, event_info: str = KNOWN) -> Array:
    """Computes `plain_encode`, bit for bit and faster: neighbours of one kind are encoded together.
    (A belief's sums may be rounded differently in the last bit.)

    Where the wide fields do not fit into words (more than 32 one-hot columns, or a field whose
    columns are neither one-hot nor counts), it is `plain_encode`, and a warning says so.
    """
    return vector(_fields_of(view, observe_posterior, event_info), view)


def plain_vector(fields: Mapping[str, FieldDeclaration], view: NamedTuple) -> Array:
    """Fields of any record that has the attributes, each times its scale: float32 [..., D]."""
    return jnp.concatenate([_columns(field, view) for field in fields.values()], -1)


def vector(fields: Mapping[str, FieldDeclaration], view: NamedTuple) -> Array:
    """Computes `plain_vector`, as `encode` computes `plain_encode`."""
    neighbours = [
        (narrow, dict(group))
        for narrow, group in itertools.groupby(fields.items(), lambda item: _is_narrow(item[1]))
    ]
    try:
        if jax.default_backend() != "cpu":
            return columns_first(_one_by_one(neighbours, view))
        pieces = [
            side_by_side(_numbers(group, view))
            if narrow
            else packed(_packings(group), view._asdict())
            for narrow, group in neighbours
        ]
    except CannotPack as reason:
        warnings.warn(f"observations are encoded field by field, slower: {reason}", stacklevel=2)
        return plain_vector(fields, view)
    return jnp.concatenate(pieces, -1)


def _columns(field: FieldDeclaration, view: NamedTuple) -> Array:
    """One field, float32 [..., width]."""
    scaled = _scaled(field, view)
    return scaled[..., None] if field.width == 1 else scaled


def _scaled(field: FieldDeclaration, view: NamedTuple) -> Array:
    return field.read(view).astype(jnp.float32) * np.float32(field.scale)


def _is_narrow(field: FieldDeclaration) -> bool:
    """Whether a field's columns come one by one."""
    return field.width == 1 or field.columns is not None


def _one_by_one(
    neighbours: list[tuple[bool, dict[str, FieldDeclaration]]], view: NamedTuple
) -> list[Array]:
    """All columns, float32 [...] each."""
    columns: list[Array] = []
    for narrow, group in neighbours:
        columns += (
            _numbers(group, view) if narrow else packed_columns(_packings(group), view._asdict())
        )
    return columns


def _numbers(fields: dict[str, FieldDeclaration], view: NamedTuple) -> list[Array]:
    """The columns of neighbours whose columns come one by one."""
    columns = []
    for field in fields.values():
        columns += field.columns(view) if field.columns else [_scaled(field, view)]
    return columns


def _packings(fields: dict[str, FieldDeclaration]) -> tuple[OneHot | Counts, ...]:
    """Those of neighbours of several columns each.

    Raises:
        CannotPack: a field without one.
    """
    packings = []
    for name, field in fields.items():
        if field.packing is None or field.scale != 1:
            raise CannotPack(f"{name} has columns that are not counts or one-hots as they are")
        packings.append(field.packing)
    return tuple(packings)


def _fields_of(view: View, observe_posterior: bool, event_info: str) -> dict[str, FieldDeclaration]:
    """The fields of the game that a View is of."""
    n_players, inventory = view.others_last.shape[-1] + 1, view.inventory is not None
    return declared_fields(n_players, observe_posterior, event_info, inventory)
