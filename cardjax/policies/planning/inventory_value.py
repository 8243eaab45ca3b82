"""The single game solved over inventory: what it is worth to hold q units, given the charge for
risk.

What is maximised is the sum of expected_pnl − charge. An order of i units earns i · (mu − price) in
its round, and from then on what is carried earns q · (S − m), whose mean is 0 given all that was
known before that round: E[S | event] is the mark m whatever the event, and E[mu] over the hints is
m as well. This round's hints do tell what this round's carry is expected to be, q · (mu − m), but
that is the same for every order, and so is all that it adds to wealth. An order therefore changes
the future only by q' = q + i, and the rest of the game is worth

    V_t(q, k) = E[max over valid i of i · (mu − price(i)) − phi · q'² + V_{t+1}(q', k')],
    V_T(q, k) = −phi_end · q²

The last event's kind k is all that is known of the next round's market beside the rules. Of an
event, the law of (mu − mid, spread, depth) is all that matters, and it is the law of sigma.

- i · (mu − price(i)) is exact, hidden depth integrated out (`stage_game.expected_pnl`), and so are
  the charge and the limit. V is a table over all whole q.
- With the default of 65,536 draws per kind of event, V_0(0) differs by 0.05% from shift to shift in
  configs/inventory.yaml, whose game is worth 1.009 points.
- One draw serves as the depth of both sides. V is concave in q and bid ≤ ask, so that the side on
  which the best order stands does not depend on the depths as long as they hold one unit.
- Budgets are ignored, but for the largest order that the initial one affords. Where losses of the
  carry bind, V is too high; configs/inventory.yaml leaves fewer than 20 orders valid in one round
  of 500, mostly because of the limit.
"""

import functools
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import EnvParams
from cardjax.env.execution import MAX_SIZE
from cardjax.env.params import MAX_INVENTORY
from cardjax.policies.planning.induction import N_KINDS, any_error, backwards, spread_markets
from cardjax.policies.planning.outcomes import POSITION
from cardjax.policies.stage_game import NOBODY, expected_pnl


class InventoryValue(NamedTuple):
    """The expected sum of expected_pnl − charge that is still to come, by the number of rounds
    played, the kind of the last event, and the inventory.
    """

    value: Array
    """float32 [T + 1, 6, 201], points, of −100 to 100 units. Row 0, which has no last event, is the
    same for all kinds. Beyond the limit, it is 0.
    """


@partial(jax.jit, static_argnames=("n_draws", "reach"))
def solve(
    env_params: EnvParams, key: Array, n_draws: int = 65_536, reach: int = MAX_INVENTORY
) -> InventoryValue:
    """The value of the single game under optimal play, by backward induction.

    The module's docstring says what is approximate.

    Args:
        key: the random key for the shift of the market's draws.
        n_draws: market draws per kind of event.
        reach: the largest inventory that is solved for, at least the limit; the time that it takes
            is proportional to it.
    """
    held = np.arange(-reach, reach + 1, dtype=np.int32)
    view, _ = spread_markets(env_params, key, n_draws, any_error)
    pnl = jnp.where(view.action_mask, expected_pnl(env_params, view, NOBODY), -jnp.inf)
    square = jnp.asarray(held.astype(np.float32) ** 2)
    allowed = np.abs(held) <= jnp.asarray(env_params.inventory_limit)

    def best(later: Array) -> Array:
        after = jnp.where(allowed, later - env_params.risk.phi * square, -jnp.inf)
        beyond = jnp.pad(after, [(0, 0), (MAX_SIZE, MAX_SIZE)], constant_values=-jnp.inf)
        options = [
            pnl[:, :, action, None] + beyond[:, None, start : start + len(held)]
            for action, start in enumerate((MAX_SIZE + POSITION).astype(int))
        ]
        return jnp.where(allowed, functools.reduce(jnp.maximum, options).mean(1), 0)

    end = jnp.where(allowed, -env_params.risk.phi_end * square, 0)
    value = backwards(best, jnp.broadcast_to(end, (N_KINDS, len(held))), env_params)
    beyond = MAX_INVENTORY - reach
    return InventoryValue(jnp.pad(value, [(0, 0), (0, 0), (beyond, beyond)]))


def value_at(value: InventoryValue, n_played: Array | int, kind: Array | int, held: Array) -> Array:
    """The expected sum of what is still to come, points, float32; the arguments broadcast.

    Args:
        n_played: rounds played, 0..T.
        kind: index into EVENT_KINDS of the last round's event; before the first round, any number.
        held: whole units, negative if owed.
    """
    column = jnp.clip(held, -MAX_INVENTORY, MAX_INVENTORY) + MAX_INVENTORY
    row = jnp.asarray(n_played, jnp.int32) * N_KINDS + jnp.asarray(kind, jnp.int32)
    return value.value.reshape(-1)[row * value.value.shape[-1] + column]
