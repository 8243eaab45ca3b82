"""The newest checkpoint that is intact."""

import sys
from collections.abc import Sequence

import jax
import numpy as np
from tqdm import tqdm

from cardjax.env.declaration import ParameterError
from cardjax.env.trees import ArrayTree
from cardjax.run.checkpoints import DamagedError
from cardjax.run.journal import Journal


def restore(journals: Sequence[Journal], like: ArrayTree) -> tuple[int, ArrayTree]:
    """(updates done, state) of the newest checkpoint that every run has intact; (0, None) if they
    have none in common.

    A run killed before its first checkpoint starts afresh, and so do runs of which one was.

    Args:
        like: shapes and types of the state of all runs, leaves [n_replicates, …].

    Raises:
        ParameterError: checkpoints of another run, or none that can be read.
    """
    per_run = jax.tree.leaves(like)[0].shape[0] // len(journals)
    part = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct((per_run, *leaf.shape[1:]), leaf.dtype), like
    )
    common = set.intersection(*(set(journal.checkpoints.steps()) for journal in journals))
    damaged: list[str] = []
    for step in sorted(common, reverse=True):
        try:
            states = [_restore_one(journal, step, part) for journal in journals]
        except DamagedError as error:
            damaged.append(str(error))
            continue
        for said in damaged:
            tqdm.write(f"{said}: taking checkpoint {step}", file=sys.stderr)
        return step, jax.tree.map(lambda *leaves: np.concatenate(leaves), *states)
    if damaged:
        raise ParameterError(
            "run", str(journals[0].run.folder), "; ".join(damaged) + "; there is no other"
        )
    return 0, None


def _restore_one(journal: Journal, step: int, like: ArrayTree) -> ArrayTree:
    try:
        return journal.checkpoints.restore(step, like)
    except DamagedError as error:
        raise DamagedError(
            f"checkpoint {step} of {journal.run.folder} cannot be read ({error})"
        ) from None
