"""What a critic sees: a player's own observation, or the joint one of all players, and hidden truth
if it is allowed.

IPPO's critic (de Witt et al. 2020) sees its own player's observation. MAPPO's (Yu et al. 2022) sees
everybody's: here that is the player's own observation and, for each other player in seat order
after it, the fields that only that player has (the paper's pruned agent-specific state). Quotes,
depth, event and hints are the same for all and are not repeated.
"""

import jax.numpy as jnp
from jax import Array

from cardjax.env.market import CardMarket
from cardjax.env.state import State

PRIVATE = ("last_slippage", "last_fill_ratio", "wealth")
"""Fields of a player's observation that no other player sees."""
N_TRUTH = 3
TRUTH_SCALE = 0.1


def critic_inputs(market: CardMarket, joint: bool, truth: bool) -> int:
    """How many inputs a critic has."""
    others = (market.n_players - 1) * len(PRIVATE) if joint else 0
    return market.observation_size + others + (N_TRUTH if truth else 0)


def critic_view(
    market: CardMarket, games: State, observation: Array, joint: bool, truth: bool
) -> Array:
    """float32 [..., A, n]: what the critic of each player sees.

    Args:
        games: leaves [..., …]; read only for hidden truth.
        observation: float32 [..., A, D], of all players.
        joint: add what only the others see.
        truth: add S and both true depths, which no player ever sees.
    """
    parts = [observation]
    if joint:
        parts += [
            jnp.roll(private_of(market, observation), -seat, axis=-2)
            for seat in range(1, market.n_players)
        ]
    if truth:
        rows = (*observation.shape[:-1], N_TRUTH)
        parts.append(jnp.broadcast_to(hidden_truth(games)[..., None, :], rows))
    return jnp.concatenate(parts, -1) if len(parts) > 1 else observation


def hidden_truth(games: State) -> Array:
    """S and both true depths, in tens, which no player sees: float32 [..., N_TRUTH].

    Args:
        games: leaves [..., …].
    """
    market = games.market
    truth = jnp.stack([market.S.astype(jnp.float32), market.depth_bid, market.depth_ask], -1)
    return truth * jnp.float32(TRUTH_SCALE)


def private_of(market: CardMarket, observation: Array) -> Array:
    """The columns of `PRIVATE`, float32 [..., n], of observations [..., D]."""
    fields = market.observation_fields
    return jnp.concatenate([observation[..., fields[name].slice] for name in PRIVATE], -1)
