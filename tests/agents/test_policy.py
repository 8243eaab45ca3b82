"""A trained actor as a player."""

from functools import partial

import jax
import jax.numpy as jnp
import pytest


@pytest.fixture(scope="module")
def seen(two):
    """(greedy act, sampling act, views [256, 2] where the budget binds): a trained player, both
    ways of playing it.
    """
    params, state = two.start(initial_wealth=70)
    state, _ = two.run(params, state, 5)
    learner = two.learner
    view = jax.jit(jax.vmap(learner.market.view, (0, None)))(state.games, params)
    assert not view.action_mask.all()
    trained = learner.policy_params(state)
    greedy, sampling = (
        jax.jit(partial(learner.policy(greedy).act, trained, ())) for greedy in (True, False)
    )
    return greedy, sampling, view


@pytest.mark.parametrize("way", [0, 1], ids=["greedy", "sampling"])
def test_both_ways_of_playing_give_one_valid_action_a_view(seen, way):
    view = seen[-1]
    carry, action = seen[way](view, jax.random.key(1))
    assert carry == ()
    assert (action.shape, action.dtype) == ((256, 2), jnp.int32)
    assert jnp.take_along_axis(view.action_mask, action[..., None], -1).all()


def test_greedy_play_ignores_the_key_and_sampled_play_does_not(seen):
    greedy, sampling, view = seen
    for act, ignores in ((greedy, True), (sampling, False)):
        a, b = (act(view, jax.random.key(key))[1] for key in (0, 1))
        assert (a == b).all() == ignores


def test_greedy_play_is_what_sampled_play_does_most(seen):
    greedy, sampling, view = seen
    drawn = jax.jit(jax.vmap(lambda key: sampling(view, key)[1]))(
        jax.random.split(jax.random.key(0), 4000)
    )
    counts = jax.nn.one_hot(drawn, 21).sum(0)
    of_greedy = jnp.take_along_axis(counts, greedy(view, jax.random.key(0))[1][..., None], -1)[
        ..., 0
    ]
    # Within the sampling error of the difference between two near-equal counts.
    assert (of_greedy >= counts.max(-1) - 5 * jnp.sqrt(2 * counts.max(-1))).all()


def test_a_view_gives_the_same_action_alone_and_in_a_batch(seen):
    greedy, _, view = seen
    _, together = greedy(view, jax.random.key(0))
    _, alone = greedy(jax.tree.map(lambda leaf: leaf[7, 1], view), jax.random.key(0))
    assert alone == together[7, 1]
