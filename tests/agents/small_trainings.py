"""What the learners' tests share: small trainings, and a match against the
equilibrium.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from cardjax.env import make_params
from cardjax.evaluation.match import Seats, play_games
from cardjax.policies.equilibrium import Equilibrium

TOTAL_UPDATES = 60
CERTAIN = {
    "hints": 3,
    "sigma_q": 3,
    "flags.enable_events": False,
    "spread.min": 0.1,
    "spread.max": 0.1,
}
"""All three cards are shown, so mu is what they add up to, and quotes are wrong by 3 points: an
easy edge to see.
"""


class Training:
    """A learner whose market's numbers are an argument, so that one compiled program serves every
    probe game.
    """

    def __init__(self, learner):
        self.learner = learner
        self.init = jax.jit(lambda params, key: self.at(params).init(key))
        self._run = jax.jit(self._updates)

    def at(self, params):
        """The learner in a market with these numbers."""
        return dataclasses.replace(self.learner, env_params=params)

    def start(self, seed=0, **overrides):
        """(params, state) of a fresh learner in its market with these overrides."""
        params = make_params(self.learner.env_params, **overrides)
        return params, self.init(params, jax.random.key(seed))

    def run(self, params, state, n=1):
        """(state, metrics of the last update) after n ≥ 1 updates."""
        return self._run(params, state, n)

    def _updates(self, params, state, n):
        learner = self.at(params)
        shapes = jax.eval_shape(learner.update, state)[1]
        nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        return jax.lax.fori_loop(0, n, lambda _, carry: learner.update(carry[0]), (state, nothing))


def match(training, params, state):
    """Totals of the trained greedy player against itself, and of the equilibrium's."""
    market = training.learner.market

    @jax.jit
    def both(params, state, key):
        learner = training.at(params)
        own = Seats(learner.policy(), learner.policy_params(state), market.n_players)
        best = Seats(Equilibrium(), params, market.n_players)
        return [play_games(market, [seats], params, key, 2048) for seats in (own, best)]

    return both(params, state, jax.random.key(99))


def bits(tree):
    """Every leaf as bytes, which compare bit for bit."""
    leaves = [
        jax.random.key_data(x) if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key) else x
        for x in jax.tree.leaves(tree)
    ]
    return [np.asarray(leaf).tobytes() for leaf in leaves]
