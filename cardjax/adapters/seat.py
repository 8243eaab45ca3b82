"""One seat of the market as a game for one learner, in which a policy plays the other seats."""

import dataclasses
from typing import NamedTuple

import jax
from jax import Array

from cardjax.config import make_config, make_market
from cardjax.env import CardMarket, EnvParams, ParameterError, State, View
from cardjax.env.execution import as_action
from cardjax.env.trees import ArrayTree
from cardjax.policies.policy import Policy, TrainedPlayer, misfit, prepared
from cardjax.policies.registry import POLICIES, make_policy

DEFAULT_OPPONENT = "equilibrium"
OPPONENT_KEY = 0x0990
"""Folded into the key of a step to give the opponents' randomness. The market's draws come from the
key itself.
"""
OF_PLAYERS = (
    "action",
    "rejected",
    "exec_price",
    "fill_ratio",
    "slippage",
    "pnl",
    "wealth",
    "inventory",
    "carry_pnl",
    "risk_charge",
    "action_mask",
    "final_observation",
)
"""The entries of a step's info that have a player axis, where there are such entries."""
NATIVE_ONLY = ("action_mask", "final_observation", "terminated", "truncated")
"""The entries of a step's info that other libraries return elsewhere, or use for something else."""


class Terms(NamedTuple):
    """The parameters of a seat's game; all of them are traced."""

    market: EnvParams
    opponent: ArrayTree = None
    """The opponents' weights, or what they have prepared for the market; None for other scripted
    policies, whose params are those of the market.
    """


class SeatState(NamedTuple):
    """The game between two rounds, and the opponents' memory."""

    game: State
    memory: ArrayTree


@dataclasses.dataclass(frozen=True)
class Seat:
    """The first seat of `market`, with the methods of `CardMarket` but without a player axis.

    All methods are pure and can be jitted and vmapped. The market's draws are those that
    `CardMarket` makes from the same keys.
    """

    market: CardMarket
    """The market, with a player axis (not squeezed)."""
    opponent: Policy | None = None
    """The policy at the other seats; None if there are none."""

    def reset(self, key: Array, terms: Terms) -> tuple[Array, SeatState]:
        """Start a new game: (observation float32 [D], state)."""
        observation, game = self.market.reset(key, terms.market)
        memory = (
            self.opponent.init(_opponent_key(key), (self.market.n_players - 1,))
            if self.opponent
            else ()
        )
        return observation[0], SeatState(game, memory)

    def step(
        self, key: Array, state: SeatState, action: Array, terms: Terms
    ) -> tuple[Array, SeatState, Array, Array, Array, dict[str, Array]]:
        """As `CardMarket.step`, for one player: (obs, state, reward, terminated, truncated, info).

        It resets the game by itself. As the policy protocol demands, the opponents' memory is
        passed on to the next game.
        """
        memory, actions = self._actions(key, state, action, terms)
        observation, game, reward, *ends, info = self.market.step(
            key, state.game, actions, terms.market
        )
        terminated, truncated = ends
        return (
            observation[0],
            SeatState(game, memory),
            reward[0],
            terminated,
            truncated,
            player_info(info, 0),
        )

    def step_env(
        self, key: Array, state: SeatState, action: Array, terms: Terms
    ) -> tuple[Array, SeatState, Array, Array, dict[str, Array]]:
        """As `step`, but never resets: (obs, state, reward, terminated, info)."""
        memory, actions = self._actions(key, state, action, terms)
        observation, game, reward, terminated, info = self.market.step_env(
            key, state.game, actions, terms.market
        )
        return observation[0], SeatState(game, memory), reward[0], terminated, player_info(info, 0)

    def observe(self, state: SeatState, terms: Terms) -> Array:
        """The observation of a state, float32 [D]."""
        return self.market.observe(state.game, terms.market)[0]

    def view(self, state: SeatState, terms: Terms) -> View:
        """What the player at this seat knows."""
        return jax.tree.map(lambda leaf: leaf[0], self.market.view(state.game, terms.market))

    def action_mask(self, state: SeatState, terms: Terms) -> Array:
        """Which actions are valid now, bool [21]."""
        return self.market.action_mask(state.game, terms.market)[0]

    def _actions(
        self, key: Array, state: SeatState, action: Array, terms: Terms
    ) -> tuple[ArrayTree, Array]:
        """The opponents' memory after their decision, and the actions of all seats, [A]."""
        action = _as_asked(action).reshape((1,))
        if self.opponent is None:
            return state.memory, action
        views = jax.tree.map(lambda leaf: leaf[1:], self.market.view(state.game, terms.market))
        knows = terms.market if terms.opponent is None else terms.opponent
        memory, others = self.opponent.act(knows, state.memory, views, _opponent_key(key))
        return memory, jax.numpy.concatenate([action, _as_asked(others)])


def _as_asked(action: Array) -> Array:
    """The action as the market reads it, int32, or −1 if it is not an action.

    Actions of all seats become one array. Without this, the number type of one seat's action, such
    as bool or float, would change how the others are read.
    """
    known_action, known = as_action(jax.numpy.asarray(action))
    return jax.numpy.where(known, known_action, -1)


def make_seat(
    kind: str,
    opponent: str | Policy | TrainedPlayer | None = None,
    opponent_params: ArrayTree = None,
    **overrides: object,
) -> tuple[Seat, Terms]:
    """A seat, and the parameters of its game.

    Args:
        kind: "single" or "two".
        opponent: a policy's name, a Policy, or what `cardjax.load_policy` returns. The default is
            `equilibrium`, or none in the game for one player.
        opponent_params: the weights of a trained Policy. A policy from `load_policy` has its own.
        overrides: those of `cardjax.make`, including preset and n_players.

    Raises:
        ParameterError: (a ValueError) a name or value is not allowed; the message is one line.
    """
    market, params = make_game(kind, **overrides)
    market.refuse_maker("one seat of the market; Gymnasium has the seats of both roles")
    return seat_in(market, params, opponent, opponent_params)


def seat_in(
    market: CardMarket,
    params: EnvParams,
    opponent: str | Policy | TrainedPlayer | None,
    opponent_params: ArrayTree,
) -> tuple[Seat, Terms]:
    """The first seat of a market, and the parameters of its game; the arguments are those of
    `make_seat`.

    Raises:
        ParameterError: as there.
    """
    if market.n_players == 1:
        if opponent is not None:
            raise ParameterError("opponent", opponent, "a single player has none: leave it out")
        return Seat(market), Terms(params)
    if isinstance(opponent, TrainedPlayer):
        opponent_params = _weights_of(opponent, opponent_params, market)
        opponent = opponent.policy
    policy = named(DEFAULT_OPPONENT if opponent is None else opponent, "opponent")
    if not getattr(policy, "share_params", True):
        raise ParameterError(
            "opponent", type(policy).__name__, "has weights for each seat (ppo.share_params off)"
        )
    if opponent_params is None and hasattr(policy, "prepare"):
        opponent_params = prepared(policy, params)
    return Seat(market, policy), Terms(params, opponent_params)


def make_game(kind: str, **overrides: object) -> tuple[CardMarket, EnvParams]:
    """The market, which has a player axis even for one player, and its parameters.

    The arguments are those of `cardjax.make`.
    """
    values = {f"env.{name.removeprefix('env.')}": value for name, value in overrides.items()}
    config = make_config({"env.kind": kind} | values)
    return dataclasses.replace(make_market(config.game), squeeze=False), config.env


def player_info(info: dict[str, Array], seat: int) -> dict[str, Array]:
    """A step's info for one player: entries with a player axis are taken at that seat."""
    return {name: leaf[seat] if name in OF_PLAYERS else leaf for name, leaf in info.items()}


def named(policy: str | Policy, argument: str) -> Policy:
    """A policy as it is, or by its name.

    Args:
        policy: either.
        argument: what an error calls it.

    Raises:
        ParameterError: there is none of that name.
    """
    if not isinstance(policy, str):
        return policy
    try:
        return make_policy(policy)
    except ValueError:
        allowed = f"must be one of {', '.join(POLICIES)}"
        raise ParameterError(argument, policy, allowed) from None


def _weights_of(
    opponent: TrainedPlayer, opponent_params: ArrayTree, market: CardMarket
) -> ArrayTree:
    """A trained player's weights, if it can play in this market and no others are given."""
    if opponent_params is not None:
        raise ParameterError("opponent_params", "…", "must be left out: the opponent has its own")
    if allowed := misfit(opponent.market, market):
        raise ParameterError("opponent", type(opponent).__name__, allowed)
    return opponent.params


def _opponent_key(key: Array) -> Array:
    return jax.random.fold_in(key, OPPONENT_KEY)
