"""PPO for one or more players: collect → estimate advantages → improve.

IPPO (de Witt et al. 2020) and MAPPO (Yu et al. 2022) are this one file; they differ in what the
critic sees (`critic_view`). A learner is two pure functions, `init(key)` and `update(state)`, the
rollout included; several seeds are a `vmap` of both.

The critic estimates V, or (`critic = action_values`) the values of all 21 actions at once. In the
second case the policy gradient is their exact mean over actions plus a sampled remainder, return
minus Q of the action taken. It is unbiased whatever Q's errors are, and has little noise when they
are small (a control variate, as in Gu et al. 2017, "Q-Prop").

With a memory (GRU or LSTM), a rollout stores the memory that it starts from. Learning recomputes
all later memories from it with the current weights. A rollout of whole games starts from blank
memories, so that nothing in it is stale.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.flatten_util import ravel_pytree

from cardjax.agents import averages, losses
from cardjax.agents.actor_critic import ActorCritic, ByNetwork
from cardjax.agents.batch import Batch, Transition, by_game, minibatches
from cardjax.agents.networks import Weights
from cardjax.agents.policy import ActorParams, ActorPolicy, SeatView
from cardjax.agents.population import SELF, Others, Population, check_population
from cardjax.agents.rewards import (
    RewardScale,
    Ruin,
    charged_for_ruin,
    new_reward_scale,
    new_ruin,
    scaled,
)
from cardjax.agents.roles import MAKER, TAKERS, MakerSides, Role, Takers, check_roles
from cardjax.agents.schedules import annealed, implicit_promotion
from cardjax.agents.values import PPOValues
from cardjax.config import PPOConfig
from cardjax.env.declaration import ParameterError
from cardjax.env.execution import RUIN_LEVEL
from cardjax.env.market import CardMarket
from cardjax.env.observation import View
from cardjax.env.params import N_ROUNDS, EnvParams
from cardjax.env.state import State
from cardjax.env.trees import ArrayTree
from cardjax.kernels.gather import take_games
from cardjax.kernels.policy_loss import Choices

T = TypeVar("T")


class Ahead(NamedTuple):
    """The round after a rollout's last."""

    view: SeatView
    """Of the learning seats, leaves [games, seats, …]."""
    seen: Array
    """What their critics see, float32 [games, seats, n]."""


class PPOState(NamedTuple):
    """All that training carries from one update to the next: saved, it continues bit for bit."""

    weights: ByNetwork
    """Leaves [seats, …] where parameters are not shared."""
    average: Weights
    """The moving average of the actor's weights."""
    optimizer: optax.OptState
    """Adam's moments of all weights, as one vector."""
    normalizer: ByNetwork
    """Running moments of what the actor and the critic see."""
    games: State
    """Leaves [n_envs, …]."""
    memory: ByNetwork
    """Leaves [n_envs, seats, …]; empty without a cell."""
    reward_scale: RewardScale | None
    """None where rewards are not normalised."""
    ruin: Ruin | None
    """None where ruin is not constrained."""
    others: Others | None
    """None in self-play."""
    key: Array
    """What the next update's randomness comes from."""
    n_updates: Array
    """int32 [], updates done."""


@dataclasses.dataclass(frozen=True, eq=False)
class PPO:
    """The learner of one game.

    Raises:
        ParameterError: the games do not split into the minibatches or among the opponents.
    """

    market: CardMarket
    env_params: EnvParams
    config: PPOConfig
    n_envs: int
    """Games played at once."""
    total_updates: int
    """What the schedules are stretched over."""
    joint_critic: bool = False
    """IPPO's critic sees what its player sees, MAPPO's what all players see."""
    quotes: bool = False
    """Whether it is the maker's side of a game whose maker plays (`quoting_ppo`), or a taker's."""

    PER_GAME: ClassVar[tuple[str, ...]] = ("games", "memory")
    """Fields of the state whose leaves have a leading axis of games."""
    LEARNED: ClassVar[tuple[str, ...]] = ("weights", "normalizer", "reward_scale")
    """Fields of the state that another training can begin with."""

    def __post_init__(self) -> None:
        # Inside, the player axis is always there, for one player too.
        object.__setattr__(self, "market", dataclasses.replace(self.market, squeeze=False))
        if self.n_envs % self.config.n_minibatches:
            allowed = f"must divide train.n_envs = {self.n_envs}"
            raise ParameterError("ppo.n_minibatches", self.config.n_minibatches, allowed)
        roles = {TAKERS: self.config.takers, MAKER: self.config.maker}
        check_roles("ppo", roles, self.market.has_maker)
        if not self._in_self_play:
            check_population(self.config, self.market.n_players, self.n_envs)

    @property
    def rounds_per_update(self) -> int:
        """Rounds of the market played by one update, all games together."""
        return self.n_envs * self.config.rollout_rounds

    @property
    def n_seats(self) -> int:
        """Seats that learn: all of them in self-play, the first one against a population."""
        return self.role.n_seats if self._in_self_play else 1

    @property
    def role(self) -> Role:
        """Whose play is learned."""
        return MakerSides(self.market) if self.quotes else Takers(self.market)

    @property
    def networks(self) -> ActorCritic:
        """The actor and the critic."""
        return ActorCritic(self.role, self.config, self.n_seats, self.joint_critic)

    def init(self, key: Array) -> PPOState:
        """Fresh networks and games."""
        key, key_actor, key_critic, key_games = jax.random.split(key, 4)
        weights = self.networks.init(key_actor, key_critic)
        keys = jax.random.split(key_games, self.n_envs)
        _, games = jax.vmap(self.market.reset, (0, None))(keys, self.env_params)
        batch = (self.n_envs, self.n_seats)
        state = PPOState(
            weights=weights,
            average=weights["actor"],
            optimizer=self.optimizer.init(ravel_pytree(weights)[0]),
            normalizer=self.networks.new_normalizers(),
            games=games,
            memory=self.networks.blank_memory(self.n_envs),
            reward_scale=new_reward_scale(batch) if self.config.normalize_rewards else None,
            ruin=new_ruin(batch) if self.config.constrain_ruin else None,
            others=None,
            key=key,
            n_updates=jnp.int32(0),
        )
        if self._in_self_play:
            return state
        return state._replace(others=self.population.init(self.acting_params(state)))

    def update(self, state: PPOState) -> tuple[PPOState, dict[str, Array]]:
        """One iteration: play, estimate advantages, improve. Metrics are float32 scalars."""
        key, key_rollout, key_epochs = jax.random.split(state.key, 3)
        played, rollout = self._collect(state, key_rollout)
        ahead = partial(self._ahead, played)
        improved, metrics = self.learn(played, rollout, state.memory, ahead, key_epochs)
        return improved._replace(key=key), metrics

    def learn(
        self,
        played: PPOState,
        rollout: Transition,
        memory: ByNetwork,
        ahead: Callable[[], Ahead],
        key: Array,
    ) -> tuple[PPOState, dict[str, Array]]:
        """The state after an update by a rollout.

        Args:
            played: the state after the rollout.
            rollout: what was played.
            memory: the memories from which it started.
            ahead: what its last round is followed by.
            key: of the order in which gradient steps see the games.
        """
        played, reward, reward_metrics = self._shape_rewards(played, rollout)
        played, batch = self._estimate_advantages(played, rollout, reward, memory, ahead)
        improved, metrics = self._improve(played, batch, key)
        average = averages.moved(
            played.average, improved.weights["actor"], self.config.average, played.n_updates
        )
        improved = improved._replace(average=average, n_updates=played.n_updates + 1)
        metrics |= reward_metrics | _metrics_of_play(rollout, batch)
        return self._look_back(improved, rollout), metrics

    def _collect(self, state: PPOState, key: Array) -> tuple[PPOState, Transition]:
        """Play `rollout_rounds` rounds of every game.

        The critic's memory in the state stays as it was: `_estimate_advantages` moves it on.
        """
        policy, params = self.policy(greedy=False), self.acting_params(state)

        def play_round(carry: Any, key: Array) -> tuple[Any, Transition]:
            games, memory, others = carry
            key_act, key_others, key_step = jax.random.split(key, 3)
            view = self._views(games)
            own = self._own(view)
            memory, distribution = policy.distribution(params, memory, own)
            action, log_prob = distribution.sample_and_log_prob(seed=key_act)
            others, actions = self._with_others(others, params, view, action, key_others)
            keys = jax.random.split(key_step, self.n_envs)
            step = jax.vmap(self.market.step, (0, 0, 0, None))
            _, after, reward, terminated, _, info = step(keys, games, actions, self.env_params)
            transition = Transition(
                seen=self._seen(games, self.market.encode(view)),
                first=own.round == 0,
                mask=own.action_mask,
                probabilities=distribution.probs,
                action=action,
                log_prob=log_prob,
                reward=self._own(self._team(reward)),
                terminated=terminated,
                rejected=self._own(info["rejected"]),
                wealth=self._own(info["wealth"]),
            )
            return (after, memory, others), transition

        start = (state.games, state.memory["actor"], state.others)
        keys = jax.random.split(key, self.config.rollout_rounds)
        (games, memory, others), rollout = jax.lax.scan(play_round, start, keys)
        memories = state.memory | {"actor": memory}
        return state._replace(games=games, memory=memories, others=others), rollout

    def _shape_rewards(
        self, state: PPOState, rollout: Transition
    ) -> tuple[PPOState, Array, dict[str, Array]]:
        """The rewards that are learned from, [rounds, games, seats], and metrics of them."""
        reward = rollout.reward
        metrics: dict[str, Array] = {}
        if state.ruin is not None:
            below = rollout.wealth <= RUIN_LEVEL * self.env_params.initial_wealth
            bound, rate = self.config.ruin_bound, self.config.ruin_learning_rate
            ruin, reward, metrics = charged_for_ruin(
                state.ruin, reward, below, rollout.terminated, bound, rate
            )
            state = state._replace(ruin=ruin)
        if state.reward_scale is not None:
            scale, reward = scaled(
                state.reward_scale, reward, rollout.terminated, self.config.gamma
            )
            state = state._replace(reward_scale=scale)
        return state, reward, metrics

    def _estimate_advantages(
        self,
        state: PPOState,
        rollout: Transition,
        reward: Array,
        memory: ByNetwork,
        ahead: Callable[[], Ahead],
    ) -> tuple[PPOState, Batch]:
        """The rollout with what its actions were worth, from the memory that it started from."""
        networks, config = self.networks, self.config
        to_actor, to_critic = networks.inputs(state.normalizer, rollout.seen)
        critic_memory, estimate = networks.unroll(
            "critic", state.weights, memory, to_critic, rollout.first
        )
        value = networks.value(estimate, rollout.probabilities)
        last_value = losses.bootstrapped(
            config.gamma, lambda: self._last_value(state, critic_memory, ahead())
        )
        terminated = rollout.terminated[..., None]
        advantage = losses.gae(
            reward, value, last_value, terminated, config.gamma, config.gae_lambda
        )
        target = advantage + value
        action_advantages = None
        if networks.has_action_values:
            taken = jnp.take_along_axis(estimate, rollout.action[..., None], -1)[..., 0]
            advantage = target - taken
            drawable = rollout.probabilities >= losses.SMALLEST_PROBABILITY
            action_advantages = jnp.where(drawable, estimate - value[..., None], 0)
        choices = Choices(
            mask=rollout.mask,
            probabilities=rollout.probabilities,
            action=rollout.action,
            log_prob=rollout.log_prob,
            advantage=advantage,
            action_advantages=action_advantages,
        )
        actor_input = by_game(to_actor)
        critic_input = actor_input if networks.one_view else by_game(to_critic)
        first, choices, target = by_game((rollout.first, choices, target))
        batch = Batch(actor_input, critic_input, first, choices, target, memory)
        return state._replace(memory=state.memory | {"critic": critic_memory}), batch

    def _ahead(self, state: PPOState) -> Ahead:
        """The round that the games are in."""
        view = self._views(state.games)
        return Ahead(self._own(view), self._seen(state.games, self.market.encode(view)))

    def _last_value(self, state: PPOState, critic_memory: ArrayTree, ahead: Ahead) -> Array:
        """V of the state where the rollout stopped, float32 [games, seats]."""
        networks = self.networks
        params = self.acting_params(state)
        _, distribution = self.policy().distribution(params, state.memory["actor"], ahead.view)
        _, to_critic = networks.inputs(state.normalizer, ahead.seen)
        memory = {"critic": critic_memory}
        first = ahead.view.round[None] == 0
        _, estimate = networks.unroll("critic", state.weights, memory, to_critic[None], first)
        return networks.value(estimate[0], distribution.probs)

    def _improve(
        self, state: PPOState, batch: Batch, key: Array
    ) -> tuple[PPOState, dict[str, Array]]:
        """`n_epochs` passes of `n_minibatches` gradient steps; metrics are means over the steps."""
        rate = self._scheduled("learning_rate", state.n_updates)
        # One vector of all weights: an optimizer's many small arrays cost more to start on than to
        # work through.
        weights, as_tree = ravel_pytree(state.weights)

        def loss(weights: Array, part: Batch) -> tuple[Array, dict[str, Array]]:
            return self._loss(as_tree(weights), part, state.n_updates)

        def gradient_step(carry: Any, games: Array) -> tuple[Any, dict[str, Array]]:
            weights, optimizer = carry
            part = take_games(batch, games)
            gradient, metrics = jax.grad(loss, has_aux=True)(weights, part)
            with implicit_promotion():
                direction, optimizer = self.optimizer.update(gradient, optimizer)
            metrics["gradient_norm"] = optax.tree.norm(gradient)
            return (weights - rate * direction, optimizer), metrics

        games = minibatches(key, self.config.n_epochs, self.config.n_minibatches, self.n_envs)
        start = (weights, state.optimizer)
        (weights, optimizer), metrics = jax.lax.scan(gradient_step, start, games)
        metrics = jax.tree.map(jnp.mean, metrics)
        metrics["learning_rate"] = rate
        metrics["entropy_weight"] = self._scheduled("entropy", state.n_updates)
        return state._replace(weights=as_tree(weights), optimizer=optimizer), metrics

    def _loss(
        self, weights: ByNetwork, part: Batch, n_updates: Array
    ) -> tuple[Array, dict[str, Array]]:
        """Policy loss, value loss and entropy bonus. Schulman et al. 2017, eq. 9, negated."""
        entropy_weight = self._scheduled("entropy", n_updates)
        choices = part.choices
        if self.config.normalize_advantages:
            choices = choices._replace(advantage=losses.standardized(choices.advantage))
        logits = _logit_scale(entropy_weight) * self.networks.outputs("actor", weights, part)
        estimate = self.networks.outputs("critic", weights, part)
        policy_loss, metrics = losses.policy_loss(logits, choices, self.config.clip, entropy_weight)
        value_loss = losses.value_loss(estimate, choices.action, part.target)
        loss = policy_loss + self.config.value_weight * value_loss
        return loss, metrics | {"value_loss": value_loss}

    def _look_back(self, state: PPOState, rollout: Transition) -> PPOState:
        """What the next update will need: moments of the observations, and a snapshot of oneself.

        An update plays and learns with the moments from before it, so that old and new
        probabilities compare.
        """
        normalizer = self.networks.normalizers_after(state.normalizer, rollout.seen)
        state = state._replace(normalizer=normalizer)
        if state.others is None:
            return state
        params = self.acting_params(state)
        others = self.population.remember(state.others, params, state.n_updates)
        return state._replace(others=others)

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
        reads = self.role if self.quotes else self.market
        return ActorPolicy(reads, self.networks.actor, self.config.share_params, greedy)

    def policy_params(self, state: PPOState) -> ActorParams:
        """What the player acts on in evaluations."""
        params = self.acting_params(state)
        weights = averages.for_play(state.average, params.weights, state.n_updates)
        return params._replace(weights=weights)

    def acting_params(self, state: PPOState) -> ActorParams:
        """What it acts on while it learns."""
        scale = _logit_scale(self._scheduled("entropy", state.n_updates))
        return ActorParams(state.weights["actor"], state.normalizer["actor"], scale)

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
    def optimizer(self) -> optax.GradientTransformation:
        """Adam's direction for gradients clipped by their global norm, before the learning rate."""
        clip = optax.clip_by_global_norm(self.config.max_grad_norm)
        return optax.chain(clip, optax.scale_by_adam(eps=1e-5))

    @property
    def _in_self_play(self) -> bool:
        return self.config.opponents == (SELF,)

    def _views(self, games: State) -> View:
        """Every player's view, leaves [games, A, …]."""
        return jax.vmap(self.market.view, (0, None))(games, self.env_params)

    def _seen(self, games: State, observation: Array) -> Array:
        """What the critics of the learning seats see, float32 [games, seats, n].

        Args:
            games: leaves [games, …].
            observation: float32 [games, A, D], every player's.
        """
        truth = self.config.critic_sees_truth
        return self._own(self.role.critic_view(games, observation, None, self.joint_critic, truth))

    def _own(self, tree: T) -> T:
        """Leaves [games, A, …] at the seats whose play is learned from."""
        return jax.tree.map(lambda leaf: leaf[:, : self.n_seats], tree)

    def _team(self, reward: Array) -> Array:
        """Rewards [games, A]: each player's own or, where it is shared, the mean of all."""
        if not self.config.shared_reward:
            return reward
        return jnp.broadcast_to(reward.mean(-1, keepdims=True), reward.shape)

    def _with_others(
        self, others: Others | None, params: ActorParams, view: View, action: Array, key: Array
    ) -> tuple[Others | None, Array]:
        """The others' carry, and everybody's actions int32 [games, A]."""
        if others is None:
            return None, action
        rest = jax.tree.map(lambda leaf: leaf[:, self.n_seats :], view)
        others, theirs = self.population.act(others, params, self.env_params, rest, key)
        return others, jnp.concatenate([action, theirs], -1)

    def _scheduled(self, name: str, n_updates: Array) -> Array:
        """A hyperparameter after so many updates."""
        start, end = getattr(self.config, name), getattr(self.config, f"{name}_end")
        shape = getattr(self.config, f"{name}_schedule")
        progress = n_updates.astype(jnp.float32) / self.total_updates
        return annealed(start, end, shape, progress)


OUTPUT_SCALE = 5.0
"""Points: what an output of 1 is worth to the actor."""
TEMPERATURE_FLOOR = 0.5
"""Points per nat: the entropy weight below which only the network sharpens the logits."""


def _logit_scale(entropy_weight: Array) -> Array:
    """What the actor's outputs are multiplied by.

    The policy that maximises E[Q] + w · entropy is softmax(Q / w). With the division outside the
    network, it has the same Q to learn while w falls a thousandfold.
    """
    return OUTPUT_SCALE / jnp.maximum(entropy_weight, jnp.float32(TEMPERATURE_FLOOR))


def _metrics_of_play(rollout: Transition, batch: Batch) -> dict[str, Array]:
    # With action values `advantage` is what they left unexplained; without, what V did.
    residual = batch.choices.advantage.var() / (batch.target.var() + 1e-8)
    return {
        "reward_per_game": rollout.reward.mean() * N_ROUNDS,
        "trade_rate": jnp.mean(rollout.action != 0),
        "rejection_rate": jnp.mean(rollout.rejected),
        "explained_variance": 1 - residual,
    }
