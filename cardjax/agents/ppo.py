"""PPO for A players with shared parameters: iteration → collect → advantages → update.

IPPO (de Witt et al. 2020) is this file with a critic that sees what its own actor sees. A learner is two pure
functions, `init(key)` and `update(state)`, the rollout included; seeds are a `vmap` of both.
"""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from cardjax.agents import losses
from cardjax.agents.distribution import MaskedCategorical
from cardjax.agents.networks import MLP, forward
from cardjax.agents.policy import ActorParams, ActorPolicy
from cardjax.config import PPOConfig
from cardjax.env.execution import N_ACTIONS
from cardjax.env.market import CardMarket, State
from cardjax.env.params import N_ROUNDS, EnvParams


class PPOState(NamedTuple):
    """All that training carries from one update to the next: saved, it continues bit for bit."""

    weights: Any
    """{"actor": …, "critic": …}, flax parameters."""
    optimizer: optax.OptState
    games: State
    """leaves [n_envs, …]."""
    key: Array
    n_updates: Array
    """int32 [], updates done."""


class Batch(NamedTuple):
    """One rollout, or a part of it; leaves have shape [rounds, games, A, …] and later [samples, …]."""

    observation: Array
    mask: Array
    action: Array
    log_prob: Array
    advantage: Array
    target: Array
    """lambda-return, what the critic learns."""


class Transition(NamedTuple):
    """What a round of the rollout leaves behind; leaves [games, A, …], `terminated` [games]."""

    observation: Array
    mask: Array
    action: Array
    log_prob: Array
    reward: Array
    terminated: Array
    rejected: Array


@dataclasses.dataclass(frozen=True, eq=False)
class PPO:
    """The learner of one game."""

    market: CardMarket
    env_params: EnvParams
    config: PPOConfig
    n_envs: int
    total_updates: int
    """what the schedules of learning rate and entropy are stretched over."""

    def __post_init__(self) -> None:
        # Inside, the player axis is always there, for one player too.
        object.__setattr__(self, "market", dataclasses.replace(self.market, squeeze=False))

    @property
    def rounds_per_update(self) -> int:
        """Rounds of the market played by one update, all games together."""
        return self.n_envs * self.config.rollout_rounds

    def init(self, key: Array) -> PPOState:
        """Fresh networks and games."""
        key, key_actor, key_critic, key_games = jax.random.split(key, 4)
        blank = jnp.zeros(self.market.observation_size)
        weights = {"actor": self.actor.init(key_actor, blank), "critic": self.critic.init(key_critic, blank)}
        _, games = jax.vmap(self.market.reset, (0, None))(jax.random.split(key_games, self.n_envs), self.env_params)
        return PPOState(weights, self.optimizer.init(weights), games, key, jnp.int32(0))

    def update(self, state: PPOState) -> tuple[PPOState, dict[str, Array]]:
        """One iteration: play, estimate advantages, improve. Metrics are float32 scalars."""
        key, key_rollout, key_epochs = jax.random.split(state.key, 3)
        entropy_weight = self.entropy_weight(state.n_updates)
        games, rollout = self._collect(state.weights, state.games, entropy_weight, key_rollout)
        batch = self._advantages(state.weights, games, rollout)
        weights, optimizer, metrics = self._improve(state, batch, entropy_weight, key_epochs)
        metrics |= self._play_metrics(rollout, batch) | {"entropy_weight": entropy_weight}
        return PPOState(weights, optimizer, games, key, state.n_updates + 1), metrics

    def entropy_weight(self, n_updates: Array) -> Array:
        """The entropy weight of the update after `n_updates`, in points a nat: geometric from start to end."""
        start, end = self.config.entropy, self.config.entropy_end
        return start * (end / start) ** (n_updates / self.total_updates)

    def policy(self, greedy: bool = True) -> ActorPolicy:
        """The player that is being trained; its parameters are `policy_params(state)`."""
        return ActorPolicy(self.market, self.actor, greedy)

    def policy_params(self, state: PPOState) -> ActorParams:
        """What the player acts on."""
        return ActorParams(state.weights["actor"], self._logit_scale(self.entropy_weight(state.n_updates)))

    def _collect(self, weights: Any, games: State, entropy_weight: Array, key: Array) -> tuple[State, Transition]:
        def play_round(games: State, key: Array) -> tuple[State, Transition]:
            key_act, key_step = jax.random.split(key)
            view = jax.vmap(self.market.view, (0, None))(games, self.env_params)
            observation = self.market.encode(view)
            policy = self._distribution(weights, observation, view.action_mask, entropy_weight)
            action, log_prob = policy.sample_and_log_prob(seed=key_act)
            step = jax.vmap(self.market.step, (0, 0, 0, None))
            keys = jax.random.split(key_step, self.n_envs)
            _, games, reward, terminated, _, info = step(keys, games, action, self.env_params)
            mask, rejected = view.action_mask, info["rejected"]
            return games, Transition(observation, mask, action, log_prob, reward, terminated, rejected)

        return jax.lax.scan(play_round, games, jax.random.split(key, self.config.rollout_rounds))

    def _advantages(self, weights: Any, games: State, rollout: Transition) -> Batch:
        value = self._value(weights, rollout.observation)
        last_value = self._value(weights, jax.vmap(self.market.observe, (0, None))(games, self.env_params))
        terminated = rollout.terminated[..., None]
        advantage = losses.gae(rollout.reward, value, last_value, terminated, self.config.gamma, self.config.gae_lambda)
        return Batch(rollout.observation, rollout.mask, rollout.action, rollout.log_prob, advantage, advantage + value)

    def _improve(
        self, state: PPOState, batch: Batch, entropy_weight: Array, key: Array
    ) -> tuple[Any, optax.OptState, dict[str, Array]]:
        def minibatch_step(carry: tuple[Any, optax.OptState], part: Batch) -> tuple[Any, dict[str, Array]]:
            weights, optimizer = carry
            gradient, metrics = jax.grad(self._loss, has_aux=True)(weights, part, entropy_weight)
            change, optimizer = self.optimizer.update(gradient, optimizer, weights)
            metrics["gradient_norm"] = optax.tree.norm(gradient)
            return (optax.apply_updates(weights, change), optimizer), metrics

        def epoch(carry: tuple[Any, optax.OptState], key: Array) -> tuple[Any, dict[str, Array]]:
            return jax.lax.scan(minibatch_step, carry, self._minibatches(batch, key))

        keys = jax.random.split(key, self.config.n_epochs)
        (weights, optimizer), metrics = jax.lax.scan(epoch, (state.weights, state.optimizer), keys)
        return weights, optimizer, jax.tree.map(jnp.mean, metrics)

    def _minibatches(self, batch: Batch, key: Array) -> Batch:
        """The batch as [n_minibatches, samples, …]: whole games, in a new order every epoch."""
        order = jax.random.permutation(key, self.n_envs)

        def split(leaf: Array) -> Array:
            games_first = jnp.moveaxis(leaf, 1, 0)[order]
            return games_first.reshape(self.config.n_minibatches, -1, *leaf.shape[3:])

        return jax.tree.map(split, batch)

    def _loss(self, weights: Any, part: Batch, entropy_weight: Array) -> tuple[Array, dict[str, Array]]:
        policy = self._distribution(weights, part.observation, part.mask, entropy_weight)
        log_ratio = policy.log_prob(part.action) - part.log_prob
        advantage = losses.standardized(part.advantage) if self.config.normalize_advantages else part.advantage
        policy_loss = losses.clipped_surrogate(log_ratio, advantage, self.config.clip)
        value_loss = losses.squared_error(self._value(weights, part.observation), part.target)
        entropy = policy.entropy().mean()
        loss = policy_loss + self.config.value_weight * value_loss - entropy_weight * entropy
        return loss, {
            "policy_loss": policy_loss,
            "value_loss": value_loss,
            "entropy": entropy,
            "kl": losses.approximate_kl(log_ratio),
            "clip_fraction": jnp.mean(jnp.abs(jnp.exp(log_ratio) - 1) > self.config.clip),
        }

    def _play_metrics(self, rollout: Transition, batch: Batch) -> dict[str, Array]:
        residual = batch.advantage.var() / (batch.target.var() + 1e-8)
        return {
            "reward_per_game": rollout.reward.mean() * N_ROUNDS,
            "trade_rate": jnp.mean(rollout.action != 0),
            "rejection_rate": jnp.mean(rollout.rejected),
            "explained_variance": 1 - residual,
        }

    def _distribution(self, weights: Any, observation: Array, mask: Array, entropy_weight: Array) -> MaskedCategorical:
        logits = forward(self.actor, weights["actor"], observation) * self._logit_scale(entropy_weight)
        return MaskedCategorical(logits, mask)

    def _logit_scale(self, entropy_weight: Array) -> Array:
        """What the actor's outputs are multiplied by.

        The policy that maximises E[Q] + w · entropy is softmax(Q / w): with the division outside the network, the
        network has the same Q to learn while w falls a thousandfold.
        """
        return self.config.output_scale / jnp.maximum(entropy_weight, self.config.temperature_floor)

    def _value(self, weights: Any, observation: Array) -> Array:
        return forward(self.critic, weights["critic"], observation)[..., 0]

    @property
    def actor(self) -> MLP:
        """Observation → logits of the 21 actions."""
        return MLP(self.config.hidden, N_ACTIONS, output_scale=0.01)

    @property
    def critic(self) -> MLP:
        """Observation → value, in units of the reward."""
        return MLP(self.config.hidden, 1)

    @property
    def optimizer(self) -> optax.GradientTransformation:
        """Adam with a linear learning-rate schedule, on gradients clipped by their global norm."""
        steps = self.total_updates * self.config.n_epochs * self.config.n_minibatches
        rate = optax.linear_schedule(self.config.learning_rate, self.config.learning_rate_end, steps)
        return optax.chain(optax.clip_by_global_norm(self.config.max_grad_norm), optax.adam(rate, eps=1e-5))
