"""A trained policy as one .npz file: plain arrays by name, and JSON that says what they are.
docs/export.md.
"""

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

import jax
import numpy as np

from cardjax.config import RunConfig, config_values, make_config, make_market
from cardjax.env.declaration import ParameterError
from cardjax.env.observation import Field
from cardjax.env.trees import ArrayTree
from cardjax.files.reading import checked
from cardjax.files.writing import replacing
from cardjax.run.learners import ALGORITHMS, make_learner
from cardjax.run.run_folder import provenance

FORMAT, VERSION = "cardjax-policy", 2
META = "meta"
LARGEST_FILE, LARGEST_META, LARGEST_HEADER = 2**30, 2**22, 2**12
"""bytes of a file, of its `meta`, and of what an array's shape and type are written in."""


class Head(TypedDict):
    """What every version of a file says in `meta`."""

    format: str
    version: int


class Meta(Head):
    """What a reader needs of `meta`."""

    algorithm: str
    seed: int
    config: dict[str, Any]
    sha256: str


def write(path: Path, algorithm: str, config: RunConfig, seed: int, params: ArrayTree) -> None:
    """Write a policy's parameters and what they belong to; a reader, or a crash, never meets half
    of the file.

    Raises:
        ParameterError: the file cannot be written, its name does not end in .npz, or a parameter
            is not finite.
    """
    if path.suffix != ".npz":
        raise ParameterError("output", str(path), "must end in .npz")
    if algorithm not in ALGORITHMS:  # reading a file must not run another
        allowed = f"trained by {algorithm}: only policies of cardjax's own algorithms are exported"
        raise ParameterError("policy", str(path), allowed)
    market = make_market(config.game)
    meta: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "algorithm": algorithm,
        "seed": seed,
        "config": config_values(config),
        "observation": _described(market.observation_fields),
        **(
            {"maker_observation": _described(market.maker_observation_fields)}
            if market.has_maker
            else {}
        ),
        "made": provenance(config),
    }
    arrays = {name: np.asarray(leaf) for name, leaf in _by_name(params).items()}
    _refuse_infinite(path, arrays)
    meta["sha256"] = _digest(meta, arrays)
    members: dict[str, Any] = {META: np.array(json.dumps(meta))} | arrays
    try:
        with replacing(path) as part, part.open("wb") as file:
            np.savez(file, **members)
    except OSError as error:
        raise ParameterError(
            "output", str(path), f"cannot be written ({error.strerror or error})"
        ) from None


def read(path: Path) -> tuple[str, RunConfig, int, Any]:
    """(algorithm, configuration, training seed, policy parameters) of a file that `write` has
    written.

    Nothing in it is executed, nothing but numbers and JSON is read, and no more of it than the
    parameters of its configuration need.

    Raises:
        ParameterError: it is not such a file, is damaged, or is of another version.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ValueError(f"it is larger than {LARGEST_FILE:,} bytes")
        with zipfile.ZipFile(path) as file:
            return _read(path, file)
    except ParameterError:
        raise
    except Exception as error:  # of damaged bytes zipfile, zlib and NumPy say so in many ways
        said = " ".join(str(error).split())[:160] or type(error).__name__
        raise ParameterError(
            "policy", str(path), f"is not a policy that cardjax exported ({said})"
        ) from None


def _read(path: Path, file: zipfile.ZipFile) -> tuple[str, RunConfig, int, Any]:
    content = json.loads(str(_array(file, META, LARGEST_META)[()]))
    head = checked(path, content, Head)
    if head["format"] != FORMAT:
        raise ValueError(f"it has the format {head['format']!r}")
    if head["version"] != VERSION:
        said = f"is of version {head['version']}; this cardjax reads {VERSION}"
        raise ParameterError("policy", str(path), said)
    meta = checked(path, content, Meta)
    if meta["algorithm"] not in ALGORITHMS:
        raise ParameterError("policy", str(path), "does not name an algorithm of cardjax")
    config = make_config(meta["config"])
    like = _policy_shapes(meta["algorithm"], config)
    arrays = _read_arrays(path, file, _by_name(like))
    if meta["sha256"] != _digest(content, arrays):
        raise ValueError("its content is not what was written")
    _refuse_infinite(path, arrays)
    params = jax.tree.unflatten(jax.tree.structure(like), list(arrays.values()))
    return meta["algorithm"], config, meta["seed"], params


def _policy_shapes(algorithm: str, config: RunConfig) -> ArrayTree:
    """Shapes and types of the parameters that the configuration's policy takes."""
    learner = make_learner(algorithm, config)
    return jax.eval_shape(lambda key: learner.policy_params(learner.init(key)), jax.random.key(0))


def _read_arrays(
    path: Path, file: zipfile.ZipFile, expected: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """The file's arrays by name, each of the expected shape and type."""
    names = sorted(name.removesuffix(".npy") for name in file.namelist())
    for name in sorted({*names, *expected} - {META}):
        if (names.count(name), name in expected) != (1, True):
            said = "missing" if name in expected and name not in names else "one too many"
            raise _misfit(path, f"{name} is {said}")
    arrays = {}
    for name, leaf in expected.items():
        n_bytes = math.prod(leaf.shape) * leaf.dtype.itemsize
        array = arrays[name] = _array(file, name, n_bytes)
        if (array.shape, array.dtype) != (leaf.shape, leaf.dtype):
            theirs, ours = (f"{x.dtype}{list(x.shape)}" for x in (array, leaf))
            raise _misfit(path, f"{name} is {theirs}, not {ours}")
    return arrays


def _array(file: zipfile.ZipFile, name: str, n_bytes: int) -> np.ndarray:
    """An array of the file that takes at most so many bytes."""
    member = file.getinfo(f"{name}.npy")
    if member.compress_type != zipfile.ZIP_STORED or member.file_size > n_bytes + LARGEST_HEADER:
        raise ValueError(f"{name} is compressed, or larger than its configuration says")
    array: np.ndarray = np.lib.format.read_array(io.BytesIO(file.read(member)), allow_pickle=False)
    return array


def _digest(meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of everything that a file says, but for the digest itself."""
    rest = {name: value for name, value in meta.items() if name != "sha256"}
    digest = hashlib.sha256(json.dumps(rest, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _refuse_infinite(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            said = f"{name} holds values that are not finite, so it is no policy that could play"
            raise ParameterError("policy", str(path), said)


def _misfit(path: Path, said: str) -> ParameterError:
    return ParameterError("policy", str(path), f"does not fit its configuration: {said}")


def _described(fields: Mapping[str, Field]) -> dict[str, Any]:
    """Where each field stands in an observation, and its scale."""
    return {
        name: {"slice": [field.slice.start, field.slice.stop], "scale": field.scale}
        for name, field in fields.items()
    }


def _by_name(params: ArrayTree) -> dict[str, Any]:
    """Each leaf by its path, in the order of the tree."""
    return {
        jax.tree_util.keystr(place, simple=True, separator="."): leaf
        for place, leaf in jax.tree_util.tree_leaves_with_path(params)
    }
