"""Deep Q-learning for one seat, a taker's or the maker's: collect → store in replay → learn, in
one program.

Mnih et al. 2015, with the parts of Rainbow (Hessel et al. 2018) as options and, for a network with
a memory, the sequences of R2D2 (Kapturowski et al. 2019; see `q_blocks`). A learner is two pure
functions, `init(key)` and `update(state)`; several seeds are a `vmap` of both.
"""

import dataclasses
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from cardjax.agents import losses, q_learning, replay
from cardjax.agents.critic_view import N_TRUTH
from cardjax.agents.networks import Network, Weights
from cardjax.agents.q_blocks import (
    Block,
    Tail,
    Transition,
    blank_tail,
    block_of,
    drawn_blocks,
    drawn_rounds,
)
from cardjax.agents.q_critic import CRITIC, of_critic, of_player, squared_errors, told
from cardjax.agents.q_heads import Head, make_head, n_outputs, per_action, units_of
from cardjax.agents.q_place import MakerSeat, Place, TakerSeat, opponent_of
from cardjax.agents.q_policy import QParams, QPolicy
from cardjax.agents.q_rollout import rollout, stop_at, taker_metrics
from cardjax.agents.roles import (
    MAKER,
    TAKERS,
    LearnedMaker,
    MakerSides,
    Role,
    RoleParams,
    Takers,
    check_roles,
)
from cardjax.agents.schedules import annealed, exploration, implicit_promotion
from cardjax.agents.values import QValues
from cardjax.config import DQNConfig
from cardjax.config.hyperparameters import LEARNED
from cardjax.env.declaration import ParameterError
from cardjax.env.market import CardMarket
from cardjax.env.params import N_ROUNDS, EnvParams
from cardjax.env.state import State
from cardjax.env.trees import ArrayTree
from cardjax.policies.makers import MakerPolicy
from cardjax.policies.policy import Policy
from cardjax.policies.registry import MAKERS, POLICIES

PRIORITY_MIX = 0.9
"""The weight of a sequence's largest error in its priority; the mean error has the rest.
Kapturowski et al. 2019, section 2.3.
"""
LEAST_PRIORITY = 1e-3
"""Added to errors, in units of the reward, so that everything in replay can be drawn."""


class DQNState(NamedTuple):
    """All that training carries from one update to the next: saved, it continues bit for bit."""

    weights: Weights
    """The online network's, and under CRITIC those of the critic that is told the truth."""
    target: Weights
    """The target network's."""
    optimizer: optax.OptState
    """Of the online network."""
    games: State
    """Leaves [n_envs, …]."""
    memory: ArrayTree
    """Of the learner's seat, leaves [n_envs, …], or of both sides of a maker, leaves
    [2 · n_envs, …]; () without one.
    """
    opponents: ArrayTree
    """The carry of whoever plays the other seats, leaves [n_envs, …]."""
    tail: Tail | None
    """None without burn-in."""
    replay: replay.Replay
    """Leaves [n_envs, …]."""
    key: Array
    """What the next update's randomness comes from."""
    n_updates: Array
    """int32 [], updates done: so many blocks has each of the learner's seats in a game put into
    replay.
    """
    table: ArrayTree = ()
    """What a scripted maker acts on; () without one."""


@dataclasses.dataclass(frozen=True, eq=False)
class DQN:
    """The learner of one seat in one game.

    Raises:
        ParameterError: `config.opponent` is no policy's name, `config.capacity` holds no rollout
            or no batch, or where the maker is a player both roles learn or none does.
    """

    market: CardMarket
    env_params: EnvParams
    config: DQNConfig
    n_envs: int
    total_updates: int
    """What the schedules are stretched over."""

    PER_GAME: ClassVar[tuple[str, ...]] = ("games", "memory", "opponents", "tail", "replay")
    """Fields of the state whose leaves have a leading axis of games."""
    LEARNED: ClassVar[tuple[str, ...]] = ("weights", "target")
    """Fields of the state that another training can begin with."""

    def __post_init__(self) -> None:
        # Inside, the player axis is always there, for one player too.
        object.__setattr__(self, "market", dataclasses.replace(self.market, squeeze=False))
        if self.config.capacity < self.rounds_per_update:
            one_rollout = f"train.n_envs · dqn.rollout_rounds = {self.rounds_per_update}"
            allowed = f"must be at least one rollout, {one_rollout}"
            raise ParameterError("dqn.capacity", self.config.capacity, allowed)
        if self.config.batch_size > self.config.capacity:
            allowed = f"must be at most dqn.capacity = {self.config.capacity}"
            raise ParameterError("dqn.batch_size", self.config.batch_size, allowed)
        self._check_roles()
        _ = self.opponent  # a name that is none is refused here

    def _check_roles(self) -> None:
        """Refuse what has no meaning with this maker."""
        roles = {TAKERS: self.config.takers, MAKER: self.config.maker}
        check_roles("dqn", roles, self.market.has_maker)
        if not self.market.has_maker:
            return
        if set(roles.values()) == {LEARNED}:
            allowed = (
                "must name a player, or dqn.takers must: DQN trains one role against the other"
            )
            raise ParameterError("dqn.maker", LEARNED, allowed)
        if self.quotes:
            if self.config.critic_sees_truth:
                raise ParameterError("dqn.critic_sees_truth", "on", "is for takers alone")
            defaults = DQNConfig()
            for name in ("seat", "opponent"):
                if getattr(self.config, name) != getattr(defaults, name):
                    allowed = "is read only where a taker learns: dqn.takers names all takers"
                    raise ParameterError(f"dqn.{name}", getattr(self.config, name), allowed)

    @property
    def rounds_per_update(self) -> int:
        """Rounds of the market played by one update, all games together."""
        return self.n_envs * self.config.rollout_rounds

    def init(self, key: Array) -> DQNState:
        """Fresh networks and games, and an empty replay."""
        key, key_weights, key_games, key_opponent = jax.random.split(key, 4)
        n_inputs = self.role.observation_size
        weights = self.network.init(key_weights, n_inputs)
        if self.config.critic_sees_truth:
            key_critic = jax.random.fold_in(key_weights, 1)
            weights |= {CRITIC: self.network.init(key_critic, n_inputs + N_TRUTH)}
        _, games = jax.vmap(self.market.reset, (0, None))(
            jax.random.split(key_games, self.n_envs), self.env_params
        )
        games, opponents, table = self.place.begin(key_opponent, games)
        n_rows = self.n_envs * self._n_seats
        memory = self.network.carry((n_rows,))
        state = DQNState(
            weights=weights,
            target=of_player(weights),
            optimizer=self.optimizer.init(weights),
            games=games,
            memory=memory,
            opponents=opponents,
            tail=blank_tail(n_rows, self.config.burn_in, n_inputs, memory),
            replay=replay.Replay((), None),
            key=key,
            n_updates=jnp.int32(0),
            table=table,
        )
        block, *_ = jax.eval_shape(lambda: self._collect(state, key)[1])
        blank = replay.empty(block, self.n_blocks, self._items_per_block, self.config.prioritised)
        return state._replace(replay=blank)

    def update(self, state: DQNState) -> tuple[DQNState, dict[str, Array]]:
        """One iteration: play, remember, learn. Metrics are float32 scalars."""
        key, key_rollout, key_learn = jax.random.split(state.key, 3)
        state, blocks, play_metrics = self._collect(state, key_rollout)
        kept = state.replay
        for seat, block in enumerate(blocks):
            n_added = state.n_updates * len(blocks) + seat
            kept = replay.add(kept, block, n_added, self._items_per_block)
        state = state._replace(replay=kept)
        state, metrics = jax.lax.scan(self._learn, state, self._learning_keys(state, key_learn))
        metrics = jax.tree.map(jnp.mean, metrics) | play_metrics
        return state._replace(key=key, n_updates=state.n_updates + 1), metrics

    def epsilon(self, n_updates: Array) -> Array:
        """The share of exploring actions in the update after `n_updates`."""
        return exploration(self.config, n_updates.astype(jnp.float32) / self.total_updates)

    @property
    def play(self) -> str:
        """How the player plays in evaluations."""
        return "greedy"

    def values(self) -> QValues | None:
        """What a taker's greedy policy chooses by."""
        return None if self.quotes else QValues(self)

    def policy(self, greedy: bool = True) -> Policy:
        """Who takes: the player that is being trained, whose parameters are `policy_params(state)`,
        or where the maker is trained the takers that it meets.
        """
        return POLICIES[self.config.takers] if self.quotes else self.player(greedy)

    def maker(self) -> MakerPolicy:
        """Who quotes, where the maker is a player."""
        return LearnedMaker(self.player()) if self.quotes else MAKERS[self.config.maker]

    def player(self, greedy: bool = True) -> QPolicy:
        """The player that is being trained, of either role; its parameters are `params(state)`."""
        encoder = self.role if self.quotes else self.market
        return QPolicy(encoder, self.network, self.head, self.config.dueling, greedy)

    def policy_params(self, state: DQNState) -> QParams | RoleParams:
        """What the player acts on; where the maker is a player, by its role."""
        if not self.market.has_maker:
            return self.params(state)
        learns = MAKER if self.quotes else TAKERS
        return RoleParams(**{TAKERS: None, MAKER: None, learns: self.params(state)})

    def params(self, state: DQNState) -> QParams:
        """What the player that is being trained acts on."""
        return QParams(
            of_player(state.weights), units_of(self.config), self.epsilon(state.n_updates)
        )

    def _collect(
        self, state: DQNState, key: Array
    ) -> tuple[DQNState, list[Block], dict[str, Array]]:
        """Play `rollout_rounds` rounds of every game: the state after, a block for each of the
        learner's seats, and metrics.
        """
        place, explorer, own = self.place, self.player(greedy=False), self.params(state)
        start = state.games, state.memory, state.opponents
        keys = jax.random.split(key, self.config.rollout_rounds)
        truth = self.config.critic_sees_truth
        after, played = rollout(place, explorer, own, start, state.table, keys, truth)
        games, memory, opponents = after
        stop = stop_at(place, explorer, games)
        n, gamma = self.config.n_step, self.config.gamma
        block, tail = block_of(played, stop, state.memory, state.tail, n, gamma)
        state = state._replace(games=games, memory=memory, opponents=opponents, tail=tail)
        return state, self._by_seat(block), self._of_play(played) | {"epsilon": own.epsilon}

    def _by_seat(self, block: Block) -> list[Block]:
        """A block for each of the learner's seats, leaves [games, …], of one with leaves
        [rows, …].
        """
        n = self._n_seats
        return [jax.tree.map(lambda leaf, i=i: leaf[i::n], block) for i in range(n)]

    def _of_play(self, played: Transition) -> dict[str, Array]:
        """Metrics of a rollout."""
        if not self.quotes:
            return taker_metrics(played)
        return {"maker_reward_per_game": played.reward.mean() * self._n_seats * N_ROUNDS}

    def _learn(
        self, state: DQNState, step: tuple[Array, Array]
    ) -> tuple[DQNState, dict[str, Array]]:
        """One gradient step on one batch from replay; `step` is its number and key."""
        number, key = step
        index, probability = replay.draw(
            state.replay, key, self._items_per_batch, self._n_items(state)
        )
        block = self._drawn(state.replay.blocks, index)
        n_items = self.n_envs * self._n_items(state).astype(jnp.float32)
        progress = state.n_updates.astype(jnp.float32) / self.total_updates
        beta = annealed(self.config.beta, 1.0, "linear", progress)
        importance = q_learning.importance_weights(probability, n_items, beta)

        following = self._following(state, block)
        gradient, (loss, error) = jax.grad(self._loss, has_aux=True)(
            state.weights, block, following, importance
        )
        with implicit_promotion():
            change, optimizer = self.optimizer.update(gradient, state.optimizer, state.weights)
        weights = optax.apply_updates(state.weights, change)
        state = state._replace(
            weights=weights,
            target=self._next_target(state.target, of_player(weights), number),
            optimizer=optimizer,
            replay=replay.set_priorities(state.replay, index, self._priority(error)),
        )
        metrics = {
            "loss": loss,
            "td_error": error.mean(),
            "gradient_norm": optax.tree.norm(gradient),
        }
        return state, metrics

    def _loss(
        self, weights: Weights, block: Block, following: Array, importance: Array
    ) -> tuple[Array, tuple[Array, Array]]:
        """(loss, (loss, absolute error of the mean [T, batch])) of a batch's rounds."""
        reward, discount = block.n_step.T, block.discount.T
        units = units_of(self.config)
        if self.config.critic_sees_truth:
            target = reward + discount * self.head.values(following, units)
            return self._loss_by_critic(weights, block, target, importance)
        outputs = _of_action(self._unroll(weights, block, self.config.burn_in), block.action.T)
        loss = jnp.mean(importance * self.head.losses(outputs, following, reward, discount, units))
        error = (
            reward
            + discount * self.head.values(following, units)
            - self.head.values(outputs, units)
        )
        return loss, (loss, jnp.abs(error))

    def _loss_by_critic(
        self, weights: Weights, block: Block, target: Array, importance: Array
    ) -> tuple[Array, tuple[Array, Array]]:
        """As `_loss`, where a critic is told the truth and teaches the player (`q_critic`)."""
        units = units_of(self.config)
        q = self.head.values(self._unroll(weights, block, 0), units)
        known = self.head.values(self._unroll(of_critic(weights), told(block), 0), units)
        mask = jnp.moveaxis(block.mask[:, :1], 1, 0)
        squares, error = squared_errors(q, known, target, block.action.T, mask)
        loss = jnp.mean(importance * squares)
        return loss, (loss, error)

    def _following(self, state: DQNState, block: Block) -> Array:
        """The target network's outputs [T, batch, n_atoms] for the best valid following action.

        The best by the online network if `double` (van Hasselt, Guez & Silver 2016, eq. 4), else by
        the target network itself.
        """

        def bootstrapped() -> Array:
            outputs = self._at_following(state.target, block)
            chooser = self._at_following(state.weights, block) if self.config.double else outputs
            values = self.head.values(chooser, units_of(self.config))
            mask = jnp.moveaxis(block.mask, 1, 0)[self._following_places]
            return _of_action(outputs, q_learning.best_valid(values, mask))

        return losses.bootstrapped(self.config.gamma, bootstrapped)

    def _at_following(self, weights: Weights, block: Block) -> Array:
        """Outputs [T, batch, n_actions, n_atoms] at the rounds that are bootstrapped from."""
        places = self._following_places
        if self.has_memory:
            return self._unroll(weights, block, self.config.burn_in, last=True)[places]
        later = block._replace(
            observation=block.observation[:, places], first=block.first[:, places]
        )
        return self._unroll(weights, later, 0)

    def _unroll(self, weights: Weights, block: Block, burn_in: int, last: bool = False) -> Array:
        """Outputs [T, batch, n_actions, n_atoms] of a block's rounds past the burn-in, the one
        after them too if `last`.
        """
        n = burn_in + block.action.shape[1] + last
        x, first = jnp.moveaxis(block.observation, 1, 0)[:n], block.first.T[:n]
        memory = block.memory
        if burn_in:
            memory, _ = self.network.unroll(weights, memory, x[:burn_in], first[:burn_in])
            memory = jax.lax.stop_gradient(memory)
        _, outputs = self.network.unroll(weights, memory, x[burn_in:], first[burn_in:])
        return per_action(outputs, self.head, self.config.dueling)

    def _drawn(self, blocks: Block, index: replay.Index) -> Block:
        """The items drawn from replay: whole blocks with a memory, else single rounds."""
        if self.has_memory:
            return drawn_blocks(blocks, index)
        return drawn_rounds(blocks, index, self.config.n_step)

    def _next_target(self, target: Weights, weights: Weights, number: Array) -> Weights:
        if self.config.target_update == "polyak":
            return optax.incremental_update(weights, target, self.config.target_tau)
        due = (number + 1) % self.config.target_period == 0
        return jax.tree.map(lambda new, old: jnp.where(due, new, old), weights, target)

    def _priority(self, error: Array) -> Array:
        """[T, batch] absolute errors → [batch] priorities, raised to their exponent."""
        mixed = PRIORITY_MIX * error.max(0) + (1 - PRIORITY_MIX) * error.mean(0)
        return (mixed + LEAST_PRIORITY) ** self.config.priority_exponent

    def _learning_keys(self, state: DQNState, key: Array) -> tuple[Array, Array]:
        n = self.config.n_gradient_steps
        return state.n_updates * n + jnp.arange(n, dtype=jnp.int32), jax.random.split(key, n)

    def _n_items(self, state: DQNState) -> Array:
        n_added = (state.n_updates + 1) * self._n_seats
        return jnp.minimum(n_added, self.n_blocks) * self._items_per_block

    @property
    def quotes(self) -> bool:
        """Whether the maker is what is learned."""
        return self.market.has_maker and self.config.maker == LEARNED

    @property
    def role(self) -> Role:
        """Whose play is learned."""
        return MakerSides(self.market) if self.quotes else Takers(self.market)

    @property
    def place(self) -> Place:
        """Where the learner sits, and who else plays."""
        if self.quotes:
            return MakerSeat(self.market, self.env_params, POLICIES[self.config.takers])
        return TakerSeat(
            self.market,
            self.env_params,
            self.seat,
            self.opponent,
            plays_itself=self.config.opponent == "self",
            maker=MAKERS[self.config.maker] if self.market.has_maker else None,
        )

    @property
    def seat(self) -> int:
        """The learner's seat."""
        return self.config.seat if self.market.n_players > 1 else 0

    @property
    def opponent(self) -> Policy:
        """Who plays the other seats, or where a taker learns the other takers' seats."""
        return opponent_of("dqn", self.config.opponent, self.player())

    @property
    def head(self) -> Head:
        """What the network's outputs mean."""
        return make_head(self.config)

    @property
    def network(self) -> Network:
        """Observation → outputs of the head."""
        config = self.config
        n = n_outputs(self.head, config.dueling, self.role.n_actions)
        return Network(
            config.hidden,
            n,
            config.memory,
            config.memory_width,
            output_scale=0.01,
            precision=config.matmul_precision,
        )

    @property
    def n_blocks(self) -> int:
        """Blocks kept per game, of all of the learner's seats in it."""
        return self.config.capacity // self.rounds_per_update * self._n_seats

    @property
    def optimizer(self) -> optax.GradientTransformation:
        """Adam with a linear learning-rate schedule, on gradients clipped by their global norm."""
        steps = self.total_updates * self.config.n_gradient_steps

        def rate(n: Array) -> Array:
            progress = jnp.minimum(n.astype(jnp.float32) / steps, 1)
            return annealed(
                self.config.learning_rate, self.config.learning_rate_end, "linear", progress
            )

        return optax.chain(
            optax.clip_by_global_norm(self.config.max_grad_norm), optax.adam(rate, eps=1e-5)
        )

    @property
    def has_memory(self) -> bool:
        """Whether blocks are replayed as a whole, for a recurrent network."""
        return self.config.memory != "none"

    @property
    def _n_seats(self) -> int:
        return self.role.n_seats if self.quotes else 1

    @property
    def _items_per_block(self) -> int:
        return self.config.rollout_rounds if not self.has_memory else 1

    @property
    def _items_per_batch(self) -> int:
        return self.config.batch_size * self._items_per_block // self.config.rollout_rounds

    @property
    def _following_places(self) -> np.ndarray:
        """For every round that is learned from, the place in its block [0..R] of the round it is
        bootstrapped from.
        """
        if not self.has_memory:
            return np.array([1])
        rounds = self.config.rollout_rounds
        return np.minimum(np.arange(rounds) + self.config.n_step, rounds)


def _of_action(outputs: Array, action: Array) -> Array:
    """Outputs [..., n_actions, n_atoms] of the actions [...]: [..., n_atoms]."""
    return jnp.take_along_axis(outputs, action.astype(jnp.int32)[..., None, None], -2)[..., 0, :]
