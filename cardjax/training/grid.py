"""Sweeps: a grid of configurations, sorted into groups that train as one program.

Points that differ in numbers alone run the same program on other arguments: the numbers that vary
are a second `vmap` axis, flattened with the seeds' into replicates. What shapes a program (a whole
number, a list of sizes, an algorithm's flag or choice) splits the grid into groups, which train one
after another.
"""

import itertools
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from cardjax.config import RunConfig, load_config, parameters, parse_override
from cardjax.env.declaration import (
    ParameterError,
    declared,
    plain,
    printable,
    read_value,
    replaced,
    unknown_name,
)
from cardjax.env.params import EnvParams
from cardjax.run.learners import ALGORITHMS, find_algorithm

T = TypeVar("T")

SHORT_NAMES = {"lr": "learning_rate", "learning_rate": "learning_rate"}
"""What may be named without its section, wherever the algorithm is known."""
NOT_SWEPT = ("name", "algorithm")


class Point(NamedTuple):
    """One configuration of a grid."""

    label: str
    """its folder's name, such as "learning_rate_1e-4__alpha_0.3"; "" where nothing varies."""
    values: dict[str, str]
    """the axes' values by dotted name, as they were typed."""
    config: RunConfig


def aliases_of(algorithm: str) -> dict[str, str]:
    """Short name → dotted name: `lr` and `learning_rate` are the learning rate of the algorithm."""
    section = find_algorithm(algorithm).section
    return {short: f"{section}.{name}" for short, name in SHORT_NAMES.items()}


def read_axes(algorithm: str, items: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """`["lr=1e-4,3e-4", "env.alpha=0.3"]` → ({"ppo.learning_rate": ["1e-4", "3e-4"]},
    ["env.alpha=0.3"]).

    Commas inside brackets belong to a value: `ppo.hidden=[64,64],[128,128]` has two. What has one
    value is no axis but an override. A value that is given twice is trained once.

    Raises:
        ParameterError: no key=value, a name twice, or a name that cannot be swept.
    """
    axes: dict[str, list[str]] = {}
    aliases = aliases_of(algorithm)
    for item in items:
        typed, values = read_axis(item)
        key = aliases.get(typed, typed)
        if key in axes:
            raise ParameterError("--sweep", item, "names a parameter twice")
        values = _without_repetitions(key, values)
        if key in NOT_SWEPT and len(values) > 1:
            raise ParameterError("--sweep", item, "takes one value: it is the whole sweep's")
        axes[key] = values
    overrides = [f"{key}={values[0]}" for key, values in axes.items() if len(values) == 1]
    return {key: values for key, values in axes.items() if len(values) > 1}, overrides


def read_axis(item: str) -> tuple[str, list[str]]:
    """`"env.alpha=0.1,0.3"` → ("env.alpha", ["0.1", "0.3"]).

    Raises:
        ParameterError: no key=value.
    """
    key, equals, text = item.partition("=")
    values = re.findall(r"(?:\[[^\]]*\]|[^,\[])+", text)
    if not equals or not key or not values:
        raise ParameterError("--sweep", item, "must be key=value,value,… such as env.alpha=0.1,0.3")
    return key, values


def _without_repetitions(key: str, values: Sequence[str]) -> list[str]:
    """The values without those that are an earlier one in other words, with a line that says so."""
    declaration = parameters().get(key)
    kept: dict[object, str] = {}
    for text in values:
        value = parse_override(f"{key}={text}")[1]
        # An unknown name is refused where the configuration is made.
        read = value if declaration is None else plain(read_value(key, declaration, value))
        first = kept.setdefault(repr(read), text)
        if first is not text:
            said = f"--sweep {key}: {text} is {first} once more and is left out"
            print(printable(said), file=sys.stderr)
    return list(kept.values())


def market_axes(items: Sequence[str]) -> dict[str, list[object]]:
    """`["env.alpha=0.1,0.3"]` → {"env.alpha": [0.1, 0.3]}: the axes of a grid of markets, for
    `params_grid`.

    Raises:
        ParameterError: no key=value, a name twice, or no parameter of the market's.
    """
    known = [f"env.{name}" for name, _, _ in declared(EnvParams)]
    axes: dict[str, list[object]] = {}
    for item in items:
        key, values = read_axis(item)
        if key not in known and key in parameters():
            allowed = "cannot differ in one grid of markets: give it as an override, one a command"
            raise ParameterError(key, ",".join(values), allowed)
        if key not in known:
            raise unknown_name(key, ",".join(values), known)
        if key in axes:
            raise ParameterError("--sweep", item, "names a parameter twice")
        values = _without_repetitions(key, values)
        axes[key] = [parse_override(f"{key}={value}")[1] for value in values]
    return axes


def make_points(
    path: Path | None,
    overrides: Sequence[str],
    axes: Mapping[str, Sequence[str]],
    algorithm: str | None = None,
) -> list[Point]:
    """Every combination of the axes' values, the last axis fastest, on top of a configuration file
    and overrides.

    Args:
        algorithm: whose short names (`lr`) the file and the overrides may use.

    Raises:
        ParameterError: as `load_config`; an axis that `train.remap` would have no effect beside.
    """
    points = []
    names = _short_names(list(axes))
    aliases = aliases_of(algorithm) if algorithm else {}
    for combination in itertools.product(*axes.values()):
        values = dict(zip(axes, combination, strict=True))
        varied = [f"{key}={value}" for key, value in values.items()]
        config = load_config(path, [*overrides, *varied], aliases)
        if "env.events.remap" in values and config.train.remap is not None:
            raise ParameterError(
                "train.remap", config.train.remap, "must be null to sweep env.events.remap"
            )
        parts = (f"{names[key]}_{_in_a_file_name(value)}" for key, value in values.items())
        label = "__".join(parts)
        points.append(Point(label, values, config))
    return points


def traced_names(algorithm: str, names: Sequence[str]) -> list[str]:
    """Those of the dotted names whose values a compiled program takes as arguments.

    They are all of the market's EnvParams and the numbers of the algorithm's own section.

    Raises:
        ParameterError: a section that this algorithm does not read, or an unknown name.
    """
    section = find_algorithm(algorithm).section
    defaults = {name: default for name, _, default in declared(RunConfig)}
    market = {f"env.{name}" for name, _, _ in declared(EnvParams)}
    traced = []
    for name in names:
        others = {a.section for a in ALGORITHMS.values()} - {section}
        if name.split(".")[0] in others:
            raise ParameterError("--sweep", name, f"{algorithm} does not read it")
        known = name in defaults or name.replace("env.", "game.", 1) in defaults
        if not known:
            raise unknown_name(name, "…", list(defaults))
        if name in market or (
            name.startswith(section + ".") and isinstance(defaults[name], np.floating)
        ):
            traced.append(name)
    return traced


def with_traced_values(learner: T, values: Mapping[str, object]) -> T:
    """A learner with other values, by dotted name, in its `env_params` (`env.…`) and `config` (any
    other section).
    """
    for name, value in values.items():
        section, *path = name.split(".")
        learner = replaced(learner, ["env_params" if section == "env" else "config", *path], value)
    return learner


def groups_of(values: Sequence[Mapping[str, str]], traced: Sequence[str]) -> list[list[int]]:
    """Indices of the points, by what they have in common beside the traced names; in the points'
    order.
    """
    groups: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for i, point in enumerate(values):
        fixed = tuple((name, value) for name, value in point.items() if name not in traced)
        groups.setdefault(fixed, []).append(i)
    return list(groups.values())


def _short_names(names: list[str]) -> dict[str, str]:
    """Each dotted name's last part, or the whole of it where two share one."""
    last = [name.split(".")[-1] for name in names]
    return {
        name: short if last.count(short) == 1 else name
        for name, short in zip(names, last, strict=True)
    }


def _in_a_file_name(value: str) -> str:
    _, read = parse_override(f"value={value}")
    text = "x".join(str(x) for x in read) if isinstance(read, list) else value.strip()
    return re.sub(r"[^\w.+-]", "_", text)
