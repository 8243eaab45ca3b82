"""Optional libraries: an adapter that lacks its own says in one line what to install."""

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def library(name: str, extra: str) -> Iterator[None]:
    """Around the imports of an optional library.

    Args:
        name: what users call the library.
        extra: the extra of cardjax that it comes with.

    Raises:
        ImportError: an import in the block failed; one line that says why and what to install.
    """
    try:
        yield
    except ImportError as error:
        reason = " ".join(str(error).split())
        raise ImportError(
            f"{name} cannot be imported ({reason}): pip install 'cardjax[{extra}]'"
        ) from None
