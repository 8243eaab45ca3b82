"""A trained policy for use outside of cardjax: arrays in, orders out, and one file that holds all
of it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeAlias, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.agents.learner import Learner
from cardjax.agents.policy import OnNetwork
from cardjax.agents.roles import MAKER, TAKERS, LearnedMaker, RoleParams
from cardjax.config import RunConfig, make_market
from cardjax.env.declaration import ParameterError
from cardjax.env.execution import N_ACTIONS
from cardjax.env.maker import N_QUOTES, SIDES, MakerView
from cardjax.env.observation import Field, View
from cardjax.env.trees import ArrayTree
from cardjax.loading import players, portable, saved
from cardjax.run.learners import find_algorithm, make_learner

Numbers: TypeAlias = Array | np.ndarray
Seen: TypeAlias = View | MakerView | Numbers
"""What a policy is given of a round: a view, or the vector that networks read."""


def load_policy(
    path: str | Path, seed: int | None = None, play: str | None = None, role: str | None = None
) -> "TrainedPolicy":
    """The policy that a run trained, that `TrainedPolicy.save` wrote, or that comes with cardjax.

    Args:
        path: a run folder, a .npz file, or the name of a reference policy, "dqn" or "ippo", which
            the shipped configuration of that name has trained.
        seed: of a run with several training seeds, which; by default the first.
        play: "greedy" or "sampled" in place of the run's own `ppo.play`.
        role: where the maker is a player, "takers", or "maker" for a `TrainedMaker`; by default the
            takers, if they have learned.

    Raises:
        ParameterError: (a ValueError) neither of the two, damaged, or of another version; no such
            seed, way of play or role.
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
    return _of_role(role, played, params[own])(algorithm, played, own, params[own])


class TrainedPolicy:
    """One seed's policy, a taker's where the maker is a player. `act` is for programs of any kind;
    inside jit, `policy` and `params` are a player of ours.

    Attributes:
        market, env_params: the game that it was trained on, as `cardjax.make` gives them.
        policy, params: the policy protocol's object, and what it acts on.
        algorithm, config, seed: what it comes from.
    """

    def __init__(self, algorithm: str, config: RunConfig, seed: int, params: ArrayTree):
        self.algorithm, self.config, self.seed, self._of_all = algorithm, config, seed, params
        self.market, self.env_params = make_market(config.game), config.env
        self.policy, self.params = self._player(make_learner(algorithm, config))
        self._act = jax.jit(self.policy.act_on)
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
        view_or_obs: Seen,
        mask: Numbers | None = None,
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
        observation, allowed = self._arrays(view_or_obs, mask)
        if key is None:
            key = jax.random.fold_in(jax.random.key(self._draws), self._n_calls)
        batch = observation.shape[:-1]
        if self._memory is None:
            self._memory, self._batch = self.policy.init(key, batch), batch
        elif jax.tree.leaves(self._memory) and batch != self._batch:
            raise ParameterError(
                "observation", batch, f"must be a batch of {self._batch} until reset() is called"
            )
        first = observation[..., self._fields["time"].slice.start] == 0
        self._memory, action = self._act(
            self.params, self._memory, observation, allowed, first, key
        )
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
        portable.write(Path(path), self.algorithm, self.config, self.seed, self._of_all)

    def _player(self, learner: Learner) -> tuple[OnNetwork[Any] | LearnedMaker, ArrayTree]:
        """The role's policy, and what it acts on."""
        player = saved.player_of(learner, [self._of_all])
        params = _learned(TAKERS, player.params[0])
        return cast(OnNetwork[Any], player.policy), params

    @property
    def _fields(self) -> Mapping[str, Field]:
        """Of the observation."""
        return self.market.observation_fields

    def _read(self, view_or_obs: Seen, mask: Numbers | None) -> tuple[Numbers, Numbers]:
        """Observations and masks, of a view or as they are given."""
        if isinstance(view_or_obs, View):
            own = view_or_obs.action_mask if mask is None else mask
            return self.market.encode(view_or_obs), own
        if mask is None:
            raise ParameterError("mask", None, "must be given with observations: bool [..., 21]")
        return cast(Numbers, view_or_obs), mask

    _CHOICES: ClassVar[tuple[int, ...]] = (N_ACTIONS,)
    """The shape of a mask."""

    def _arrays(self, view_or_obs: Seen, mask: Numbers | None) -> tuple[Array, Array]:
        seen, allowed = self._read(view_or_obs, mask)
        observation, valid = jnp.asarray(seen, jnp.float32), jnp.asarray(allowed, bool)
        n_features = max(field.slice.stop for field in self._fields.values())
        if observation.shape[-1:] != (n_features,):
            said = f"must have the shape [..., {n_features}]"
            raise ParameterError("observation", observation.shape, said)
        expected = (*observation.shape[:-1], *self._CHOICES)
        if valid.shape != expected:
            raise ParameterError("mask", valid.shape, f"must have the shape {expected}")
        return observation, valid


class TrainedMaker(TrainedPolicy):
    """One seed's maker, where the maker is a player. `act` takes MakerViews or the maker's
    observations [..., D'] and gives int32 [..., 2], a choice 0..59 for the ask and for the bid. Its
    mask, bool [..., 2, 60], may be left out: all choices are valid.
    """

    _CHOICES: ClassVar[tuple[int, ...]] = (SIDES, N_QUOTES)

    def _player(self, learner: Learner) -> tuple[OnNetwork[Any] | LearnedMaker, ArrayTree]:
        maker = saved.maker_of(learner, [self._of_all])
        params = _learned(MAKER, maker.params[0])
        return cast(LearnedMaker, maker.policy), params

    @property
    def _fields(self) -> Mapping[str, Field]:
        return self.market.maker_observation_fields

    def _read(self, view_or_obs: Seen, mask: Numbers | None) -> tuple[Numbers, Numbers]:
        if isinstance(view_or_obs, MakerView):
            view_or_obs = self.market.encode_maker(view_or_obs)
        observation = cast(Numbers, view_or_obs)
        batch = np.shape(observation)[:-1]
        return observation, np.ones((*batch, *self._CHOICES), bool) if mask is None else mask


def _of_role(role: str | None, config: RunConfig, params: ArrayTree) -> type[TrainedPolicy]:
    """The class of a role's policy, by default of one that has learned.

    Raises:
        ParameterError: there is no such role in the game.
    """
    if role not in (None, TAKERS, MAKER):
        raise ParameterError("role", role, f"must be {TAKERS} or {MAKER}")
    if not make_market(config.game).has_maker:
        if role == MAKER:
            raise ParameterError("role", role, "must be takers: the maker is no player there")
        return TrainedPolicy
    if role is None:
        role = TAKERS if cast(RoleParams, params).takers is not None else MAKER
    return TrainedMaker if role == MAKER else TrainedPolicy


def _learned(role: str, params: ArrayTree) -> ArrayTree:
    """What a role acts on.

    Raises:
        ParameterError: it has not learned.
    """
    if params is None:
        raise ParameterError("role", role, "has not learned in this run, the other one has")
    return params
