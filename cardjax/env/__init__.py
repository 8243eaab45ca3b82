"""The card-sum market. `import cardjax.env` alone is a usable benchmark: it needs jax and numpy."""

from cardjax.env.declaration import ParameterError
from cardjax.env.events import EVENT_KINDS, remap_event
from cardjax.env.execution import N_ACTIONS, PASS
from cardjax.env.market import CardMarket
from cardjax.env.observation import Field, View
from cardjax.env.params import N_ROUNDS, REWARD_KINDS, EnvParams, make_params, params_grid
from cardjax.env.quotes import posterior
from cardjax.env.sampling import sample_categorical
from cardjax.env.spaces import Box, Discrete
from cardjax.env.state import State

__all__ = [
    "EVENT_KINDS",
    "N_ACTIONS",
    "N_ROUNDS",
    "PASS",
    "REWARD_KINDS",
    "Box",
    "CardMarket",
    "Discrete",
    "EnvParams",
    "Field",
    "ParameterError",
    "State",
    "View",
    "make_params",
    "params_grid",
    "posterior",
    "remap_event",
    "sample_categorical",
]
