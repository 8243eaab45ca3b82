"""How a command ends: exit code 2 and one line for what is not allowed, 130 after Ctrl-C."""

import gc
import logging
import sys
from collections.abc import Callable

from cardjax.env.declaration import ParameterError


def run_command(main: Callable[[], None]) -> None:
    """What `main` does, with exit code 2 and one line for what is not allowed, 130 after Ctrl-C."""
    logging.getLogger("absl").setLevel(logging.CRITICAL)  # orbax's asides, beside our one line
    # Importing and tracing make many objects that live for long. Python looked through them for
    # half a second a start.
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
    try:
        main()
    except ParameterError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
