"""PQN: Q-learning from many games at once, without replay and without a target network.

Gallici et al. 2024, "Simplifying Deep Temporal Difference Learning": play a rollout of all games,
compute its Q(λ) returns with the network as it stands, learn from it in a few passes of
minibatches, and throw it away. Layer normalisation keeps the bootstrapping stable. Minibatches are
whole games of a rollout, so that a network with a memory is unrolled from the memory that the
rollout started from.
"""

import dataclasses
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.flatten_util import ravel_pytree

from cardjax.agents import losses, q_learning
from cardjax.agents.batch import by_game, minibatches
from cardjax.agents.networks import Network, Weights
from cardjax.agents.q_blocks import Stop, Transition
from cardjax.agents.q_heads import MeanHead, units_of
from cardjax.agents.q_place import TakerSeat, opponent_of
from cardjax.agents.q_policy import QParams, QPolicy
from cardjax.agents.q_rollout import rollout, stop_at, taker_metrics
from cardjax.agents.schedules import annealed, exploration, implicit_promotion
from cardjax.agents.values import QValues
from cardjax.config import PQNConfig
from cardjax.env.declaration import ParameterError
from cardjax.env.execution import N_ACTIONS
from cardjax.env.market import CardMarket
from cardjax.env.params import EnvParams
from cardjax.env.state import State
from cardjax.env.trees import ArrayTree
from cardjax.kernels.gather import of_action, take_games


class PQNState(NamedTuple):
    """All that training carries from one update to the next: saved, it continues bit for bit."""

    weights: Weights
    optimizer: optax.OptState
    """RAdam's moments of all weights, as one vector."""
    games: State
    """Leaves [n_envs, …]."""
    memory: ArrayTree
    """Of the learner's seat, leaves [n_envs, …]; () without one."""
    opponents: ArrayTree
    """The carry of whoever plays the other seats, leaves [n_envs, …]."""
    key: Array
    """What the next update's randomness comes from."""
    n_updates: Array
    """int32 [], updates done."""


class Lesson(NamedTuple):
    """A rollout as it is learned from, or some games of it; leaves [games, rounds, …]."""

    observation: Array
    first: Array
    """bool, whether the round is its game's first."""
    action: Array
    target: Array
    """float32, the lambda-return."""
    memory: ArrayTree
    """That the rollout started from, leaves [games, …]."""


@dataclasses.dataclass(frozen=True, eq=False)
class PQN:
    """The learner of one seat in one game.

    Raises:
        ParameterError: `config.opponent` is no policy's name, or the games do not split into the
            minibatches.
    """

    market: CardMarket
    env_params: EnvParams
    config: PQNConfig
    n_envs: int
    total_updates: int
    """What the schedules are stretched over."""

    PER_GAME: ClassVar[tuple[str, ...]] = ("games", "memory", "opponents")
    """Fields of the state whose leaves have a leading axis of games."""
    LEARNED: ClassVar[tuple[str, ...]] = ("weights",)
    """Fields of the state that another training can begin with."""

    def __post_init__(self) -> None:
        # Inside, the player axis is always there, for one player too.
        object.__setattr__(self, "market", dataclasses.replace(self.market, squeeze=False))
        if self.n_envs % self.config.n_minibatches:
            allowed = f"must divide train.n_envs = {self.n_envs}"
            raise ParameterError("pqn.n_minibatches", self.config.n_minibatches, allowed)
        _ = self.place  # which refuses an opponent that is none

    @property
    def rounds_per_update(self) -> int:
        """Rounds of the market played by one update, all games together."""
        return self.n_envs * self.config.rollout_rounds

    def init(self, key: Array) -> PQNState:
        """A fresh network and games."""
        key, key_weights, key_games, key_opponent = jax.random.split(key, 4)
        weights = self.network.init(key_weights, self.market.observation_size)
        keys = jax.random.split(key_games, self.n_envs)
        _, games = jax.vmap(self.market.reset, (0, None))(keys, self.env_params)
        games, opponents, _ = self.place.begin(key_opponent, games)
        return PQNState(
            weights=weights,
            optimizer=self.optimizer.init(ravel_pytree(weights)[0]),
            games=games,
            memory=self.network.carry((self.n_envs,)),
            opponents=opponents,
            key=key,
            n_updates=jnp.int32(0),
        )

    def update(self, state: PQNState) -> tuple[PQNState, dict[str, Array]]:
        """One iteration: play, look ahead, learn. Metrics are float32 scalars."""
        key, key_rollout, key_epochs = jax.random.split(state.key, 3)
        place, explorer, own = self.place, self.player(greedy=False), self.params(state)
        start = state.games, state.memory, state.opponents
        keys = jax.random.split(key_rollout, self.config.rollout_rounds)
        (games, memory, opponents), played = rollout(place, explorer, own, start, (), keys)
        target = self.targets(state, played, stop_at(place, explorer, games))
        rounds = by_game((played.observation, played.first, played.action, target))
        weights, optimizer, metrics = self._learn(state, Lesson(*rounds, state.memory), key_epochs)
        after = PQNState(weights, optimizer, games, memory, opponents, key, state.n_updates + 1)
        return after, metrics | taker_metrics(played) | {"epsilon": own.epsilon}

    def targets(self, state: PQNState, played: Transition, stop: Stop) -> Array:
        """The lambda-returns of a rollout by the network that played it, float32 [R, games].

        What follows a round is worth what its best valid action is.
        """

        def following() -> Array:
            x, mask, first = (
                jnp.concatenate([getattr(played, name), getattr(stop, name)[None]])
                for name in Stop._fields
            )
            _, outputs = self.network.unroll(state.weights, state.memory, x, first)
            q = self.head.values(outputs[1:, ..., None], units_of(self.config))
            return of_action(q, q_learning.best_valid(q, mask[1:]))

        gamma, lam = self.config.gamma, self.config.td_lambda
        value = losses.bootstrapped(gamma, following)
        return q_learning.lambda_return(played.reward, value, played.terminated, gamma, lam)

    def epsilon(self, n_updates: Array) -> Array:
        """The share of exploring actions in the update after `n_updates`."""
        return exploration(self.config, n_updates.astype(jnp.float32) / self.total_updates)

    @property
    def play(self) -> str:
        """How the player plays in evaluations."""
        return "greedy"

    def values(self) -> QValues:
        """What the greedy policy chooses by."""
        return QValues(self)

    def player(self, greedy: bool = True) -> QPolicy:
        """The player that is being trained; its parameters are `params(state)`."""
        return QPolicy(self.market, self.network, self.head, greedy=greedy)

    def params(self, state: PQNState) -> QParams:
        """What the player acts on."""
        return QParams(state.weights, units_of(self.config), self.epsilon(state.n_updates))

    policy, policy_params = player, params

    def _learn(
        self, state: PQNState, lesson: Lesson, key: Array
    ) -> tuple[Weights, optax.OptState, dict[str, Array]]:
        """`n_epochs` passes of `n_minibatches` gradient steps: new weights and optimiser, and
        metrics, which are means over the steps.
        """
        config, progress = self.config, state.n_updates.astype(jnp.float32) / self.total_updates
        rate = annealed(config.learning_rate, config.learning_rate_end, "linear", progress)
        # One vector of all weights, as in PPO: many small arrays cost more to start on.
        weights, as_tree = ravel_pytree(state.weights)

        def loss(weights: Array, part: Lesson) -> tuple[Array, dict[str, Array]]:
            return self._loss(as_tree(weights), part)

        def gradient_step(
            carry: tuple[Array, optax.OptState], games: Array
        ) -> tuple[tuple[Array, optax.OptState], dict[str, Array]]:
            weights, optimizer = carry
            gradient, metrics = jax.grad(loss, has_aux=True)(weights, take_games(lesson, games))
            with implicit_promotion():
                direction, optimizer = self.optimizer.update(gradient, optimizer)
            metrics["gradient_norm"] = optax.tree.norm(gradient)
            return (weights - rate * direction, optimizer), metrics

        games = minibatches(key, config.n_epochs, config.n_minibatches, self.n_envs)
        start = (weights, state.optimizer)
        (weights, optimizer), metrics = jax.lax.scan(gradient_step, start, games)
        return as_tree(weights), optimizer, jax.tree.map(jnp.mean, metrics)

    def _loss(self, weights: Weights, part: Lesson) -> tuple[Array, dict[str, Array]]:
        """The loss of some games' rounds, and metrics."""
        x, first, action, target = by_game(part[:4])
        _, outputs = self.network.unroll(weights, part.memory, x, first)
        chosen, units = of_action(outputs, action)[..., None], units_of(self.config)
        nothing = jnp.zeros_like(chosen)  # follows: the target holds all of it
        loss = self.head.losses(chosen, nothing, target, nothing[..., 0], units).mean()
        error = jnp.abs(target - self.head.values(chosen, units))
        return loss, {"loss": loss, "td_error": error.mean()}

    @property
    def place(self) -> TakerSeat:
        """Where the learner sits, and who else plays."""
        return TakerSeat(
            self.market,
            self.env_params,
            seat=self.config.seat if self.market.n_players > 1 else 0,
            opponent=opponent_of("pqn", self.config.opponent, self.player()),
            plays_itself=self.config.opponent == "self",
            maker=None,
        )

    @property
    def head(self) -> MeanHead:
        """What the network's outputs mean: values, over `q_scale`."""
        return MeanHead(self.config.loss)

    @property
    def network(self) -> Network:
        """Observation → an output per action."""
        config = self.config
        return Network(
            config.hidden,
            N_ACTIONS,
            config.memory,
            config.memory_width,
            output_scale=0.01,
            layer_norm=config.layer_norm,
        )

    @property
    def optimizer(self) -> optax.GradientTransformation:
        """RAdam's direction (Liu et al. 2020) for gradients clipped by their global norm, before
        the learning rate.
        """
        clip = optax.clip_by_global_norm(self.config.max_grad_norm)
        return optax.chain(clip, optax.scale_by_radam())
