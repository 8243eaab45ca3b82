"""PPO for A players: iteration → collect → advantages → update.

IPPO (de Witt et al. 2020) and MAPPO (Yu et al. 2022) are this one file; they differ in what the
critic sees (`critic_view`). A learner is two pure functions, `init(key)` and `update(state)`, the
rollout included; seeds are a `vmap` of both.

The critic estimates V, or (`critic = action_values`) all 21 action values at once. Then the policy
gradient is their exact mean over actions plus the sampled remainder, return − Q of the action
taken: unbiased whatever Q's errors, and with little noise when they are small (a control variate,
as in Gu et al. 2017, "Q-Prop").

With a memory (GRU or LSTM), a rollout stores the memory that it starts from, and learning
recomputes from it, with the weights of the moment, all the memories within. A rollout of whole
games starts from blank ones: nothing is stale.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.flatten_util import ravel_pytree

from cardjax.agents import losses
from cardjax.agents.batch import (
    Batch,
    Transition,
    by_column,
    by_game,
    columns,
    minibatches,
    of_games,
)
from cardjax.agents.critic_view import critic_inputs, critic_view
from cardjax.agents.networks import Network
from cardjax.agents.normalization import after_seeing, new_normalizer, normalized
from cardjax.agents.policy import ActorParams, ActorPolicy, unroll_seats
from cardjax.agents.policy_gradient import policy_gradient, value_gradient
from cardjax.agents.population import SELF, Population, check_population
from cardjax.agents.rewards import charged_for_ruin, new_reward_scale, new_ruin, scaled
from cardjax.agents.schedules import annealed, implicit_promotion
from cardjax.agents.values import PPOValues
from cardjax.config import PPOConfig
from cardjax.env.declaration import ParameterError
from cardjax.env.execution import N_ACTIONS, RUIN_LEVEL
from cardjax.env.market import CardMarket, State
from cardjax.env.observation import View
from cardjax.env.params import N_ROUNDS, EnvParams
from cardjax.kernels.short_axes import sum_short_axis

SPARSEST, FEWEST_ROWS = 4, 4096
"""The inputs' moments are learned from every fourth game, if an update then still sees so many
rows.
"""


class PPOState(NamedTuple):
    """All that training carries from one update to the next: saved, it continues bit for bit."""

    weights: Any
    """{"actor": …, "critic": …}; leaves [seats, …] where parameters are not shared."""
    optimizer: optax.OptState
    normalizer: Any
    """{"actor": …, "critic": …}: of what each of them sees."""
    games: State
    """leaves [n_envs, …]."""
    memory: Any
    """{"actor": …, "critic": …}: leaves [n_envs, seats, …]; empty without a cell."""
    reward_scale: Any
    """RewardScale, or () where rewards are not normalised."""
    ruin: Any
    """Ruin, or () where it is not constrained."""
    others: Any
    """Others, or () in self-play."""
    key: Array
    n_updates: Array
    """int32 [], updates done."""


@dataclasses.dataclass(frozen=True, eq=False)
class PPO:
    """The learner of one game."""

    market: CardMarket
    env_params: EnvParams
    config: PPOConfig
    n_envs: int
    total_updates: int
    """what the schedules are stretched over."""
    joint_critic: bool = False
    """IPPO's critic sees what its player sees, MAPPO's what all players see."""

    PER_GAME: ClassVar[tuple[str, ...]] = ("games", "memory")
    """fields of the state whose leaves have a leading axis of games."""

    def __post_init__(self) -> None:
        # Inside, the player axis is always there, for one player too.
        object.__setattr__(self, "market", dataclasses.replace(self.market, squeeze=False))
        if self.n_envs % self.config.n_minibatches:
            allowed = f"must divide train.n_envs = {self.n_envs}"
            raise ParameterError("ppo.n_minibatches", self.config.n_minibatches, allowed)
        if not self._in_self_play:
            check_population(self.config, self.market.n_players, self.n_envs)

    @property
    def rounds_per_update(self) -> int:
        """Rounds of the market played by one update, all games together."""
        return self.n_envs * self.config.rollout_rounds

    @property
    def n_seats(self) -> int:
        """Seats whose play is learned from: all of them in self-play, the first one against a
        population.
        """
        return self.market.n_players if self._in_self_play else 1

    def init(self, key: Array) -> PPOState:
        """Fresh networks and games."""
        key, key_actor, key_critic, key_games = jax.random.split(key, 4)
        weights = {
            "actor": self._fresh(self.actor, key_actor, self.market.observation_size),
            "critic": self._fresh(self.critic, key_critic, self._n_critic_inputs),
        }
        kind, batch = self.config.normalize_observations, (self.n_envs, self.n_seats)
        normalizer = {
            "actor": new_normalizer(kind, self.market.observation_size),
            "critic": new_normalizer(kind, self._n_critic_inputs),
        }
        _, games = jax.vmap(self.market.reset, (0, None))(
            jax.random.split(key_games, self.n_envs), self.env_params
        )
        state = PPOState(
            weights=weights,
            optimizer=self.optimizer.init(ravel_pytree(weights)[0]),
            normalizer=normalizer,
            games=games,
            memory={"actor": self.actor.carry(batch), "critic": self.critic.carry(batch)},
            reward_scale=new_reward_scale(batch) if self.config.normalize_rewards else (),
            ruin=new_ruin(batch) if self.config.constrain_ruin else (),
            others=(),
            key=key,
            n_updates=jnp.int32(0),
        )
        return (
            state
            if self._in_self_play
            else state._replace(others=self.population.init(self.policy_params(state)))
        )

    def update(self, state: PPOState) -> tuple[PPOState, dict[str, Array]]:
        """One iteration: play, estimate advantages, improve. Metrics are float32 scalars."""
        key, key_rollout, key_epochs = jax.random.split(state.key, 3)
        played, rollout = self._collect(state, key_rollout)
        played, reward, reward_metrics = self._shape_rewards(played, rollout)
        played, batch = self._advantages(played, rollout, reward, state.memory)
        improved, metrics = self._improve(played, batch, key_epochs)
        after = self._look_back(improved._replace(key=key, n_updates=state.n_updates + 1), rollout)
        return after, metrics | reward_metrics | self._play_metrics(rollout, batch)

    @property
    def play(self) -> str:
        """How the player plays in evaluations: greedy or sampled."""
        if self.config.play != "auto":
            return self.config.play
        return "greedy" if self.market.n_players == 1 else "sampled"

    def values(self) -> PPOValues:
        """What the critic believes."""
        return PPOValues(self)

    def policy(self, greedy: bool | None = None) -> ActorPolicy:
        """The player that is being trained, by default playing as `ppo.play` says.

        Its parameters are `policy_params(state)`.
        """
        greedy = self.play == "greedy" if greedy is None else greedy
        return ActorPolicy(self.market, self.actor, self.config.share_params, greedy)

    def policy_params(self, state: PPOState) -> ActorParams:
        """What the player acts on."""
        scale = self._logit_scale(self._entropy_weight(state.n_updates))
        return ActorParams(state.weights["actor"], state.normalizer["actor"], scale)

    def _collect(self, state: PPOState, key: Array) -> tuple[PPOState, Transition]:
        """Play `rollout_rounds` rounds of every game; the critic's memory waits for `_advantages`."""
        policy, params = self.policy(greedy=False), self.policy_params(state)

        def play_round(carry: Any, key: Array) -> tuple[Any, Transition]:
            games, memory, others = carry
            key_act, key_others, key_step = jax.random.split(key, 3)
            view = jax.vmap(self.market.view, (0, None))(games, self.env_params)
            own = self._own(view)
            memory, law = policy.distribution(params, memory, own)
            action, log_prob = law.sample_and_log_prob(seed=key_act)
            others, actions = self._with_others(others, params, view, action, key_others)
            step = jax.vmap(self.market.step, (0, 0, 0, None))
            keys = jax.random.split(key_step, self.n_envs)
            _, after, reward, terminated, _, info = step(keys, games, actions, self.env_params)
            observation = self.market.encode(view)
            done = self._own(
                {
                    "reward": self._team(reward),
                    "rejected": info["rejected"],
                    "wealth": info["wealth"],
                }
            )
            transition = Transition(
                self._critic_view(games, observation),
                own.round == 0,
                own.action_mask,
                law.probs,
                action,
                log_prob,
                terminated=terminated,
                **done,
            )
            return (after, memory, others), transition

        start = (state.games, state.memory["actor"], state.others)
        keys = jax.random.split(key, self.config.rollout_rounds)
        (games, memory, others), rollout = jax.lax.scan(play_round, start, keys)
        return state._replace(
            games=games, memory=state.memory | {"actor": memory}, others=others
        ), rollout

    def _shape_rewards(
        self, state: PPOState, rollout: Transition
    ) -> tuple[PPOState, Array, dict[str, Array]]:
        """What is learned from in place of the rewards as they came."""
        reward = rollout.reward
        metrics: dict[str, Array] = {}
        if self.config.constrain_ruin:
            below = rollout.wealth <= RUIN_LEVEL * self.env_params.initial_wealth
            ruin, reward, metrics = charged_for_ruin(
                state.ruin,
                reward,
                below,
                rollout.terminated,
                self.config.ruin_bound,
                self.config.ruin_learning_rate,
            )
            state = state._replace(ruin=ruin)
        if self.config.normalize_rewards:
            scale, reward = scaled(
                state.reward_scale, reward, rollout.terminated, self.config.gamma
            )
            state = state._replace(reward_scale=scale)
        return state, reward, metrics

    def _advantages(
        self, state: PPOState, rollout: Transition, reward: Array, memory: Any
    ) -> tuple[PPOState, Batch]:
        """The rollout with what its actions were worth; `memory` is the one that it started from."""
        actor_input = normalized(state.normalizer["actor"], self._observation(rollout.seen))
        inputs = (
            actor_input if self._one_view else normalized(state.normalizer["critic"], rollout.seen)
        )
        critic_memory, estimate = self._estimates(
            state.weights, memory["critic"], inputs, rollout.first
        )
        value = self._value(estimate, rollout.probabilities)
        terminated, gamma, lam = (
            rollout.terminated[..., None],
            self.config.gamma,
            self.config.gae_lambda,
        )
        looks_ahead = isinstance(gamma, Array) or gamma != 0
        last_value = (
            self._last_value(state, critic_memory) if looks_ahead else jnp.zeros_like(value[0])
        )
        advantage = losses.gae(reward, value, last_value, terminated, gamma, lam)
        target = advantage + value
        of_all: Any = ()
        if self._has_action_values:
            advantage = (
                target - jnp.take_along_axis(estimate, rollout.action[..., None], -1)[..., 0]
            )
            drawn = rollout.probabilities >= losses.SMALLEST_PROBABILITY
            of_all = jnp.where(drawn, estimate - value[..., None], 0)
        batch = Batch(
            actor_input,
            () if self._one_view else inputs,
            rollout.first,
            rollout.mask,
            rollout.probabilities,
            rollout.action,
            rollout.log_prob,
            advantage,
            of_all,
            target,
            memory=(),
        )
        batch = by_game(batch)._replace(memory=memory)
        return state._replace(memory=state.memory | {"critic": critic_memory}), batch

    def _last_value(self, state: PPOState, memory: Any) -> Array:
        """V of where the rollout stopped, float32 [games, seats]."""
        view = jax.vmap(self.market.view, (0, None))(state.games, self.env_params)
        own = self._own(view)
        _, law = self.policy().distribution(self.policy_params(state), state.memory["actor"], own)
        seen_there = self._critic_view(state.games, self.market.encode(view))
        inputs = normalized(state.normalizer["critic"], seen_there)
        _, estimate = self._estimates(state.weights, memory, inputs[None], own.round[None] == 0)
        return self._value(estimate[0], law.probs)

    def _improve(
        self, state: PPOState, batch: Batch, key: Array
    ) -> tuple[PPOState, dict[str, Array]]:
        """`n_epochs` passes of `n_minibatches` gradient steps each; metrics are means over the
        steps.
        """
        rate = self._scheduled("learning_rate", state.n_updates)

        flat, as_tree = ravel_pytree(state.weights)

        def gradient_step(
            carry: tuple[Array, optax.OptState], games: Array
        ) -> tuple[Any, dict[str, Array]]:
            weights, optimizer = carry
            tree, metrics = self._gradient(
                as_tree(weights), of_games(batch, games), state.n_updates
            )
            gradient, _ = ravel_pytree(tree)
            with implicit_promotion():
                direction, optimizer = self.optimizer.update(gradient, optimizer)
            return (weights - rate * direction, optimizer), metrics | {
                "gradient_norm": optax.tree.norm(gradient)
            }

        games = minibatches(key, self.config.n_epochs, self.config.n_minibatches, self.n_envs)
        (flat, optimizer), metrics = jax.lax.scan(gradient_step, (flat, state.optimizer), games)
        metrics = jax.tree.map(jnp.mean, metrics)
        metrics |= {"learning_rate": rate, "entropy_weight": self._entropy_weight(state.n_updates)}
        return state._replace(weights=as_tree(flat), optimizer=optimizer), metrics

    def _gradient(
        self, weights: Any, part: Batch, n_updates: Array
    ) -> tuple[Any, dict[str, Array]]:
        """Of policy_loss + value_weight · value_loss − entropy_weight · entropy by the weights, and
        these to report.
        """
        entropy_weight = self._scheduled("entropy", n_updates)
        scale, clip = self._logit_scale(entropy_weight), self._scheduled("clip", n_updates)
        output, to_actor = self._linearised("actor", weights, part, part.actor_input)
        inputs = part.actor_input if self._one_view else part.critic_input
        estimate, to_critic = self._linearised("critic", weights, part, inputs)
        part = by_column(part)
        advantage = (
            losses.standardized(part.advantage)
            if self.config.normalize_advantages
            else part.advantage
        )
        by_logits, metrics = policy_gradient(scale * output, part, advantage, clip, entropy_weight)
        by_estimate, value_loss = value_gradient(estimate, part.action, part.target)
        gradient = {
            "actor": to_actor(scale * by_logits),
            "critic": to_critic(self.config.value_weight * by_estimate),
        }
        return gradient, metrics | {"value_loss": value_loss}

    def _linearised(
        self, who: str, weights: Any, part: Batch, inputs: Array
    ) -> tuple[Array, Callable[[Array], Any]]:
        """A network's outputs [n, rows], and the map from the loss's derivatives by them to those
        by the weights.
        """

        def outputs(own: Any) -> Array:
            if self.config.share_params and self.config.memory == "none":
                return self._network(who).columns(own, inputs)
            unrolled = self._unrolled(who, {who: own}, part.memory, *by_game((inputs, part.first)))[
                1
            ]
            return columns(by_game(unrolled))

        output, back = jax.vjp(outputs, weights[who])
        return output, lambda derivative: back(derivative)[0]

    def _look_back(self, state: PPOState, rollout: Transition) -> PPOState:
        """What the next update will need to remember: moments of the observations, a snapshot of
        oneself.

        An update plays and learns with the moments from before it, so that old and new
        probabilities compare.
        """
        seen = rollout.seen[:, :: max(1, min(SPARSEST, rollout.first.size // FEWEST_ROWS))]
        actor = after_seeing(state.normalizer["actor"], self._observation(seen))
        critic = actor if self._one_view else after_seeing(state.normalizer["critic"], seen)
        state = state._replace(normalizer={"actor": actor, "critic": critic})
        if self._in_self_play:
            return state
        others = self.population.remember(state.others, self.policy_params(state), state.n_updates)
        return state._replace(others=others)

    def _play_metrics(self, rollout: Transition, batch: Batch) -> dict[str, Array]:
        # With action values `advantage` is what they left unexplained; without, what V did.
        residual = batch.advantage.var() / (batch.target.var() + 1e-8)
        return {
            "reward_per_game": rollout.reward.mean() * N_ROUNDS,
            "trade_rate": jnp.mean(rollout.action != 0),
            "rejection_rate": jnp.mean(rollout.rejected),
            "explained_variance": 1 - residual,
        }

    def _own(self, tree: Any) -> Any:
        """Leaves [games, A, …] at the seats whose play is learned from."""
        return jax.tree.map(lambda leaf: leaf[:, : self.n_seats], tree)

    def _team(self, reward: Array) -> Array:
        """Rewards [games, A]: each player's own, or of all of them their mean."""
        return (
            jnp.broadcast_to(reward.mean(-1, keepdims=True), reward.shape)
            if self.config.shared_reward
            else reward
        )

    def _with_others(
        self, others: Any, params: ActorParams, view: View, action: Array, key: Array
    ) -> tuple[Any, Array]:
        """The others' carry, and everybody's actions int32 [games, A]."""
        if self._in_self_play:
            return others, action
        rest = jax.tree.map(lambda leaf: leaf[:, self.n_seats :], view)
        others, theirs = self.population.act(others, params, self.env_params, rest, key)
        return others, jnp.concatenate([action, theirs], -1)

    def _critic_view(self, games: State, observation: Array) -> Array:
        """What the critics of the learning seats see, float32 [games, seats, n]."""
        truth = bool(self.config.critic_sees_truth)
        return self._own(critic_view(self.market, games, observation, self.joint_critic, truth))

    @property
    def _one_view(self) -> bool:
        """Whether the critic sees what its player sees and no more; then the two share all that is
        made of it.
        """
        return self._n_critic_inputs == self.market.observation_size

    def _observation(self, seen: Array) -> Array:
        """What the player sees of what its critic sees [..., n]."""
        return seen[..., : self.market.observation_size]

    def _estimates(
        self, weights: Any, memory: Any, inputs: Array, first: Array
    ) -> tuple[Any, Array]:
        """The critic's memory after, and its estimates float32 [rounds, games, seats, 1 or 21]."""
        return self._unrolled("critic", weights, {"critic": memory}, inputs, first)

    def _unrolled(
        self, who: str, weights: Any, memory: Any, inputs: Array, first: Array
    ) -> tuple[Any, Array]:
        """A network's memory after, and its outputs float32 [rounds, games, seats, n]."""
        return unroll_seats(
            self._network(who), self.config.share_params, weights[who], memory[who], inputs, first
        )

    def _network(self, who: str) -> Network:
        return self.actor if who == "actor" else self.critic

    def _value(self, estimate: Array, probabilities: Array) -> Array:
        """V [...] from the critic's estimates [..., 1 or 21]: with action values, their mean under
        the policy.
        """
        return (
            sum_short_axis(estimate * probabilities)
            if self._has_action_values
            else estimate[..., 0]
        )

    def _scheduled(self, name: str, n_updates: Array) -> Array:
        """A hyperparameter after so many updates."""
        start, end = getattr(self.config, name), getattr(self.config, f"{name}_end")
        return annealed(
            start,
            end,
            getattr(self.config, f"{name}_schedule"),
            n_updates.astype(jnp.float32) / self.total_updates,
        )

    def _entropy_weight(self, n_updates: Array) -> Array:
        return self._scheduled("entropy", n_updates)

    def _logit_scale(self, entropy_weight: Array) -> Array:
        """What the actor's outputs are multiplied by.

        The policy that maximises E[Q] + w · entropy is softmax(Q / w): with the division outside
        the network, the network has the same Q to learn while w falls a thousandfold.
        """
        return self.config.output_scale / jnp.maximum(entropy_weight, self.config.temperature_floor)

    def _fresh(self, network: Network, key: Array, n_inputs: int) -> Any:
        if self.config.share_params:
            return network.init(key, n_inputs)
        return jax.vmap(network.init, (0, None))(jax.random.split(key, self.n_seats), n_inputs)

    @property
    def _has_action_values(self) -> bool:
        return self.config.critic == "action_values"

    @property
    def _n_critic_inputs(self) -> int:
        return critic_inputs(self.market, self.joint_critic, bool(self.config.critic_sees_truth))

    @property
    def _in_self_play(self) -> bool:
        return self.config.opponents == (SELF,)

    @property
    def population(self) -> Population:
        """Who sits at the other seats, where it is not self-play."""
        return Population(
            names=self.config.opponents,
            learner=self.policy(greedy=False),
            n_games=self.n_envs,
            n_others=self.market.n_players - self.n_seats,
            past_size=self.config.past_size,
            past_every=self.config.past_every,
        )

    @property
    def actor(self) -> Network:
        """Observation → logits of the 21 actions."""
        config = self.config
        return Network(
            config.hidden,
            N_ACTIONS,
            config.memory,
            output_scale=0.01,
            precision=config.matmul_precision,
        )

    @property
    def critic(self) -> Network:
        """What the critic sees → V or all action values, in units of the reward."""
        config, n_outputs = self.config, N_ACTIONS if self._has_action_values else 1
        hidden = config.critic_hidden or config.hidden
        return Network(hidden, n_outputs, config.memory, precision=config.matmul_precision)

    @property
    def optimizer(self) -> optax.GradientTransformation:
        """Adam's direction for gradients clipped by their global norm; the learning rate is applied
        outside.

        All weights are one vector to it: many small arrays cost more to start on than to work
        through.
        """
        return optax.chain(
            optax.clip_by_global_norm(self.config.max_grad_norm), optax.scale_by_adam(eps=1e-5)
        )
