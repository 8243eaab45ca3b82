"""Matches: who sits where, what the games came to, and that the market ignores who plays."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cardjax
from cardjax.env import View, make_params
from cardjax.env.execution import RUIN_LEVEL
from cardjax.evaluation.match import GameTotals, Seats, play_games
from cardjax.policies import EvOracle, Level1, Pass, Policy, RandomValid

KEY = jax.random.key(5)
TWO, PARAMS = cardjax.make("two")
EXOGENOUS = (
    "bid",
    "ask",
    "mid",
    "spread",
    "displayed_bid",
    "displayed_ask",
    "event",
    "hints",
    "mu",
    "sigma",
)


@dataclasses.dataclass(frozen=True, eq=False)
class Spy:
    """Plays as another does, and writes down every View that it is shown."""

    policy: Policy
    seen: list = dataclasses.field(default_factory=list)

    def init(self, key, batch):
        return self.policy.init(key, batch)

    def act(self, params, carry, view, key):
        jax.debug.callback(
            lambda view: self.seen.append(View(*map(np.array, view))), view, ordered=True
        )
        return self.policy.act(params, carry, view, key)

    def games(self):
        """The Views with a leading axis of rounds."""
        jax.effects_barrier()
        return View(*(np.stack(leaves) for leaves in zip(*self.seen, strict=True)))


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 5))
def play(market, policies, counts, params, key, n_games):
    seats = [Seats(policy, params, n) for policy, n in zip(policies, counts, strict=True)]
    return play_games(market, seats, params, key, n_games)


def test_players_of_any_kind_meet_the_same_market():
    spies = [Spy(policy) for policy in (Pass(), EvOracle("max"), RandomValid())]
    for spy in spies:
        play(TWO, (spy,), (2,), PARAMS, KEY, 16)
    first, *others = (spy.games() for spy in spies)
    assert first.bid.shape == (10, 16, 2)
    assert len(np.unique(first.mid)) == 160
    for games in others:
        for name in EXOGENOUS:
            np.testing.assert_array_equal(getattr(games, name), getattr(first, name), err_msg=name)
        assert (games.wealth != first.wealth).any()


def test_another_key_is_another_market():
    spy, other = Spy(Pass()), Spy(Pass())
    play(TWO, (spy,), (2,), PARAMS, KEY, 4)
    play(TWO, (other,), (2,), PARAMS, jax.random.key(6), 4)
    assert (spy.games().mid != other.games().mid).all()


def test_a_match_is_a_game_of_ten_rounds_from_its_start():
    spy = Spy(Pass())
    play(TWO, (spy,), (2,), PARAMS, KEY, 4)
    games = spy.games()
    np.testing.assert_array_equal(games.round[:, 0, 0], np.arange(10))
    assert (games.wealth == PARAMS.initial_wealth).all()


def test_passing_comes_to_nothing_exactly():
    totals = play(TWO, (Pass(),), (2,), PARAMS, KEY, 16)
    assert (totals.peak == PARAMS.initial_wealth).all()
    without_peak = jax.tree.leaves(totals._replace(peak=0 * totals.peak))
    assert all((leaf == 0).all() for leaf in without_peak)


def test_seats_are_taken_in_order():
    market, _ = cardjax.make("two", n_players=4)
    totals = play(market, (Pass(), EvOracle("fixed"), EvOracle("max")), (1, 2, 1), PARAMS, KEY, 64)
    size = totals.units.sum(0) / jnp.maximum(totals.trades.sum(0), 1)
    assert size[0] == 0
    assert (size[1:3] == 1).all()
    assert size[3] > 5


def test_a_policy_at_two_seats_plays_each_for_itself():
    totals = play(TWO, (RandomValid(),), (2,), PARAMS, KEY, 64)
    assert (totals.units[:, 0] != totals.units[:, 1]).mean() > 0.9


@pytest.mark.parametrize("counts", [(1, 0), (1, 2), (3, 0)])
def test_seats_that_do_not_add_up_are_refused(counts):
    with pytest.raises(ValueError, match=f"seats for {sum(counts)} players in a game of 2"):
        play(TWO, (Pass(), EvOracle()), counts, PARAMS, KEY, 4)


# Totals against a loop that anyone can read


def played_one_by_one(market, params, policies: list[Policy], key, n_games):
    """GameTotals float64 [games, A] from single calls of env.step, one policy a seat, with
    play_games' keys.
    """
    step, view = jax.jit(market.step), jax.jit(market.view)
    act = [jax.jit(policy.act) for policy in policies]
    key_games, key_rounds, _, key_act = jax.random.split(key, 4)
    counted = [name for name in GameTotals._fields if market.inventory or "inventory" not in name]
    totals = {name: np.zeros((n_games, len(policies))) for name in counted}
    totals["peak"] += params.initial_wealth
    for game in range(n_games):
        _, state = market.reset(jax.random.split(key_games, n_games)[game], params)
        carries: list[Any] = [policy.init(key, (1, 1)) for policy in policies]
        for t in range(10):
            seen = view(state, params)
            actions = []
            for seat in range(len(policies)):
                own = jax.tree.map(lambda leaf, seat=seat: leaf[None, seat : seat + 1], seen)
                carries[seat], action = act[seat](params, carries[seat], own, key_act)
                actions.append(int(action[0, 0]))
            round_key = jax.random.split(jax.random.fold_in(key_rounds, t), n_games)[game]
            _, state, _, terminated, _, info = step(round_key, state, jnp.array(actions), params)
            info = jax.tree.map(np.asarray, info)
            for seat, action in enumerate(info["action"]):
                size = action if action <= 10 else action - 10
                sign = 0 if action == 0 else 1 if action <= 10 else -1
                totals["pnl"][game, seat] += info["pnl"][seat]
                totals["expected_pnl"][game, seat] += (
                    sign * size * (info["mu"] - info["exec_price"][seat])
                )
                totals["trades"][game, seat] += action != 0
                totals["units"][game, seat] += size
                totals["rejections"][game, seat] += info["rejected"][seat]
                totals["fill_ratio"][game, seat] += info["fill_ratio"][seat] if action else 0
                totals["slippage"][game, seat] += info["slippage"][seat]
                totals["impact_cost"][game, seat] += size * info["slippage"][seat]
                wealth = info["wealth"][seat]
                peak = totals["peak"][game, seat] = max(totals["peak"][game, seat], wealth)
                totals["drawdown"][game, seat] = max(totals["drawdown"][game, seat], peak - wealth)
                share = (peak - wealth) / peak
                totals["drawdown_share"][game, seat] = max(
                    totals["drawdown_share"][game, seat], share
                )
                if info["wealth"][seat] <= RUIN_LEVEL * params.initial_wealth:
                    totals["ruined"][game, seat] = 1
                if market.inventory:
                    held = info["inventory"][seat]
                    totals["risk_charge"][game, seat] += info["risk_charge"][seat]
                    totals["inventory"][game, seat] += held
                    totals["inventory_squared"][game, seat] += held**2
                    totals["end_inventory"][game, seat] = abs(held)
                else:
                    totals["risk_charge"][game, seat] += params.risk.phi * size**2
            if terminated:
                break
        assert terminated
    return totals


@dataclasses.dataclass(frozen=True)
class Stubborn(Pass):
    """Always orders ten, valid or not."""

    def choose(self, params, view):
        return jnp.full(view.bid.shape, 10, jnp.int32)


@pytest.mark.parametrize(("inventory", "stop_out"), [(False, False), (True, False), (True, True)])
def test_totals_agree_with_a_loop_over_single_steps(inventory, stop_out):
    # Little wealth and much impact, so that ruin and rejections happen; Level1 carries a memory
    # from round to round. Games that everybody has lost end early, whatever is still carried.
    params = make_params(
        initial_wealth=250,
        alpha=3,
        **{"risk.phi": 0.1, "risk.phi_end": 2.0, "flags.stop_out": stop_out},
    )
    policies = [Level1(), Stubborn()]
    market = dataclasses.replace(TWO, inventory=inventory)
    totals = play(market, tuple(policies), (1, 1), params, KEY, 6)
    expected = played_one_by_one(market, params, policies, KEY, 6)
    assert expected["ruined"].any()
    assert expected["rejections"].any() and expected["risk_charge"].any()
    assert (expected["trades"].sum(0) > 0).all()
    for name, values in expected.items():
        np.testing.assert_allclose(
            getattr(totals, name), values, rtol=1e-4, atol=2e-3, err_msg=name
        )


def test_expected_pnl_is_what_realised_pnl_comes_to_on_average():
    totals = play(TWO, (RandomValid(),), (2,), PARAMS, KEY, 8192)
    luck = np.asarray(totals.pnl - totals.expected_pnl, np.float64).mean(1)
    assert abs(luck.mean()) < 4 * luck.std() / np.sqrt(len(luck))
    assert totals.expected_pnl.std() < 0.5 * totals.pnl.std()
