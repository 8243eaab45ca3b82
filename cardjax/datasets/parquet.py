"""A data set as a Parquet file: columns and types, rows, and what it says about itself."""

import json
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from cardjax.datasets.games import Batch, Rollouts, happened
from cardjax.env.market import CardMarket
from cardjax.env.params import N_ROUNDS
from cardjax.evaluation.rollout_columns import (
    COLUMNS,
    HIDDEN_EVENT_COLUMNS,
    INVENTORY_COLUMNS,
    MAKER_COLUMNS,
    OBSERVATION,
    OBSERVATION_DOC,
    Column,
    columns_of,
)


def schema_table() -> str:
    """The columns as a Markdown table, for docs/dataset.md."""
    rows = ["| column | type | unit | meaning |", "|---|---|---|---|"]
    further = {
        name: column._replace(doc=f"{column.doc}; only where {where}")
        for where, columns in (
            ("the event is hidden", HIDDEN_EVENT_COLUMNS),
            ("units are carried", INVENTORY_COLUMNS),
            ("the maker is a player", MAKER_COLUMNS),
        )
        for name, column in columns.items()
        if name not in COLUMNS
    }
    for name, column in (COLUMNS | further).items():
        kind = np.dtype(column.dtype).name
        kind = f"dictionary of {kind}" if column.names else kind
        rows.append(f"| `{name}` | {kind} | {column.unit} | {column.doc.replace('|', '∣')} |")
    rows.append(
        f"| `{OBSERVATION}` | list of D float32 | | {OBSERVATION_DOC}; with `--observations` |"
    )
    return "\n".join(rows) + "\n"


def parquet_schema(pa: ModuleType, rollouts: Rollouts, about: Mapping[str, str]) -> Any:
    """pyarrow.Schema: each column's unit and doc with its field, and once more for readers that see
    no fields' own.
    """
    fields = [
        pa.field(
            name,
            _type(pa, column),
            nullable=False,
            metadata={"unit": column.unit, "doc": column.doc},
        )
        for name, column in columns_of(rollouts.market).items()
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


def record_batch(pa: ModuleType, schema: Any, batch: Batch) -> Any:
    """The batch's rows as a pyarrow.RecordBatch, in the order of game, round and player."""
    kept = happened(batch)
    rows = {name: batch[name][:N_ROUNDS].swapaxes(0, 1)[kept] for name in schema.names}
    return pa.record_batch([_array(pa, field, rows[field.name]) for field in schema], schema=schema)


def _array(pa: ModuleType, field: Any, values: np.ndarray) -> Any:
    if field.name == OBSERVATION:
        return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), type=field.type)
    if pa.types.is_dictionary(field.type):
        names = pa.array(COLUMNS[field.name].names)
        return pa.DictionaryArray.from_arrays(pa.array(values), names)
    return pa.array(values)


def _type(pa: ModuleType, column: Column) -> Any:
    kind = pa.from_numpy_dtype(column.dtype)
    return pa.dictionary(kind, pa.string()) if column.names else kind


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
