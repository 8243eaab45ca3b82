"""Values by dotted name into a checked RunConfig and back, and the market that it describes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cardjax.config.documents import dump, parse_override, read_yaml
from cardjax.config.hyperparameters import DQNConfig, PPOConfig
from cardjax.config.presets import RULES, preset_params, preset_rules, presets_by_name
from cardjax.config.retired import without_retired
from cardjax.config.schema import KINDS, GameConfig, RunConfig, named, parameters
from cardjax.env.declaration import ParameterError, declared, unknown_name, value_at, with_values
from cardjax.env.market import CardMarket
from cardjax.env.params import REWARD_KINDS, EnvParams, make_params

GAME = tuple(f"env.{name}" for name, _, _ in declared(GameConfig))
MARKET = tuple(f"env.{name}" for name, _, _ in declared(EnvParams))


def load_config(
    path: str | Path | None,
    overrides: Sequence[str] = (),
    aliases: Mapping[str, str] | None = None,
) -> RunConfig:
    """The configuration of a YAML file (or the defaults) with `key=value` overrides.

    Args:
        overrides: if two are for the same name, the last one counts.
        aliases: short name → dotted name, such as `lr` → `ppo.learning_rate`.

    Raises:
        ParameterError: the file cannot be read, a name is unknown, or a value is not allowed.
    """
    aliases = aliases or {}
    written = {} if path is None else read_yaml(Path(path))
    values: dict[str, object] = {}
    for given in (written, dict(map(parse_override, overrides))):
        values |= {aliases.get(name, name): value for name, value in given.items()}
    return make_config(values)


def with_overrides(config: RunConfig, overrides: Sequence[str]) -> RunConfig:
    """The configuration with `key=value` overrides.

    A new preset replaces all numbers and rules of `env`; the other overrides are applied to it.
    """
    changes = dict(parse_override(text) for text in overrides)
    kept = config_values(config)
    if "env.preset" in changes:
        kept = {name: value for name, value in kept.items() if name not in MARKET + RULES}
    return make_config(kept | changes)


def make_config(values: Mapping[str, object]) -> RunConfig:
    """The configuration with these values by dotted name.

    If all values of the market are given, the preset is only a label and its file is not needed.

    Raises:
        ParameterError: a name is unknown, a value is not allowed, or values do not fit together.
    """
    values = without_retired(values)
    known = list(parameters())
    for name, value in values.items():
        if name not in known:
            raise unknown_name(name, value, known)
    market = {name: values[name] for name in MARKET if name in values}
    stands_alone = len(market) == len(MARKET)
    game = make_game(
        {name: values[name] for name in GAME if name in values}, with_preset=not stands_alone
    )
    preset = EnvParams() if stands_alone else preset_params(game.preset)
    rest = {name: value for name, value in values.items() if name not in GAME + MARKET}
    config = with_values(RunConfig(game=game, env=make_params(preset, **market)), rest)
    check_maker(make_market(game), config.env)
    for name in ("learning_rate", "entropy"):
        _check_schedule(config.ppo, name)
    _check_dqn(config.dqn)
    for section in ("dqn", "pqn"):
        _check_seat(section, getattr(config, section).seat, make_market(game).n_players)
    return config


def make_game(values: Mapping[str, object], with_preset: bool = True) -> GameConfig:
    """The static choices of a game, by names with or without "env.".

    Args:
        with_preset: whether the preset's own choices fill in what `values` leaves open.

    Raises:
        ParameterError: a name is unknown, or a value is not allowed. If a preset's name is given as
            the kind, the message says so.
    """
    values = {name.removeprefix("env."): value for name, value in values.items()}
    kind = values.get("kind")
    if isinstance(kind, str) and kind not in KINDS and kind in presets_by_name():
        allowed = f"must be one of {', '.join(KINDS)}; {kind} is a preset: preset={kind}"
        raise ParameterError("env.kind", kind, allowed)
    game = with_values(GameConfig(), values, "env.")
    if not with_preset:
        return game
    chosen = {name.removeprefix("env."): value for name, value in preset_rules(game.preset).items()}
    return with_values(GameConfig(), chosen | values, "env.")


def config_values(config: RunConfig) -> dict[str, object]:
    """Every value by dotted name, as plain YAML types; `make_config` turns it back."""
    return {
        named(name): declaration.write(value_at(config, name))
        for name, declaration, _ in declared(RunConfig)
    }


def dump_config(config: RunConfig) -> str:
    """The configuration as nested YAML."""
    return dump(config_values(config))


def make_market(game: GameConfig) -> CardMarket:
    """The environment that a game's static choices describe."""
    n_players = game.n_players or (1 if game.kind == "single" else 2)
    if game.kind == "single" and n_players != 1:
        raise ParameterError("env.n_players", n_players, "must be 1 for env.kind = single")
    return CardMarket(
        n_players,
        squeeze=game.kind == "single",
        observe_posterior=game.observe_posterior,
        event_info=game.event_info,
        inventory=game.inventory,
        maker=game.maker,
    )


def check_maker(market: CardMarket, params: EnvParams) -> None:
    """Refuse numbers that do not fit the one who quotes.

    Raises:
        ParameterError: there is a number for a maker that plays, and none does; or one plays, and
            the takers are charged for risk or paid in logarithms, which it cannot be.
    """
    if not market.has_maker:
        default, read = EnvParams(), ("maker_lag", "noise.rate", "noise.decay")
        for name in read:
            if value_at(params, name) != value_at(default, name):
                allowed = "is read only with env.maker = agent"
                raise ParameterError(f"env.{name}", value_at(params, name), allowed)
        return
    if REWARD_KINDS[params.reward] == "log_wealth":
        allowed = "must be pnl or expected_pnl with env.maker = agent, who has no wealth"
        raise ParameterError("env.reward", "log_wealth", allowed)
    for name in ("risk.phi", "risk.phi_end"):
        if value_at(params, name) != 0:
            allowed = "must be 0 with env.maker = agent"
            raise ParameterError(f"env.{name}", value_at(params, name), allowed)


def practised_params(config: RunConfig) -> EnvParams:
    """The market for training: that of the run, with remaps as frequent as `train.remap` says."""
    remap = config.train.remap
    return config.env if remap is None else make_params(config.env, **{"events.remap": remap})


def _check_schedule(ppo: PPOConfig, name: str) -> None:
    for end in (name, f"{name}_end"):
        if getattr(ppo, f"{name}_schedule") == "geometric" and not getattr(ppo, end) > 0:
            raise ParameterError(
                f"ppo.{end}", getattr(ppo, end), "must be above 0 for a geometric schedule"
            )


def _check_dqn(dqn: DQNConfig) -> None:
    """Refuse values that do not fit together.

    The learner checks what depends on train.n_envs.
    """
    rounds = dqn.rollout_rounds
    if dqn.v_min >= dqn.v_max:
        raise ParameterError("dqn.v_min", dqn.v_min, f"must be below dqn.v_max = {dqn.v_max}")
    if dqn.memory == "none" and dqn.burn_in:
        allowed = "must be 0 without a dqn.memory (gru or lstm)"
        raise ParameterError("dqn.burn_in", dqn.burn_in, allowed)
    if dqn.burn_in > rounds:
        allowed = f"must be at most dqn.rollout_rounds = {rounds}"
        raise ParameterError("dqn.burn_in", dqn.burn_in, allowed)
    if dqn.critic_sees_truth and (dqn.memory, dqn.head) != ("none", "mean"):
        allowed = "is for dqn.memory = none and dqn.head = mean"
        raise ParameterError("dqn.critic_sees_truth", "on", allowed)
    if dqn.memory != "none" and dqn.batch_size % rounds:
        allowed = f"with a dqn.memory, must be a multiple of dqn.rollout_rounds = {rounds}"
        raise ParameterError("dqn.batch_size", dqn.batch_size, allowed)


def _check_seat(section: str, seat: int, n_players: int) -> None:
    if n_players > 1 and seat >= n_players:
        allowed = f"must be below the number of players, {n_players}"
        raise ParameterError(f"{section}.seat", seat, allowed)
