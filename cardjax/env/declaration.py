"""One declaration a parameter: its default, range, unit and meaning, and the reading of a value
against it.

A parameter is a dataclass field made by `parameter(...)`; dataclasses nest, and a parameter's
dotted name is its path. The values of a command line or a YAML file, the errors, and the tables in
the docs all derive from the declaration.
"""

import dataclasses
import difflib
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np

T = TypeVar("T")


class ParameterError(ValueError):
    """A value that a parameter does not take; the message names the key, the value and what is
    allowed, in one line.
    """

    def __init__(self, key: str, value: object, allowed: str):
        super().__init__(f"{key} = {_shown(value)}: {allowed}")


class Declared(NamedTuple):
    """What a declaration says beside the default."""

    doc: str
    unit: str
    allowed: str
    """In words, for errors and docs: 'a number in [0, 1]'."""
    read: Callable[[object], Any]
    """From a YAML value to the parameter's; raises ValueError or TypeError when it is not allowed.
    """


def number(
    default: float,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    doc: str,
    unit: str = "",
    open_low: bool = False,
) -> Any:
    """A float32 in [low, high], or (low, high] with `open_low`."""

    def read(value: object) -> np.float32:
        x = np.float32(_real(value))
        if not (low < x if open_low else low <= x) or not x <= high or not np.isfinite(x):
            raise ValueError
        return x

    return _field(
        read(default), Declared(doc, unit, f"a number {_interval(low, high, open_low)}", read)
    )


def integer(default: int, low: int, high: int | None = None, *, doc: str, unit: str = "") -> Any:
    """A Python int in [low, high]."""

    def read(value: object) -> int:
        x = _real(value)
        if x != int(x) or x < low or (high is not None and x > high):
            raise ValueError
        return int(x)

    allowed = f"a whole number {_interval(low, math.inf if high is None else high, False)}"
    return _field(default, Declared(doc, unit, allowed, read))


def flag(default: bool, *, doc: str) -> Any:
    """A truth value; YAML's on/off and true/false."""

    def read(value: object) -> np.bool_:
        if not isinstance(value, bool | np.bool_):
            raise TypeError
        return np.bool_(value)

    return _field(read(default), Declared(doc, "", "on or off", read))


def choice(default: str, names: tuple[str, ...], *, doc: str) -> Any:
    """One of `names`, kept as the name."""

    def read(value: object) -> str:
        if value not in names:
            raise ValueError
        return str(value)

    return _field(default, Declared(doc, "", f"one of {', '.join(names)}", read))


def code(default: str, names: tuple[str, ...], *, doc: str) -> Any:
    """One of `names`, kept as its index (int32) so that it can be traced."""

    def read(value: object) -> np.int32:
        if isinstance(value, np.integer) and 0 <= value < len(names):
            return np.int32(value)
        return np.int32(names.index(str(value)))

    return _field(read(default), Declared(doc, "", f"one of {', '.join(names)}", read))


def custom(
    default: object, allowed: str, read: Callable[[object], Any], *, doc: str, unit: str = ""
) -> Any:
    """A parameter with a reading of its own."""
    return _field(read(default), Declared(doc, unit, allowed, read))


def group(cls: type) -> Any:
    """A nested dataclass of parameters."""
    return dataclasses.field(default_factory=cls)


def declared(cls: type, prefix: str = "") -> Iterator[tuple[str, Declared, Any]]:
    """(dotted name, declaration, default) of every parameter of a dataclass and of those nested in
    it.
    """
    for field in dataclasses.fields(cls):
        if "declared" in field.metadata:
            default = field.default
            if field.default_factory is not dataclasses.MISSING:
                default = field.default_factory()
            yield prefix + field.name, field.metadata["declared"], default
        else:
            yield from declared(cast(type, field.default_factory), f"{prefix}{field.name}.")


def with_values(config: T, values: Mapping[str, object], prefix: str = "") -> T:
    """A copy of a declared dataclass with the values of `values` (dotted names) read and put in.

    Args:
        prefix: what stands before the names in errors, such as "env.".

    Raises:
        ParameterError: an unknown name, or a value that its declaration does not allow.
    """
    known = {name: declaration for name, declaration, _ in declared(type(config))}
    for name, value in values.items():
        if name not in known:
            raise unknown_name(prefix + name, value, [prefix + other for other in known])
        config = _replaced(config, name.split("."), read_value(prefix + name, known[name], value))
    return config


def unknown_name(name: str, value: object, known: list[str]) -> ParameterError:
    """The error of a name that is none of `known`, with the ones that look like it, or else all
    sections.
    """
    close = difflib.get_close_matches(name, known, cutoff=0.5) or sorted(
        {other.split(".")[0] for other in known}
    )
    return ParameterError(name, value, f"unknown name; did you mean {', '.join(close)}?")


def read_value(key: str, declaration: Declared, value: object) -> Any:
    """The value as the declaration reads it, or a ParameterError that names `key`."""
    try:
        return declaration.read(value)
    except (ValueError, TypeError, OverflowError):
        raise ParameterError(key, value, f"must be {declaration.allowed}") from None


def _field(default: Any, declaration: Declared) -> Any:
    if isinstance(default, np.ndarray):
        return dataclasses.field(
            default_factory=lambda: default, metadata={"declared": declaration}
        )
    return dataclasses.field(default=default, metadata={"declared": declaration})


def _replaced(config: Any, path: list[str], value: object) -> Any:
    head, *rest = path
    inner = _replaced(getattr(config, head), rest, value) if rest else value
    return dataclasses.replace(config, **{head: inner})


def _real(value: object) -> float:
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        raise TypeError
    x = float(value)
    if math.isnan(x):
        raise ValueError
    return x


def _interval(low: float, high: float, open_low: bool) -> str:
    if math.isinf(low) and math.isinf(high):
        return "(finite)"
    if math.isinf(high):
        return f"{'above' if open_low else 'of at least'} {low:.10g}"
    return f"in {'(' if open_low else '['}{low:.10g}, {high:.10g}]"


def _shown(value: object) -> str:
    text = " ".join(
        str(value.tolist() if isinstance(value, np.generic | np.ndarray) else value).split()
    )
    return text if len(text) <= 60 else text[:57] + "…"
