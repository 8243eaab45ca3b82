"""Sweeps: a grid of configurations, sorted into groups that train as one program.

Points that differ in numbers alone run the same program on other arguments: the numbers that vary
are a second `vmap` axis, flattened with the seeds' into rows. What shapes a program (a whole
number, a list of sizes, an algorithm's flag or choice) splits the grid into groups, which train one
after another.
"""

import dataclasses
import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cardjax.config import RunConfig, load_config, parse_override
from cardjax.env.declaration import ParameterError, declared, unknown_name
from cardjax.env.params import EnvParams
from cardjax.runtime.learners import ALGORITHMS, find_algorithm

ALIASES = {"lr": "learning_rate"}
"""Short names of an algorithm's hyperparameters, for a sweep's axes."""
NOT_SWEPT = ("name",)


class Point(NamedTuple):
    """One configuration of a grid."""

    label: str
    """its folder's name, such as "learning_rate=1e-4,alpha=0.3"."""
    values: dict[str, str]
    """the axes' values by dotted name, as they were typed."""
    config: RunConfig


def read_axes(algorithm: str, items: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """`["lr=1e-4,3e-4", "env.alpha=0.3"]` → ({"ppo.learning_rate": ["1e-4", "3e-4"]},
    ["env.alpha=0.3"]).

    Commas inside brackets belong to a value: `ppo.hidden=[64,64],[128,128]` has two. What has one
    value is no axis but an override.

    Raises:
        ParameterError: no key=value, a name twice, a value twice, or a name that cannot be swept.
    """
    axes: dict[str, list[str]] = {}
    for item in items:
        typed, values = read_axis(item)
        key = f"{find_algorithm(algorithm).section}.{ALIASES[typed]}" if typed in ALIASES else typed
        if key in axes or len(set(values)) < len(values):
            raise ParameterError("--sweep", item, "names a parameter or a value twice")
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


def market_axes(items: Sequence[str]) -> dict[str, list[object]]:
    """`["env.alpha=0.1,0.3"]` → {"env.alpha": [0.1, 0.3]}: the axes of a grid of markets, for
    `params_grid`.

    Raises:
        ParameterError: no key=value, or no parameter of the market's.
    """
    known = [f"env.{name}" for name, _, _ in declared(EnvParams)]
    axes = {}
    for key, values in map(read_axis, items):
        if key not in known:
            raise unknown_name(key, ",".join(values), known)
        axes[key] = [parse_override(f"{key}={value}")[1] for value in values]
    return axes


def make_points(
    path: Path | None, overrides: Sequence[str], axes: Mapping[str, Sequence[str]]
) -> list[Point]:
    """Every combination of the axes' values, the last axis fastest, on top of a configuration file
    and overrides.

    Raises:
        ParameterError: as `load_config`; an axis that `train.remap` would have no effect beside.
    """
    points = []
    names = _short_names(list(axes))
    for combination in itertools.product(*axes.values()):
        values = dict(zip(axes, combination, strict=True))
        config = load_config(
            path, [*overrides, *(f"{key}={value}" for key, value in values.items())]
        )
        if "env.events.remap" in values and config.train.remap is not None:
            raise ParameterError(
                "train.remap", config.train.remap, "must be null to sweep env.events.remap"
            )
        label = ",".join(f"{names[key]}={_in_a_file_name(value)}" for key, value in values.items())
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


def value_of(config: RunConfig, name: str) -> Any:
    """The value of a dotted name."""
    value: Any = config
    for part in name.split("."):
        value = getattr(value, part)
    return value


def with_traced_values(learner: Any, values: Mapping[str, Any]) -> Any:
    """A learner with other values, by dotted name, in its `env_params` (`env.…`) and `config` (any
    other section).
    """
    for name, value in values.items():
        section, *path = name.split(".")
        learner = _replaced(learner, ["env_params" if section == "env" else "config", *path], value)
    return learner


def _replaced(record: Any, path: list[str], value: Any) -> Any:
    head, *rest = path
    return dataclasses.replace(
        record, **{head: _replaced(getattr(record, head), rest, value) if rest else value}
    )


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
