"""Policies that mind the charge for risk: for this round alone, or to the end of the game."""

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.env import N_ACTIONS, N_ROUNDS, EnvParams, View, beliefs
from cardjax.env.events import kind_of
from cardjax.env.inventory import risk_charge
from cardjax.env.params import MAX_INVENTORY
from cardjax.policies.planning.induction import N_KINDS, refuse_maker
from cardjax.policies.planning.inventory_value import InventoryValue, solve, value_at
from cardjax.policies.planning.outcomes import POSITION
from cardjax.policies.policy import Deterministic
from cardjax.policies.stage_game import NOBODY, expected_pnl

SEED = 0
"""The seed of the market draws on which `InventoryPlanner.prepare` solves the game."""


class InventoryParams(NamedTuple):
    """The parameters of an `InventoryPlanner`."""

    env: EnvParams
    value: InventoryValue


@dataclasses.dataclass(frozen=True)
class Myopic(Deterministic):
    """Takes the valid action with the largest expected P&L less this round's charge for risk, as if
    there were no other players.

    Without inventory, where only the order itself is charged, that is the optimum of the single
    game; it is `best_response` where nothing is charged.
    """

    def choose(self, params: EnvParams, view: View) -> Array:
        """int32 [...]; ties go to passing, then to the smaller size."""
        return _best_valid(charged_pnl(params, view), view)


@dataclasses.dataclass(frozen=True)
class InventoryPlanner(Deterministic):
    """Takes the valid action with the largest expected P&L less charge plus value of the inventory
    that it leaves: the optimum of the single game with inventory.

    It plays as if there were no other players. If the event is hidden, it plays as if it were going
    to be told the kind of this round's event after the round, which is no longer the optimum.
    """

    def prepare(self, env_params: EnvParams) -> InventoryParams:
        """Solve the game, which takes seconds, unless it has been solved before.

        Where the parameters are numbers, that is done at once, even while a program is traced;
        where they are traced themselves, it becomes a part of the program.
        """
        if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(env_params)):
            return InventoryParams(env_params, _solved(env_params))
        with jax.ensure_compile_time_eval():
            return InventoryParams(env_params, _solved_once(env_params))

    def choose(self, params: InventoryParams | EnvParams, view: View) -> Array:
        """int32 [...]; ties go to passing, then to the smaller size.

        Args:
            params: from `prepare`, or an EnvParams that is prepared here.
        """
        if isinstance(params, EnvParams):
            params = self.prepare(params)
        return _best_valid(self.gain(params, view), view)

    def gain(self, params: InventoryParams, view: View) -> Array:
        """The expected P&L of each action less charge, plus the change of value compared with
        passing: points, float32 [..., 21], of all actions, valid or not.
        """
        return charged_pnl(params.env, view) + self.change(params, view)

    def change(self, params: InventoryParams, view: View) -> Array:
        """How each action changes the value of the rounds to come, compared with passing: points,
        float32 [..., 21]; 0 where nothing is carried.

        Raises:
            ParameterError: the maker is a player.
        """
        refuse_maker(view)
        if view.inventory is None:
            return jnp.zeros((*view.mu.shape, N_ACTIONS), jnp.float32)
        held, played = view.inventory[..., None], view.round[..., None] + 1
        # Differences are exactly 0 where the inventory does not matter, so that rounding decides
        # nothing.
        if view.event is not None:
            kind = kind_of(view.event)[..., None]
            return _change(params.value, played, kind, held)
        assert view.belief is not None
        chance = jnp.stack(beliefs.kind_chances(view.belief), -1)[..., None]
        kinds = jnp.arange(N_KINDS, dtype=jnp.int32)[:, None]
        change = _change(params.value, played[..., None], kinds, held[..., None])
        return jnp.sum(chance * change, -2)


def charged_pnl(params: EnvParams, view: View) -> Array:
    """The expected P&L of each action if nobody else orders, less the charge for risk that it leads
    to in this round: points, float32 [..., 21], of all actions, valid or not.
    """
    return expected_pnl(params, view, NOBODY) - charge_of_actions(params, view)


def charge_of_actions(params: EnvParams, view: View) -> Array:
    """The charge for risk of the round to which each action leads: points, float32 [..., 21]."""
    if view.inventory is None:
        charge = risk_charge(jnp.asarray(POSITION), jnp.bool_(False), params)
        return jnp.broadcast_to(charge, (*view.mu.shape, N_ACTIONS))
    after = view.inventory[..., None] + jnp.asarray(POSITION, jnp.int32)
    return risk_charge(after, view.round[..., None] == N_ROUNDS - 1, params)


def _solved(env_params: EnvParams) -> InventoryValue:
    limit = env_params.inventory_limit
    reach = MAX_INVENTORY if isinstance(limit, jax.core.Tracer) else int(limit)
    return solve(env_params, jax.random.key(SEED), reach=reach)


_solved_once = functools.lru_cache(maxsize=16)(_solved)


def _change(value: InventoryValue, played: Array, kind: Array, held: Array) -> Array:
    """How each action changes the value of the rest of the game, [..., 21], compared with a pass.
    After the last round, whose charge is that of `charged_pnl`, nothing is left to change.
    """
    after = value_at(value, played, kind, held + jnp.asarray(POSITION, jnp.int32))
    return jnp.where(played < N_ROUNDS, after - value_at(value, played, kind, held), 0)


def _best_valid(gain: Array, view: View) -> Array:
    return jnp.argmax(jnp.where(view.action_mask, gain, -jnp.inf), -1).astype(jnp.int32)
