"""Optional libraries: an adapter whose library is missing says in one line what to install."""

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def library(name: str, extra: str) -> Iterator[None]:
    """A context for the imports of an optional library.

    Args:
        name: what users call the library.
        extra: the extra of cardjax that installs it.

    Raises:
        ImportError: an import in the block failed; one line says why, and what to install.
    """
    try:
        yield
    except ImportError as error:
        reason = " ".join(str(error).split())
        raise ImportError(
            f"{name} cannot be imported ({reason}): pip install 'cardjax[{extra}]'"
        ) from None
