"""Data sets: rollouts of any policy streamed to a Parquet file and, for learning offline, to
Minari.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from cardjax.datasets.games import Rollouts, batches
from cardjax.datasets.minari import minari_dataset
from cardjax.datasets.parquet import parquet_schema, record_batch
from cardjax.env.declaration import ParameterError
from cardjax.evaluation.rollout_columns import columns_of
from cardjax.files.writing import replacing
from cardjax.runtime.libraries import library


def write_dataset(
    path: Path,
    rollouts: Rollouts,
    about: Mapping[str, str],
    minari_id: str | None = None,
    progress: Callable[[int], object] = lambda games: None,
) -> int:
    """Play the games and write them to `path`, which appears, or is replaced, once all of them are
    written.

    Memory holds two batches, whatever the number of games. After an error or Ctrl-C there is
    nothing new at `path`, nor beside it, nor among Minari's data sets.

    Args:
        about: goes into the file's metadata, each name behind "cardjax.".
        minari_id: write the games to this new data set of Minari's as well, each player's game as
            an episode.
        progress: called with the number of games after each batch.

    Returns:
        The number of rows: 10 per game and player, fewer only where `stop_out` ended a game before
            its time.

    Raises:
        ParameterError: a library is missing, something cannot be written, or Minari refuses the id.
    """
    pa, parquet = (
        library(name, "--out", str(path), "data") for name in ("pyarrow", "pyarrow.parquet")
    )
    schema, n_rows = parquet_schema(pa, rollouts, about), 0
    columns = columns_of(rollouts.market)
    repeating = [name for name, column in columns.items() if column.dtype is not np.float32]
    with contextlib.ExitStack() as stack:
        stack.enter_context(_telling_what_fails(path))
        add = stack.enter_context(minari_dataset(minari_id, rollouts, about)) if minari_id else None
        part = stack.enter_context(replacing(path))
        # Of all encodings this was the smallest and among the fastest: a float hardly ever repeats
        # within a page.
        writer = parquet.ParquetWriter(
            part, schema, compression="zstd", compression_level=1, use_dictionary=repeating
        )
        with writer:
            for batch in batches(
                rollouts, with_observations=rollouts.observations or add is not None
            ):
                rows = record_batch(pa, schema, batch)
                writer.write_batch(rows, row_group_size=len(rows))
                if add is not None:
                    add(batch)
                n_rows += len(rows)
                progress(batch["game"].shape[1])
    return n_rows


@contextlib.contextmanager
def _telling_what_fails(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        said = f"cannot be written ({error.strerror or error})"
        raise ParameterError("--out", str(error.filename or path), said) from None
