"""The type of arrays that belong together and are passed on without being looked into."""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from jax import Array

ArrayTree: TypeAlias = (
    "Array | np.ndarray | tuple[ArrayTree, ...] | list[ArrayTree] | Mapping[str, ArrayTree] | None"
)
"""An array, or tuples (named ones too), lists and dicts of them, one within another."""
