"""Libraries that come with an extra."""

import importlib
from types import ModuleType

from cardjax.env.declaration import ParameterError


def library(name: str, option: str, value: str, extra: str) -> ModuleType:
    """An optional library.

    Raises:
        ParameterError: it is not installed; the message names the extra that it comes with.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        allowed = (
            f"needs {name.split('.')[0]}, which is not installed: pip install 'cardjax[{extra}]'"
        )
        raise ParameterError(option, value, allowed) from None
