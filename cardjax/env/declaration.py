"""One declaration per parameter: its default, range, unit and meaning, and how a value is read.

A parameter is a dataclass field made by `number`, `flag`, `choice`, …; dataclasses nest, and a
parameter's dotted name is its path. The values of a command line or a YAML file, the errors, and
the tables in the docs all derive from the declaration.
"""

import dataclasses
import difflib
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar, cast

import jax
import numpy as np

T = TypeVar("T")

Number = np.float32 | jax.Array
"""A float32: a constant, or an array where a grid of parameters is traced."""
Switch = np.bool_ | jax.Array
"""A truth value of the market: a constant, or an array where a grid of parameters is traced."""
Code = np.int32 | jax.Array
"""One of several names, by its index: a constant, or an array where a grid is traced."""
Count = np.int32 | jax.Array
"""A whole number: a constant, or an array where a grid is traced."""

ON_OR_OFF = "on or off"
MAX_INTEGER = 2**31 - 1
LONGEST_SHOWN = 60
"""Characters of a value that an error shows."""


class ParameterError(ValueError):
    """A value that a parameter does not take; the message is one printable line."""

    key: str
    """the parameter, option or file at fault."""
    value: object
    """what it was given."""
    allowed: str
    """what it takes instead, or what is wrong with the value, in words."""

    def __init__(self, key: str, value: object, allowed: str):
        super().__init__(key, value, allowed)
        self.key, self.value, self.allowed = key, value, allowed

    def __str__(self) -> str:
        return printable(f"{self.key} = {_shown(self.value)}: {self.allowed}")


class Declared(NamedTuple):
    """What a declaration says beside the default."""

    doc: str
    unit: str
    allowed: str
    """In words, for errors and docs: 'a number in [0, 1]'."""
    read: Callable[[object], Any]
    """From a plain value, as YAML has it, to the parameter's; raises ValueError or TypeError when
    it is not allowed.
    """
    write: Callable[[Any], Any]
    """From the parameter's value back to a plain one."""
    bounds: tuple[float, float] | None = None
    """The smallest and the largest value, of a number that has a range."""
    as_typed: bool = False
    """Its words are names, kept as they are typed: `007` stays `007`, and `1e5` is no number."""


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
    finite = float(np.finfo(np.float32).max)
    lowest, highest = max(low, -finite), min(high, finite)

    def read(value: object) -> np.float32:
        x = _real(value)
        if not lowest <= x <= highest or (open_low and x == low):
            raise ValueError
        return np.float32(x)

    allowed = f"a number {_interval(low, high, open_low)}"
    return _field(read(default), Declared(doc, unit, allowed, read, plain, (low, high)))


def integer(default: int, low: int, high: int = MAX_INTEGER, *, doc: str, unit: str = "") -> Any:
    """A Python int in [low, high]."""

    def read(value: object) -> int:
        x = _real(value)
        if x != int(x) or not low <= x <= high:
            raise ValueError
        return int(x)

    allowed = f"a whole number {_interval(low, high, False)}"
    return _field(default, Declared(doc, unit, allowed, read, plain, (low, high)))


def count(default: int, low: int, high: int = MAX_INTEGER, *, doc: str, unit: str = "") -> Any:
    """A whole number in [low, high] that may be traced, an int32."""

    def read(value: object) -> np.int32:
        x = _real(value)
        if x != int(x) or not low <= x <= high:
            raise ValueError
        return np.int32(x)

    allowed = f"a whole number {_interval(low, high, False)}"
    return _field(read(default), Declared(doc, unit, allowed, read, plain, (low, high)))


def flag(default: bool, *, doc: str) -> Any:
    """A truth value that shapes a program, a Python bool; on/off and true/false in YAML."""
    return _field(default, Declared(doc, "", ON_OR_OFF, _truth, plain))


def switch(default: bool, *, doc: str) -> Any:
    """A truth value that may be traced, a NumPy bool; on/off and true/false in YAML."""

    def read(value: object) -> np.bool_:
        return np.bool_(_truth(value))

    return _field(read(default), Declared(doc, "", ON_OR_OFF, read, plain))


def choice(default: str, names: tuple[str, ...], *, doc: str) -> Any:
    """One of `names`, kept as the name."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in names:
            raise ValueError
        return str(value)

    return _field(default, Declared(doc, "", f"one of {', '.join(names)}", read, plain))


def code(default: str, names: tuple[str, ...], *, doc: str) -> Any:
    """One of `names`, kept as its index (int32) so that it can be traced."""

    def read(value: object) -> np.int32:
        if isinstance(value, np.integer) and 0 <= value < len(names):
            return np.int32(value)
        return np.int32(names.index(str(value)))

    def write(value: Any) -> Any:
        return names[int(value)] if np.ndim(value) == 0 else [names[int(i)] for i in value]

    return _field(read(default), Declared(doc, "", f"one of {', '.join(names)}", read, write))


def custom(
    default: object,
    allowed: str,
    read: Callable[[object], Any],
    *,
    doc: str,
    as_typed: bool = False,
) -> Any:
    """A parameter with a reading of its own; `as_typed` as of `Declared`."""
    declaration = Declared(doc, "", allowed, read, plain, as_typed=as_typed)
    return _field(read(default), declaration)


def name_list(default: tuple[str, ...], allowed: str, *, doc: str) -> Any:
    """Names, at least one, kept as they are typed."""

    def read(value: object) -> tuple[str, ...]:
        if not isinstance(value, list | tuple) or not value:
            raise TypeError
        if not all(isinstance(name, str) for name in value):
            raise TypeError
        return tuple(value)

    return custom(default, allowed, read, doc=doc, as_typed=True)


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
        config = replaced(config, name.split("."), read_value(prefix + name, known[name], value))
    return config


def value_at(record: object, name: str) -> Any:
    """The value of nested dataclasses at a dotted name."""
    for part in name.split("."):
        record = getattr(record, part)
    return record


def replaced(record: T, path: list[str], value: object) -> T:
    """A copy of nested dataclasses in which the field at `path` has another value, unchecked."""
    head, *rest = path
    inner = replaced(getattr(record, head), rest, value) if rest else value
    return cast(T, dataclasses.replace(cast(Any, record), **{head: inner}))


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
        allowed = f"must be {declaration.allowed}"
        if declaration.allowed == ON_OR_OFF and str(value).lower() in _WORDS_FOR_TRUTH:
            allowed += ", without quotes; True or False in Python"
        shown = "null" if value is None else value  # as YAML has it
        raise ParameterError(key, shown, allowed) from None


def scalar(value: object) -> object:
    """A NumPy or JAX scalar as the Python number or truth value that it stands for; anything else
    as it is.
    """
    if not isinstance(value, np.generic | np.ndarray | jax.Array) or np.ndim(value) != 0:
        return value
    of_numbers = jax.dtypes.issubdtype(value.dtype, np.number)
    return value.item() if of_numbers or value.dtype == np.bool_ else value


def plain(value: object) -> Any:
    """A value in plain types, as YAML writes it; a float32 is the shortest number that reads back
    as it: 0.1, not 0.10000000149.
    """
    if isinstance(value, np.floating):
        return float(str(value))
    if isinstance(value, np.ndarray | jax.Array):
        array = np.asarray(value)
        return plain(array[()]) if array.ndim == 0 else [plain(x) for x in array]
    if isinstance(value, np.generic):
        return value.item()
    return list(value) if isinstance(value, tuple) else value


def printable(text: str) -> str:
    """The text in one line, its control characters written out: a value from outside cannot move
    the cursor or colour the terminal.
    """
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def _field(default: Any, declaration: Declared) -> Any:
    if isinstance(default, np.ndarray):
        return dataclasses.field(
            default_factory=lambda: default, metadata={"declared": declaration}
        )
    return dataclasses.field(default=default, metadata={"declared": declaration})


def _real(value: object) -> int | float:
    x = scalar(value)
    if isinstance(x, bool) or not isinstance(x, int | float):
        raise TypeError
    if math.isnan(x):
        raise ValueError
    return x


_WORDS_FOR_TRUTH = ("on", "off", "true", "false", "yes", "no")
"""Texts that look like the truth value that they are not."""


def _truth(value: object) -> bool:
    x = scalar(value)
    if not isinstance(x, bool):
        raise TypeError
    return x


def _interval(low: float, high: float, open_low: bool) -> str:
    if math.isinf(low) and math.isinf(high):
        return "(finite)"
    if math.isinf(high):
        return f"{'above' if open_low else 'of at least'} {low:.16g}"
    return f"in {'(' if open_low else '['}{low:.16g}, {high:.16g}]"


def _shown(value: object) -> str:
    try:
        text = printable(str(plain(value)))
    except (TypeError, ValueError, AttributeError):  # a tracer, or a number of too many digits
        bits = f"a number of {value.bit_length()} bits" if isinstance(value, int) else None
        text = bits or printable(repr(value))
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "…"
