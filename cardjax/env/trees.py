"""The type of arrays that belong together and are passed on without being looked into."""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from jax import Array, ShapeDtypeStruct

from cardjax.env.params import EnvParams

ArrayTree: TypeAlias = (
    "Array | np.ndarray | np.generic | ShapeDtypeStruct | EnvParams "
    "| tuple[ArrayTree, ...] | list[ArrayTree] | Mapping[str, ArrayTree] | None"
)
"""An array (or its shape and type), a market's parameters, or tuples (named ones too), lists and
dicts of such.
"""
