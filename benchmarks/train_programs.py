"""The programs that train_speed.py times: ours, its matrix products alone, rejax's PPO and
Stable-Baselines3's.

This file is a process of its own, for the number of devices is chosen before JAX starts: it gets a
job as JSON, says what it has compiled, and measures a program whenever its name comes in.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from cardjax.config import RunConfig, config_values, load_config
from cardjax.env.declaration import declared
from cardjax.env.params import EnvParams
from cardjax.run.learners import make_learner
from cardjax.runtime.devices import use_all_cores
from cardjax.training.replicates import Replicates


class Job(NamedTuple):
    """What a process does."""

    programs: list[str]
    """keys of PROGRAMS."""
    algorithm: str
    config: str
    """a configuration file."""
    overrides: list[str]
    seconds: float
    """of each measurement, at least; it takes whole updates."""


class Program(NamedTuple):
    """Something that trains."""

    call: Callable[[int], object]
    """n updates, waited for."""
    rounds: int
    """of the market that one update plays, all seeds together."""
    compile_seconds: float
    """of tracing and compiling it; nan where nothing is compiled ahead."""
    flops: float = float("nan")
    """of one update, where they are counted."""


def ours(algorithm: str, config: RunConfig) -> Program:
    """The program that train/ runs: all seeds, over the devices that it would use."""
    use_all_cores(config.train.n_seeds, config.train.n_envs, config.train.shard_games)
    learner = make_learner(algorithm, config)
    replicates = Replicates(learner, [config], [])
    state = replicates.init()
    start = time.perf_counter()
    chunk = replicates.compile()
    compile_seconds = time.perf_counter() - start

    def call(n: int) -> None:
        nonlocal state
        state, _ = chunk(state, n)

    return Program(call, learner.rounds_per_update * replicates.n_replicates, compile_seconds)


def floor(algorithm: str, config: RunConfig) -> Program:
    """The matrix products of the same updates (matrix_floor.py)."""
    from matrix_floor import compile_floor, flops, shapes_of

    use_all_cores(config.train.n_seeds, config.train.n_envs, config.train.shard_games)
    learner = make_learner(algorithm, config)
    shapes, n_seeds = shapes_of(learner), config.train.n_seeds
    start = time.perf_counter()
    call = compile_floor(shapes, n_seeds, config.train.n_envs)
    compile_seconds = time.perf_counter() - start
    return Program(
        call, learner.rounds_per_update * n_seeds, compile_seconds, n_seeds * flops(shapes)
    )


def rejax_ppo(algorithm: str, config: RunConfig) -> Program:
    """rejax's PPO on the gymnax adapter's environment, without evaluations; several seeds under
    `vmap`.
    """
    import rejax

    from cardjax.adapters.gymnax import make

    env, params = make("single", legacy=True, **_game(config))
    learner = rejax.PPO.create(
        env=env,
        env_params=params,
        num_envs=config.train.n_envs,
        num_steps=config.ppo.rollout_rounds,
        num_minibatches=config.ppo.n_minibatches,
        num_epochs=config.ppo.n_epochs,
        gamma=config.ppo.gamma,
        agent_kwargs={"hidden_layer_sizes": config.ppo.hidden, "activation": "relu"},
        learning_rate=1e-3,
    )
    n_seeds, init, update = config.train.n_seeds, learner.init_state, learner.train_iteration
    if n_seeds > 1:
        state = jax.jit(jax.vmap(init))(jax.random.split(jax.random.key(config.seed), n_seeds))
        update = jax.vmap(update)
    else:
        state = jax.jit(init)(jax.random.key(config.seed))
    start = time.perf_counter()
    updates = jax.jit(
        lambda state, n: jax.lax.fori_loop(0, n, lambda _, s: update(s), state), donate_argnums=0
    )
    compiled = updates.lower(state, np.int32(1)).compile()
    compile_seconds = time.perf_counter() - start

    def call(n: int) -> None:
        nonlocal state
        state = jax.block_until_ready(compiled(state, np.int32(n)))

    return Program(call, n_seeds * config.train.n_envs * config.ppo.rollout_rounds, compile_seconds)


def sb3_ppo(algorithm: str, config: RunConfig) -> Program:
    """Stable-Baselines3's PPO on as many Gymnasium environments, made as its documentation makes
    them.
    """
    from stable_baselines3.common.env_util import make_vec_env

    import cardjax.adapters.gymnasium  # registers the environment  # noqa: F401

    game = _game(config) | {"render_mode": None}
    return _sb3(
        config,
        make_vec_env(
            "cardjax/Single-v0", n_envs=config.train.n_envs, seed=config.seed, env_kwargs=game
        ),
    )


def sb3_ppo_vectorised(algorithm: str, config: RunConfig) -> Program:
    """The same on our Gymnasium `VectorEnv`, which Stable-Baselines3 does not take by itself."""
    from sb3_vectorised import VectorisedMarket

    return _sb3(config, VectorisedMarket(config.train.n_envs, config.seed, **_game(config)))


def _sb3(config: RunConfig, envs: Any) -> Program:
    import torch
    from stable_baselines3 import PPO

    rounds = config.train.n_envs * config.ppo.rollout_rounds
    learner = PPO(
        "MlpPolicy",
        envs,
        n_steps=config.ppo.rollout_rounds,
        batch_size=rounds // config.ppo.n_minibatches,
        n_epochs=config.ppo.n_epochs,
        gamma=config.ppo.gamma,
        learning_rate=1e-3,
        device="cpu",
        seed=config.seed,
        policy_kwargs={"net_arch": list(config.ppo.hidden), "activation_fn": torch.nn.ReLU},
    )
    return Program(
        lambda n: learner.learn(n * rounds, reset_num_timesteps=False), rounds, float("nan")
    )


def _game(config: RunConfig) -> dict[str, Any]:
    """The single-player game's parameters that differ from the defaults, for the adapters."""
    values, default = config_values(config), config_values(load_config(None))
    names = {f"env.{name}" for name, _, _ in declared(EnvParams)}
    changed = {name for name in names if values[name] != default[name]}
    return {name.removeprefix("env."): values[name] for name in sorted(changed)}


PROGRAMS: dict[str, Callable[[str, RunConfig], Program]] = {
    "cardjax": ours,
    "floor": floor,
    "rejax": rejax_ppo,
    "sb3": sb3_ppo,
    "sb3-vectorised": sb3_ppo_vectorised,
}


def main() -> None:
    job = Job(**json.loads(sys.argv[1]))
    config = load_config(job.config, job.overrides)
    calls: dict[str, tuple[Program, int]] = {}
    about = {}
    for name in job.programs:
        program = PROGRAMS[name](job.algorithm, config)
        program.call(1)
        start = time.perf_counter()
        program.call(1)
        calls[name] = program, max(1, round(job.seconds / (time.perf_counter() - start)))
        about[name] = {key: value for key, value in program._asdict().items() if key != "call"}
    _say({"devices": jax.device_count(), "about": about})
    for line in sys.stdin:
        program, n = calls[line.strip()]
        start = time.perf_counter()
        program.call(n)
        _say({"seconds": (time.perf_counter() - start) / n})


def _say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
