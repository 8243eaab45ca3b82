"""One seat against policies is the market's own game. Needs no library but JAX."""

import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.adapters.seat import OF_PLAYERS, OPPONENT_KEY, Terms, make_game, make_seat
from cardjax.env import CardMarket, ParameterError, make_params
from cardjax.policies import Pass


def test_the_info_that_has_a_player_axis_is_the_one_that_is_split():
    market, params = CardMarket(7, inventory=True), make_params()
    state = jax.eval_shape(market.reset, jax.random.key(0), params)[1]
    info = jax.eval_shape(market.step, jax.random.key(0), state, jnp.zeros(7, jnp.int32), params)[
        -1
    ]
    assert {name for name, leaf in info.items() if leaf.shape[:1] == (7,)} == set(OF_PLAYERS)


def test_a_seat_plays_the_markets_game_and_its_opponents_play_as_the_policy_says(mixing):
    seat, terms = make_seat("two", mixing, n_players=3, alpha=0.7)
    market = CardMarket(3)

    @jax.jit
    def both(key, actions):
        def round_(carry, inputs):
            mine, native = carry
            t, action = inputs
            key_t = jax.random.fold_in(key, t)
            views = jax.tree.map(lambda leaf: leaf[1:], market.view(native, terms.market))
            _, others = mixing.act(None, (), views, jax.random.fold_in(key_t, OPPONENT_KEY))
            ours = seat.step(key_t, mine, action, terms)
            theirs = market.step(
                key_t, native, jnp.concatenate([action[None], others]), terms.market
            )
            mask = (
                seat.action_mask(ours[1], terms),
                market.action_mask(theirs[1], terms.market)[0],
            )
            return (ours[1], theirs[1]), (ours, theirs, mask, others)

        observation, mine = seat.reset(key, terms)
        all_observations, native = market.reset(key, terms.market)
        inputs = (jnp.arange(1, len(actions) + 1), actions)
        return observation, all_observations, jax.lax.scan(round_, (mine, native), inputs)[1]

    actions = jnp.arange(25) % 21
    observation, all_observations, (ours, theirs, mask, others) = both(jax.random.key(3), actions)
    assert (observation == all_observations[0]).all() and (mask[0] == mask[1]).all()
    assert len(np.unique(others)) > 10 and (others[:, 0] != others[:, 1]).any(), (
        "the opponents do not mix"
    )
    assert (ours[0] == theirs[0][:, 0]).all() and (ours[2] == theirs[2][:, 0]).all()
    chex.assert_trees_all_equal(ours[1].game, theirs[1])
    for name, leaf in ours[5].items():
        assert (leaf == (theirs[5][name][:, 0] if name in OF_PLAYERS else theirs[5][name])).all(), (
            name
        )
    assert ours[3].sum() == 2 and not ours[4].any()


ONE = (True, np.True_, 1, 1.0, np.int8(1), np.uint8(1))
"""Buy one unit, in types that a caller may have at hand."""
NOTHING = (-1, 21, 0.5, float("nan"))


def test_an_actions_type_changes_nothing_at_the_other_seats(constant):
    @jax.jit
    def played(key):
        actions = []
        for asked in (*ONE, *NOTHING):
            for others in (20, 20.0, np.int8(20)):
                seat, terms = make_seat("two", constant(others))
                _, state = seat.reset(key, terms)
                *_, info = seat.market.step_env(
                    key, state.game, seat._actions(key, state, asked, terms)[1], terms.market
                )
                actions.append((info["action"], info["rejected"]))
        return actions

    for n, (action, rejected) in enumerate(played(jax.random.key(0))):
        if n < 3 * len(ONE):
            assert action.tolist() == [1, 20] and not rejected.any()
        else:
            assert action.tolist() == [0, 20] and rejected.tolist() == [True, False]


def test_a_trained_policy_is_an_opponent_as_it_is(trained):
    opponent = trained()
    seat, terms = make_seat("two", opponent)
    assert seat.opponent is opponent.policy and terms.opponent is opponent.params


def test_a_trained_policy_of_another_game_or_with_other_weights_is_refused(trained):
    with pytest.raises(ParameterError, match=r"was trained for 3 player\(s\), not for 2"):
        make_seat("two", trained(n_players=3))
    with pytest.raises(ParameterError, match=r"with env\.event_info = hidden, not known"):
        make_seat("two", trained(**{"env.event_info": "hidden"}))
    with pytest.raises(ParameterError, match=r"opponent_params = .*: must be left out"):
        make_seat("two", trained(), opponent_params=())


def test_a_learned_opponent_has_its_weights_and_keeps_its_memory(rising):
    seat, terms = make_seat("two", rising, {"first": jnp.int32(1)}, initial_wealth=1e6)
    step = jax.jit(seat.step_env)
    _, state = jax.jit(seat.reset)(jax.random.key(0), terms)
    bought = []
    for t in range(4):
        state = step(jax.random.fold_in(jax.random.key(0), t), state, jnp.int32(0), terms)[1]
        bought.append(int(state.game.players.last_position[1]))
    assert bought == [1, 2, 3, 4]
    later = terms._replace(opponent={"first": jnp.int32(5)})
    assert (
        int(step(jax.random.key(9), state, jnp.int32(0), later)[1].game.players.last_position[1])
        == 9
    )


def test_a_scripted_opponent_acts_on_the_parameters_that_are_passed():
    seat, terms = make_seat("two", "ev_oracle:fixed", **{"flags.enable_events": False})
    other = Terms(make_params(terms.market, sigma_q=50.0))
    play = jax.jit(
        lambda key, terms: seat.step_env(key, seat.reset(key, terms)[1], jnp.int32(0), terms)[1]
    )
    keys = jax.random.split(jax.random.key(0), 64)
    trades = [
        jnp.abs(jax.vmap(play, (0, None))(keys, t).game.players.last_position[:, 1]).sum()
        for t in (terms, other)
    ]
    assert trades[0] < 32 < trades[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"kind": "single", "opponent": "level1"}, "opponent = level1: a single player has none"),
        (
            {"kind": "two", "opponent": "nobody"},
            "opponent = nobody: must be one of pass, random_valid",
        ),
        ({"kind": "three"}, "env.kind = three: must be one of single, two"),
        ({"kind": "two", "alpha": -1}, "env.alpha = -1: must be a number in [0, 1000000]"),
        ({"kind": "two", "alhpa": 1}, "env.alhpa = 1: unknown name; did you mean env.alpha"),
        ({"kind": "two", "preset": "none"}, "env.preset = none: must be one of"),
        ({"kind": "two", "n_players": 0}, "env.n_players = 0: must be"),
    ],
)
def test_bad_arguments_are_refused_in_a_line(arguments, said):
    with pytest.raises(ParameterError) as refused:
        make_seat(**arguments)
    assert str(refused.value).startswith(said) and "\n" not in str(refused.value)


def test_an_opponent_with_weights_for_each_seat_is_refused(rising):
    class Seats(type(rising)):
        share_params = False

    with pytest.raises(ParameterError, match="weights for each seat"):
        make_seat("two", Seats())


def test_a_game_for_one_keeps_its_player_axis_and_takes_presets():
    market, params = make_game("single", preset="tight_budget", **{"flags.enable_impact": False})
    assert market == CardMarket(1) and not params.flags.enable_impact
    assert params.initial_wealth != make_params().initial_wealth


@dataclasses.dataclass(frozen=True)
class Prepared(Pass):
    """Passes, after it has made something of the market's parameters."""

    def prepare(self, env_params):
        return {"twice": 2 * env_params.inventory_limit}


def test_an_opponent_that_plans_has_done_so_before_the_first_round():
    seat, terms = make_seat("two", Prepared(), preset="inventory", inventory_limit=3)
    assert terms.opponent == {"twice": 6}
    state = jax.jit(seat.reset)(jax.random.key(0), terms)[1]
    view = jax.jit(seat.view)(state, terms)
    assert view.inventory == 0 and view.others_inventory.tolist() == [0]
    assert make_seat("two", "equilibrium")[1].opponent is None
