"""JaxMARL: the market as a `MultiAgentEnv`, with dictionaries by agent ("agent_0", …)."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.adapters.libraries import library
from cardjax.adapters.seat import NATIVE_ONLY, OF_PLAYERS, make_game
from cardjax.agents.critic_view import critic_inputs, critic_view
from cardjax.env import N_ACTIONS, CardMarket, EnvParams, State

with library("jaxmarl", "jaxmarl"):
    from jaxmarl.environments.multi_agent_env import MultiAgentEnv
    from jaxmarl.environments.spaces import Box, Discrete

    from cardjax.adapters.jaxmarl_maker import WORLD_STATE, MakerMultiAgentEnv

OTHERWISE = (*NATIVE_ONLY, "cards")
Dicts = dict[str, Any]


class MarketMultiAgentEnv(MultiAgentEnv):
    """All players of the market; given the same keys, the game is that of `CardMarket`.

    Observations are float32 [D] for each agent, and "world_state", float32 [A, W], is what a
    central critic of each agent sees: its own observation and what only the others know. Dones have
    an entry for each agent and for "__all__". Infos have leaves [A], because JaxMARL's baselines
    reshape them so; what all players share is repeated for each of them.
    """

    def __init__(self, market: CardMarket, params: EnvParams):
        super().__init__(market.n_players)
        self.market, self.params = market, params
        box = market.observation_space(params)
        own = Box(jnp.asarray(box.low[0]), jnp.asarray(box.high[0]), box.low[0].shape)
        self.observation_spaces = dict.fromkeys(self.agents, own)
        self.action_spaces = {agent: Discrete(N_ACTIONS) for agent in self.agents}

    @partial(jax.jit, static_argnums=0)
    def reset(self, key: Array) -> tuple[Dicts, State]:
        """Start a new game: (observations, state)."""
        observation, state = self.market.reset(key, self.params)
        return self._observations(observation, state), state

    @partial(jax.jit, static_argnums=0)
    def step(
        self, key: Array, state: State, actions: Dicts, reset_state: State | None = None
    ) -> tuple[Dicts, State, Dicts, Dicts, Dicts]:
        """Settle a round; the last one of a game is followed by the start of the next game, or by
        `reset_state`.

        Returns:
            (observations, state, rewards, dones, infos).
        """
        if reset_state is not None:
            return super().step(key, state, actions, reset_state)
        observation, state, reward, terminated, _, info = self.market.step(
            key, state, self._actions(actions), self.params
        )
        return self._returned(observation, state, reward, terminated, info)

    def step_env(
        self, key: Array, state: State, actions: Dicts
    ) -> tuple[Dicts, State, Dicts, Dicts, Dicts]:
        """As `step`, but never resets."""
        asked = self._actions(actions)
        return self._returned(*self.market.step_env(key, state, asked, self.params))

    def get_obs(self, state: State) -> Dicts:
        """The observations of a state."""
        return self._observations(self.market.observe(state, self.params), state)

    @partial(jax.jit, static_argnums=0)
    def get_avail_actions(self, state: State) -> Dicts:
        """Which actions are valid now: bool [21] for each agent."""
        return self._each(self.market.action_mask(state, self.params))

    def world_state_size(self) -> int:
        """W, the number of columns of "world_state"."""
        return critic_inputs(self.market, joint=True, truth=False)

    @property
    def name(self) -> str:
        return "cardjax"

    @property
    def agent_classes(self) -> dict[str, list[str]]:
        return {"takers": self.agents}

    def _observations(self, observation: Array, state: State) -> Dicts:
        world = critic_view(self.market, state, observation, joint=True, truth=False)
        return self._each(observation) | {WORLD_STATE: world}

    def _each(self, rows: Array) -> Dicts:
        return {agent: rows[i] for i, agent in enumerate(self.agents)}

    def _returned(
        self,
        observation: Array,
        state: State,
        reward: Array,
        terminated: Array,
        info: dict[str, Array],
    ) -> tuple[Dicts, State, Dicts, Dicts, Dicts]:
        observations, rewards = self._observations(observation, state), self._each(reward)
        dones = dict.fromkeys([*self.agents, "__all__"], terminated)
        return observations, state, rewards, dones, _infos(info)

    def _actions(self, actions: Dicts) -> Array:
        # The baselines pass actions of shape (1,), and the samplers pass shape ().
        return jnp.stack([jnp.asarray(actions[agent]).reshape(()) for agent in self.agents])


def _infos(info: dict[str, Array]) -> Dicts:
    n_players = info["action"].shape[0]
    kept = {name: leaf for name, leaf in info.items() if name not in OTHERWISE}
    return {
        name: leaf if name in OF_PLAYERS else jnp.broadcast_to(leaf, (n_players,))
        for name, leaf in kept.items()
    }


def make(kind: str = "two", **overrides: object) -> MarketMultiAgentEnv | MakerMultiAgentEnv:
    """The environment; the arguments are those of `cardjax.make`, including preset and n_players.
    Where the maker plays (`preset="maker"`), it is a `MakerMultiAgentEnv`.

    Raises:
        ParameterError: (a ValueError) a name or value is not allowed; the message is one line.
    """
    market, params = make_game(kind, **overrides)
    return (MakerMultiAgentEnv if market.has_maker else MarketMultiAgentEnv)(market, params)
