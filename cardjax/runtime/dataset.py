"""Data sets: rollouts of any policy streamed to a Parquet file and, for learning offline, to
Minari.
"""

import contextlib
import importlib
import json
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from cardjax.env.declaration import ParameterError
from cardjax.env.execution import N_ACTIONS
from cardjax.env.market import CardMarket
from cardjax.env.params import N_ROUNDS, EnvParams
from cardjax.evaluation.evaluate import domain_key
from cardjax.evaluation.match import Seats
from cardjax.evaluation.rollouts import COLUMNS, OBSERVATION, OBSERVATION_DOC, record_games
from cardjax.files.writing import replacing

DATASETS = 3
"""The key domain of data sets: what is learned from one is not learned from draws that a score is
measured on.
"""
GAMES_AT_ONCE = 8192
"""Games a batch, which is a row group. Always so many are played, so that a longer file begins with
a shorter one.
"""
N_MAX = 2**31 - 1
Batch = dict[str, np.ndarray]
"""Columns by name, [10, games, A], as `record_games` gives them."""


class Rollouts(NamedTuple):
    """The games of a data set."""

    market: CardMarket
    """with a player axis (not squeezed)."""
    env_params: EnvParams
    seats: Sequence[Seats]
    seed: int
    n_games: int
    observations: bool
    """keep what networks read, in a column."""


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
        The number of rows: 10 a game and player, fewer only where `stop_out` ended a game before
            its time.

    Raises:
        ParameterError: a library is missing, something cannot be written, or Minari refuses the id.
    """
    pa, parquet = (
        library(name, "--out", str(path), "data") for name in ("pyarrow", "pyarrow.parquet")
    )
    schema, n_rows = _schema(pa, rollouts, about), 0
    repeating = [name for name, column in COLUMNS.items() if column.dtype is not np.float32]
    with contextlib.ExitStack() as stack:
        stack.enter_context(_telling_what_fails(path))
        add = (
            stack.enter_context(_minari_dataset(minari_id, rollouts, about)) if minari_id else None
        )
        part = stack.enter_context(replacing(path))
        # Of all encodings this was the smallest and among the fastest: a float hardly ever repeats
        # within a page.
        writer = parquet.ParquetWriter(
            part, schema, compression="zstd", compression_level=1, use_dictionary=repeating
        )
        with writer:
            for batch in _batches(
                rollouts, with_observations=rollouts.observations or add is not None
            ):
                rows = _record_batch(pa, schema, batch)
                writer.write_batch(rows, row_group_size=len(rows))
                if add is not None:
                    add(batch)
                n_rows += len(rows)
                progress(batch["game"].shape[1])
    return n_rows


def schema_table() -> str:
    """The columns as a Markdown table, for docs/dataset.md."""
    rows = ["| column | type | unit | meaning |", "|---|---|---|---|"]
    for name, column in COLUMNS.items():
        kind = np.dtype(column.dtype).name
        kind = f"dictionary of {kind}" if column.names else kind
        rows.append(f"| `{name}` | {kind} | {column.unit} | {column.doc.replace('|', '∣')} |")
    rows.append(
        f"| `{OBSERVATION}` | list of D float32 | | {OBSERVATION_DOC}; with `--observations` |"
    )
    return "\n".join(rows) + "\n"


def _batches(rollouts: Rollouts, with_observations: bool) -> Iterator[Batch]:
    """All games in order; while the host works on a batch, the next one is already being played."""
    root, n_games = domain_key(rollouts.seed, DATASETS), rollouts.n_games

    def play(batch: int) -> dict[str, jax.Array]:
        key = jax.random.fold_in(root, batch)
        return record_games(
            rollouts.market,
            rollouts.seats,
            rollouts.env_params,
            key,
            GAMES_AT_ONCE,
            with_observations,
        )

    played = play(0)
    for batch, first in enumerate(range(0, n_games, GAMES_AT_ONCE)):
        current = played
        if first + GAMES_AT_ONCE < n_games:
            played = play(batch + 1)
        columns = {name: np.asarray(leaf)[:, : n_games - first] for name, leaf in current.items()}
        yield columns | {"game": columns["game"] + np.int32(first)}


def _happened(batch: Batch) -> np.ndarray:
    """Bool [games, 10, A]: the rounds up to a game's end, which only `stop_out` puts before the
    tenth.
    """
    over = np.logical_or.accumulate(batch["terminated"])
    return np.concatenate([np.ones_like(over[:1]), ~over[:-1]]).swapaxes(0, 1)


def _record_batch(pa: Any, schema: Any, batch: Batch) -> Any:
    """The batch's rows as a pyarrow.RecordBatch, in the order of game, round and player."""
    kept = _happened(batch)
    rows = {name: batch[name][:N_ROUNDS].swapaxes(0, 1)[kept] for name in schema.names}
    return pa.record_batch([_array(pa, field, rows[field.name]) for field in schema], schema=schema)


def _array(pa: Any, field: Any, values: np.ndarray) -> Any:
    if field.name == OBSERVATION:
        return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), type=field.type)
    if names := COLUMNS[field.name].names:
        return pa.DictionaryArray.from_arrays(pa.array(values), pa.array(names))
    return pa.array(values)


def _schema(pa: Any, rollouts: Rollouts, about: Mapping[str, str]) -> Any:
    """pyarrow.Schema: each column's unit and doc with its field, and once more for readers that see
    no fields' own.
    """
    fields = [
        pa.field(
            name, _type(pa, name), nullable=False, metadata={"unit": column.unit, "doc": column.doc}
        )
        for name, column in COLUMNS.items()
    ]
    about = dict(about)
    if rollouts.observations:
        kind = pa.list_(pa.float32(), rollouts.market.observation_size)
        fields.append(
            pa.field(
                OBSERVATION, kind, nullable=False, metadata={"unit": "", "doc": OBSERVATION_DOC}
            )
        )
        about["observation"] = json.dumps(_observation_fields(rollouts.market), ensure_ascii=False)
    documented = {
        f.name: {key.decode(): text.decode() for key, text in f.metadata.items()} for f in fields
    }
    about["columns"] = json.dumps(documented, ensure_ascii=False)
    return pa.schema(fields, metadata={f"cardjax.{key}": text for key, text in about.items()})


def _type(pa: Any, name: str) -> Any:
    kind = pa.from_numpy_dtype(COLUMNS[name].dtype)
    return pa.dictionary(kind, pa.string()) if COLUMNS[name].names else kind


def _observation_fields(market: CardMarket) -> dict[str, dict[str, Any]]:
    """name → where the field stands in the vector (first and one past the last), its scale and
    meaning.
    """
    return {
        name: {
            "first": field.slice.start,
            "stop": field.slice.stop,
            "scale": field.scale,
            "doc": field.doc,
        }
        for name, field in market.observation_fields.items()
    }


@contextlib.contextmanager
def _telling_what_fails(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        said = f"cannot be written ({error.strerror or error})"
        raise ParameterError("--out", str(error.filename or path), said) from None


def library(name: str, option: str, value: str, extra: str) -> Any:
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


def check_minari_id(minari_id: str) -> None:
    """Refuse an id that Minari would refuse only after it has made folders."""
    library("h5py", "--minari", minari_id, "minari")
    minari = library("minari", "--minari", minari_id, "minari")
    root = library("minari.storage.datasets_root_dir", "--minari", minari_id, "minari")
    try:
        minari.dataset.minari_dataset.parse_dataset_id(minari_id)
    except ValueError:
        allowed = "must be (NAMESPACE/)NAME-vVERSION, such as cardjax/ev_oracle-v0"
        raise ParameterError("--minari", minari_id, allowed) from None
    if root.get_dataset_path(minari_id).exists():
        raise ParameterError("--minari", minari_id, "exists; take another name or version")


@contextlib.contextmanager
def _minari_dataset(
    minari_id: str, rollouts: Rollouts, about: Mapping[str, str]
) -> Iterator[Callable[[Batch], None]]:
    """A new Minari data set, and the function that adds a batch to it; after an error it is gone."""
    check_minari_id(minari_id)
    minari, spaces = (
        library(name, "--minari", minari_id, "minari") for name in ("minari", "gymnasium.spaces")
    )
    bounds = rollouts.market.observation_space(rollouts.env_params)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # no author, no e-mail address, no registered environment: so it is
        dataset = minari.create_dataset_from_buffers(
            minari_id,
            [],
            observation_space=spaces.Box(bounds.low[0], bounds.high[0], dtype=np.float32),
            action_space=spaces.Discrete(N_ACTIONS),
            algorithm_name=about["policy"],
            description="\n".join(f"{key}: {text}" for key, text in about.items()),
            data_format="hdf5",
        )
    try:
        yield lambda batch: dataset.update_dataset_from_buffer(list(_episodes(minari, batch)))
    except BaseException:
        shutil.rmtree(dataset.storage.data_path.parent)
        raise


def _episodes(minari: Any, batch: Batch) -> Iterator[Any]:
    """Each player's game as a minari EpisodeBuffer, in the order of game and seat.

    An episode of T rounds has T + 1 observations and masks; the last mask, of no round, allows a
    pass alone.
    """
    lengths = _happened(batch).sum(1)
    bits = batch["action_mask_bits"][..., None] >> np.arange(N_ACTIONS, dtype=np.int32) & 1 == 1
    masks = np.concatenate([bits, np.zeros_like(bits[:1])])
    for game, seat in np.ndindex(lengths.shape):
        n = lengths[game, seat]
        mask = masks[: n + 1, game, seat].copy()
        mask[n] = np.arange(N_ACTIONS) == 0
        yield minari.data_collector.EpisodeBuffer(
            observations=batch[OBSERVATION][: n + 1, game, seat],
            options={"game": int(batch["game"][0, game, seat]), "seat": seat},
            infos={"action_mask": mask},
            **{theirs: batch[ours][:n, game, seat] for theirs, ours in MINARI_COLUMNS.items()},
        )


MINARI_COLUMNS = {
    "actions": "action",
    "rewards": "reward",
    "terminations": "terminated",
    "truncations": "truncated",
}
"""An EpisodeBuffer's columns → ours."""
