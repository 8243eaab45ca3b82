"""Run configurations: frozen dataclasses that declare every parameter, filled from YAML and
`key=value` overrides.

The command line takes precedence over the config file, that over the preset's YAML, and that over
the declared defaults.

    schema, hyperparameters   every parameter, declared once
    documents                 YAML files and `key=value` → values by dotted name, and back
    presets                   the shipped files, and which of them are markets
    build                     values → a checked RunConfig; the market of a GameConfig
"""

from cardjax.config.build import (
    config_values,
    dump_config,
    load_config,
    make_config,
    make_market,
    practised_params,
    with_overrides,
)
from cardjax.config.documents import parse_override, read_document
from cardjax.config.hyperparameters import (
    MEMORIES,
    SCHEDULES,
    DQNConfig,
    PPOConfig,
    PQNConfig,
    QLearnerConfig,
)
from cardjax.config.presets import configs_folder, find_config, preset_params, presets_by_name
from cardjax.config.schema import GameConfig, RunConfig, TrainConfig, parameters

__all__ = [
    "MEMORIES",
    "SCHEDULES",
    "DQNConfig",
    "GameConfig",
    "PPOConfig",
    "PQNConfig",
    "QLearnerConfig",
    "RunConfig",
    "TrainConfig",
    "config_values",
    "configs_folder",
    "dump_config",
    "find_config",
    "load_config",
    "make_config",
    "make_market",
    "parameters",
    "parse_override",
    "practised_params",
    "preset_params",
    "presets_by_name",
    "read_document",
    "with_overrides",
]
