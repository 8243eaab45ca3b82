"""A trained policy for use outside of cardjax: arrays in, orders out, and one file that holds all
of it.
"""

from pathlib import Path
from typing import Any, Protocol, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from cardjax.config import RunConfig, make_market
from cardjax.env.declaration import ParameterError
from cardjax.env.execution import N_ACTIONS
from cardjax.env.observation import View
from cardjax.env.trees import ArrayTree
from cardjax.loading import players, portable, saved
from cardjax.policies.policy import Policy
from cardjax.run.learners import find_algorithm, make_learner


def load_policy(
    path: str | Path, seed: int | None = None, play: str | None = None
) -> "TrainedPolicy":
    """The policy that a run trained, that `TrainedPolicy.save` wrote, or that comes with cardjax.

    Args:
        path: a run folder, a .npz file, or the name of a reference policy, "dqn", "ippo" or
            "mappo", which the shipped configuration of that name has trained.
        seed: of a run with several training seeds, which; by default the first.
        play: "greedy" or "sampled" in place of the run's own `ppo.play`.

    Raises:
        ParameterError: (a ValueError) neither of the two, damaged, or of another version; no such
            seed or way of play.
    """
    path = Path(path)
    algorithm, config, params = saved.read_policy(path)
    if seed is not None and seed not in params:
        raise ParameterError(
            "seed", seed, f"must be one that {path} holds: {', '.join(map(str, params))}"
        )
    own = next(iter(params)) if seed is None else seed
    played = players.replayed(
        path,
        algorithm,
        config,
        [] if play is None else [f"{find_algorithm(algorithm).section}.play={play}"],
    )
    return TrainedPolicy(algorithm, played, own, params[own])


class NetworkPolicy(Policy, Protocol):
    """A policy that acts on arrays too, as those of cardjax.agents do."""

    def act_on(
        self,
        params: Any,
        carry: ArrayTree,
        observation: Array,
        mask: Array,
        first: Array,
        key: Array,
    ) -> tuple[ArrayTree, Array]:
        """As `act`, from the flat observation [..., D], the mask [..., 21], and whether the round
        is a game's first.
        """


class TrainedPolicy:
    """One seed's policy. `act` is for programs of any kind; inside jit, `policy` and `params` are a
    player of ours.

    Attributes:
        market, env_params: the game that it was trained on, as `cardjax.make` gives them.
        policy, params: the policy protocol's object, and what it acts on.
        algorithm, config, seed: what it comes from.
    """

    def __init__(self, algorithm: str, config: RunConfig, seed: int, params: ArrayTree):
        self.algorithm, self.config, self.seed, self.params = algorithm, config, seed, params
        self.market, self.env_params = make_market(config.game), config.env
        self.market.refuse_maker("policies for other programs")
        self.policy = cast(NetworkPolicy, make_learner(algorithm, config).policy())
        self._act = jax.jit(self.policy.act_on)
        self._n_features = sum(
            f.slice.stop - f.slice.start for f in self.market.observation_fields.values()
        )
        self.reset()

    def reset(self, draws: int = 0) -> None:
        """Forget earlier rounds, and start the random draws of sampled play anew from the seed
        `draws`.

        A recurrent policy also forgets by itself where an observation is a game's first.
        """
        self._memory: ArrayTree = None
        self._batch: tuple[int, ...] = ()
        self._n_calls = 0
        self._draws = draws

    def act(
        self,
        view_or_obs: View | Array | np.ndarray,
        mask: Array | np.ndarray | None = None,
        key: Array | None = None,
    ) -> np.ndarray:
        """One decision for every player of a batch.

        Args:
            view_or_obs: a View with leaves [...], or observations [..., D] as the environment gives
                them. Where each seat has weights of its own (`ppo.share_params: off`), the last
                axis of [...] is the seats'.
            mask: bool [..., 21], the valid actions; with a View its own.
            key: of sampled play; by default the next of this object's own.

        Returns:
            int32 [...]: 0 pass, 1..10 buy, 11..20 sell.

        Raises:
            ParameterError: (a ValueError) arrays of another shape; or, for a recurrent policy,
                another batch than in the round before without `reset()`.
        """
        observation, mask = self._arrays(view_or_obs, mask)
        if key is None:
            key = jax.random.fold_in(jax.random.key(self._draws), self._n_calls)
        batch = observation.shape[:-1]
        if self._memory is None:
            self._memory, self._batch = self.policy.init(key, batch), batch
        elif jax.tree.leaves(self._memory) and batch != self._batch:
            raise ParameterError(
                "observation", batch, f"must be a batch of {self._batch} until reset() is called"
            )
        first = observation[..., self.market.observation_fields["time"].slice.start] == 0
        self._memory, action = self._act(self.params, self._memory, observation, mask, first, key)
        self._n_calls += 1
        return np.asarray(action)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_act"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        self._act = jax.jit(self.policy.act_on)  # a compiled program cannot be pickled

    def save(self, path: str | Path) -> None:
        """Write it to one .npz file, whose layout docs/export.md tells.

        Raises:
            ParameterError: the file cannot be written, or its name does not end in .npz.
        """
        portable.write(Path(path), self.algorithm, self.config, self.seed, self.params)

    def _arrays(self, view_or_obs: View | ArrayLike, mask: ArrayLike | None) -> tuple[Array, Array]:
        if isinstance(view_or_obs, View):
            mask = view_or_obs.action_mask if mask is None else mask
            view_or_obs = self.market.encode(view_or_obs)
        if mask is None:
            raise ParameterError("mask", None, "must be given with observations: bool [..., 21]")
        observation, mask = jnp.asarray(view_or_obs, jnp.float32), jnp.asarray(mask, bool)
        if observation.shape[-1:] != (self._n_features,):
            raise ParameterError(
                "observation", observation.shape, f"must have the shape [..., {self._n_features}]"
            )
        if mask.shape != (*observation.shape[:-1], N_ACTIONS):
            raise ParameterError(
                "mask", mask.shape, f"must have the shape {(*observation.shape[:-1], N_ACTIONS)}"
            )
        return observation, mask
