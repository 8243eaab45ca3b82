"""A trained policy as one .npz file: plain arrays by name, and JSON that says what they are.
docs/export.md.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

import jax
import numpy as np

from cardjax.config import RunConfig, config_values, make_config, make_market
from cardjax.env.declaration import ParameterError
from cardjax.files.writing import replacing
from cardjax.runtime.learners import ALGORITHMS, make_learner
from cardjax.runtime.run_folder import provenance

FORMAT, VERSION = "cardjax-policy", 1
META = "meta"
LARGEST_FILE = 2**30
"""bytes; a policy of ours has about one in a thousand of it."""


def write(path: Path, algorithm: str, config: RunConfig, seed: int, params: Any) -> None:
    """Write a policy's parameters and what they belong to; a reader, or a crash, never meets half
    of the file.

    Raises:
        ParameterError: the file cannot be written, or its name does not end in .npz.
    """
    if path.suffix != ".npz":
        raise ParameterError("output", str(path), "must end in .npz")
    if algorithm not in ALGORITHMS:  # reading a file must not run another
        allowed = f"trained by {algorithm}: only policies of cardjax's own algorithms are exported"
        raise ParameterError("policy", str(path), allowed)
    meta = {
        "format": FORMAT,
        "version": VERSION,
        "algorithm": algorithm,
        "seed": seed,
        "config": config_values(config),
        "observation": {
            name: {"slice": [field.slice.start, field.slice.stop], "scale": field.scale}
            for name, field in make_market(config.game).observation_fields.items()
        },
        "made": provenance(config),
    }
    arrays: dict[str, Any] = {META: np.array(json.dumps(meta))} | _by_name(params)
    try:
        with replacing(path) as part, part.open("wb") as file:
            np.savez(file, **arrays)
    except OSError as error:
        raise ParameterError(
            "output", str(path), f"cannot be written ({error.strerror or error})"
        ) from None


def read(path: Path) -> tuple[str, RunConfig, int, Any]:
    """(algorithm, configuration, training seed, policy parameters) of a file that `write` has
    written.

    Nothing in it is executed, and nothing but numbers and JSON is read.

    Raises:
        ParameterError: it is not such a file, is damaged, or is of a newer version.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ValueError(f"is larger than {LARGEST_FILE:,} bytes")
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        meta = json.loads(str(arrays.pop(META)))
        if meta["format"] != FORMAT:
            raise ValueError(f"has the format {meta['format']!r}")
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        EOFError,
        zipfile.BadZipFile,
    ) as error:
        said = " ".join(str(error).split())
        raise ParameterError(
            "policy", str(path), f"is not a policy that cardjax exported ({said})"
        ) from None
    if meta.get("version") != VERSION:
        raise ParameterError(
            "policy",
            str(path),
            f"is of version {meta.get('version')}; this cardjax reads {VERSION}",
        )
    if meta.get("algorithm") not in ALGORITHMS or not isinstance(meta.get("config"), dict):
        raise ParameterError(
            "policy", str(path), "does not name an algorithm and a configuration of cardjax"
        )
    config = make_config(meta["config"])
    return (
        meta["algorithm"],
        config,
        int(meta["seed"]),
        _filled(path, meta["algorithm"], config, arrays),
    )


def _filled(path: Path, algorithm: str, config: RunConfig, arrays: dict[str, np.ndarray]) -> Any:
    """The parameters that the configuration's policy takes, each from the array of its name."""
    learner = make_learner(algorithm, config)
    like = jax.eval_shape(lambda key: learner.policy_params(learner.init(key)), jax.random.key(0))
    named = jax.tree_util.tree_leaves_with_path(like)
    expected = {_name(place): (leaf.shape, leaf.dtype) for place, leaf in named}
    found = {name: (array.shape, array.dtype) for name, array in arrays.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            theirs, ours = found.get(name, "missing"), expected.get(name, "not there")
            raise ParameterError(
                "policy",
                str(path),
                f"does not fit its configuration: {name} is {theirs}, not {ours}",
            )
    return jax.tree.unflatten(
        jax.tree.structure(like), [arrays[_name(place)] for place, _ in named]
    )


def _by_name(params: Any) -> dict[str, np.ndarray]:
    return {
        _name(place): np.asarray(leaf)
        for place, leaf in jax.tree_util.tree_leaves_with_path(params)
    }


def _name(place: Any) -> str:
    return jax.tree_util.keystr(place, simple=True, separator=".")
