"""A game whose maker is a player, in the libraries where a round of it is two steps."""

import dataclasses
import re
import warnings

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.adapters.two_moves import Each, TwoMoves
from cardjax.env import REWARD_KINDS, CardMarket, make_params, maker
from cardjax.policies.makers import prepared_maker
from cardjax.policies.registry import MAKERS

MARKET, PARAMS = CardMarket(2, maker="agent"), make_params()
GAME = TwoMoves(MARKET)
QUOTES = np.random.default_rng(0).integers(0, 60, (11, 2))
ORDERS = np.random.default_rng(1).integers(0, 21, (11, 2))


@pytest.fixture(scope="module")
def played():
    """Eleven rounds as 22 steps, and the market's own, from the same keys."""
    keys = jax.random.split(jax.random.key(1), 11)

    def two_steps(state, inputs):
        key, quote, order = inputs
        # The other role's action, and the key of the maker's move, are not to count.
        unused = Each(jnp.full(2, 20, jnp.int32), jnp.full(2, 59, jnp.int32))
        first = GAME.step(jax.random.fold_in(key, 1), state, unused._replace(maker=quote), PARAMS)
        mask = GAME.action_mask(state, PARAMS), GAME.action_mask(first[1], PARAMS)
        second = GAME.step(key, first[1], unused._replace(takers=order), PARAMS)
        return second[1], (first, second, mask)

    def round_(state, inputs):
        key, quote, order = inputs
        quoted = MARKET.quote(state, quote, PARAMS)
        stepped = MARKET.step(key, quoted, order, PARAMS)
        return stepped[1], (quoted, stepped)

    @jax.jit
    def play(key):
        inputs = keys, jnp.int32(QUOTES), jnp.int32(ORDERS)
        _, game = MARKET.reset(key, PARAMS)
        first, state = GAME.reset(key, PARAMS)
        native = jax.lax.scan(round_, game, inputs)[1]
        return (first, jax.lax.scan(two_steps, state, inputs)[1]), native

    return play(jax.random.key(0))


def test_it_is_the_markets_game(played):
    (_, (first, second, _)), (quoted, stepped) = played
    chex.assert_trees_all_close(first[1].game, quoted, rtol=1e-6)
    chex.assert_trees_all_close(second[1].game, stepped[1], rtol=1e-6)
    np.testing.assert_allclose(second[2].takers, stepped[2], rtol=1e-5, atol=1e-5)
    info = stepped[-1]
    np.testing.assert_allclose(second[2].maker, info["maker_reward"], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(second[3], stepped[3])
    np.testing.assert_array_equal(second[-1]["maker_action"], QUOTES)
    assert stepped[3].tolist() == [False] * 9 + [True, False]


def test_nothing_is_paid_or_ended_by_a_quote(played):
    (_, (first, _, _)), _ = played
    assert not np.asarray(first[2].takers).any() and not np.asarray(first[2].maker).any()
    assert not np.asarray(first[3]).any()
    assert not any(np.asarray(leaf).any() for leaf in first[-1].values())


def test_masks_and_observations_say_whose_move_it_is(played):
    (start, (first, second, mask)), (quoted, _) = played
    before, after = mask
    assert before.maker.all() and (before.takers == (np.arange(21) == 0)).all()
    assert (after.maker == (np.arange(60) == 0)).all() and after.takers[..., 1:].any()
    assert not np.asarray(start.takers).any() and not np.asarray(second[0].takers).any()
    seen = jax.vmap(MARKET.observe, (0, None))(quoted, PARAMS)
    np.testing.assert_allclose(first[0].takers, seen, rtol=1e-6)
    np.testing.assert_array_equal(first[0].maker[1:], second[0].maker[:-1])


def test_pettingzoo():
    pytest.importorskip("pettingzoo")
    from pettingzoo.test import parallel_api_test, parallel_seed_test

    from cardjax.adapters.pettingzoo import MarketParallelEnv, parallel_env

    env = parallel_env(preset="maker")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parallel_api_test(env, num_cycles=25)
        parallel_seed_test(lambda: parallel_env(preset="maker"), num_cycles=25)
    observations, infos = env.reset(seed=3)
    assert env.agents == ["player_0", "player_1", "maker"]
    earned = dict.fromkeys(env.agents, 0.0)
    for move in range(20):
        masks = {agent: infos[agent]["action_mask"] for agent in env.agents}
        assert masks["maker"].shape == (2, 60)
        assert (masks["maker"].all(), masks["player_0"].sum() == 1) == ((move % 2 == 0),) * 2
        actions = {agent: env.action_space(agent).sample(masks[agent]) for agent in env.takers}
        actions["maker"] = env.action_space("maker").sample(tuple(masks["maker"]))
        observations, rewards, ends, _, infos = env.step(actions)
        assert all(observations[agent] in env.observation_space(agent) for agent in observations)
        assert ("S" in infos["maker"]) == (move % 2 == 1) == ("pnl" in infos["player_1"])
        earned = {agent: earned[agent] + rewards[agent] for agent in earned}
    assert env.agents == [] and all(ends.values()) and all(earned.values())
    assert env.state().shape == (2 * 57 + 50,)
    with pytest.raises(ValueError, match=r"mask = observation: must be info"):
        parallel_env(preset="maker", mask="observation")
    with pytest.raises(ValueError, match=r"env\.maker = agent"):
        MarketParallelEnv(preset="maker")


def test_gymnasium():
    """The maker's seat, against takers who pass: each round is the market's own."""
    gymnasium = pytest.importorskip("gymnasium", minversion="1.1")
    from gymnasium.utils.env_checker import check_env

    import cardjax.adapters.gymnasium  # noqa: F401

    env = gymnasium.make("cardjax/Maker-v0", takers="pass", reward="expected_pnl")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", ".*Box observation space maximum value is infinity")
        check_env(env.unwrapped)
    observation, info = env.reset(seed=4)
    rewards, ends = [], []
    for choice in QUOTES[:10]:
        assert observation in env.observation_space
        observation, reward, terminated, truncated, info = env.step(choice)
        rewards.append(reward)
        ends.append(terminated)
        assert info["maker_action"].tolist() == choice.tolist() and not truncated
        assert not info["pnl"].any() and info["noise_bought"] <= info["depth_ask"]
    noise = PARAMS.noise
    offset, depth = maker.offset_of(QUOTES[:10]), maker.depth_of(QUOTES[:10])
    paid = (offset * maker.expected_noise(offset, depth, noise.rate, noise.decay)).sum(-1)
    np.testing.assert_allclose(rewards, paid, rtol=1e-5)
    assert ends == [False] * 9 + [True]
    with pytest.raises(ValueError, match=r"env\.maker = oracle: must be agent"):
        gymnasium.make("cardjax/Maker-v0", preset="default")


@pytest.mark.parametrize(
    "name", ["monopolist", pytest.param("random_quotes", marks=pytest.mark.slow)]
)
def test_gymnasium_s_taker_meets_the_quotes_of_a_maker(name):
    """Each round is the market's own, with the quote that the maker's policy makes of its view."""
    gymnasium = pytest.importorskip("gymnasium", minversion="1.1")
    from gymnasium.utils.env_checker import check_env

    import cardjax.adapters.gymnasium  # noqa: F401
    from cardjax.adapters.slots import base_key
    from cardjax.adapters.taker_seat import MAKER_KEY

    how = {"preset": "maker", "opponent": "pass", "reward": "expected_pnl", "market_maker": name}
    env = gymnasium.make("cardjax/Two-v0", render_mode="ansi", **how)
    if name == "random_quotes":
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", ".*Box observation space m.* value is -?infinity")
            check_env(env.unwrapped, skip_render_check=True)
    policy = MAKERS[name]
    table = jax.jit(lambda params: prepared_maker(policy, params, 2))(PARAMS)
    params = dataclasses.replace(PARAMS, reward=REWARD_KINDS.index("expected_pnl"))

    @jax.jit
    def quoted(key, state):
        known = MARKET.maker_view(state, params)
        _, choice = policy.act(table, (), known, jax.random.fold_in(key, MAKER_KEY))
        state = MARKET.quote(state, choice, params)
        return state, choice, MARKET.observe(state, params)[0], MARKET.action_mask(state, params)[0]

    step = jax.jit(MARKET.step_env)
    observation, info = env.reset(seed=4)
    base = jax.random.fold_in(base_key(env.unwrapped._slot.seed_words), 0)
    key, ends = jax.random.fold_in(base, 0), []
    state = MARKET.reset(key, params)[1]
    for t in range(10):
        state, choice, seen, mask = quoted(key, state)
        np.testing.assert_allclose(observation, seen, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(info["action_mask"], mask)
        order = int(np.flatnonzero(mask)[t % mask.sum()])
        observation, reward, terminated, _, info = env.step(order)
        key = jax.random.fold_in(base, t + 1)
        _, state, rewards, _, told = step(key, state, jnp.int32([order, 0]), params)
        assert reward == pytest.approx(float(rewards[0]), abs=1e-4)
        assert info["maker_action"].tolist() == choice.tolist() and info["action"] == order
        assert info["maker_pnl"] == pytest.approx(float(told["maker_pnl"]), abs=1e-3)
        ends.append(terminated)
    assert ends == [False] * 9 + [True] and "game over" in env.render()
    if name == "monopolist":
        return
    many = gymnasium.make_vec("cardjax/Two-v0", 2, vectorization_mode="vector_entry_point", **how)
    assert many.reset(seed=4)[0][0] == pytest.approx(env.reset(seed=4)[0], abs=1e-5)
    assert many.step(np.array([3, 0]))[0][0] == pytest.approx(env.step(3)[0], abs=1e-5)


def test_a_taker_s_seat_is_refused_what_it_cannot_have():
    pytest.importorskip("gymnasium", minversion="1.1")
    from cardjax.adapters.gymnax import make
    from cardjax.adapters.taker_seat import make_taker_seat

    for arguments, said in (
        ({"preset": "maker", "market_maker": "oracle"}, "market_maker = oracle: must be one of"),
        ({"market_maker": "monopolist"}, "market_maker = monopolist: is read only with env.maker"),
        ({"market_maker_params": 3}, "market_maker_params = int: is read only with env.maker"),
    ):
        with pytest.raises(ValueError, match=re.escape(said)):
            make_taker_seat("two", **arguments)
    with pytest.raises(ValueError, match=r"env\.maker = agent: must be oracle for one seat"):
        make("two", preset="maker")


def test_jaxmarl():
    pytest.importorskip("jaxmarl")
    from jaxmarl.wrappers.baselines import LogWrapper

    from cardjax.adapters.jaxmarl import make

    env = make("two", preset="maker")
    assert env.agents == ["agent_0", "agent_1", "maker"] and env.num_agents == 3
    assert env.agent_classes == {"takers": ["agent_0", "agent_1"], "maker": ["maker"]}
    logged = LogWrapper(env)

    def move(state, key):
        masks = env.get_avail_actions(state.env_state)
        actions = {
            agent: jnp.argmax(mask * jax.random.uniform(key, mask.shape), -1)
            for agent, mask in masks.items()
        }
        observations, state, rewards, dones, infos = logged.step(key, state, actions)
        return state, (observations, rewards, dones, infos, masks)

    observations, state = logged.reset(jax.random.key(0))
    assert observations["world_state"].shape == (3, env.world_state_size())
    np.testing.assert_array_equal(
        env.get_obs(state.env_state)["world_state"], observations["world_state"]
    )
    keys = jax.random.split(jax.random.key(1), 20)
    _, (observations, rewards, dones, infos, masks) = jax.lax.scan(move, state, keys)
    assert masks["maker"].shape == (20, 2, 60) and observations["maker"].shape == (20, 50)
    assert dones["__all__"].tolist() == [False] * 19 + [True]
    assert (rewards["maker"][::2] == 0).all() and (rewards["maker"][1::2] != 0).all()
    totals = [rewards[agent].sum() for agent in env.agents]
    np.testing.assert_allclose(infos["returned_episode_returns"][-1], totals, rtol=1e-4)


def test_jaxmarl_s_world_state_is_what_mappo_s_critics_see(played):
    pytest.importorskip("jaxmarl")
    from cardjax.adapters.jaxmarl import make
    from cardjax.agents.roles import MakerSides, Takers, sides_of

    env = make("two", preset="maker")
    (_, (first, second, _)), (quoted, stepped) = played
    see = jax.jit(jax.vmap(env.get_obs))
    before, after = see(second[1])["world_state"], see(first[1])["world_state"]
    takers, sides = Takers(MARKET), MakerSides(MARKET)

    @jax.jit
    @jax.vmap
    def critics(game):
        ordering = takers.encode(MARKET.view(game, PARAMS))
        quoting = sides.encode(sides_of(MARKET.maker_view(game, PARAMS)))
        of_takers = takers.critic_view(game, ordering, quoting, joint=True, truth=False)
        of_sides = sides.critic_view(game, quoting, ordering, joint=True, truth=False)
        side = (
            MARKET.maker_observation_size
        )  # The column that tells a side: there is one seat here.
        return of_takers, jnp.delete(of_sides[0], side, assume_unique_indices=True)

    of_takers, of_maker = critics(quoted)
    np.testing.assert_array_equal(after[:, :-1], of_takers)
    width = of_maker.shape[-1]
    np.testing.assert_array_equal(after[:, -1, :width], of_maker)
    np.testing.assert_array_equal(before[:, -1, :width], critics(stepped[1])[1])
    assert not before[:, :-1].any() and not after[:, -1, width:].any() and after[:, -1].any()
    # What takers alone know is in the maker's row: all cards that are shown, and their wealth.
    cards = quoted.market.n_hints
    size = MARKET.maker_observation_size
    np.testing.assert_allclose(after[:, -1, size : size + 13].sum(-1), cards, atol=1e-6)
