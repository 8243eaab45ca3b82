"""The least that a PPO update has to compute: its networks' matrix products and nothing else.

What is counted, for networks of L dense layers without a cell (rows are rounds × games × seats):

- the rollout: L products of the actor a round, on games × seats rows;
- the advantages: L products of the critic on all the rollout's rows at once;
- every minibatch of every epoch, for the actor and for the critic: L products forward, L for the
  gradients of the weights, and L − 1 for those of the hidden layers (the inputs need none).

Shapes, minibatches, dtype, layout and the order of the passes are the update's; so is the spread
over devices. In bfloat16 the products' float32 sums are rounded between them, for the next product
reads them so. What is not counted though ours does it: the whitening of the inputs and its moments,
the value of where the rollout stopped (with gamma 0 it weighs nothing), everything that is not a
matrix product.

Nothing can be dropped, merged or hoisted: each product reads the one before it, every minibatch
reads weights that the minibatch before it has (numerically not at all) changed, and the rollout's
outputs are written out.
"""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import NamedSharding, PartitionSpec

from cardjax.agents.critic_view import critic_inputs
from cardjax.agents.ppo import PPO
from cardjax.kernels.dense import product, product_dtype, stored_by_rows
from cardjax.runtime.devices import REPLICATES, make_mesh, over_replicates

NOTHING = np.float32(1e-20)
"""What a gradient is multiplied by before it is added to weights: too little to change them, which
XLA cannot know.
"""


class Shapes(NamedTuple):
    """Of one update."""

    rounds: int
    players: int
    """rows of a round: games × seats."""
    n_minibatches: int
    n_epochs: int
    actor: tuple[int, ...]
    """widths from inputs to outputs."""
    critic: tuple[int, ...]
    dtype: Any
    """what is multiplied."""


class Carry(NamedTuple):
    """Of the loop over updates."""

    actor: tuple[Array, ...]
    critic: tuple[Array, ...]
    logits: Array
    """float32 [rounds, 21, players], that the actor put out."""
    estimates: Array
    """float32 [1 or 21, rounds × players], that the critic did."""


def shapes_of(learner: PPO) -> Shapes:
    """The update's shapes.

    Raises:
        SystemExit: a learner with a cell, seats with parameters of their own, or other players than
            itself: its products are others.
    """
    config = learner.config
    if (
        config.memory != "none"
        or not config.share_params
        or learner.n_seats != learner.market.n_players
    ):
        raise SystemExit("the floor is of feed-forward networks that all seats share, in self-play")
    n_seen = critic_inputs(learner.market, learner.joint_critic, config.critic_sees_truth)
    return Shapes(
        rounds=config.rollout_rounds,
        players=learner.n_envs * learner.n_seats,
        n_minibatches=config.n_minibatches,
        n_epochs=config.n_epochs,
        actor=(
            learner.market.observation_size,
            *learner.networks.actor.hidden,
            learner.networks.actor.n_outputs,
        ),
        critic=(n_seen, *learner.networks.critic.hidden, learner.networks.critic.n_outputs),
        dtype=product_dtype(config.matmul_precision),
    )


def flops(shapes: Shapes) -> float:
    """Multiplications and additions of one update's products."""

    def forward(widths: tuple[int, ...]) -> int:
        return 2 * sum(a * b for a, b in itertools.pairwise(widths))

    rows = shapes.rounds * shapes.players
    once = rows * (forward(shapes.actor) + forward(shapes.critic))
    step = sum(
        3 * forward(widths) - 2 * widths[0] * widths[1] for widths in (shapes.actor, shapes.critic)
    )
    return once + shapes.n_epochs * rows * step


def compile_floor(shapes: Shapes, n_replicates: int, n_envs: int) -> Callable[[int], None]:
    """A call that does the products of n updates of `n_replicates` seeds, on the devices that
    training would use.
    """
    mesh = make_mesh(n_replicates, n_envs)

    def updates(carry: Carry, actor_input: Array, critic_input: Array, n: Array) -> Carry:
        return jax.lax.fori_loop(
            0, n, lambda _, carry: update(carry, actor_input, critic_input, shapes), carry
        )

    along_replicates = NamedSharding(mesh, PartitionSpec(REPLICATES))
    stacked = jax.tree.map(
        lambda leaf: np.stack([leaf] * n_replicates), (_first(shapes), *_inputs(shapes))
    )
    carry, *inputs = jax.device_put(stacked, along_replicates)
    program = jax.jit(
        over_replicates(updates, mesh, n_shared=1), donate_argnums=0, out_shardings=along_replicates
    )
    compiled = program.lower(carry, *inputs, np.int32(1)).compile()

    def call(n: int) -> None:
        nonlocal carry
        carry = jax.block_until_ready(compiled(carry, *inputs, np.int32(n)))

    return call


def update(carry: Carry, actor_input: Array, critic_input: Array, shapes: Shapes) -> Carry:
    """One update's products: actor_input float32 [rounds, players, D], critic_input [rounds,
    players, D'].
    """

    def play_round(_: None, x: Array) -> tuple[None, Array]:
        return None, forward(carry.actor, x, shapes.dtype)[-1]

    _, logits = jax.lax.scan(play_round, None, actor_input)
    estimates = forward(carry.critic, critic_input.reshape(-1, shapes.critic[0]), shapes.dtype)[-1]
    actor, critic, logits, estimates = jax.lax.optimization_barrier(
        (carry.actor, carry.critic, logits, estimates)
    )

    def minibatch(weights: Any, inputs: tuple[Array, Array]) -> tuple[Any, None]:
        return tuple(
            stepped(own, x, shapes.dtype) for own, x in zip(weights, inputs, strict=True)
        ), None

    def epoch(_: Array, weights: Any) -> Any:
        parts = (
            actor_input.reshape(shapes.n_minibatches, -1, shapes.actor[0]),
            critic_input.reshape(shapes.n_minibatches, -1, shapes.critic[0]),
        )
        return jax.lax.scan(minibatch, weights, parts)[0]

    actor, critic = jax.lax.fori_loop(0, shapes.n_epochs, epoch, (actor, critic))
    return Carry(actor, critic, logits, estimates)


def stepped(weights: tuple[Array, ...], x: Array, dtype: Any) -> tuple[Array, ...]:
    """The weights after a gradient step that does not change them; x float32 [rows, D]."""
    layers = [x.astype(dtype), *(y.astype(dtype) for y in forward(weights, x, dtype))]
    upstream = layers.pop()
    after = []
    for i in reversed(range(len(weights))):
        gradient = (
            product(layers[i], upstream, 1, 1)
            if i
            else stored_by_rows(product(upstream, layers[0], 1, 0), dtype).T
        )
        after.append(weights[i] + NOTHING * gradient)
        if i:
            upstream = product(weights[i].astype(dtype), upstream, 1, 0).astype(dtype)
    return tuple(after[::-1])


def forward(weights: tuple[Array, ...], x: Array, dtype: Any) -> list[Array]:
    """Every layer's outputs [width, rows] of inputs [rows, D], without biases and activations."""
    outputs = [x]
    for i, w in enumerate(weights):
        outputs.append(
            product(
                stored_by_rows(w.astype(dtype).T, dtype),
                outputs[-1].astype(dtype),
                1,
                0 if i else 1,
            )
        )
    return outputs[1:]


def _inputs(shapes: Shapes) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    rows = (shapes.rounds, shapes.players)
    actor, critic = (
        rng.standard_normal((*rows, widths[0]), np.float32)
        for widths in (shapes.actor, shapes.critic)
    )
    return actor, critic


def _first(shapes: Shapes) -> Carry:
    rng = np.random.default_rng(1)

    def weights(widths: tuple[int, ...]) -> tuple[Array, ...]:
        pairs = itertools.pairwise(widths)
        return tuple(
            jnp.asarray(rng.standard_normal((a, b), np.float32) / np.float32(np.sqrt(a)))
            for a, b in pairs
        )

    logits = jnp.zeros((shapes.rounds, shapes.actor[-1], shapes.players), jnp.float32)
    estimates = jnp.zeros((shapes.critic[-1], shapes.rounds * shapes.players), jnp.float32)
    return Carry(weights(shapes.actor), weights(shapes.critic), logits, estimates)
