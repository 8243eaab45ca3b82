"""What an evaluation consists of, read from configs/eval.yaml: draws, opponents, and shifts out of
distribution.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from cardjax.config import configs_folder, read_document
from cardjax.env.declaration import ParameterError, choice, integer, name_list, with_values
from cardjax.env.params import EnvParams, make_params
from cardjax.evaluation.evaluate import TEST, VALIDATION

SHIPPED = "eval.yaml"
PUBLISHED_SEED = 1
"""Of the test draws that published figures are measured on, and nothing else is
(docs/evaluation.md#the-protocol).
"""
DRAWS = {"validation": VALIDATION, "test": TEST}
"""Name → domain of the keys that an evaluation may draw from."""


@dataclasses.dataclass(frozen=True)
class EvalConfig:
    """The protocol's numbers."""

    seed: int = integer(0, 0, 2**31 - 1, doc="The seed of the evaluation draws.")
    draws: str = choice(
        "test", tuple(DRAWS), doc="validation: for choosing policies; test: for what was chosen."
    )
    games: int = integer(65_536, 1, doc="Games per opponent and training seed.")
    opponents: tuple[str, ...] = name_list(
        ("self", "random_valid", "ev_oracle", "level1", "equilibrium"),
        "a list of self and policies' names",
        doc="Whom a policy meets where there are other players.",
    )

    @property
    def domain(self) -> int:
        """Of the keys that `draws` names."""
        return DRAWS[self.draws]


@dataclasses.dataclass(frozen=True)
class Protocol:
    """An evaluation as it is to be done."""

    config: EvalConfig
    shifts: Mapping[str, Mapping[str, Any]]
    """name → EnvParams by dotted name (without "env.") that differ from the market that is
    evaluated in.
    """


def load_protocol(path: Path | None = None) -> Protocol:
    """A YAML file with a section `eval`, by default the shipped one.

    Raises:
        ParameterError: an unreadable file, an unknown name, or a value that is not allowed.
    """
    path = path or configs_folder() / SHIPPED
    document = read_document(path, names=("eval.opponents",))
    section = document.get("eval")
    if set(document) != {"eval"} or not isinstance(section, dict):
        raise ParameterError("--config", str(path), "must have one section, eval")
    shifts = section.get("shifts") or {}
    rest = {name: value for name, value in section.items() if name != "shifts"}
    return Protocol(with_values(EvalConfig(), rest, "eval."), _read_shifts(shifts))


def shifted_markets(
    env_params: EnvParams, shifts: Mapping[str, Mapping[str, Any]]
) -> tuple[EnvParams, list[str]]:
    """The market as it is and under each shift, stacked along a new leading axis, with their names
    ("as it is" first).

    Raises:
        ParameterError: as `make_params`.
    """
    markets = [env_params, *(make_params(env_params, **changes) for changes in shifts.values())]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *markets), ["as it is", *shifts]


def _read_shifts(shifts: object) -> dict[str, dict[str, Any]]:
    if not isinstance(shifts, dict) or not all(
        isinstance(changes, dict) for changes in shifts.values()
    ):
        raise ParameterError(
            "eval.shifts",
            str(shifts),
            "must map names to parameters of the market, such as alpha: 0.6",
        )
    read = {
        str(name): {str(key): value for key, value in changes.items()}
        for name, changes in shifts.items()
    }
    for name, changes in read.items():
        try:
            make_params(**changes)
        except ParameterError as error:
            raise ParameterError(f"eval.shifts.{name}", ", ".join(changes), str(error)) from None
    return read
