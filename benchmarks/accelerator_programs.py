"""The processes in which accelerator.py measures. Each gets a job as JSON, says that it has
compiled its program, and measures when it is told to go.

Everything compiles at once, on as many host cores as there are, and is measured one after another:
compilation is most of the time, and a program that compiles tries kernels on the accelerator.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from rollouts import card_market, compiled_rollout

from cardjax.config import RunConfig, load_config
from cardjax.env.trees import ArrayTree
from cardjax.run.learners import make_learner
from cardjax.training.replicates import Replicates
from cardjax.training.scores import Scores

SETTINGS: dict[str, dict[str, Any]] = {
    "one player": {"n_players": 1},
    "two players": {"n_players": 2},
    "four players": {"n_players": 4},
    "hidden events": {"n_players": 2, "event_info": "hidden"},
    "inventory": {"n_players": 1, "inventory": True},
}
"""The games whose streams are compared."""
STREAM_GAMES, STREAM_ROUNDS = 2048, 10
COPIED_BYTES = 2**30


class Job(NamedTuple):
    """What a process does."""

    part: str
    """A key of PARTS."""
    games: int = 0
    """Games at once, of the market."""
    observe: bool = True
    """Whether the market's observations are written out."""
    algorithm: str = ""
    config: str = ""
    """A configuration file, of a training."""
    overrides: Sequence[str] = ()
    target: float = 0
    """The score to which a training's seconds are counted."""
    limit: float = 0
    """Seconds after which a measurement ends."""
    repeats: int = 1
    output: str = ""
    """Where streams are written."""


Answer = dict[str, Any]


def main() -> None:
    job = Job(**json.loads(sys.argv[1]))
    start = time.perf_counter()
    measure = PARTS[job.part](job)
    _say({"compile_seconds": time.perf_counter() - start})
    sys.stdin.readline()
    _say(measure() | {"peak_bytes": peak_bytes()})


def streams(job: Job) -> Callable[[], Answer]:
    """Rounds of every setting, all that they leave behind, as one .npz file."""
    games = {name: random_games(**setting) for name, setting in SETTINGS.items()}

    def measure() -> Answer:
        leaves = {
            f"{name}: {path}": leaf for name, play in games.items() for path, leaf in play().items()
        }
        np.savez(job.output, allow_pickle=False, **leaves)
        return {"platform": jax.default_backend()}

    return measure


def random_games(**setting: Any) -> Callable[[], dict[str, np.ndarray]]:
    """What plays at random and returns path → leaf [rounds, games, …] of the states, observations
    and rewards.
    """
    one = card_market(**setting)

    def step(state: Any, key: Array) -> tuple[Any, Any]:
        observation, state, reward = one.play(key, state)
        return state, {"observation": observation, "reward": reward, "state": state}

    def game(key: Array) -> ArrayTree:
        return jax.lax.scan(step, one.reset(key), jax.random.split(key, STREAM_ROUNDS))[1]

    keys = jax.random.split(jax.random.key(0), STREAM_GAMES)
    compiled = jax.jit(jax.vmap(game, out_axes=1)).lower(keys).compile()

    def play() -> dict[str, np.ndarray]:
        paths, _ = jax.tree_util.tree_flatten_with_path(compiled(keys))
        return {
            jax.tree_util.keystr(path, simple=True, separator="."): _bare(x) for path, x in paths
        }

    return play


def _bare(leaf: Array) -> np.ndarray:
    is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)


def copying(job: Job) -> Callable[[], Answer]:
    """Bytes per second of a copy, those read and those written."""
    copy = jax.jit(lambda x: x + 1, donate_argnums=0)
    n_bytes = COPIED_BYTES if jax.default_backend() != "cpu" else COPIED_BYTES // 16
    x = copy(jnp.zeros(n_bytes // 4, jnp.float32))

    def measure() -> Answer:
        nonlocal x
        seconds, n = [], 20
        for _ in range(job.repeats):
            jax.block_until_ready(x)
            start = time.perf_counter()
            for _ in range(n):
                x = copy(x)
            jax.block_until_ready(x)
            seconds.append((time.perf_counter() - start) / n)
        device = jax.devices()[0]
        return {
            "bytes_per_second": 2 * n_bytes / statistics.median(seconds),
            "device": f"{device.device_kind} ({device.platform})",
            "jax": jax.__version__,
        }

    return measure


def market(job: Job) -> Callable[[], Answer]:
    """Rounds per second of the two-player market under random valid play."""
    game = card_market(observe=job.observe)
    on_cpu = jax.default_backend() == "cpu"
    rollout = compiled_rollout(game, job.games, least_steps=2**20 if on_cpu else 2**28)

    def measure() -> Answer:
        speeds: list[float] = []
        start = time.perf_counter()
        while len(speeds) < job.repeats and time.perf_counter() - start < job.limit:
            before = time.perf_counter()
            rollout.call()
            speeds.append(rollout.n_steps / (time.perf_counter() - before))
        return {
            "rounds_per_second": statistics.median(speeds),
            "low": min(speeds),
            "high": max(speeds),
            "bytes_per_round": bytes_of_a_round(job.observe),
        }

    return measure


def bytes_of_a_round(observe: bool) -> int:
    """The least that a round reads and writes: the state and the sum of rewards in and out, the
    game's key in, the observations out.
    """
    game, key = card_market(observe=observe), jax.random.key(0)
    state = jax.eval_shape(game.reset, key)
    written, _, reward = jax.eval_shape(game.play, key, state)
    return 2 * _bytes((state, reward)) + _bytes(written) + _bytes(jax.random.key_data(key))


def _bytes(tree: ArrayTree) -> int:
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def training(job: Job) -> Callable[[], Answer]:
    """A shipped configuration, until all its seeds' mean score is the target or time is up."""
    config = load_config(job.config, list(job.overrides))
    learner = make_learner(job.algorithm, config)
    replicates = Replicates(learner, [config], [])
    state, chunk = replicates.start()
    score = Scores(learner, replicates, 1, config.train.eval_games)
    params = replicates.policy_params(state)
    score(params)  # compiles it

    return partial(_trained, job, config, learner, replicates, state, chunk, score)


def _trained(
    job: Job,
    config: RunConfig,
    learner: Any,
    replicates: Replicates,
    state: Any,
    chunk: Any,
    score: Scores,
) -> Answer:
    total, done, seconds, reached = learner.total_updates, 0, 0.0, float("nan")
    n = max(1, total // 40)
    scores = np.zeros(0)
    while done < total and seconds < job.limit:
        updates = min(n, total - done)
        start = time.perf_counter()
        state, _ = chunk(state, updates)
        seconds += time.perf_counter() - start
        done += updates
        scores = score(replicates.policy_params(state))["score"]
        if np.isnan(reached) and scores.mean() >= job.target:
            reached = seconds
    rounds = done * learner.rounds_per_update
    return {
        "rounds_per_second": rounds * replicates.n_replicates / seconds,
        "seconds_to_target": reached,
        "seconds": seconds,
        "rounds": rounds,
        "of_rounds": total * learner.rounds_per_update,
        "score": float(scores.mean()),
        "n_seeds": config.train.n_seeds,
    }


def peak_bytes() -> float:
    """The most that this process has had on its first device; NaN where it does not tell."""
    stats = jax.devices()[0].memory_stats() or {}
    return float(stats.get("peak_bytes_in_use", float("nan")))


def _say(answer: Answer) -> None:
    print(json.dumps(answer), flush=True)


PARTS: dict[str, Callable[[Job], Callable[[], Answer]]] = {
    "streams": streams,
    "copy": copying,
    "market": market,
    "training": training,
}


if __name__ == "__main__":
    main()
