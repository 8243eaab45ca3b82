"""The single game over inventory: known answers, a program in plain NumPy, and played games."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from cardjax.env import CardMarket, make_params
from cardjax.evaluation.match import Seats, play_seats
from cardjax.policies import BestResponse, make_policy
from cardjax.policies.planning.inventory import InventoryParams, InventoryPlanner, Myopic
from cardjax.policies.planning.inventory_value import solve

pytestmark = pytest.mark.usefixtures("optimised")

PRESET = make_params(**{"risk.phi": 0.01})
MARKET = CardMarket(1, inventory=True)
POSITIONS = np.r_[0, 1:11, -1:-11:-1]
AT_ZERO = 100
"""The column of the value of no inventory."""


@functools.cache
def planner_of(env_params):
    return InventoryPlanner().prepare(env_params)


@functools.cache
def some_views(event_info="known", limit=20):
    """Views [4096] of a single player's rounds, with every round of a game and inventories of up to
    six units, and the parameters that they belong to.
    """
    market = CardMarket(1, squeeze=True, event_info=event_info, inventory=True)
    params = make_params(inventory_limit=limit, initial_wealth=1e4, sigma_q=1.0)
    rng = np.random.default_rng(0)
    held, t = rng.integers(-6, 7, (4096, 1)), rng.integers(0, 10, 4096)

    @jax.jit
    def view(key, held, t):
        _, state = market.reset(key, params)
        players = state.players._replace(inventory=held)
        return market.view(state._replace(players=players, round=t), params)

    keys = jax.random.split(jax.random.key(0), 4096)
    return jax.vmap(view)(keys, held.astype(np.int32), t.astype(np.int32)), params


def chosen(policy, params, view):
    return np.asarray(jax.jit(policy.choose)(params, view))


# Known answers


def test_where_nothing_is_charged_the_planner_is_the_best_response_order_by_order():
    view, params = some_views(limit=100)
    solved = InventoryParams(params, solve(params, jax.random.key(0), n_draws=1024))
    best = chosen(BestResponse(), params, view)
    np.testing.assert_array_equal(chosen(InventoryPlanner(), solved, view), best)
    np.testing.assert_array_equal(chosen(Myopic(), params, view), best)
    assert len(np.unique(best)) == 19  # Depths are two units at least, so that one is never best.


@pytest.mark.parametrize("policy", [Myopic(), InventoryPlanner()])
def test_in_the_last_round_without_impact_the_order_maximises_a_parabola(policy):
    """i* is the integer that maximises i · edge − (phi + phi_end) · (q + i)²."""
    view, params = some_views()
    risk = {"risk.phi": 0.03, "risk.phi_end": 0.04}
    params = make_params(params, **risk, **{"flags.enable_impact": False})
    solved = InventoryParams(params, solve(params, jax.random.key(0), n_draws=64))
    last = view._replace(round=jnp.full_like(view.round, 9))
    action = chosen(policy, solved if policy != Myopic() else params, last)
    held, ask, bid, mu = (
        np.asarray(x, np.float64)[:, None] for x in (last.inventory, last.ask, last.bid, last.mu)
    )
    edge = np.where(POSITIONS > 0, mu - ask, mu - bid)
    worth = POSITIONS * edge - 0.07 * (held + POSITIONS) ** 2
    np.testing.assert_allclose(
        np.take_along_axis(worth, action[:, None], -1)[:, 0], worth.max(-1), atol=1e-4
    )
    assert len(np.unique(action)) > 15


def test_without_inventory_myopic_minds_the_charge_for_the_order():
    view, params = some_views()
    params = make_params(params, **{"risk.phi": 0.05, "flags.enable_impact": False})
    view = view._replace(inventory=None, others_inventory=None, inventory_limit=None)
    edge = np.where(POSITIONS > 0, (view.mu - view.ask)[:, None], (view.mu - view.bid)[:, None])
    worth = POSITIONS * edge.astype(np.float64) - 0.05 * POSITIONS**2
    action = chosen(Myopic(), params, view)
    taken = np.take_along_axis(worth, action[:, None], -1)[:, 0]
    np.testing.assert_allclose(taken, worth.max(-1), atol=1e-4)
    solved = InventoryParams(params, solve(params, jax.random.key(0), n_draws=64))
    np.testing.assert_array_equal(chosen(InventoryPlanner(), solved, view), action)


def test_a_game_with_given_numbers_is_solved_before_the_program_runs():
    view, _ = some_views()
    program = jax.make_jaxpr(lambda view: InventoryPlanner().choose(PRESET, view))(view)
    traced = jax.make_jaxpr(InventoryPlanner().choose)(PRESET, view)
    assert "65536" in str(traced)  # draws of the market
    assert "65536" not in str(program)


def test_a_belief_that_is_certain_is_as_good_as_knowing_the_event():
    view, params = some_views("hidden")
    params = make_params(params, event_persist=0.9, **{"risk.phi": 0.02})
    solved = InventoryParams(params, solve(params, jax.random.key(0), n_draws=64))
    kinds = [jnp.full_like(view.mu, kind == 2) for kind in range(5)]  # le7_only
    nothing = jax.tree.map(jnp.zeros_like, view.belief)
    sure = view._replace(belief=nothing._replace(kinds=tuple(kinds)))
    told = view._replace(belief=None, event=jnp.full(view.mu.shape, 2, jnp.int32))
    np.testing.assert_array_equal(
        chosen(InventoryPlanner(), solved, sure), chosen(InventoryPlanner(), solved, told)
    )


# The value


def test_the_value_is_that_of_a_plain_program():
    """Two kinds of event, no hints, impact, a charge at the end and a limit of five: worked out in
    NumPy over a fine grid of errors and of both sides' depths.
    """
    phi, phi_end, persist, limit = 0.05, 0.2, 0.6, 5
    overrides = {"risk.phi": phi, "risk.phi_end": phi_end, "events.none": 0.7, "events.remap": 0}
    only = {"events.ge10_only": 0.0, "events.even_only": 0.0, "events.odd_only": 0.0}
    params = make_params(
        hints=0,
        sigma_q=2.0,
        event_persist=persist,
        inventory_limit=limit,
        initial_wealth=1e6,
        **overrides,
        **only,
        **{"events.le7_only": 0.3, "liquidity.tau": 0.8},
    )
    ranks = {0: np.repeat(np.arange(2, 15), 4), 2: np.repeat(np.arange(2, 8), 4)}
    z = np.linspace(-5, 5, 401)
    chance_z = norm.pdf(z) / norm.pdf(z).sum()
    z_depth = norm.ppf((np.arange(12) + 0.5) / 12)
    held = np.arange(-limit, limit + 1)
    reward = {}
    for kind, deck in ranks.items():
        n = len(deck)
        sigma = np.sqrt(3 * deck.var() * (n - 3) / (n - 1))
        spread = np.clip(0.8 + 0.25 * sigma, 1, 3)
        depth = np.clip(47.59 / (sigma * spread) * np.exp(0.8 * z_depth - 0.32), 2, 20)
        error, ask_depth, bid_depth = np.meshgrid(2.0 * z, depth, depth, indexing="ij")
        size = np.abs(POSITIONS)
        bought = POSITIONS >= 0
        edge = np.where(bought, -error[..., None], error[..., None]) - spread / 2
        side = np.where(bought, ask_depth[..., None], bid_depth[..., None])
        # A displayed depth below 10 is true, and orders of up to 10 units fit a larger one.
        reward[kind] = size * (edge - 0.3 * np.maximum(size - side, 0))
    fresh = {0: 0.7, 2: 0.3}
    value = dict.fromkeys(ranks, -phi_end * held**2.0)
    for _ in range(10):
        met = {}
        for kind in ranks:
            met[kind] = np.zeros(len(held))
            for j, q in enumerate(held):
                valid = np.abs(q + POSITIONS) <= limit
                after = q + POSITIONS[valid]
                worth = reward[kind][..., valid] - phi * after**2 + value[kind][after + limit]
                met[kind][j] = chance_z @ worth.max(-1).mean((1, 2))
        at_start = sum(fresh[kind] * met[kind] for kind in ranks)
        value = {kind: persist * met[kind] + (1 - persist) * at_start for kind in ranks}

    solved = np.asarray(solve(params, jax.random.key(1), n_draws=8192, reach=limit).value)
    columns = solved[0, 0, AT_ZERO - limit : AT_ZERO + limit + 1]
    np.testing.assert_allclose(columns, at_start, rtol=3e-3, atol=0.01)
    assert at_start.max() > 10


@pytest.mark.slow
def test_a_wider_table_has_the_same_values():
    params = make_params(inventory_limit=3, **{"risk.phi": 0.1})
    narrow, wide = (solve(params, jax.random.key(0), 256, reach).value for reach in (3, 100))
    np.testing.assert_allclose(narrow, wide, rtol=1e-5, atol=1e-6)
    assert not np.asarray(wide)[..., : AT_ZERO - 3].any()


@functools.partial(jax.jit, static_argnums=(0, 3))
def charged(policy, params, env_params, n_games, key):
    """Each game's expected P&L less charges, [games]."""
    totals, charges = play_seats(
        MARKET,
        [Seats(policy, params, 1)],
        env_params,
        key,
        n_games,
        lambda view, info: info["risk_charge"][:, 0],
    )
    return totals.expected_pnl[:, 0] - charges.sum(0)


def played(policy, params, n_batches):
    batches = [charged(policy, params, PRESET, 2**16, jax.random.key(i)) for i in range(n_batches)]
    earned = np.concatenate(batches).astype(np.float64)
    return earned.mean(), earned.std() / np.sqrt(len(earned))


@pytest.mark.parametrize(
    "n_batches", [2, pytest.param(16, marks=pytest.mark.slow)], ids=["131,072", "a million"]
)
def test_the_value_is_what_the_planner_earns(n_batches):
    """To 0.2%, besides three standard errors of the games."""
    solved = planner_of(PRESET)
    value = float(solved.value.value[0, 0, AT_ZERO])
    mean, error = played(InventoryPlanner(), solved, n_batches)
    assert abs(mean - value) < 0.002 * value + 3 * error


@pytest.mark.slow
def test_looking_ahead_is_worth_everything():
    """In configs/inventory.yaml, planning earns a point, a look at this round loses a fifth of one
    and a best response that does not mind the charge loses three.
    """
    figures = {
        name: played(make_policy(name), params, 1)[0]
        for name, params in (
            ("planner", planner_of(PRESET)),
            ("myopic", PRESET),
            ("best_response", PRESET),
        )
    }
    expected = {"planner": 1.01, "myopic": -0.21, "best_response": -2.83}
    assert figures == pytest.approx(expected, abs=0.15)
