"""gymnax: the seat of one learner as an `Environment` of gymnax ≥ 1.0, or of the earlier form whose
`step` returns five values.

It adds to `CardMarket` what else gymnax's users expect: `params` may be left out, spaces are of
gymnax's own classes (its wrappers and rejax check that by isinstance), and there are `num_actions`,
`default_params` and `max_steps_in_episode`.
"""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.adapters.libraries import library
from cardjax.adapters.seat import Seat, SeatState, Terms, make_seat
from cardjax.env import N_ACTIONS, N_ROUNDS, EnvParams
from cardjax.env.trees import ArrayTree
from cardjax.policies.policy import Policy, TrainedPlayer

with library("gymnax", "gymnax"):
    from gymnax.environments import environment, spaces


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class GymnaxParams(EnvParams):
    """EnvParams with the one attribute that gymnax's users read of an environment's parameters."""

    @property
    def max_steps_in_episode(self) -> int:
        """The number of rounds of a game, which ends by itself and is never truncated."""
        return N_ROUNDS


class MarketEnvironment(environment.Environment):
    """One seat of the market; a policy plays the others.

    All methods are pure, and can be jitted and vmapped over keys and params. `step` resets the game
    by itself, draws only one market, and returns the six values of gymnax 1.0: (obs [D], state,
    reward, terminated, truncated, info). Given the same keys, the game is that of `CardMarket`, bit
    for bit.
    """

    def __init__(self, seat: Seat, terms: Terms):
        self._seat, self._opponent_params = seat, terms.opponent
        fields = {
            field.name: getattr(terms.market, field.name) for field in dataclasses.fields(EnvParams)
        }
        self._params = GymnaxParams(**fields)

    @property
    def name(self) -> str:
        return "cardjax/Single-v0" if self._seat.opponent is None else "cardjax/Two-v0"

    @property
    def default_params(self) -> GymnaxParams:
        """The parameters that `make` was given."""
        return self._params

    @property
    def num_actions(self) -> int:
        return N_ACTIONS

    @partial(jax.jit, static_argnames=("self",))
    def reset(self, key: Array, params: EnvParams | None = None) -> tuple[Array, SeatState]:
        """Start a new game: (obs, state)."""
        return self._seat.reset(key, self._terms(params))

    @partial(jax.jit, static_argnames=("self",))
    def step(
        self, key: Array, state: SeatState, action: Array, params: EnvParams | None = None
    ) -> tuple[ArrayTree, ...]:
        """Settle a round and draw the next: (obs, state, reward, terminated, truncated, info)."""
        return self._seat.step(key, state, action, self._terms(params))

    def step_env(
        self, key: Array, state: SeatState, action: Array, params: EnvParams | None = None
    ) -> tuple[ArrayTree, ...]:
        """As `step`, but never resets: (obs, state, reward, terminated, info)."""
        return self._seat.step_env(key, state, action, self._terms(params))

    def reset_env(self, key: Array, params: EnvParams | None = None) -> tuple[Array, SeatState]:
        """As `reset`."""
        return self._seat.reset(key, self._terms(params))

    def observe(
        self, key: Array, state: SeatState, action: ArrayTree, params: EnvParams | None = None
    ) -> Array:
        """The observation of a state; the key is not used."""
        return self._seat.observe(state, self._terms(params))

    def get_obs(
        self, state: SeatState, params: EnvParams | None = None, key: Array | None = None
    ) -> Array:
        """As `observe`."""
        return self._seat.observe(state, self._terms(params))

    def action_mask(self, state: SeatState, params: EnvParams | None = None) -> Array:
        """Which actions are valid now, bool [21].

        With gymnax's LogWrapper, pass `log_state.env_state`.
        """
        return self._seat.action_mask(state, self._terms(params))

    def action_space(self, params: EnvParams | None = None) -> spaces.Discrete:
        return spaces.Discrete(N_ACTIONS)

    def observation_space(self, params: EnvParams | None = None) -> spaces.Box:
        box = self._seat.market.observation_space(self._terms(params).market)
        return spaces.Box(
            jnp.asarray(box.low[0]), jnp.asarray(box.high[0]), box.low[0].shape, jnp.float32
        )

    def _terms(self, params: EnvParams | None) -> Terms:
        return Terms(self._params if params is None else params, self._opponent_params)


class LegacyMarketEnvironment(MarketEnvironment):
    """The same environment, but `step` returns the five values of gymnax before 1.0.

    PureJaxRL's trainers and rejax, for instance, expect that.
    """

    @partial(jax.jit, static_argnames=("self",))
    def step(
        self, key: Array, state: SeatState, action: Array, params: EnvParams | None = None
    ) -> tuple[ArrayTree, ...]:
        """Settle a round and draw the next: (obs, state, reward, done, info).

        info["discount"] is 0 at the end of a game, and 1 otherwise.
        """
        obs, state, reward, *ends, info = self._seat.step(key, state, action, self._terms(params))
        done = ends[0] | ends[1]
        return obs, state, reward, done, info | {"discount": jnp.where(done, 0.0, 1.0)}


def make(
    kind: str = "single",
    legacy: bool = False,
    opponent: str | Policy | TrainedPlayer | None = None,
    opponent_params: ArrayTree = None,
    **overrides: object,
) -> tuple[MarketEnvironment, GymnaxParams]:
    """(environment, parameters), as from `gymnax.make`.

    Args:
        kind: "single" or "two".
        legacy: whether `step` returns the five values of gymnax before 1.0.
        opponent: who plays the other seats: a policy's name, a Policy, or what
            `cardjax.load_policy` returns. The default is `equilibrium`.
        opponent_params: the weights of a trained Policy.
        overrides: those of `cardjax.make`.

    Raises:
        ParameterError: (a ValueError) a name or value is not allowed; the message is one line.
    """
    env = (LegacyMarketEnvironment if legacy else MarketEnvironment)(
        *make_seat(kind, opponent, opponent_params, **overrides)
    )
    return env, env.default_params
