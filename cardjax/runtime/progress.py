"""The progress bar of games that are being played."""

import contextlib
from collections.abc import Callable, Iterator

from tqdm import tqdm


@contextlib.contextmanager
def games_bar(total: int, said: str = "playing") -> Iterator[Callable[[int], object]]:
    """A bar that ends after `total` games; its value counts them.

    Args:
        said: what is being done.
    """
    with tqdm(total=total, desc=said, unit="game", unit_scale=True, leave=False) as bar:
        yield bar.update
