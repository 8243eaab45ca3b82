"""What the play tests share: whole games, played once."""

import random

import pytest

from cardjax.play import Game, SeatedGame, find_participant, human, make_setup

SEED = 12


def play_random(setup, seed=0):
    """A game of any orders, invalid ones among them."""
    rng, game = random.Random(seed), Game(setup)
    while not game.over:
        game.play([rng.randrange(21) for _ in range(setup.n_players)])
    return game


@pytest.fixture(scope="session")
def games():
    """kind → games in a market so poor that many orders are refused, and one of plenty."""
    poor = {"initial_wealth": 150.0, "alpha": 0.5}
    return {
        kind: [
            play_random(make_setup(kind, seed=SEED + i, overrides=poor if i else {}), i)
            for i in range(3)
        ]
        for kind in ("single", "two")
    }


@pytest.fixture(scope="session")
def duel():
    """A person who orders at random against level1, where the quotes leave much to take."""
    setup = make_setup("two", seed=SEED, overrides={"sigma_q": 2.0})
    table, rng = SeatedGame(setup, [human(), find_participant("level1", setup)]), random.Random(1)
    while not table.over:
        table.play({0: rng.choice([0, 1, 9, 10, 19, 20])})
    return table
