"""`init_from`: a training that begins with what another run has learned."""

from pathlib import Path

import jax
import numpy as np

from cardjax.env.declaration import ParameterError
from cardjax.env.trees import ArrayTree
from cardjax.loading import saved
from cardjax.run.checkpoints import described, difference
from cardjax.run.identity import Run, seeds_of
from cardjax.run.learners import make_learner


def learned_for(run: Run) -> dict[str, ArrayTree]:
    """Fields of the learner's state by name, leaves [n_seeds, …], from the last checkpoint of the
    run that `init_from` names; none where it names none.

    Seed i of the run begins with the other run's seed i, from its first one again where that has
    fewer. Optimiser, replay, games and schedules begin anew.

    Raises:
        ParameterError: not a run of this algorithm, or weights of another shape.
    """
    source = run.config.init_from
    if source is None:
        return {}
    try:
        algorithm, config = saved.read_run(Path(source))
    except ParameterError as error:
        raise ParameterError("init_from", source, error.allowed) from None
    learner = make_learner(run.algorithm, run.config)
    names = getattr(learner, "LEARNED", ())
    if not names:
        allowed = f"{run.algorithm} does not say in LEARNED what of its state a run can begin with"
        raise ParameterError("init_from", source, allowed)
    if algorithm != run.algorithm:
        raise ParameterError("init_from", source, f"is a run of {algorithm}, not {run.algorithm}")
    state = saved.last_state(Run(algorithm, config, Path(source)))
    seeds = np.arange(len(seeds_of(run.config))) % len(seeds_of(config))
    learned = {name: jax.tree.map(lambda leaf: leaf[seeds], getattr(state, name)) for name in names}
    fresh = jax.eval_shape(learner.init, jax.random.key(0))
    _refuse_other_shapes(source, learned, {name: getattr(fresh, name) for name in learned})
    return learned


def _refuse_other_shapes(source: str, learned: ArrayTree, fresh: ArrayTree) -> None:
    theirs = described(jax.tree.map(lambda leaf: leaf[0], learned))
    if said := difference(theirs, described(fresh)):
        raise ParameterError("init_from", source, f"has learned something else: {said}")
