"""Millions of rounds with nothing out of range, checked inside the compiled loop."""

import collections
import functools

import jax
import jax.numpy as jnp
import pytest

from cardjax.env import CardMarket, beliefs, make_params
from cardjax.env.events import EVENTS

pytestmark = pytest.mark.usefixtures("optimised")

GAMES = 2**16
BLOCK = 17
"""Rounds in one compiled call."""


def violations(env, params, before, action, obs, after, reward, terminated, info):
    """name → bool [games]: is this broken in a step of these games?"""
    floats = [obs, reward, *jax.tree.leaves(after), *info.values()]
    finite = [
        jnp.isfinite(x).reshape(GAMES, -1).all(-1)
        for x in floats
        if jnp.issubdtype(x.dtype, jnp.floating)
    ]
    wealth, event = before.players.wealth, jnp.clip(info["event"], 0, 160)
    eligible = jnp.take_along_axis(
        jnp.asarray(EVENTS.eligible)[event], jnp.clip(info["cards"] - 2, 0, 12), 1
    )
    traded = info["action"] > 0
    space = env.observation_space(params)
    low, high = params.liquidity.min, params.liquidity.max

    def outside(name, lowest, highest):
        return ~((info[name] >= lowest) & (info[name] <= highest))

    broken = {
        "finite": ~jnp.stack(finite).all(0),
        "observation": ~((obs >= space.low) & (obs <= space.high)),
        "event": outside("event", 0, 160),
        "event_kind": info["event_kind"] != jnp.minimum(info["event"], 5),
        "cards": outside("cards", 2, 14) | ~eligible,
        "n_hints": outside("n_hints", 0, 3),
        "S": outside("S", 6, 42) | (info["S"] != jnp.round(info["S"])),
        "mu": outside("mu", 6, 42),
        "sigma": ~(info["sigma"] >= 0) | ((info["sigma"] == 0) != (info["n_hints"] == 3)),
        "revealed sum": (info["n_hints"] == 3) & (info["mu"] != info["S"]),
        "spread": outside("spread", params.spread.min, params.spread.max),
        "quotes": ~((info["bid"] < info["mid"]) & (info["mid"] < info["ask"])),
        "depth": outside("depth_bid", low, high) | outside("depth_ask", low, high),
        "displayed": (info["displayed_bid"] > params.liquidity.cap)
        | (info["displayed_ask"] > params.liquidity.cap),
        "fill_ratio": ~((info["fill_ratio"] > 0) & (info["fill_ratio"] <= 1))
        | (~traded & (info["fill_ratio"] != 1)),
        "slippage": ~(info["slippage"] >= 0) | (info["slippage"] > params.alpha * 18.001),
        "pass": ~traded
        & ((info["pnl"] != 0) | (info["exec_price"] != 0) | (info["slippage"] != 0)),
        "action": (info["action"] < 0) | (info["action"] > 20),
        "wealth": ~jnp.isclose(info["wealth"], wealth + info["pnl"], rtol=1e-6, atol=1e-3),
        "mask": ~info["action_mask"][..., 0]
        | ((wealth < 0)[..., None] & info["action_mask"][..., 1:]).any(-1),
        "round": (after.round < 0) | (after.round > 9) | (terminated != (after.round == 0)),
    }
    return {name: bad.reshape(GAMES, -1).any(-1) for name, bad in broken.items()}


@functools.cache
def compiled(env, choose):
    """play(key, state, params) → (state, counts by name) over GAMES × BLOCK rounds.

    choose(u, mask) → (action, must it be rejected?), from uniforms u and a mask.
    """

    @jax.jit
    def play(key, state, params):

        def round_(carry, key):
            state, counts = carry
            step_key, action_key = jax.random.split(key)
            mask = jax.vmap(env.action_mask, (0, None))(state, params)
            action, must_reject = choose(jax.random.uniform(action_key, mask.shape[:-1]), mask)
            keys = jax.random.split(step_key, GAMES)
            obs, after, reward, terminated, _, info = jax.vmap(env.step, (0, 0, 0, None))(
                keys, state, action, params
            )
            seen = violations(env, params, state, action, obs, after, reward, terminated, info)
            seen["rejected"] = (info["rejected"] != must_reject).any(-1)
            seen |= {
                "fact: traded": (info["action"] > 0).any(-1),
                "fact: slipped": (info["slippage"] > 0).any(-1),
                "fact: rejected": info["rejected"].any(-1),
                "fact: in debt": (info["wealth"] < 0).any(-1),
                "fact: remap": info["event"] >= 5,
                "fact: games": terminated,
            }
            counts = {name: counts.get(name, 0) + bad.sum() for name, bad in seen.items()}
            return (after, counts), None

        names = jax.eval_shape(round_, (state, {}), key)[0][1]
        zeros = {name: jnp.int32(0) for name in names}
        return jax.lax.scan(round_, (state, zeros), jax.random.split(key, BLOCK))[0]

    return play


def run(env, params, n_blocks, choose, seed):
    """(violations by name, facts that show whether the run was a lively one), counted over n_blocks
    of rounds.
    """
    first_key, *keys = jax.random.split(jax.random.key(seed), 1 + n_blocks)
    _, state = jax.jit(jax.vmap(env.reset, (0, None)))(jax.random.split(first_key, GAMES), params)
    counts = collections.Counter()
    for key in keys:
        state, of_block = compiled(env, choose)(key, state, params)
        counts.update({name: int(n) for name, n in of_block.items()})
    facts = {
        name.removeprefix("fact: "): counts.pop(name)
        for name in list(counts)
        if name.startswith("fact: ")
    }
    return {name: n for name, n in counts.items() if n}, facts


@pytest.fixture
def two(game):
    return game(2).env


def valid(u, mask):
    n = mask.sum(-1)
    nth = jnp.minimum((u * n).astype(jnp.int32), n - 1)
    action = jnp.argmax(jnp.cumsum(mask, -1) > nth[..., None], -1).astype(jnp.int32)
    return action, jnp.zeros_like(action, bool)


def arbitrary(u, mask):
    """Any of the 21 actions, forbidden or not, and now and then a NaN."""
    number = jnp.floor(u * 22)
    action = jnp.where(number == 21, jnp.nan, number)
    forbidden = ~jnp.take_along_axis(
        mask, jnp.clip(number, 0, 20).astype(jnp.int32)[..., None], -1
    )[..., 0]
    return action, forbidden | (number == 21)


@pytest.mark.parametrize(
    "n_blocks",
    [pytest.param(1), pytest.param(9, marks=pytest.mark.slow)],
    ids=["1 million", "10 million"],
)
def test_millions_of_rounds_of_valid_play_stay_in_range(two, n_blocks):
    n = GAMES * BLOCK * n_blocks
    assert n > (10**7 if n_blocks == 9 else 10**6)
    broken, facts = run(two, make_params(), n_blocks, valid, seed=0)
    assert not broken
    assert facts["rejected"] == 0 and facts["games"] == BLOCK * n_blocks // 10 * GAMES
    assert facts["traded"] > 0.8 * n and facts["slipped"] > 0.08 * n and facts["remap"] > 0.008 * n


@pytest.mark.slow
def test_a_million_rounds_of_arbitrary_play_in_a_harsh_market_stay_in_range(two):
    params = make_params(alpha=1e4, initial_wealth=60.0, event_persist=0.0, **{"events.remap": 0.5})
    broken, facts = run(two, params, 1, arbitrary, seed=1)
    assert not broken
    assert facts["rejected"] > 500_000 and facts["traded"] > 100_000 and facts["in debt"] > 10_000


def test_the_checks_would_notice(two):
    # Quotes that float32 cannot tell from their mid are seen as such, and nothing else is found.
    nearly_none = {"spread.s0": 1e-9, "spread.beta": 0, "spread.min": 0}
    broken, _ = run(two, make_params(**nearly_none, hints=0), 1, valid, seed=2)
    assert set(broken) == {"quotes"}


@pytest.mark.slow
@pytest.mark.parametrize("persist", [0.7, 1.0])
def test_beliefs_stay_distributions_over_five_million_rounds(persist):
    """Ten million in all: chances are not negative, sum to 1, and never rule out what is true."""
    market = CardMarket(1, event_info="hidden")
    params = make_params(event_persist=persist)
    n_rounds = 80

    def round_(carry, key):
        state, counts = carry
        chances = beliefs.chances(state.past.belief)
        broken = {
            "negative": (chances < 0).any(),
            "sum": jnp.abs(chances.sum() - 1) > 1e-5,
            "truth ruled out": ~(chances[state.market.event] > 0),
        }
        state = market.step(key, state, market.sample_action(key, state, params), params)[1]
        return (state, {name: counts[name] + bad for name, bad in broken.items()}), None

    def game(key):
        first, key_rounds = jax.random.split(key)
        counts = dict.fromkeys(("negative", "sum", "truth ruled out"), jnp.int32(0))
        start = market.reset(first, params)[1], counts
        return jax.lax.scan(round_, start, jax.random.split(key_rounds, n_rounds))[0][1]

    counts = jax.jit(jax.vmap(game))(jax.random.split(jax.random.key(5), GAMES))
    assert GAMES * n_rounds > 5e6
    assert {name: int(n.sum()) for name, n in counts.items()} == dict.fromkeys(counts, 0)
