"""The YAML files that come with cardjax, and which of them are presets of the market."""

import re
from pathlib import Path

from cardjax.config.documents import read_document, read_yaml
from cardjax.env.declaration import ParameterError
from cardjax.env.params import EnvParams, make_params

RULES = ("env.event_info", "env.inventory", "env.maker")
"""The static choices that a preset may make, beside the market's numbers."""


def preset_params(name: str) -> EnvParams:
    """The EnvParams of a preset, by name; no other file is opened.

    Raises:
        ParameterError: there is no such preset, or its file is damaged.
    """
    numbers = {key: value for key, value in _preset(name).items() if key not in RULES}
    return make_params(**numbers)


def preset_rules(name: str) -> dict[str, object]:
    """The static choices of a preset, those of `RULES` that it makes, by dotted name.

    Raises:
        ParameterError: as `preset_params`.
    """
    return {key: value for key, value in _preset(name).items() if key in RULES}


def _preset(name: str) -> dict[str, object]:
    """All values of a preset by dotted name."""
    path = configs_folder() / f"{name}.yaml"
    if not re.fullmatch(r"\w[\w.-]*", name) or not path.is_file() or not _is_preset(path):
        raise ParameterError("env.preset", name, f"must be one of {', '.join(presets_by_name())}")
    return read_yaml(path)


def presets_by_name() -> dict[str, Path]:
    """The presets by name: the files that contain an `env` section and nothing else.

    Hidden files, and files that cannot be read, are left out.
    """
    presets = {}
    for path in sorted(configs_folder().glob("[!.]*.yaml")):
        try:
            if _is_preset(path):
                presets[path.stem] = path
        except ParameterError:  # Nobody asked for it: it may be half-written.
            continue
    return presets


def find_config(path: Path) -> Path:
    """The file itself or, for a bare NAME or configs/NAME that does not exist, the shipped file.

    An installed package has no folder configs/ in the current directory.
    """
    shipped = configs_folder() / path.name
    named = path.parent in (Path(), Path("configs")) and shipped.is_file()
    return shipped if named and not path.exists() else path


def configs_folder() -> Path:
    """The folder of the shipped YAML files.

    It is beside the package in a checkout, and inside it in an installed wheel.
    """
    package = Path(__file__).resolve().parents[1]
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


def _is_preset(path: Path) -> bool:
    document = read_document(path)
    return set(document) == {"env"} and isinstance(document["env"], dict)
