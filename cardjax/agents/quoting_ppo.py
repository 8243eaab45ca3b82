"""PPO for games whose maker is a player: takers and maker are trained at once, or one role against
a scripted player of the other.

Each role has networks of its own and learns as `ppo.PPO` does; here both are played in the same
games, first the maker's move of a round and then the takers'.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree

from cardjax.agents.batch import Transition
from cardjax.agents.policy import ActorParams, SeatView
from cardjax.agents.population import SELF
from cardjax.agents.ppo import PPO, Ahead, PPOState
from cardjax.agents.rewards import new_reward_scale
from cardjax.agents.roles import (
    MAKER,
    ROLES,
    TAKERS,
    LearnedMaker,
    MakerSides,
    RoleParams,
    SideView,
    Takers,
    check_roles,
    sides_of,
)
from cardjax.config import PPOConfig
from cardjax.config.hyperparameters import LEARNED
from cardjax.env.declaration import ParameterError
from cardjax.env.market import CardMarket
from cardjax.env.observation import View
from cardjax.env.params import N_ROUNDS, EnvParams
from cardjax.env.state import State
from cardjax.env.trees import ArrayTree
from cardjax.policies.makers import MakerPolicy, prepared_maker
from cardjax.policies.policy import Policy
from cardjax.policies.registry import MAKERS, POLICIES

_OF_ROLE = ("weights", "average", "optimizer", "normalizer", "memory", "reward_scale")
"""Fields of the state that each learned role has of its own."""
ByRole = dict[str, Any]
"""{"takers": …, "maker": …}: of the roles that are learned."""
OF_MAKER = ("reward_per_game", "entropy", "explained_variance", "kl", "gradient_norm")
"""The metrics that the maker has too, with `maker_` before their names."""


class QuotingState(NamedTuple):
    """All that training carries from one update to the next."""

    weights: ByRole
    average: ByRole
    """Of the actors' weights, as in `PPOState`."""
    optimizer: ByRole
    normalizer: ByRole
    games: State
    """Leaves [n_envs, …], before the maker quotes."""
    memory: ByRole
    """Leaves [n_envs, seats, …]; empty without a cell."""
    scripted: Any
    """The carry of a scripted role, leaves [n_envs, …]; () if both learn."""
    table: Any
    """What a scripted maker acts on; () if the maker learns."""
    reward_scale: ByRole
    key: Array
    n_updates: Array


@dataclasses.dataclass(frozen=True, eq=False)
class QuotingPPO:
    """The learner of a game whose maker is a player.

    Raises:
        ParameterError: nobody learns, a name is unknown, or an option has no meaning here.
    """

    market: CardMarket
    env_params: EnvParams
    config: PPOConfig
    n_envs: int
    total_updates: int
    joint_critic: bool = False
    """MAPPO's critics see what both roles see."""

    PER_GAME: ClassVar[tuple[str, ...]] = ("games", "memory", "scripted")
    LEARNED: ClassVar[tuple[str, ...]] = ("weights", "normalizer", "reward_scale")

    def __post_init__(self) -> None:
        object.__setattr__(self, "market", dataclasses.replace(self.market, squeeze=False))
        _check(self.config)
        _ = self.learners  # what one role's learner refuses is refused here

    @property
    def learners(self) -> dict[str, PPO]:
        """The learner of each role that is learned, by its name."""
        common = (self.market, self.env_params, self.config, self.n_envs, self.total_updates)
        named = {TAKERS: self.config.takers, MAKER: self.config.maker}
        return {
            role: PPO(*common, self.joint_critic, quotes=role == MAKER)
            for role, name in named.items()
            if name == LEARNED
        }

    @property
    def rounds_per_update(self) -> int:
        """Rounds of the market played by one update, all games together."""
        return self.n_envs * self.config.rollout_rounds

    def init(self, key: Array) -> QuotingState:
        """Fresh networks and games."""
        key, key_games, key_scripted, *key_roles = jax.random.split(key, 3 + 2 * len(ROLES))
        keys = dict(zip(ROLES, zip(key_roles[::2], key_roles[1::2], strict=True), strict=True))
        learners = self.learners
        weights = {role: one.networks.init(*keys[role]) for role, one in learners.items()}
        _, games = jax.vmap(self.market.reset, (0, None))(
            jax.random.split(key_games, self.n_envs), self.env_params
        )
        scales = {
            role: new_reward_scale((self.n_envs, one.n_seats))
            if self.config.normalize_rewards
            else None
            for role, one in learners.items()
        }
        return QuotingState(
            weights=weights,
            average={role: own["actor"] for role, own in weights.items()},
            optimizer={
                role: one.optimizer.init(ravel_pytree(weights[role])[0])
                for role, one in learners.items()
            },
            normalizer={role: one.networks.new_normalizers() for role, one in learners.items()},
            games=games,
            memory={role: one.networks.blank_memory(self.n_envs) for role, one in learners.items()},
            scripted=self._scripted_carry(key_scripted),
            table=()
            if MAKER in learners
            else prepared_maker(self.maker(), self.env_params, self.market.n_players),
            reward_scale=scales,
            key=key,
            n_updates=jnp.int32(0),
        )

    def update(self, state: QuotingState) -> tuple[QuotingState, dict[str, Array]]:
        """One iteration: play, and let each role learn from what it has seen."""
        key, key_rollout, key_ahead, *key_roles = jax.random.split(state.key, 3 + len(ROLES))
        played, rollouts = self._collect(state, key_rollout)
        ahead = self._ahead(played, key_ahead)
        metrics: dict[str, Array] = {}
        after: dict[str, Any] = {name: dict(getattr(played, name)) for name in _OF_ROLE}
        for role, key_role in zip(ROLES, key_roles, strict=True):
            if role not in self.learners:
                continue
            improved, own = self.learners[role].learn(
                self._of_role(role, played),
                rollouts[role],
                state.memory[role],
                lambda role=role: ahead[role],  # type: ignore[misc]
                key_role,
            )
            for name in _OF_ROLE:
                after[name][role] = getattr(improved, name)
            metrics |= _named(role, own, rollouts[role])
        return played._replace(**after, key=key, n_updates=state.n_updates + 1), metrics

    @property
    def play(self) -> str:
        """How both roles play in evaluations: greedy or sampled."""
        return next(iter(self.learners.values())).play

    def values(self) -> None:
        """Nothing: diagnostics are of games without such a maker."""

    def policy(self) -> Policy:
        """The takers, as they play in evaluations; `policy_params(state).takers` are theirs."""
        if TAKERS not in self.learners:
            return POLICIES[self.config.takers]
        return self.learners[TAKERS].policy()

    def maker(self) -> MakerPolicy:
        """The maker, as it plays in evaluations; `policy_params(state).maker` are its own."""
        if MAKER not in self.learners:
            return MAKERS[self.config.maker]
        return LearnedMaker(self.learners[MAKER].policy())

    def policy_params(self, state: QuotingState) -> RoleParams:
        """What the two act on in evaluations."""
        return self._params(state, PPO.policy_params)

    def _acting_params(self, state: QuotingState) -> RoleParams:
        """What they act on while they learn."""
        return self._params(state, PPO.acting_params)

    def _params(
        self, state: QuotingState, of_role: Callable[[PPO, PPOState], ActorParams]
    ) -> RoleParams:
        params: dict[str, Any] = dict.fromkeys(ROLES)
        for role, learner in self.learners.items():
            params[role] = of_role(learner, self._of_role(role, state))
        return RoleParams(**params)

    def _collect(
        self, state: QuotingState, key: Array
    ) -> tuple[QuotingState, dict[str, Transition]]:
        """Play `rollout_rounds` rounds of every game; what each learning role has seen of them.

        The critics' memories in the state stay as they were.
        """
        params, learners = self._acting_params(state), self.learners
        actors = {role: one.policy(greedy=False) for role, one in learners.items()}

        def decide(
            role: str, memory: ByRole, view: SeatView, key: Array
        ) -> tuple[ArrayTree, _Decided]:
            own = getattr(params, role), memory[role], view
            after, distribution = actors[role].distribution(*own)
            action, log_prob = distribution.sample_and_log_prob(seed=key)
            return after, _Decided(distribution.probs, action, log_prob)

        def play_round(carry: Any, key: Array) -> tuple[Any, dict[str, Transition]]:
            games, memory, scripted = carry
            memory = dict(memory)
            key_quote, key_order, key_step = jax.random.split(key, 3)
            known = jax.vmap(self.market.maker_view, (0, None))(games, self.env_params)
            sides, decided = sides_of(known), {}
            if MAKER in learners:
                memory[MAKER], decided[MAKER] = decide(MAKER, memory, sides, key_quote)
                choice = decided[MAKER].action
            else:
                scripted, choice = self.maker().act(state.table, scripted, known, key_quote)
            quoted = jax.vmap(self.market.quote, (0, 0, None))(games, choice, self.env_params)
            view = jax.vmap(self.market.view, (0, None))(quoted, self.env_params)
            if TAKERS in learners:
                memory[TAKERS], decided[TAKERS] = decide(TAKERS, memory, view, key_order)
                action = decided[TAKERS].action
            else:
                scripted, action = self.policy().act(self.env_params, scripted, view, key_order)
            keys = jax.random.split(key_step, self.n_envs)
            step = jax.vmap(self.market.step, (0, 0, 0, None))
            _, after, reward, terminated, _, info = step(keys, quoted, action, self.env_params)

            seen = self._seen(games, view, sides)
            views: dict[str, SeatView] = {TAKERS: view, MAKER: sides}
            told = {TAKERS: _told_takers(reward, info, self.config), MAKER: _told_maker(info)}
            return (after, memory, scripted), {
                role: Transition(
                    seen=seen[role],
                    first=views[role].round == 0,
                    mask=views[role].action_mask,
                    terminated=terminated,
                    **decided[role]._asdict(),
                    **told[role],
                )
                for role in learners
            }

        remembered = {role: memory["actor"] for role, memory in state.memory.items()}
        keys = jax.random.split(key, self.config.rollout_rounds)
        start = (state.games, remembered, state.scripted)
        (games, remembered, scripted), rollouts = jax.lax.scan(play_round, start, keys)
        memory = {role: state.memory[role] | {"actor": own} for role, own in remembered.items()}
        return state._replace(games=games, memory=memory, scripted=scripted), rollouts

    def _ahead(self, state: QuotingState, key: Array) -> dict[str, Ahead]:
        """The round that the games are in, with a quote as the maker would make it."""
        known = jax.vmap(self.market.maker_view, (0, None))(state.games, self.env_params)
        sides, params = sides_of(known), self._acting_params(state)
        if MAKER in self.learners:
            policy = self.learners[MAKER].policy(greedy=False)
            memory = state.memory[MAKER]["actor"]
            choice = policy.act(params.maker, memory, sides, key)[1]
        else:
            choice = self.maker().act(state.table, state.scripted, known, key)[1]
        quoted = jax.vmap(self.market.quote, (0, 0, None))(state.games, choice, self.env_params)
        view = jax.vmap(self.market.view, (0, None))(quoted, self.env_params)
        seen = self._seen(state.games, view, sides)
        return {TAKERS: Ahead(view, seen[TAKERS]), MAKER: Ahead(sides, seen[MAKER])}

    def _seen(self, games: State, view: View, sides: SideView) -> dict[str, Array]:
        """What the critics of both roles see, float32 [games, seats, n]."""
        takers, maker = Takers(self.market), MakerSides(self.market)
        ordering, quoting = takers.encode(view), maker.encode(sides)
        joint = self.joint_critic
        return {
            TAKERS: takers.critic_view(games, ordering, quoting, joint, truth=False),
            MAKER: maker.critic_view(games, quoting, ordering, joint, truth=False),
        }

    def _of_role(self, role: str, state: QuotingState) -> PPOState:
        """A role's part of the state, as its learner has it."""
        own = {name: getattr(state, name)[role] for name in _OF_ROLE}
        rest = {"ruin": None, "others": None, "key": state.key, "n_updates": state.n_updates}
        return PPOState(games=state.games, **own, **rest)  # type: ignore[arg-type]

    def _scripted_carry(self, key: Array) -> ArrayTree:
        """The carry of the role that does not learn, if there is one."""
        if MAKER not in self.learners:
            return self.maker().init(key, (self.n_envs,))
        if TAKERS not in self.learners:
            return self.policy().init(key, (self.n_envs, self.market.n_players))
        return ()


class _Decided(NamedTuple):
    """What a role's seats did; leaves [games, seats, …]."""

    probabilities: Array
    action: Array
    log_prob: Array


def _told_takers(reward: Array, info: dict[str, Array], config: PPOConfig) -> dict[str, Array]:
    """What a round told the takers' seats."""
    if config.shared_reward:
        reward = jnp.broadcast_to(reward.mean(-1, keepdims=True), reward.shape)
    return {"reward": reward, "rejected": info["rejected"], "wealth": info["wealth"]}


def _told_maker(info: dict[str, Array]) -> dict[str, Array]:
    """What it told the maker's sides, which have no wealth and offer nothing invalid."""
    paid = info["maker_reward_by_side"]
    return {
        "reward": paid,
        "rejected": jnp.zeros_like(paid, bool),
        "wealth": jnp.zeros_like(paid),
    }


def _named(role: str, metrics: Mapping[str, Array], rollout: Transition) -> dict[str, Array]:
    """A role's metrics: those of the maker have `maker_` before their names."""
    if role == TAKERS:
        return dict(metrics)
    own = {f"maker_{name}": metrics[name] for name in OF_MAKER}
    # Its two sides are one player.
    own["maker_reward_per_game"] = rollout.reward.sum(-1).mean() * N_ROUNDS
    return own | {name: metrics[name] for name in ("learning_rate", "entropy_weight")}


def _check(config: PPOConfig) -> None:
    """Refuse what has no meaning where the maker plays."""
    check_roles("ppo", {TAKERS: config.takers, MAKER: config.maker}, has_maker=True)
    allowed = "is not for env.maker = agent"
    if config.opponents != (SELF,):
        raise ParameterError("ppo.opponents", config.opponents, allowed)
    for name in ("constrain_ruin", "critic_sees_truth"):
        if getattr(config, name):
            raise ParameterError(f"ppo.{name}", True, allowed)
