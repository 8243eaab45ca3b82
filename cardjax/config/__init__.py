"""Run configurations: one schema of frozen dataclasses, read from YAML and dotted overrides.

A value comes from, in rising order: its declaration's default, the preset's YAML, the config file,
the command line.

    schema, hyperparameters   every parameter, declared once
    documents                 YAML files and `key=value` into values by dotted name, and back
    presets                   the shipped files and the markets among them
    build                     values into a checked RunConfig; markets from a GameConfig
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
from cardjax.config.hyperparameters import MEMORIES, SCHEDULES, DQNConfig, PPOConfig
from cardjax.config.presets import configs_folder, find_config, preset_params, presets_by_name
from cardjax.config.schema import GameConfig, RunConfig, TrainConfig, parameters

__all__ = [
    "MEMORIES",
    "SCHEDULES",
    "DQNConfig",
    "GameConfig",
    "PPOConfig",
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
