"""What a learner is to the rest of the package: the protocol that every algorithm follows."""

from typing import Any, ClassVar, Protocol

from jax import Array

from cardjax.agents.values import Values
from cardjax.env.market import CardMarket
from cardjax.env.params import EnvParams
from cardjax.env.trees import ArrayTree
from cardjax.policies.makers import MakerPolicy
from cardjax.policies.policy import Policy


class Learner(Protocol):
    """Two pure functions and what the loop has to know of them: a dataclass, whose numbers a sweep
    replaces.
    """

    PER_GAME: ClassVar[tuple[str, ...]]
    """Fields of the state whose leaves have the leading axis n_envs."""

    LEARNED: ClassVar[tuple[str, ...]]
    """Fields of the state that hold what has been learned: a training that begins with another
    run's weights takes them over.
    """

    @property
    def market(self) -> CardMarket:
        """The game."""

    @property
    def env_params(self) -> EnvParams:
        """Its parameters."""

    @property
    def config(self) -> object:
        """The hyperparameters, a declared dataclass."""

    @property
    def n_envs(self) -> int:
        """Games played at once."""

    @property
    def total_updates(self) -> int:
        """How many updates the training is planned for."""

    @property
    def rounds_per_update(self) -> int:
        """Rounds played by one update."""

    def init(self, key: Array) -> ArrayTree:
        """A fresh state: a NamedTuple with at least key, n_updates (int32 []) and games."""

    def update(self, state: Any) -> tuple[ArrayTree, dict[str, Array]]:
        """The next state, and scalar metrics."""

    @property
    def play(self) -> str:
        """How its policy plays in evaluations: greedy or sampled."""

    def values(self) -> Values | None:
        """What it believes that orders are worth, for diagnostics; None if it estimates nothing."""

    def policy(self) -> Policy:
        """The player that is being trained, as it plays in evaluations."""

    def policy_params(self, state: Any) -> ArrayTree:
        """Its parameters in a state."""


class QuotingLearner(Learner, Protocol):
    """A learner of a game whose maker is a player; its `policy_params` are `roles.RoleParams`."""

    def maker(self) -> MakerPolicy:
        """Who quotes: the player that is being trained, or the one that takers learn against."""
