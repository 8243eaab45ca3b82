"""What learners believe that their orders are worth."""

import dataclasses
from collections.abc import Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.agents.critic_view import critic_view
from cardjax.agents.normalization import normalized
from cardjax.agents.rewards import SMALLEST_VARIANCE
from cardjax.env.observation import View
from cardjax.env.trees import ArrayTree

if TYPE_CHECKING:
    from cardjax.agents.dqn import DQN
    from cardjax.agents.ppo import PPO
    from cardjax.agents.pqn import PQN


class Values(Protocol):
    """A learner's estimates of what follows from a round, for whole games. Hashable."""

    @property
    def name(self) -> str:
        """For an axis, such as "critic's action value"."""

    @property
    def gamma(self) -> float:
        """The discount of the rewards that are estimated."""

    @property
    def shared_reward(self) -> bool:
        """Each player is paid the mean of all players' rewards."""

    def params(self, state: ArrayTree) -> ArrayTree:
        """What the estimates of one training seed depend on, from the learner's state."""

    def __call__(self, params: ArrayTree, views: View, hidden: Mapping[str, Array]) -> Array:
        """The estimates, in units of rewards.

        Args:
            views: leaves [10, games, A].
            hidden: S, depth_bid and depth_ask [10, games], which no player sees and a critic may.

        Returns:
            float32 [10, games, A, 21], of all actions, or [10, games, A, 1], of the view.
        """


@dataclasses.dataclass(frozen=True)
class PPOValues:
    """A PPO critic's estimates."""

    learner: "PPO"

    @property
    def name(self) -> str:
        """Of what is estimated: V is the value of a view, whatever is then ordered."""
        return (
            "critic's action value"
            if self.learner.config.critic == "action_values"
            else "critic's value V"
        )

    @property
    def gamma(self) -> float:
        """As `Values`."""
        return float(self.learner.config.gamma)

    @property
    def shared_reward(self) -> bool:
        """As `Values`."""
        return bool(self.learner.config.shared_reward)

    def params(self, state: Any) -> tuple[Any, Any, Array]:
        """Of one training seed: the critic's weights, its normaliser, and what its unit is worth in
        rewards.
        """
        scale: Any = jnp.float32(1)
        if self.learner.config.normalize_rewards:
            scale = jnp.sqrt(jnp.maximum(state.reward_scale.moments.variance, SMALLEST_VARIANCE))
        return state.weights["critic"], state.normalizer["critic"], scale

    def __call__(self, params: Any, views: View, hidden: Mapping[str, Array]) -> Array:
        """As `Values`."""
        weights, normalizer, scale = params
        learner, networks = self.learner, self.learner.networks
        games: Any = SimpleNamespace(market=SimpleNamespace(**hidden))
        observation = learner.market.encode(views)
        truth = bool(learner.config.critic_sees_truth)
        seen = critic_view(learner.market, games, observation, learner.joint_critic, truth)
        memory = {"critic": networks.critic.carry(views.wealth.shape[1:])}
        x, first = normalized(normalizer, seen), views.round == 0
        _, estimates = networks.unroll("critic", {"critic": weights}, memory, x, first)
        return scale * estimates


@dataclasses.dataclass(frozen=True)
class QValues:
    """The Q that a Q-learner's greedy policy chooses by."""

    learner: "DQN | PQN"
    name: str = "Q of the action taken"
    shared_reward: bool = False

    @property
    def gamma(self) -> float:
        """As `Values`."""
        return float(self.learner.config.gamma)

    def params(self, state: Any) -> Any:
        """Of one training seed."""
        return self.learner.params(state)

    def __call__(self, params: Any, views: View, hidden: Mapping[str, Array]) -> Array:
        """As `Values`."""
        policy = self.learner.player()
        blank = policy.init(jax.random.key(0), views.wealth.shape[1:])
        return jax.lax.scan(lambda carry, view: policy.values(params, carry, view), blank, views)[1]
