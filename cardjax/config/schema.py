"""What a run depends on: one dataclass per section of a configuration, every parameter declared."""

import dataclasses
import re

from cardjax.config.hyperparameters import DQNConfig, PPOConfig, PQNConfig
from cardjax.env.declaration import (
    Declared,
    choice,
    custom,
    declared,
    flag,
    group,
    integer,
    scalar,
)
from cardjax.env.maker import PLAYED_BY
from cardjax.env.observation import EVENT_INFO
from cardjax.env.params import EnvParams

KINDS = ("single", "two")


def _optional_players(value: object) -> int | None:
    n_players = scalar(value)
    if n_players is None:
        return None
    if isinstance(n_players, bool) or not isinstance(n_players, int) or not 1 <= n_players <= 16:
        raise ValueError
    return n_players


def _optional_chance(value: object) -> float | None:
    chance = scalar(value)
    if chance is None:
        return None
    if isinstance(chance, bool) or not isinstance(chance, int | float) or not 0 <= chance <= 1:
        raise ValueError
    return float(chance)


def _optional_text(value: object) -> str | None:
    if not (value is None or (isinstance(value, str) and value)):
        raise ValueError
    return value


def _run_name(value: object) -> str | None:
    if value is not None and not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,99}", str(value)):
        raise ValueError
    return None if value is None else str(value)


@dataclasses.dataclass(frozen=True)
class GameConfig:
    """Which game is played: the choices that are static.

    EnvParams holds the traced ones; all have names that begin with `env.`.
    """

    kind: str = choice(
        "two",
        KINDS,
        doc="single: one player, without a player axis. two: several players, 2 unless n_players "
        "says otherwise.",
    )
    preset: str = custom(
        "default",
        "the name of a preset (a YAML with an env section under configs/)",
        str,
        doc="The market that the other env.* values change.",
        as_typed=True,
    )
    n_players: int | None = custom(
        None,
        "a whole number in [1, 16]",
        _optional_players,
        doc="A, the number of players; null: 1 in single, 2 in two.",
    )
    observe_posterior: bool = flag(
        False,
        doc="On: the observation also holds the posterior's mean and standard deviation (an "
        "ablation).",
    )
    event_info: str = choice(
        "known",
        EVENT_INFO,
        doc="known: everybody knows the event. hidden: nobody does, and it must be inferred from "
        "cards and sums. belief: as hidden, and the observation holds the exact posterior.",
    )
    inventory: bool = flag(
        False,
        doc="On: units are carried from round to round, and their holder bears the risk.",
    )
    maker: str = choice(
        "oracle",
        PLAYED_BY,
        doc="Who quotes. oracle: a rule that knows mu and errs. agent: a player, who moves first, "
        "and knows less than the takers.",
    )


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """How much is played, and how often the policy is evaluated."""

    total_steps: int = integer(
        16_000_000,
        1,
        10**15,
        doc="Rounds that each seed is trained for, rounded up to whole updates.",
        unit="rounds",
    )
    n_envs: int = integer(1024, 1, 2**24, doc="Games that each seed plays at once.")
    n_seeds: int = integer(1, 1, 1024, doc="Seeds that are trained side by side in one program.")
    remap: float | None = custom(
        None,
        "null or a number in [0, 1]",
        _optional_chance,
        doc="env.events.remap during training, so that a rare event is practised more often than "
        "it comes up. Null: as env.events.remap, which evaluations always use.",
    )
    shard_games: str = choice(
        "auto",
        ("auto", "always", "never"),
        doc="Whether devices that seeds leave idle share the games of a seed. auto: yes, except on "
        "the CPUs of a single process.",
    )
    n_evals: int = integer(
        10,
        1,
        doc="How often a training is evaluated and saved, at even distances; the last time at its "
        "end.",
    )
    eval_games: int = integer(16_384, 1, doc="Games that each of these evaluations plays.")
    final_eval_games: int = integer(
        65_536, 1, doc="Games per opponent for the table at the end of the training."
    )


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Everything that a training run depends on."""

    name: str | None = custom(
        None,
        "letters, digits, '.', '_' and '-'",
        _run_name,
        doc="The name of the run's folder. Null: made of algorithm, game and time.",
        as_typed=True,
    )
    algorithm: str | None = custom(
        None,
        "an algorithm's name",
        _optional_text,
        doc="The algorithm that this configuration is for: a command that trains another one "
        "refuses it. Null: any.",
        as_typed=True,
    )
    init_from: str | None = custom(
        None,
        "a run folder, or null",
        _optional_text,
        doc="The run whose last weights this one begins with. Null: fresh weights.",
        as_typed=True,
    )
    seed: int = integer(0, 0, doc="The seed of all the run's randomness.")
    game: GameConfig = group(GameConfig)
    env: EnvParams = group(EnvParams)
    train: TrainConfig = group(TrainConfig)
    ppo: PPOConfig = group(PPOConfig)
    dqn: DQNConfig = group(DQNConfig)
    pqn: PQNConfig = group(PQNConfig)


def parameters() -> dict[str, Declared]:
    """The declaration of every parameter, by the dotted name that files and command lines use.

    The static choices of the game and the numbers of the market both have names under `env.`.
    """
    return {named(name): declaration for name, declaration, _ in declared(RunConfig)}


def named(field: str) -> str:
    """The dotted name of a field of RunConfig."""
    return field.replace("game.", "env.", 1)
