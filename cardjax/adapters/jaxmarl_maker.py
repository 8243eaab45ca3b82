"""JaxMARL: the market whose maker is a player, as a `MultiAgentEnv` of two steps a round."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.adapters.libraries import library
from cardjax.adapters.seat import NATIVE_ONLY
from cardjax.adapters.two_moves import MAKER, Each, TwoMoves, TwoMovesState
from cardjax.agents.roles import MakerSides, Takers
from cardjax.env import N_ACTIONS, CardMarket, EnvParams
from cardjax.env.maker import N_QUOTES, SIDES

with library("jaxmarl", "jaxmarl"):
    from jaxmarl.environments.multi_agent_env import MultiAgentEnv
    from jaxmarl.environments.spaces import Box, Discrete, MultiDiscrete

WORLD_STATE = "world_state"
Dicts = dict[str, Any]


class MakerMultiAgentEnv(MultiAgentEnv):
    """Takers "agent_0", "agent_1", … and the "maker", in two steps a round.

    In the first step only the maker's action counts, int32 [2] in 0..59; in the second only the
    takers'. `get_avail_actions` says so: whose move it is not has one action left, 0. Takers
    observe zeros until there is a quote. "world_state", float32 [A + 1, W], is what a central
    critic of each agent sees, the maker last: its own observation and what only the other role's
    and the other agents know. A taker's row is zeros while its observation is, and the maker's,
    which is shorter, ends with zeros. Rewards and infos are of the second step, zeros in the first;
    infos are those of `CardMarket.step`, with an axis [A] where they are the takers'.
    """

    def __init__(self, market: CardMarket, params: EnvParams):
        super().__init__(market.n_players + 1)
        self.game, self.params = TwoMoves(market), params
        self.takers = [f"agent_{i}" for i in range(market.n_players)]
        self.agents = [*self.takers, MAKER]
        box, known = market.observation_space(params), market.maker_observation_space(params)
        seen = Box(jnp.asarray(box.low[0]), jnp.asarray(box.high[0]), box.low[0].shape)
        own = Box(jnp.asarray(known.low), jnp.asarray(known.high), known.shape)
        self.observation_spaces = dict.fromkeys(self.takers, seen) | {MAKER: own}
        self.action_spaces: Dicts = {agent: Discrete(N_ACTIONS) for agent in self.takers}
        self.action_spaces[MAKER] = MultiDiscrete([N_QUOTES] * SIDES)

    @partial(jax.jit, static_argnums=0)
    def reset(self, key: Array) -> tuple[Dicts, TwoMovesState]:
        """Start a new game: (observations, state)."""
        observation, state = self.game.reset(key, self.params)
        return self._observations(observation, state), state

    @partial(jax.jit, static_argnums=0)
    def step(
        self,
        key: Array,
        state: TwoMovesState,
        actions: Dicts,
        reset_state: TwoMovesState | None = None,
    ) -> tuple[Dicts, TwoMovesState, Dicts, Dicts, Dicts]:
        """One move; the last one of a game is followed by the start of the next game, or by
        `reset_state`.

        Returns:
            (observations, state, rewards, dones, infos).
        """
        if reset_state is not None:
            return super().step(key, state, actions, reset_state)
        return self._returned(*self.game.step(key, state, self._actions(actions), self.params))

    def step_env(
        self, key: Array, state: TwoMovesState, actions: Dicts
    ) -> tuple[Dicts, TwoMovesState, Dicts, Dicts, Dicts]:
        """As `step`, but never resets."""
        return self._returned(*self.game.step_env(key, state, self._actions(actions), self.params))

    def get_obs(self, state: TwoMovesState) -> Dicts:
        """The observations of a state."""
        return self._observations(self.game.observe(state, self.params), state)

    @partial(jax.jit, static_argnums=0)
    def get_avail_actions(self, state: TwoMovesState) -> Dicts:
        """Which actions count now: bool [21] of a taker, bool [2, 60] of the maker."""
        return self._each(self.game.action_mask(state, self.params))

    def world_state_size(self) -> int:
        """W, the number of columns of "world_state"."""
        return Takers(self.game.market).critic_inputs(joint=True, truth=False)

    @property
    def name(self) -> str:
        return "cardjax_maker"

    @property
    def agent_classes(self) -> dict[str, list[str]]:
        return {"takers": self.takers, MAKER: [MAKER]}

    def _observations(self, observation: Each, state: TwoMovesState) -> Dicts:
        market, game = self.game.market, state.game
        # Each role's critic reads the other's observations: those of all seats, of which the maker
        # has one here. What takers alone know is the same before the quote and after it.
        ordering, quoting = market.observe(game, self.params), observation.maker[None]
        takers = Takers(market).critic_view(game, ordering, quoting, joint=True, truth=False)
        maker = MakerSides(market).critic_view(game, quoting, ordering, joint=True, truth=False)
        rest = takers.shape[-1] - maker.shape[-1]
        rows = [jnp.where(state.quoted, takers, 0), jnp.pad(maker, ((0, 0), (0, rest)))]
        return self._each(observation) | {WORLD_STATE: jnp.concatenate(rows)}

    def _each(self, of_roles: Each) -> Dicts:
        return {agent: of_roles.takers[i] for i, agent in enumerate(self.takers)} | {
            MAKER: of_roles.maker
        }

    def _actions(self, actions: Dicts) -> Each:
        # The baselines pass actions of shape (1,), and the samplers pass shape ().
        orders = [jnp.asarray(actions[agent]).reshape(()) for agent in self.takers]
        return Each(jnp.stack(orders), jnp.asarray(actions[MAKER]).reshape((SIDES,)))

    def _returned(
        self,
        observation: Each,
        state: TwoMovesState,
        reward: Each,
        terminated: Array,
        info: dict[str, Array],
    ) -> tuple[Dicts, TwoMovesState, Dicts, Dicts, Dicts]:
        dones = dict.fromkeys([*self.agents, "__all__"], terminated)
        infos = {name: leaf for name, leaf in info.items() if name not in NATIVE_ONLY}
        observations = self._observations(observation, state)
        return observations, state, self._each(reward), dones, infos
