"""Run configurations: one schema of frozen dataclasses, read from YAML and dotted overrides.

A value comes from, in rising order: its declaration's default, the preset's YAML, the config file, the command line.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from cardjax.env.declaration import (
    ParameterError,
    choice,
    custom,
    declared,
    flag,
    group,
    integer,
    number,
    unknown_name,
    with_values,
)
from cardjax.env.market import CardMarket
from cardjax.env.params import REWARD_KINDS, EnvParams, make_params

KINDS = ("single", "two")


def _optional_players(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 16:
        raise ValueError
    return value


def _sizes(value: object) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise TypeError
    if not all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in value):
        raise ValueError
    return tuple(value)


def _run_name(value: object) -> str | None:
    if value is not None and not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,99}", str(value)):
        raise ValueError
    return None if value is None else str(value)


@dataclasses.dataclass(frozen=True)
class GameConfig:
    """Which game is played: the static choices. EnvParams holds the traced ones, under the same `env.` names."""

    kind: str = choice("two", KINDS, doc="single: one taker, no player axis; two: A takers, by default 2")
    preset: str = custom("default", "the name of a preset (a YAML with an env section under configs/)", str,
                         doc="the parameters that env.* values start from")  # fmt: skip
    n_players: int | None = custom(None, "a whole number in [1, 16]", _optional_players, doc="A; by default kind's")
    observe_posterior: bool = flag(False, doc="ablation: put the posterior's mu and sigma into the observation")


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """How much is played, and how often it is looked at."""

    total_steps: int = integer(16_000_000, 1, doc="rounds played in training, for each seed", unit="rounds")
    n_envs: int = integer(1024, 1, doc="games played at once, for each seed")
    n_seeds: int = integer(1, 1, 1024, doc="seeds trained side by side in one program")
    n_evals: int = integer(10, 1, doc="evaluations (and checkpoints) spread evenly over training, the last at its end")
    eval_games: int = integer(16_384, 1, doc="games of each evaluation during training")
    final_eval_games: int = integer(65_536, 1, doc="games per opponent of the table at the end")


@dataclasses.dataclass(frozen=True)
class PPOConfig:
    """PPO's hyperparameters (Schulman et al. 2017), for IPPO (de Witt et al. 2020). Money is in points.

    The reward is in points and advantages are not normalised by default, so `entropy` has a unit: a loss of that many
    points is accepted for one more nat of entropy. It starts above what random orders cost and ends below the smallest
    edge worth taking; normalised advantages would let the noise of bad rounds decide that trade.
    """

    hidden: tuple[int, ...] = custom((128, 128), "a list of whole numbers ≥ 1", _sizes, doc="hidden layers' widths")
    learning_rate: float = number(2e-3, 0, doc="Adam's step size at the start")
    learning_rate_end: float = number(0.0, 0, doc="… and at the end; linear between")
    entropy: float = number(20.0, 0, doc="entropy weight at the start", unit="points per nat", open_low=True)
    entropy_end: float = number(0.002, 0, doc="… and at the end; geometric between", unit="points per nat",
                                open_low=True)  # fmt: skip
    output_scale: float = number(5.0, 0, doc="logits = output_scale · output / max(entropy weight, temperature_floor)",
                                 unit="points", open_low=True)  # fmt: skip
    temperature_floor: float = number(0.5, 0, doc="entropy weight below which only the network sharpens the logits",
                                      unit="points per nat", open_low=True)  # fmt: skip
    gamma: float = number(0.0, 0, 1, doc="discount; rounds are independent given the budget, which rarely binds: 0")
    gae_lambda: float = number(0.95, 0, 1, doc="lambda of generalised advantage estimation")
    clip: float = number(0.2, 0, doc="clip range of the probability ratio", open_low=True)
    value_weight: float = number(0.5, 0, doc="weight of the value loss")
    max_grad_norm: float = number(10.0, 0, doc="gradients are scaled down to this global norm", open_low=True)
    n_epochs: int = integer(2, 1, doc="passes over each batch")
    n_minibatches: int = integer(32, 1, doc="gradient steps a pass; must divide n_envs")
    rollout_rounds: int = integer(10, 1, doc="rounds between updates, in each game")
    normalize_advantages: bool = flag(
        False, doc="shift and scale each minibatch's advantages to mean 0 and deviation 1"
    )


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Everything that a training run depends on."""

    name: str | None = custom(
        None, "letters, digits, '.', '_' and '-'", _run_name, doc="run folder; by default made up"
    )
    seed: int = integer(0, 0, 2**31 - 1, doc="the run's randomness")
    game: GameConfig = group(GameConfig)
    env: EnvParams = group(EnvParams)
    train: TrainConfig = group(TrainConfig)
    ppo: PPOConfig = group(PPOConfig)


def load_config(path: str | Path | None, overrides: Sequence[str] = ()) -> RunConfig:
    """The configuration of a YAML file (or the defaults) with `key=value` overrides.

    Raises:
        ParameterError: an unreadable file, an unknown name, or a value that is not allowed.
    """
    values = {} if path is None else read_yaml(Path(path))
    return make_config(values | dict(parse_override(text) for text in overrides))


def with_overrides(config: RunConfig, overrides: Sequence[str]) -> RunConfig:
    """The configuration with `key=value` overrides.

    A new preset replaces all of `env`'s numbers, and the other overrides change it.
    """
    changes = dict(parse_override(text) for text in overrides)
    kept = config_values(config)
    if "env.preset" in changes:
        static = {f"env.{name}" for name, _, _ in declared(GameConfig)}
        kept = {k: v for k, v in kept.items() if not k.startswith("env.") or k in static}
    return make_config(kept | changes)


def make_config(values: Mapping[str, object]) -> RunConfig:
    """The configuration with these values by dotted name."""
    _refuse_unknown(values)
    game_names = {f"env.{name}" for name, _, _ in declared(GameConfig)}
    game = with_values(GameConfig(), {k.removeprefix("env."): v for k, v in values.items() if k in game_names}, "env.")
    env = {k: v for k, v in values.items() if k.startswith("env.") and k not in game_names}
    rest = {k: v for k, v in values.items() if not k.startswith("env.")}
    config = with_values(RunConfig(game=game, env=make_params(preset_params(game.preset), **env)), rest)
    if config.train.n_envs % config.ppo.n_minibatches:
        allowed = f"must divide train.n_envs = {config.train.n_envs}"
        raise ParameterError("ppo.n_minibatches", config.ppo.n_minibatches, allowed)
    make_market(game)
    return config


def make_market(game: GameConfig) -> CardMarket:
    """The environment of a game's static choices."""
    n_players = game.n_players or (1 if game.kind == "single" else 2)
    if game.kind == "single" and n_players != 1:
        raise ParameterError("env.n_players", n_players, "must be 1 for env.kind = single")
    return CardMarket(n_players, squeeze=game.kind == "single", observe_posterior=bool(game.observe_posterior))


def preset_params(name: str) -> EnvParams:
    """The EnvParams of a preset, by name.

    Raises:
        ParameterError: no such preset.
    """
    presets = sorted(presets_by_name())
    if name not in presets:
        raise ParameterError("env.preset", name, f"must be one of {', '.join(presets)}")
    return make_params(**read_yaml(presets_by_name()[name]))


def presets_by_name() -> dict[str, Path]:
    """The YAML files that hold an `env` section and nothing else, by their names."""
    return {p.stem: p for p in sorted(configs_folder().glob("*.yaml")) if set(_load(p)) <= {"env"}}


def configs_folder() -> Path:
    """Where the shipped YAML files are: beside the package in a checkout, inside it in an installed wheel."""
    package = Path(__file__).resolve().parent
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


def read_yaml(path: Path) -> dict[str, object]:
    """A YAML file's values by dotted name.

    Raises:
        ParameterError: the file cannot be read, is not YAML, or is not a mapping.
    """
    return dict(_flatten(_load(path)))


def parse_override(text: str) -> tuple[str, object]:
    """`key=value` → (key, value), the value read as YAML.

    Raises:
        ParameterError: no "=" in it, or no YAML after it.
    """
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ParameterError("argument", text, "must be key=value, such as env.alpha=0.5")
    if key == "name":
        return key, value or None  # a name is text: 2024_01 and 1e5 stay as they are typed
    try:
        return key, yaml.load(value, _Loader)
    except (yaml.YAMLError, ValueError, RecursionError):  # ValueError: a date or number that only looks like one
        raise ParameterError(key, value, "is not a YAML value") from None


def config_values(config: RunConfig) -> dict[str, object]:
    """Every value by dotted name, as plain YAML types; `make_config` takes it back."""
    values: dict[str, object] = {}
    for name, _, _ in declared(RunConfig):
        value: Any = config
        for part in name.split("."):
            value = getattr(value, part)
        values[name.replace("game.", "env.", 1)] = _plain(value)
    values["env.reward"] = REWARD_KINDS[int(config.env.reward)]
    return values


def dump_config(config: RunConfig) -> str:
    """The configuration as nested YAML."""
    nested: dict[str, Any] = {}
    for name, value in config_values(config).items():
        *path, last = name.split(".")
        inner = nested
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return yaml.dump(nested, Dumper=_Dumper, sort_keys=False)


def _refuse_unknown(values: Mapping[str, object]) -> None:
    known = list(config_values(RunConfig()))
    for name, value in values.items():
        if name not in known:
            raise unknown_name(name, value, known)


def _load(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(), _Loader)
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError("config", str(path), f"cannot be read ({getattr(error, 'strerror', error)})") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ParameterError("config", str(path), f"is not YAML ({' '.join(str(error).split())})") from None
    if content is not None and not isinstance(content, dict):
        raise ParameterError("config", str(path), "must be a mapping of names to values")
    return content or {}


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{name}.")
        elif not (value is None and prefix == ""):
            yield f"{prefix}{name}", value


def _plain(value: Any) -> Any:
    if isinstance(value, np.floating):
        return float(str(value))
    if isinstance(value, np.ndarray):
        return [_plain(x) for x in value]
    if isinstance(value, np.generic):
        return value.item()
    return list(value) if isinstance(value, tuple) else value


class _Loader(yaml.SafeLoader):
    """YAML 1.1 (so on/off and 2_000_000 are read), and 1e-3 is a number as everywhere else."""


class _Dumper(yaml.SafeDumper):
    """Quotes the texts that `_Loader` would read as numbers."""


for _yaml in (_Loader, _Dumper):
    _yaml.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9][0-9_]*(\.[0-9_]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
    )
