"""Writing a file as a whole: a reader finds the old content or the new one, even after a crash."""

import contextlib
import csv
import io
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to. At the end, its file replaces that of `path`.

    After an error it is removed, and `path` is as it was before.
    """
    part = _part_of(path)
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def try_writing(path: Path) -> None:
    """Find out whether `replacing` could write here, before there is anything to write.

    Raises:
        OSError: it could not.
    """
    part = _part_of(path)
    try:
        part.touch()
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Replace a file by this text, in UTF-8."""
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: Path, content: object) -> None:
    """Replace a file by JSON that every reader accepts: NaN and the infinities become null."""
    write_text(path, json.dumps(_finite(content), indent=2, allow_nan=False) + "\n")


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> None:
    """Replace a file by a table with one line per row.

    The columns are `columns` and all names that occur in the rows. A cell is empty where a row has
    no value or one that is not finite.
    """
    flat = [dict(_flat(row)) for row in rows]
    text = io.StringIO()
    names = dict.fromkeys([*columns, *(name for row in flat for name in row)])
    writer = csv.DictWriter(text, list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    write_text(path, text.getvalue())


def _part_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.{os.getpid()}.part")


def _flat(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in _finite(row).items():
        if name.endswith("_ci95") or name == "ci95":
            yield from zip((f"{name}_low", f"{name}_high"), value, strict=True)
        elif isinstance(value, list):
            yield name, " ".join(str(x) for x in value)
        elif isinstance(value, dict):
            yield from ((f"{name}.{key}", inner) for key, inner in value.items())
        else:
            yield name, value


def _finite(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content
