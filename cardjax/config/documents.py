"""YAML files and `key=value` arguments: text into values by dotted name, and back.

Both are read in the same way. `on` and `off` are truth values. `2_000_000`, `1e6` and `010` are
decimal numbers. Names (of a run, a preset or a policy) stay the text that was typed, so that a run
may be called 007 or 1e5.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from cardjax.config.schema import parameters
from cardjax.env.declaration import ParameterError

NAMES = frozenset(name for name, declaration in parameters().items() if declaration.as_typed)
"""The parameters whose values are names, and stay as they are typed."""
SECTIONS = frozenset(name.rpartition(".")[0] for name in parameters())


def read_yaml(path: Path) -> dict[str, object]:
    """The values of a run configuration's YAML file, by dotted name.

    Raises:
        ParameterError: the file cannot be read, is not YAML, is not a mapping, or has a name twice.
    """
    return _by_dotted_name(path, read_document(path, NAMES))


def read_document(path: Path, names: Collection[str] = ()) -> dict[str, Any]:
    """The mapping in a YAML file, nested as it is in the file.

    Args:
        names: the dotted names whose values are kept as they are typed.

    Raises:
        ParameterError: as `read_yaml`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ParameterError("config", str(path), f"cannot be read ({reason})") from None
    content = _load("config", str(path), text, _Loader, "is not YAML")
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ParameterError("config", str(path), "must be a mapping of names to values")
    typed = _load("config", str(path), text, _TextLoader, "is not YAML")
    named = _with_names(content, typed, names)
    assert isinstance(named, dict)
    return named


def parse_override(text: str) -> tuple[str, object]:
    """`key=value` → (key, value), where the value is read as in YAML.

    Raises:
        ParameterError: there is no "=" in the text, or no YAML after it.
    """
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ParameterError("argument", text, "must be key=value, such as env.alpha=0.5")
    loader = _TextLoader if key in NAMES else _Loader
    return key, _load(key, value, value, loader, "is not a YAML value")


def dump(values: Mapping[str, object]) -> str:
    """Nested YAML of values by dotted name."""
    nested: dict[str, Any] = {}
    for name, value in values.items():
        *path, last = name.split(".")
        inner = nested
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return yaml.dump(nested, Dumper=_Dumper, sort_keys=False)


def _load(key: str, shown: str, text: str, loader: type["_Loader"], failure: str) -> object:
    try:
        return yaml.load(text, loader)
    except _RepeatedNameError as error:
        raise ParameterError(key, shown, str(error)) from None
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ParameterError(key, shown, f"{failure} ({error.problem}{line})") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ParameterError(key, shown, f"{failure} ({error})") from None


def _with_names(content: object, typed: object, names: Collection[str], prefix: str = "") -> object:
    """The content, but with the values that `typed` has for these dotted names."""
    if prefix.removesuffix(".") in names:
        return typed
    if not isinstance(content, dict) or not isinstance(typed, dict):
        return content
    return {
        key: _with_names(value, typed[key], names, f"{prefix}{key}.")
        for key, value in content.items()
    }


def _by_dotted_name(path: Path, tree: Mapping[str, Any]) -> dict[str, object]:
    values: dict[str, object] = {}
    for name, value in _flatten(tree):
        if name in values:
            raise ParameterError("config", str(path), f"names {name} twice")
        if value is not None or name not in SECTIONS:  # A section may be empty.
            values[name] = value
    return values


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


class _RepeatedNameError(Exception):
    """A mapping that has two values for one name."""


class _Loader(yaml.SafeLoader):
    """Safe YAML with the numbers of a command line: it has no octals, no base 60 and no dates."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """As in YAML, but tags are refused: the declaration says what type a value has."""
        event = self.peek_event()
        if getattr(event, "tag", None) is not None:
            problem = f"the tag {event.tag} is not allowed"
            raise yaml.composer.ComposerError(None, None, problem, event.start_mark)
        return super().compose_node(parent, index)

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """As in YAML, but every key is a text and may occur only once."""
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else "…"
            if name in seen:
                raise _RepeatedNameError(f"names {name} twice, in line {key.start_mark.line + 1}")
            seen.add(name)
            if key.tag != _TAG + "merge":
                key.tag = _TAG + "str"
        return node


class _TextLoader(_Loader):
    """As `_Loader`, but every word stays as it is typed; only an empty value and null are null."""


class _Dumper(yaml.SafeDumper):
    """Quotes texts that `_Loader` or another reader of YAML would take for numbers."""


_Loader.yaml_implicit_resolvers = {}
_TextLoader.yaml_implicit_resolvers = {}
_TAG = "tag:yaml.org,2002:"
_SCIENTIFIC = r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?"
_RESOLVERS = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "merge": (r"<<", ["<"]),
    "bool": (r"(?i:on|off|yes|no|true|false)", list("oOyYnNtTfF")),
    "int": (r"[-+]?[0-9][0-9_]*", list("-+0123456789")),
    "float": (rf"{_SCIENTIFIC}|[-+]?\.(?i:inf)|\.(?i:nan)", list("-+.0123456789")),
}
for _kind, (_pattern, _first) in _RESOLVERS.items():
    _Loader.add_implicit_resolver(_TAG + _kind, re.compile(f"^(?:{_pattern})$"), _first)
    if _kind in ("null", "merge"):
        _TextLoader.add_implicit_resolver(_TAG + _kind, re.compile(f"^(?:{_pattern})$"), _first)
_Dumper.add_implicit_resolver(
    _TAG + "float", re.compile(f"^(?:{_SCIENTIFIC})$"), list("-+.0123456789")
)


def _construct_number(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int | float | str:
    """A number. A whole number of thousands of digits, which Python refuses, stays a text."""
    text = node.value.replace("_", "").lower()
    if node.tag == _TAG + "float":
        return float(text.replace(".inf", "inf").replace(".nan", "nan"))
    try:
        return int(text)
    except ValueError:
        return str(node.value)


_Loader.add_constructor(_TAG + "int", _construct_number)
_Loader.add_constructor(_TAG + "float", _construct_number)
