"""The vector environment does what Gymnasium's SyncVectorEnv does with as many single ones."""

import chex
import numpy as np
import pytest

gymnasium = pytest.importorskip("gymnasium", minversion="1.1")

from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from cardjax.adapters.gymnasium import MarketEnv
from cardjax.adapters.gymnasium_vector import MarketVectorEnv
from cardjax.env import ParameterError

N = 5
UNEVEN = {"initial_wealth": 60.0, "stop_out_level": 0.9, "flags.stop_out": True}
"""Games that end early for some, so that games side by side fall out of step."""


def pair(mode, **game):
    """Ours, and Gymnasium's over single environments."""
    theirs = SyncVectorEnv([lambda: MarketEnv(**game)] * N, autoreset_mode=mode)
    return MarketVectorEnv(N, autoreset_mode=mode, **game), theirs


def assert_same(ours, theirs):
    """Nested infos, arrays, object arrays of arrays or None."""
    if isinstance(theirs, dict):
        assert set(ours) == set(theirs)
        for name in theirs:
            assert_same(ours[name], theirs[name])
    elif theirs.dtype == object:
        assert ours.dtype == object and ours.shape == theirs.shape
        for a, b in zip(ours, theirs, strict=True):
            assert (a is None) == (b is None)
            if b is not None:
                assert_same(a, b)
    else:
        assert ours.dtype.kind == theirs.dtype.kind
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("mode", AutoresetMode)
def test_it_does_as_gymnasiums_own(mode):
    ours, theirs = pair(mode, **UNEVEN)
    for seed in (3, [7, None, 5, 1, 2]):
        for a, b in zip(ours.reset(seed=seed), theirs.reset(seed=seed), strict=True):
            assert_same(a, b)
        ends = np.zeros(N, int)
        generator = np.random.default_rng(0)
        for _ in range(16):
            actions = generator.choice([1, 2, 11], N)
            results = list(zip(ours.step(actions), theirs.step(actions), strict=True))
            for a, b in results:
                assert_same(a, b)
            assert (
                results[1][0].dtype == np.float64
                and results[2][0].dtype == results[3][0].dtype == bool
            )
            assert (ours.action_masks() == results[4][0]["action_mask"]).all()
            over = results[2][0]
            ends += over
            if mode is AutoresetMode.DISABLED and over.any():
                with pytest.raises(ValueError, match="games are over"):
                    ours.step(actions)
                for a, b in zip(
                    *(e.reset(options={"reset_mask": over.copy()}) for e in (ours, theirs)),
                    strict=True,
                ):
                    assert_same(a, b)
        assert ends.min() >= 1 and ends.max() > ends.min(), (
            "the games stayed in step: this tests little"
        )


ALONE = pytest.param({"kind": "single"}, id="alone")
AGAINST = pytest.param({"kind": "two"}, id="against a player with a memory", marks=pytest.mark.slow)


@pytest.mark.parametrize("game", [ALONE, AGAINST])
def test_some_can_be_reset_whatever_the_mode(game, rising):
    opponent = (
        {"opponent": rising, "opponent_params": {"first": np.int32(1)}}
        if game["kind"] == "two"
        else {}
    )
    ours, theirs = pair(AutoresetMode.NEXT_STEP, **game, **opponent)
    for env in (ours, theirs):
        env.reset(seed=0)
    mask = np.array([True, False, False, True, False])
    for seed in (None, 40, None):
        for _ in range(4):
            for a, b in zip(*(env.step(np.arange(N)) for env in (ours, theirs)), strict=True):
                assert_same(a, b)
        results = [env.reset(seed=seed, options={"reset_mask": mask}) for env in (ours, theirs)]
        for a, b in zip(*results, strict=True):
            assert_same(a, b)


def test_make_vec_makes_it(mixing):
    envs = gymnasium.make_vec(
        "cardjax/Two-v0", num_envs=3, opponent=mixing, autoreset_mode="SameStep", alpha=0.9
    )
    assert (
        isinstance(envs, MarketVectorEnv)
        and envs.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    )
    assert envs.terms.market.alpha == np.float32(0.9) and envs.seat.opponent is mixing
    assert envs.observation_space.shape == (3, 57) and envs.action_space.shape == (3,)
    assert "autoreset_mode" not in MarketVectorEnv.metadata, (
        "one environment's mode has become its class's"
    )


def test_observations_are_in_their_space_and_text_has_a_line_for_each():
    envs = MarketVectorEnv(N, render_mode="ansi", autoreset_mode="SameStep")
    assert envs.reset(seed=0)[0] in envs.observation_space
    assert envs.step(np.array([1, 0, 0, 0, 0]))[0] in envs.observation_space
    one, two, *_ = envs.render()
    assert one.startswith("round 2 | ") and "bought 1" in one and "passed" in two
    for _ in range(9):
        envs.step(np.zeros(N, int))
    assert all(line.startswith("round 1 | ") and "last" not in line for line in envs.render())
    assert MarketVectorEnv(N).render() is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"num_envs": 0}, "num_envs = 0: must be a whole number of at least 1"),
        (
            {"autoreset_mode": "Sometimes"},
            "autoreset_mode = Sometimes: must be one of NextStep, SameStep, Disabled",
        ),
    ],
)
def test_bad_arguments_are_refused_in_a_line(arguments, said):
    with pytest.raises(ParameterError, match=said):
        MarketVectorEnv(**arguments)


def test_before_reset_an_error_says_what_to_do():
    envs = MarketVectorEnv(2, render_mode="ansi")
    for call in (lambda: envs.step(np.zeros(2, int)), envs.action_masks, envs.render):
        with pytest.raises(ResetNeeded, match=r"call reset\(\) first"):
            call()


def test_a_boolean_leaves_the_opponents_orders_alone_and_trained_policies_play(constant, trained):
    envs = MarketVectorEnv(2, "two", opponent=constant(20))
    envs.reset(seed=0)
    envs.step(np.array([True, False]))
    assert envs._slots.state.game.players.last_position.tolist() == [[1, -10], [0, -10]]
    opponent = trained()
    chex.assert_trees_all_equal(
        MarketVectorEnv(2, "two", opponent=opponent).terms.opponent, opponent.params
    )


def test_bad_masks_and_seeds_are_refused():
    envs = MarketVectorEnv(2)
    with pytest.raises(ValueError, match="needs a reset of all"):
        envs.reset(options={"reset_mask": np.array([True, False])})
    with pytest.raises(TypeError, match="array of bool"):
        envs.reset(options={"reset_mask": [True, False]})
    for wrong in (np.zeros(2, bool), np.ones(3, bool)):
        with pytest.raises(ValueError, match=r"shape \(2,\) and at least one True"):
            envs.reset(options={"reset_mask": wrong})
    with pytest.raises(ValueError, match="seed has 3 entries for 2"):
        envs.reset(seed=[1, 2, 3])
