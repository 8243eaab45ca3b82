"""The probe of memories whose content is known."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

import cardjax
from cardjax.env import EVENT_KINDS, beliefs
from cardjax.evaluation import plots
from cardjax.evaluation.belief_probe import belief_probe, can_be_probed
from cardjax.evaluation.evaluate import Player
from cardjax.evaluation.played_rounds import Subject
from cardjax.policies import make_policy

MIXTURE = np.random.default_rng(0).normal(size=(6, 6)).astype(np.float32)
MARKET, PARAMS = cardjax.make("single", preset="hidden_events")
MARKET = dataclasses.replace(MARKET, squeeze=False)
N_GAMES = 2048


@dataclasses.dataclass(frozen=True)
class Rememberer:
    """Passes, and remembers the exact belief times the parameters, a matrix [6, 6]."""

    def init(self, key, batch):
        return jnp.zeros((*batch, 6), jnp.float32)

    def act(self, params, carry, view, key):
        belief = jnp.stack(beliefs.kind_chances(view.belief), -1)
        return belief @ params, jnp.zeros(view.wealth.shape, jnp.int32)


def subject(*mixtures, market=MARKET):
    return Subject("somebody", Player(Rememberer(), list(mixtures)), market, PARAMS)


@pytest.fixture(scope="module")
def known():
    return belief_probe(subject(jnp.asarray(MIXTURE)), N_GAMES)


def test_a_memory_of_the_belief_is_read_back(known):
    assert set(known["kind"]) == set(EVENT_KINDS)
    np.testing.assert_allclose(known["explained_by_memory"], 1, atol=1e-4)
    np.testing.assert_allclose(known["read"], known["exact"], atol=1e-3)
    assert (known["read"] >= known["read_from"] - 1e-3).all()
    assert (known["read"] <= known["read_to"] + 1e-3).all()
    assert known["n_rounds"].sum() <= 6 * 10 * N_GAMES // 2


def test_the_last_round_alone_tells_less(known):
    of_observation = known["explained_by_observation"]
    assert (of_observation < 0.9).all()
    assert (of_observation[known["kind"] == "even_only"] > 0.1).all()


def test_a_blank_memory_knows_nothing():
    blank = belief_probe(subject(jnp.zeros((6, 6))), N_GAMES)
    np.testing.assert_allclose(blank["explained_by_memory"], 0, atol=0.02)
    # What is read off is the mean of the games that fitted it, so every kind has one bin.
    assert len(blank.rows) == len(EVENT_KINDS)
    assert (blank["exact_low"] <= blank["exact"]).all()


def test_training_seeds_are_judged_together():
    progress = []
    both = belief_probe(
        subject(jnp.asarray(MIXTURE), jnp.zeros((6, 6))), N_GAMES, progress=progress.append
    )
    assert sum(progress) == 2 * N_GAMES
    blank = both["explained_by_memory"]
    assert ((blank > 0.3) & (blank < 0.7)).all()


def test_who_can_be_probed():
    assert can_be_probed(subject(MIXTURE))
    known_market, _ = cardjax.make("single")
    assert not can_be_probed(subject(MIXTURE, market=known_market))
    forgetful = Player(make_policy("forgetful"), [None])
    assert not can_be_probed(Subject("forgetful", forgetful, MARKET, PARAMS))


def test_games_are_needed():
    with pytest.raises(ValueError, match="n_games = 1: must be at least 2"):
        belief_probe(subject(MIXTURE), 1)


def test_it_can_be_drawn(known):
    figure = plots.draw("belief_probe", dataclasses.replace(known, about={"policy": "somebody"}))
    assert len(figure.axes) == len(EVENT_KINDS)
    assert "R² 1.00" in figure.axes[0].get_title("left")
