"""Evaluations of games whose event is hidden: who is told, what is exact, and what a memory and the
event are worth.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cardjax
from cardjax.env import CardMarket, ParameterError, make_params, posterior
from cardjax.evaluation.decision import OneOf, is_told, seen_by, tell
from cardjax.evaluation.exploitability import Switches, play_valued
from cardjax.evaluation.information import worth_of_information
from cardjax.evaluation.match import Seats, play_games, play_seats
from cardjax.policies import BestResponse, Clairvoyant, Equilibrium, Forgetful, make_policy

KEY = jax.random.key(3)
N_GAMES = 2048


@functools.partial(jax.jit, static_argnums=0)
def opening(market, params):
    """The states and the views of 256 first rounds."""
    _, state = jax.vmap(market.reset, (0, None))(jax.random.split(KEY, 256), params)
    return state, jax.vmap(market.view, (0, None))(state, params)


@pytest.fixture(scope="module")
def hidden():
    return cardjax.make("two", preset="hidden_events", n_players=1)


@pytest.fixture(scope="module")
def earned(hidden):
    """name → (expected_pnl, pnl) of each game of a single player, on the same draws for all."""
    market, params = hidden
    each = {
        "best_response": BestResponse(),
        "equilibrium": Equilibrium(),
        "forgetful": Forgetful(),
        "clairvoyant": Clairvoyant(),
    }

    policies = OneOf(tuple(each.values()))

    @jax.jit
    def play(index):
        seat = Seats(policies, (index, (params,) * len(each)), 1)
        return play_games(market, [seat], params, KEY, N_GAMES)

    totals = {name: play(jnp.int32(i)) for i, name in enumerate(each)}
    return {name: (games.expected_pnl[:, 0], games.pnl[:, 0]) for name, games in totals.items()}


def test_memory_and_the_event_are_worth_something(earned):
    mean = {name: float(expected.mean()) for name, (expected, _) in earned.items()}
    assert mean["forgetful"] < 0.5 * mean["best_response"]
    assert mean["clairvoyant"] > 1.05 * mean["best_response"] > 0


def test_alone_the_equilibrium_is_the_best_response(earned):
    np.testing.assert_array_equal(earned["equilibrium"][0], earned["best_response"][0])


@pytest.mark.parametrize("name", ["best_response", "forgetful", "clairvoyant"])
def test_expected_pnl_is_the_mean_of_pnl_given_what_the_player_is_told(earned, name):
    expected, pnl = (np.asarray(x, np.float64) for x in earned[name])
    luck = pnl - expected
    assert abs(luck.mean()) < 4 * luck.std() / np.sqrt(len(luck))


def test_only_those_who_ask_are_told(hidden):
    market, params = hidden
    state, view = opening(market, params)
    told = tell(view, state.market.event, jnp.array([True]))
    np.testing.assert_array_equal(told.event[:, 0], state.market.event)
    np.testing.assert_allclose(told.mu, posterior(told.event, view.hint_counts)[0], rtol=1e-6)
    assert seen_by(BestResponse(), told).event is None
    assert seen_by(Clairvoyant(), told).event is not None
    np.testing.assert_array_equal(tell(view, state.market.event, jnp.array([False])).mu, view.mu)
    assert tell(view, state.market.event, False) is view

    known = CardMarket(1)
    state, view = opening(known, params)
    assert seen_by(BestResponse(), view) is view
    assert tell(view, state.market.event, jnp.array([True])) is view


def test_of_several_policies_the_one_that_plays_decides_who_is_told():
    several = OneOf((BestResponse(), Clairvoyant()))
    assert not is_told(several, (jnp.int32(0), ((), ())))
    assert is_told(several, (jnp.int32(1), ((), ())))
    assert is_told(OneOf((BestResponse(), Forgetful())), (jnp.int32(1), ((), ()))) is False


def test_a_clairvoyant_among_others_leaves_their_views_alone(hidden):
    """Seat 0 is told and seat 1 is not: what each does is what it does by itself."""
    market, params = cardjax.make("two", preset="hidden_events")
    seats = [Seats(Clairvoyant(), params, 1), Seats(BestResponse(), params, 1)]

    def record(view, info):
        return view.mu, info["mu"], info["action"], view

    _, (seen, public, action, view) = jax.jit(
        lambda: play_seats(market, seats, params, KEY, 256, record)
    )()
    np.testing.assert_array_equal(seen[..., 1], public)
    assert (seen[..., 0] != public).mean() > 0.9
    own = jax.tree.map(lambda leaf: leaf[:, :, 1], view)._replace(event=None)
    np.testing.assert_array_equal(action[..., 1], BestResponse().choose(params, own))


def test_outside_of_evaluations_a_clairvoyant_is_refused(hidden):
    market, params = hidden
    _, view = opening(market, params)
    with pytest.raises(ParameterError, match="policy = clairvoyant: is told the hidden event in"):
        make_policy("clairvoyant").act(params, (), view, KEY)


def test_where_the_event_is_known_all_three_are_the_best_response():
    market, params = cardjax.make("two", n_players=1)
    _, view = opening(market, params)
    expected = BestResponse().choose(params, view)
    for policy in (Forgetful(), Clairvoyant()):
        np.testing.assert_array_equal(policy.choose(params, view), expected)


@pytest.mark.parametrize("n_players", [1, 2])
def test_nobody_exploits_the_equilibrium_on_the_public_posterior(n_players):
    market, params = cardjax.make("two", preset="hidden_events", n_players=n_players)
    player = Seats(Equilibrium(), params, n_players)

    def value(replies):
        games = play_valued(
            market, player, None, params, KEY, 512, Switches(valued=True, replies=replies)
        )
        return games.exact.value[:, 0].mean(), games.exact.joint.mean()

    (own, reply), (joint, _) = jax.jit(jax.vmap(value))(jnp.array([False, True]))
    assert own > 1 and abs(reply / own - 1) < 0.01
    assert joint >= own * n_players * 0.999


def test_the_worth_of_a_memory_grows_with_persistence():
    """Where every event is fresh, there is nothing to remember, and forgetting costs nothing."""
    numbers = {"hints": 0, "sigma_q": 1.5}
    fresh, stays = (
        worth_of_information(make_params(event_persist=p, **numbers), 1024) for p in (0.0, 0.9)
    )
    assert abs(fresh.memory.mean) < 1e-3
    assert stays.memory.low > 1 and stays.event.low > 1
    for worth in (fresh, stays):
        total = worth.forgetful.mean + worth.memory.mean + worth.event.mean
        assert total == pytest.approx(worth.clairvoyant.mean, abs=1e-3)
        assert worth.optimum.mean > 0
