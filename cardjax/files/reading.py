"""Reading a file and checking its content against a schema; an error names the file and the field.

A schema is a type: a TypedDict, `list[…]`, `tuple[…, …]` (a list of that length), `dict[str, …]`,
`… | None`, or one of str, int, float and bool. The type checker therefore knows what was checked.
"""

import csv
import io
import json
import math
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints, is_typeddict

from cardjax.env.declaration import ParameterError

T = TypeVar("T")
LONGEST = 2**26
"""The most bytes that a text file may have; our largest ones have about a tenth of that."""


def read_json(path: Path, schema: type[T]) -> T:
    """The content of a JSON file, checked against `schema`.

    Names that the schema does not have are allowed, and are kept.

    Raises:
        ParameterError: the file cannot be read, is not JSON, or does not fit the schema.
    """
    try:
        content = json.loads(read_text(path), parse_constant=_no_constant)
    except ParameterError:
        raise
    except (ValueError, RecursionError) as error:
        said = "it nests too deeply" if isinstance(error, RecursionError) else _one_line(error)
        raise refused(path, f"cannot be read as JSON ({said})") from None
    return checked(path, content, schema)


def checked(path: Path, content: object, schema: type[T], at: str = "") -> T:
    """Content that was read from `path`, checked against `schema`.

    Args:
        at: the field whose content it is; by default it is that of the whole file.

    Raises:
        ParameterError: the content does not fit; the message names the file and the field.
    """
    try:
        return fitted(content, schema, at)
    except MisfitError as misfit:
        raise refused(path, str(misfit)) from None


def fitted(content: object, schema: type[T], at: str = "") -> T:
    """As `checked`, for content that does not come from a file.

    Raises:
        MisfitError: the content does not fit; the message names the field.
    """
    try:
        _check(content, schema, at)
    except RecursionError:
        raise MisfitError("nests too deeply") from None
    return cast(T, content)


def read_csv(path: Path, columns: Mapping[str, type]) -> list[dict[str, Any]]:
    """The rows of a CSV file of numbers; a cell that is empty or not finite becomes None.

    Args:
        columns: the columns that must exist, each int or float and never empty. All other columns
            are floats.

    Raises:
        ParameterError: the file cannot be read, or a line is not such a row.
    """
    try:
        lines = list(csv.reader(io.StringIO(read_text(path)), strict=True))
    except csv.Error as error:
        raise refused(path, f"is not CSV ({error})") from None
    header, *rows = lines or [[]]
    missing = [name for name in columns if name not in header]
    if missing or len(set(header)) < len(header):
        said = f"has no column {missing[0]}" if missing else "names a column twice"
        raise refused(path, said)
    return [_row(path, i, header, columns, row) for i, row in enumerate(rows, 2)]


def read_text(path: Path) -> str:
    """The text of a UTF-8 file.

    Raises:
        ParameterError: the file cannot be read, is too long to be one of ours, or is not UTF-8.
    """
    try:
        if path.stat().st_size > LONGEST:
            raise refused(path, f"is longer than {LONGEST:,} bytes")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        said = f"cannot be read ({error.strerror or error})"
        raise refused(path, said) from None
    except UnicodeDecodeError:
        raise refused(path, "is not text in UTF-8") from None


def refused(path: Path, said: str) -> ParameterError:
    """The error that says this of a file. It shows only the end of a long path."""
    shown = str(path)
    return ParameterError("file", shown if len(shown) <= 60 else f"…{shown[-59:]}", said)


class MisfitError(ValueError):
    """Says what does not fit a schema, and where."""


def _check(value: Any, schema: Any, at: str) -> None:
    origin, arguments = get_origin(schema), get_args(schema)
    if schema is Any:
        return
    if origin is types.UnionType:
        _check_optional(value, arguments, at)
    elif origin in (list, tuple):
        _require(isinstance(value, list), at, "a list", value)
        kinds = arguments if origin is tuple else arguments * len(value)
        _require(len(value) == len(kinds), at, f"a list of {len(kinds)}", value)
        for i, (inner, kind) in enumerate(zip(value, kinds, strict=True)):
            _check(inner, kind, f"{at}[{i}]")
    elif is_typeddict(schema) or origin is dict:
        _require(isinstance(value, dict), at, "a mapping of names to values", value)
        _check_names(value, schema, at)
    else:
        _check_plain(value, schema, at)


def _check_optional(value: Any, schemas: tuple[Any, ...], at: str) -> None:
    """Check `value` against the one schema of a union that is not None."""
    (schema,) = (each for each in schemas if each is not types.NoneType)
    if value is not None:
        _check(value, schema, at)


def _check_names(value: dict[str, Any], schema: Any, at: str) -> None:
    inside = f"{at}." if at else ""
    if not is_typeddict(schema):
        for name, inner in value.items():
            shown = name if name.isprintable() else ascii(name)
            _check(inner, get_args(schema)[1], inside + shown)
        return
    for name, kind in get_type_hints(schema).items():
        if name in value:
            _check(value[name], kind, inside + name)
        elif name in schema.__required_keys__:
            raise MisfitError(f"has no {inside}{name}")


def _check_plain(value: Any, schema: type, at: str) -> None:
    names = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if schema is float:
        fits = number and abs(value) <= sys.float_info.max
    elif schema is int:
        fits = number and isinstance(value, int) and abs(value) < 2**63
    else:
        fits = isinstance(value, schema)
    _require(fits, at, names[schema], value)


def _require(fits: bool, at: str, what: str, value: object) -> None:
    if not fits:
        shown = str(value)[:40]
        raise MisfitError(f"{at or 'its content'} must be {what}, not {shown!r}")


def _row(
    path: Path, line: int, header: list[str], columns: Mapping[str, type], cells: list[str]
) -> dict[str, Any]:
    if len(cells) != len(header):
        said = f"line {line} has {len(cells)} cells, not {len(header)}"
        raise refused(path, said)
    row: dict[str, Any] = {}
    for name, cell in zip(header, cells, strict=True):
        kind = columns.get(name, float)
        try:
            number = kind(cell) if cell or name in columns else math.nan
            row[name] = number if math.isfinite(number) else None
            if row[name] is None and name in columns:
                raise ValueError
        except (ValueError, OverflowError):
            what = "a whole number" if kind is int else "a number"
            said = f"{name} in line {line} must be {what}, not {cell[:40]!r}"
            raise refused(path, said) from None
    return row


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:160]
