"""The games of a data set, batch by batch."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax
import numpy as np

from cardjax.env.market import CardMarket
from cardjax.env.params import EnvParams
from cardjax.evaluation.evaluate import domain_key
from cardjax.evaluation.match import Quoter, Seats
from cardjax.evaluation.rollouts import record_games

DATASETS = 3
"""The key domain of data sets: what is learned from one is not learned from draws that a score is
measured on.
"""
GAMES_AT_ONCE = 8192
"""Games a batch, which is a row group. Always so many are played, so that a longer file begins with
a shorter one.
"""
Batch = dict[str, np.ndarray]
"""Columns by name, [10, games, A], as `record_games` gives them."""


class Rollouts(NamedTuple):
    """The games of a data set."""

    market: CardMarket
    """with a player axis (not squeezed)."""
    env_params: EnvParams
    seats: Sequence[Seats]
    seed: int
    n_games: int
    observations: bool
    """keep what networks read, in a column."""
    maker: Quoter | None = None
    """who quotes, where the maker is a player."""


def batches(rollouts: Rollouts, with_observations: bool) -> Iterator[Batch]:
    """All games in order; while the host works on a batch, the next one is already being played."""
    root, n_games = domain_key(rollouts.seed, DATASETS), rollouts.n_games

    def play(batch: int) -> dict[str, jax.Array]:
        key = jax.random.fold_in(root, batch)
        return record_games(
            rollouts.market,
            rollouts.seats,
            rollouts.env_params,
            key,
            GAMES_AT_ONCE,
            with_observations,
            rollouts.maker,
        )

    played = play(0)
    for batch, first in enumerate(range(0, n_games, GAMES_AT_ONCE)):
        current = played
        if first + GAMES_AT_ONCE < n_games:
            played = play(batch + 1)
        columns = {name: np.asarray(leaf)[:, : n_games - first] for name, leaf in current.items()}
        yield columns | {"game": columns["game"] + np.int32(first)}


def happened(batch: Batch) -> np.ndarray:
    """Bool [games, 10, A]: the rounds up to a game's end, which only `stop_out` puts before the
    tenth.
    """
    over = np.logical_or.accumulate(batch["terminated"])
    return np.concatenate([np.ones_like(over[:1]), ~over[:-1]]).swapaxes(0, 1)
