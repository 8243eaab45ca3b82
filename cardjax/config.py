"""Run configurations: one schema of frozen dataclasses, read from YAML and dotted overrides.

A value comes from, in rising order: its declaration's default, the preset's YAML, the config file,
the command line.
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
MEMORIES = ("none", "gru", "lstm")
NORMALIZERS = ("none", "scale", "whiten")
MATMUL_DOC = "what the dense layers multiply; auto: bfloat16 on CPUs that have tiles for it (Intel AMX), else float32"
PRECISIONS = ("auto", "float32", "bfloat16")
SCHEDULES = ("linear", "geometric", "cosine", "constant")


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


def _optional_sizes(value: object) -> tuple[int, ...] | None:
    return None if value is None else _sizes(value)


def _opponents(value: object) -> tuple[str, ...]:
    if (
        not isinstance(value, list | tuple)
        or not value
        or not all(isinstance(name, str) for name in value)
    ):
        raise TypeError
    return tuple(value)


def _optional_chance(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError
    return float(value)


def _run_name(value: object) -> str | None:
    if value is not None and not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,99}", str(value)):
        raise ValueError
    return None if value is None else str(value)


def _policy_name(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError
    return value


@dataclasses.dataclass(frozen=True)
class GameConfig:
    """Which game is played: the static choices. EnvParams holds the traced ones, under the same
    `env.` names.
    """

    kind: str = choice(
        "two", KINDS, doc="single: one taker, no player axis; two: A takers, by default 2"
    )
    preset: str = custom(
        "default",
        "the name of a preset (a YAML with an env section under configs/)",
        str,
        doc="the parameters that env.* values start from",
    )
    n_players: int | None = custom(
        None, "a whole number in [1, 16]", _optional_players, doc="A; by default kind's"
    )
    observe_posterior: bool = flag(
        False, doc="ablation: put the posterior's mu and sigma into the observation"
    )


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """How much is played, and how often it is looked at."""

    total_steps: int = integer(
        16_000_000, 1, doc="rounds played in training, for each seed", unit="rounds"
    )
    n_envs: int = integer(1024, 1, doc="games played at once, for each seed")
    n_seeds: int = integer(1, 1, 1024, doc="seeds trained side by side in one program")
    remap: float | None = custom(
        None,
        "null or a number in [0, 1]",
        _optional_chance,
        doc="env.events.remap in training alone, to practise a rare event more often than it "
        "comes up; evaluation is always by env.events.remap",
    )
    shard_games: str = choice(
        "auto",
        ("auto", "always", "never"),
        doc="whether devices that seeds leave idle share a "
        "seed's games; auto: in one process not on CPUs",
    )
    n_evals: int = integer(
        10, 1, doc="evaluations (and checkpoints) spread evenly over training, the last at its end"
    )
    eval_games: int = integer(16_384, 1, doc="games of each evaluation during training")
    final_eval_games: int = integer(65_536, 1, doc="games per opponent of the table at the end")


@dataclasses.dataclass(frozen=True)
class PPOConfig:
    """PPO's hyperparameters (Schulman et al. 2017), for IPPO (de Witt et al. 2020). Money is in
    points.

    The reward is in points and advantages are not normalised by default, so `entropy` has a unit: a
    loss of that many points is accepted for one more nat of entropy. It starts above what random
    orders cost and ends below the smallest edge worth taking; normalised advantages would let the
    noise of bad rounds decide that trade.
    """

    hidden: tuple[int, ...] = custom(
        (128, 128), "a list of whole numbers ≥ 1", _sizes, doc="hidden layers' widths"
    )
    critic_hidden: tuple[int, ...] | None = custom(
        None, "a list of whole numbers ≥ 1", _optional_sizes, doc="the critic's, if they differ"
    )
    memory: str = choice(
        "none", MEMORIES, doc="a recurrent cell beside the hidden layers of actor and critic"
    )
    matmul_precision: str = choice("auto", PRECISIONS, doc=MATMUL_DOC)
    share_params: bool = flag(True, doc="off: each seat has an actor and a critic of its own")
    critic: str = choice(
        "action_values",
        ("value", "action_values"),
        doc="what the critic estimates: V, or all actions' values for an exact mean",
    )
    critic_sees_truth: bool = flag(False, doc="on: the critic is also told S and both true depths")
    learning_rate: float = number(2e-3, 0, doc="Adam's step size at the start")
    learning_rate_end: float = number(0.0, 0, doc="… and at the end")
    learning_rate_schedule: str = choice("linear", SCHEDULES, doc="… and the way between")
    entropy: float = number(20.0, 0, doc="entropy weight at the start", unit="points per nat")
    entropy_end: float = number(0.002, 0, doc="… and at the end", unit="points per nat")
    entropy_schedule: str = choice(
        "geometric", SCHEDULES, doc="… and the way between; geometric needs both above 0"
    )
    output_scale: float = number(
        5.0,
        0,
        doc="logits = output_scale · output / max(entropy weight, temperature_floor)",
        unit="points",
        open_low=True,
    )
    temperature_floor: float = number(
        0.5,
        0,
        doc="entropy weight below which only the network sharpens the logits",
        unit="points per nat",
        open_low=True,
    )
    gamma: float = number(
        0.0, 0, 1, doc="discount; rounds are independent given the budget, which rarely binds: 0"
    )
    gae_lambda: float = number(0.95, 0, 1, doc="lambda of generalised advantage estimation")
    clip: float = number(
        0.2, 0, doc="clip range of the probability ratio at the start", open_low=True
    )
    clip_end: float = number(0.2, 0, doc="… and at the end", open_low=True)
    clip_schedule: str = choice("linear", SCHEDULES, doc="… and the way between")
    value_weight: float = number(0.5, 0, doc="weight of the value loss")
    max_grad_norm: float = number(
        10.0, 0, doc="gradients are scaled down to this global norm", open_low=True
    )
    n_epochs: int = integer(2, 1, doc="passes over each batch")
    n_minibatches: int = integer(32, 1, doc="gradient steps a pass; must divide n_envs")
    rollout_rounds: int = integer(10, 1, doc="rounds between updates, in each game")
    normalize_advantages: bool = flag(
        False, doc="shift and scale each minibatch's advantages to mean 0 and deviation 1"
    )
    normalize_observations: str = choice(
        "whiten",
        NORMALIZERS,
        doc="running moments of the inputs: scale each to variance 1, or whiten them together",
    )
    normalize_rewards: bool = flag(
        False, doc="divide rewards by the running deviation of discounted returns"
    )
    shared_reward: bool = flag(
        False, doc="on: each player is paid the mean of all players' rewards"
    )
    opponents: tuple[str, ...] = custom(
        ("self",),
        "a list of self, past and scripted players' names",
        _opponents,
        doc="who sits at the other seats, an equal share of the games each; [self] "
        "alone is self-play, where all seats learn",
    )
    past_size: int = integer(8, 1, doc="past selves that are kept")
    past_every: int = integer(50, 1, doc="updates from one past self to the next")
    play: str = choice(
        "greedy",
        ("greedy", "sampled"),
        doc="how the trained policy plays in evaluations: its most "
        "probable action, or a draw from its distribution as in training",
    )
    constrain_ruin: bool = flag(
        False, doc="on: hold the probability of ruin to ruin_bound by a Lagrange multiplier"
    )
    ruin_bound: float = number(0.05, 0, 1, doc="probability of ruin a game and player")
    ruin_learning_rate: float = number(
        10.0, 0, doc="change of the multiplier for an excess of 1, each update", unit="points"
    )


@dataclasses.dataclass(frozen=True)
class DQNConfig:
    """DQN's hyperparameters (Mnih et al. 2015; Hessel et al. 2018). Values, errors and rewards are
    in points.
    """

    opponent: str = custom(
        "equilibrium",
        "self or a policy's name",
        _policy_name,
        doc="who plays the other seats: a scripted policy, or self, the greedy policy as it stands; "
        "read only where there are other seats",
    )
    seat: int = integer(0, 0, 15, doc="the learner's seat; read only where there are others")
    hidden: tuple[int, ...] = custom(
        (128, 128), "a list of whole numbers ≥ 1", _sizes, doc="hidden layers' widths"
    )
    memory: str = choice("none", ("none", "gru", "lstm"), doc="the network's recurrent cell")
    matmul_precision: str = choice("float32", PRECISIONS, doc=MATMUL_DOC)
    burn_in: int = integer(
        0, 0, doc="rounds before each replayed block that only warm the memory up"
    )
    head: str = choice(
        "mean",
        ("mean", "c51", "qr"),
        doc="the value alone, or its distribution: C51's atoms, QR-DQN's quantiles",
    )
    n_atoms: int = integer(51, 2, doc="atoms of head c51, quantiles of head qr")
    v_min: float = number(-20.0, doc="c51's lowest atom", unit="points")
    v_max: float = number(20.0, doc="c51's highest atom", unit="points")
    q_scale: float = number(
        10.0,
        0,
        doc="what a network output of 1 is worth, but for c51",
        unit="points",
        open_low=True,
    )
    double: bool = flag(
        True,
        doc="choose the bootstrapped action by the learning network, value it by the target one",
    )
    dueling: bool = flag(False, doc="state value and advantages apart")
    loss: str = choice("huber", ("huber", "squared"), doc="of head mean's errors")
    huber_delta: float = number(
        1.0,
        0,
        doc="errors beyond it count linearly; of heads mean and qr",
        unit="points",
        open_low=True,
    )
    reward_floor: float = number(
        -1e6, high=0, doc="a round's reward is learned as at least this", unit="points"
    )
    gamma: float = number(
        0.0, 0, 1, doc="discount; rounds are independent given the budget, which rarely binds: 0"
    )
    n_step: int = integer(
        1, 1, doc="rounds of reward before the bootstrap; fewer at the end of a rollout"
    )
    target_update: str = choice(
        "hard", ("hard", "polyak"), doc="how the target network follows: at once, or slowly"
    )
    target_period: int = integer(
        250, 1, doc="gradient steps between hard updates of the target network"
    )
    target_tau: float = number(
        0.005, 0, 1, doc="polyak: the share of the way that the target goes each gradient step"
    )
    play_target: bool = flag(
        False, doc="play the target network in evaluations: with polyak, an average of weights"
    )
    exploration: str = choice(
        "uniform",
        ("uniform", "softmax"),
        doc="exploring actions: uniform over the valid ones, or softmax(Q / temperature) over them",
    )
    temperature: float = number(1.0, 0, doc="of softmax exploration", unit="points", open_low=True)
    epsilon: float = number(1.0, 0, 1, doc="share of exploring actions at the start")
    epsilon_end: float = number(0.1, 0, 1, doc="… and at the end; linear between")
    exploration_fraction: float = number(
        0.5, 0, 1, doc="part of the training after which epsilon has reached its end", open_low=True
    )
    capacity: int = integer(
        200_000, 1, 2**30, doc="rounds kept in replay, rounded down to whole rollouts of all games"
    )
    prioritised: bool = flag(
        False, doc="replay in proportion to (error + 0.001) ** priority_exponent"
    )
    priority_exponent: float = number(0.6, 0, doc="0 is uniform")
    beta: float = number(
        0.4, 0, 1, doc="importance weights' exponent at the start; 1 at the end, linear between"
    )
    rollout_rounds: int = integer(10, 1, doc="rounds played in each game between learning")
    n_gradient_steps: int = integer(10, 1, doc="batches learned from after each rollout")
    batch_size: int = integer(
        2048, 1, doc="rounds a batch; with a memory, a multiple of rollout_rounds"
    )
    learning_rate: float = number(2e-3, 0, doc="Adam's step size at the start")
    learning_rate_end: float = number(0.0, 0, doc="… and at the end; linear between")
    max_grad_norm: float = number(
        10.0, 0, doc="gradients are scaled down to this global norm", open_low=True
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
    dqn: DQNConfig = group(DQNConfig)


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
    game = with_values(
        GameConfig(),
        {k.removeprefix("env."): v for k, v in values.items() if k in game_names},
        "env.",
    )
    env = {k: v for k, v in values.items() if k.startswith("env.") and k not in game_names}
    rest = {k: v for k, v in values.items() if not k.startswith("env.")}
    config = with_values(
        RunConfig(game=game, env=make_params(preset_params(game.preset), **env)), rest
    )
    for name in ("learning_rate", "entropy", "clip"):
        _check_schedule(config.ppo, name)
    _check_dqn(config.dqn, make_market(game).n_players)
    return config


def _check_schedule(ppo: PPOConfig, name: str) -> None:
    for end in (name, f"{name}_end"):
        if getattr(ppo, f"{name}_schedule") == "geometric" and not getattr(ppo, end) > 0:
            raise ParameterError(
                f"ppo.{end}", getattr(ppo, end), "must be above 0 for a geometric schedule"
            )


def _check_dqn(dqn: DQNConfig, n_players: int) -> None:
    """Refuse values that do not fit each other. What depends on train.n_envs is the learner's to
    check.
    """
    if dqn.v_min >= dqn.v_max:
        raise ParameterError("dqn.v_min", dqn.v_min, f"must be below dqn.v_max = {dqn.v_max}")
    if dqn.memory == "none" and dqn.burn_in:
        raise ParameterError(
            "dqn.burn_in", dqn.burn_in, "must be 0 without a dqn.memory (gru or lstm)"
        )
    if dqn.burn_in > dqn.rollout_rounds:
        raise ParameterError(
            "dqn.burn_in", dqn.burn_in, f"must be at most dqn.rollout_rounds = {dqn.rollout_rounds}"
        )
    if dqn.memory != "none" and dqn.batch_size % dqn.rollout_rounds:
        allowed = (
            f"with a dqn.memory, must be a multiple of dqn.rollout_rounds = {dqn.rollout_rounds}"
        )
        raise ParameterError("dqn.batch_size", dqn.batch_size, allowed)
    if n_players > 1 and dqn.seat >= n_players:
        raise ParameterError(
            "dqn.seat", dqn.seat, f"must be below the number of players, {n_players}"
        )


def make_market(game: GameConfig) -> CardMarket:
    """The environment of a game's static choices."""
    n_players = game.n_players or (1 if game.kind == "single" else 2)
    if game.kind == "single" and n_players != 1:
        raise ParameterError("env.n_players", n_players, "must be 1 for env.kind = single")
    return CardMarket(
        n_players, squeeze=game.kind == "single", observe_posterior=bool(game.observe_posterior)
    )


def practised_params(config: RunConfig) -> EnvParams:
    """The market that is trained in: the run's own, with remaps as often as `train.remap` says."""
    remap = config.train.remap
    return config.env if remap is None else make_params(config.env, **{"events.remap": remap})


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
    return {
        p.stem: p
        for p in sorted(configs_folder().glob("*.yaml"))
        if set(read_document(p)) <= {"env"}
    }


def find_config(path: Path) -> Path:
    """The file itself, or for a bare name or configs/NAME the shipped one: an installed package has
    no such folder.
    """
    shipped = configs_folder() / path.name
    named = path.parent in (Path(), Path("configs")) and shipped.is_file()
    return shipped if named and not path.exists() else path


def configs_folder() -> Path:
    """Where the shipped YAML files are: beside the package in a checkout, inside it in an installed
    wheel.
    """
    package = Path(__file__).resolve().parent
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


def read_yaml(path: Path) -> dict[str, object]:
    """A YAML file's values by dotted name.

    Raises:
        ParameterError: the file cannot be read, is not YAML, or is not a mapping.
    """
    return dict(_flatten(read_document(path)))


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
    except (
        yaml.YAMLError,
        ValueError,
        RecursionError,
    ):  # ValueError: a date or number that only looks like one
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


def read_document(path: Path) -> dict[str, Any]:
    """A YAML file's mapping as it is nested there.

    Raises:
        ParameterError: the file cannot be read, is not YAML, or is not a mapping.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(
            "config", str(path), f"cannot be read ({getattr(error, 'strerror', error)})"
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ParameterError(
            "config", str(path), f"is not YAML ({' '.join(str(error).split())})"
        ) from None
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
        "tag:yaml.org,2002:float",
        re.compile(r"^[-+]?[0-9][0-9_]*(\.[0-9_]*)?[eE][-+]?[0-9]+$"),
        list("-+0123456789"),
    )
