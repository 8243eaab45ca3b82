"""Checkpoints of a learner's whole state, kept by orbax: written aside and renamed, so a crash
leaves the last one.

Beside the arrays, a checkpoint says what it is of (its run, algorithm, observation fields,
configuration), after how many updates it was saved, the shape and type of each array, and a
checksum of its bytes. So one that belongs elsewhere is told from one that is damaged or misplaced:
the first is refused with what differs, and in place of the second an older one is taken.
"""

import contextlib
import zlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NotRequired, TypedDict, TypeVar

import jax
import numpy as np

from cardjax.config import RunConfig, config_values
from cardjax.env.declaration import ParameterError
from cardjax.env.trees import ArrayTree
from cardjax.files.reading import checked

T = TypeVar("T")
N_KEPT = 2
MAY_DIFFER = ("train.total_steps",)
"""Values that a run may change between a checkpoint and its resumption."""


class About(TypedDict):
    """What a checkpoint says of itself."""

    origin: dict[str, Any]
    n_updates: NotRequired[int]
    """absent from checkpoints of cardjax 0.1.0, which name no run either."""
    arrays: dict[str, str]
    checksums: dict[str, int]


class DamagedError(Exception):
    """A checkpoint that cannot be read; the message says why, in one line."""


class Checkpoints:
    """The checkpoints/ of a run folder; the last two are kept. Arrays go in and come out as
    NumPy's.
    """

    def __init__(self, folder: Path, origin: Mapping[str, Any]):
        """`origin`: what the run is, by name; see `origin_of` in runs.py.

        Raises:
            ParameterError: the folder cannot be written.
        """
        self._folder, self._origin = folder, dict(origin)
        try:
            (folder / "checkpoints").mkdir(exist_ok=True)
            self._was_empty = not any((folder / "checkpoints").iterdir())
        except OSError as error:
            raise self._unusable(error) from None

    def steps(self) -> list[int]:
        """Updates done at each checkpoint, the newest first."""
        if self._was_empty and not self._is_open:
            return []
        return sorted(self._manager.all_steps(), reverse=True)

    def save(self, n_updates: int, state: ArrayTree) -> None:
        """Save the state (NumPy arrays) after so many updates; a second save of the same one does
        nothing.

        Raises:
            ParameterError: it cannot be written; the earlier ones are as they were.
        """
        if not (self._folder / "meta.json").is_file():  # orbax would make the folder anew
            said = f"was removed while it was trained; checkpoint {n_updates} is not written"
            raise ParameterError("run", str(self._folder), said)
        if n_updates in self.steps():
            return
        manager = self._manager
        from orbax.checkpoint.args import StandardSave

        about = {
            "origin": self._origin,
            "n_updates": n_updates,
            "arrays": described(state),
            "checksums": _checksums(state),
        }
        try:
            manager.save(n_updates, args=StandardSave(state), custom_metadata=about)
        except Exception as error:  # orbax and tensorstore raise many kinds
            good = self.steps()
            kept = f"the last good one is {good[0]}" if good else "there is none yet"
            said = f"checkpoint {n_updates} cannot be written ({_one_line(error)}); {kept}"
            raise ParameterError("run", str(self._folder), said) from None

    def restore(self, n_updates: int, like: T) -> T:
        """The state after so many updates, as NumPy arrays in the structure of `like`.

        Args:
            like: arrays or their shapes and types.

        Raises:
            ParameterError: the checkpoint is of another run, or of another version of cardjax; the
                message names what differs.
            DamagedError: it cannot be read, or its bytes are not those that were saved.
        """
        from orbax.checkpoint.args import StandardRestore

        about = self._about(n_updates)
        self._refuse_other(n_updates, about, like)
        try:
            saved = self._manager.restore(n_updates, args=StandardRestore())
            arrays = {
                _path(path): np.asarray(leaf)
                for path, leaf in jax.tree_util.tree_leaves_with_path(saved)
            }
            # By name, since a cardjax that has more optional fields reads them as None.
            state: T = jax.tree.unflatten(
                jax.tree.structure(like), [arrays[name] for name in described(like)]
            )
        except Exception as error:
            raise DamagedError(_one_line(error)) from None
        changed = [
            name for name, sum_ in _checksums(state).items() if sum_ != about["checksums"].get(name)
        ]
        if changed:
            raise DamagedError(f"the bytes of {changed[0]} are not those that were saved")
        return state

    def forget_after(self, n_updates: int) -> None:
        """Delete the checkpoints after so many updates."""
        for step in self.steps():
            if step > n_updates:
                self._manager.delete(step)

    def close(self) -> None:
        """Release the manager's threads."""
        if self._is_open:
            with contextlib.suppress(Exception):  # it may repeat what a failed save has said
                self._manager.close()

    @cached_property
    def _manager(self) -> Any:
        """orbax's. A new run does its first updates without: the import takes a quarter of a
        second.
        """
        import orbax.checkpoint as ocp

        # One process writes and reads, so orbax is not to wait for the others.
        alone = ocp.options.MultiprocessingOptions(
            primary_host=jax.process_index(),
            active_processes={jax.process_index()},
            barrier_sync_key_prefix="first",
        )
        several = jax.process_count() > 1
        options = ocp.CheckpointManagerOptions(
            max_to_keep=N_KEPT,
            enable_async_checkpointing=False,
            create=not several,
            multiprocessing_options=alone if several else ocp.options.MultiprocessingOptions(),
        )
        try:
            return ocp.CheckpointManager((self._folder / "checkpoints").resolve(), options=options)
        except OSError as error:
            raise self._unusable(error) from None

    @property
    def _is_open(self) -> bool:
        return "_manager" in self.__dict__

    def _unusable(self, error: OSError) -> ParameterError:
        return ParameterError(
            "run", str(self._folder), f"checkpoints/ cannot be used ({error.strerror})"
        )

    def _about(self, n_updates: int) -> About:
        try:
            content = self._manager.metadata(n_updates).custom_metadata
            about = checked(Path(str(n_updates)), content, About)
        except Exception as error:
            raise DamagedError(f"its description cannot be read ({_one_line(error)})") from None
        own = about.get("n_updates", n_updates)
        if own != n_updates:
            raise DamagedError(f"it was saved as checkpoint {own}")
        return about

    def _refuse_other(self, n_updates: int, about: About, like: object) -> None:
        ours, arrays = self._origin, described(like)
        # What an older cardjax did not know was what it is by default.
        theirs = {**config_values(RunConfig()), **about["origin"]}
        theirs = {name: value for name, value in theirs.items() if name in ours}
        if "run_id" not in theirs:
            ours = {name: value for name, value in ours.items() if name != "run_id"}
        for name in MAY_DIFFER:
            theirs[name] = ours[name]
        of = "run"
        if not (said := difference(theirs, ours)):
            said = difference(about["arrays"], arrays)
            if "run_id" in theirs:  # this very run, as another version of cardjax saved it
                of = "version of cardjax, or of the learner"
        if said:
            raise ParameterError(
                "run", str(self._folder), f"checkpoint {n_updates} is of another {of}: {said}"
            )


def difference(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    """The first few names whose values differ, with both: a checkpoint's and the ones here."""
    names = [name for name in {**theirs, **ours} if theirs.get(name) != ours.get(name)]
    parts = [_one_difference(name, theirs.get(name), ours.get(name)) for name in names[:3]]
    return ", ".join(parts) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _one_difference(name: str, theirs: object, ours: object) -> str:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return f"{name}: {difference(theirs, ours)}"
    return f"{name} is {_shown(theirs)} in the checkpoint and {_shown(ours)} here"


def _shown(value: object) -> str:
    return "absent" if value is None else str(value)


def described(tree: object) -> dict[str, str]:
    """Type and shape of each array by its path, such as float32[2, 64]."""
    return {
        _path(path): f"{leaf.dtype}{list(leaf.shape)}"
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }


def _checksums(tree: object) -> dict[str, int]:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {_path(path): zlib.crc32(_bytes_of(leaf)) for path, leaf in leaves}


def _bytes_of(array: np.typing.ArrayLike) -> memoryview:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _path(path: jax.tree_util.KeyPath) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")


def _one_line(error: BaseException) -> str:
    return " ".join(f"{error}".split())[:160] or type(error).__name__
