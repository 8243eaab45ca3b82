"""Checkpoints of a learner's whole state, kept by orbax: written aside and renamed, so a crash leaves the last one."""

from pathlib import Path
from typing import Any, TypeVar

import jax
import orbax.checkpoint as ocp

from cardjax.env.declaration import ParameterError

T = TypeVar("T")


class Checkpoints:
    """The checkpoints/ of a run folder; the last two are kept."""

    def __init__(self, folder: Path):
        options = ocp.CheckpointManagerOptions(max_to_keep=2, enable_async_checkpointing=False)
        self._folder = folder
        self._manager = ocp.CheckpointManager((folder / "checkpoints").resolve(), options=options)

    def save(self, n_updates: int, state: Any) -> None:
        """Save the state after so many updates; a second save of the same one does nothing."""
        if n_updates != self._manager.latest_step():
            self._manager.save(n_updates, args=ocp.args.StandardSave(_without_keys(state)))

    def latest(self) -> int | None:
        """Updates done at the last checkpoint, None if there is none."""
        return self._manager.latest_step()

    def restore(self, like: T) -> T:
        """The last checkpoint's state, of the structure, shapes and types of `like`.

        Raises:
            ParameterError: no checkpoint, or one that does not fit or cannot be read.
        """
        step = self.latest()
        if step is None:
            raise ParameterError("run", str(self._folder), "has no checkpoint")
        target = jax.tree.map(ocp.utils.to_shape_dtype_struct, _without_keys(like))
        try:
            saved = self._manager.restore(step, args=ocp.args.StandardRestore(target))
        except Exception as error:
            # Orbax and tensorstore raise many kinds, and a bad file is the user's to know of in one line.
            reason = " ".join(str(error).split())[:200]
            said = f"checkpoint {step} does not fit this run ({reason})"
            raise ParameterError("run", str(self._folder), said) from None
        return _with_keys(saved, like)

    def close(self) -> None:
        """Release the manager's threads."""
        self._manager.close()


def _is_key(leaf: Any) -> bool:
    return jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _without_keys(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: jax.random.key_data(leaf) if _is_key(leaf) else leaf, tree)


def _with_keys(tree: Any, like: T) -> T:
    return jax.tree.map(lambda leaf, k: jax.random.wrap_key_data(leaf) if _is_key(k) else leaf, tree, like)
