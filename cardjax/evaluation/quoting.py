"""Games whose maker is a player: what maker and takers earn, against the exact yardsticks of both.

docs/evaluation.md#the-maker-as-a-player
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import maker as maker_rules
from cardjax.env.declaration import ParameterError
from cardjax.env.market import CardMarket
from cardjax.env.observation import View
from cardjax.env.params import N_ROUNDS, EnvParams
from cardjax.env.state import State
from cardjax.env.trees import ArrayTree
from cardjax.evaluation.decision import decide
from cardjax.evaluation.evaluate import TEST, Player, game_batches
from cardjax.evaluation.match import Seats
from cardjax.evaluation.metrics import SMALLEST_GAIN, Metric
from cardjax.evaluation.quote_values import best_reply, n_natures, quote_value
from cardjax.evaluation.quoting_result import PLAYED, REPLIED, SCORES, QuotingResult
from cardjax.evaluation.result import interval_of
from cardjax.evaluation.statistics import Interval, delta_estimate
from cardjax.evaluation.tally import Tally
from cardjax.policies.makers import MakerPolicy, hand_of, prepared_maker
from cardjax.policies.policy import Policy, prepared
from cardjax.policies.pricing.profit import competitive, monopolist, profit, terms_of
from cardjax.policies.stage_game import expected_pnl, flow_of_others, symmetric_equilibrium

REPLIED_GAMES = 256
"""Best replies of the maker are computed in the first so many games if it sees one card less than
the takers: every one of their rounds takes the takers' decisions at more than 120 quotes, for all
cards that they may see. With a larger lag or more than two takers there is more to compute, and
there are fewer games.
"""


def replied_games(lag: int, n_takers: int) -> int:
    """In how many games best replies of the maker are computed."""
    work = max(1, n_natures(lag) / n_natures(1)) * max(1, n_takers / 2) ** 2
    return max(1, int(REPLIED_GAMES / work))


@dataclasses.dataclass(frozen=True)
class Maker:
    """A player of the maker's seat and its parameters, one entry for each training seed; None for
    a scripted one, which goes by the market's.
    """

    policy: MakerPolicy
    params: tuple[ArrayTree, ...] = (None,)


def games_to_play(
    market: CardMarket, env_params: EnvParams, maker: Maker, takers: Player, n_games: int
) -> int:
    """How many games `evaluate_quoting` plays, of all training seeds: its own, and those whose best
    replies it computes.
    """
    n_replied = replied_games(int(env_params.maker_lag), market.n_players)
    _, _, first = next(game_batches(n_games, 0, TEST))
    return max(len(maker.params), len(takers.params)) * (n_games + min(n_replied, first))


def evaluate_quoting(
    market: CardMarket,
    env_params: EnvParams,
    maker: Maker,
    takers: Player,
    n_games: int,
    seed: int = 0,
    domain: int = TEST,
    with_replies: bool = True,
    progress: Callable[[int], object] = lambda games: None,
) -> QuotingResult:
    """A maker and takers, on draws that training never sees; training seed i of the one meets that
    of the other, from the first again where there are fewer.

    Args:
        market: where the maker is a player.
        env_params: the market's numbers.
        maker: who quotes.
        takers: who takes, at all seats.
        n_games: whole games.
        seed: of the draws.
        domain: of the draws' keys.
        with_replies: compute the maker's best replies too, and with them REPLIED.
        progress: called after each batch with the number of games done, which add up to
            `games_to_play`.

    Raises:
        ParameterError: the market's maker does not play.
        ValueError: no games.
    """
    n_seeds = max(len(maker.params), len(takers.params))
    kept: dict[tuple[bool, int], Tally] = {}

    def keep(replied: bool, games: Sequence[Columns]) -> None:
        together = {name: np.mean([one[name] for one in games], 0) for name in games[0]}
        for i, one in enumerate([*games, together]):
            old = kept.get((replied, i))
            kept[replied, i] = Tally.of(one) if old is None else old + Tally.of(one)

    def intervals(metrics: Mapping[str, Metric], replied: bool) -> dict[str, Interval]:
        seeds = [kept[replied, i] for i in range(n_seeds)]
        return {
            name: interval_of(metric, seeds, kept[replied, n_seeds])
            for name, metric in metrics.items()
        }

    for games in quoted_games(market, env_params, maker, takers, n_games, seed, domain):
        keep(False, games)
        progress(sum(len(next(iter(one.values()))) for one in games))
    figures, n_replied = intervals(PLAYED, False), 0
    if with_replies:
        n_replied = replied_games(int(env_params.maker_lag), market.n_players)
        first = quoted_games(
            market, env_params, maker, takers, n_games, seed, domain, n_replied=n_replied
        )
        games = next(first)
        keep(True, games)
        progress(sum(len(next(iter(one.values()))) for one in games))
        figures |= intervals(REPLIED, True)
    by_seed = {
        name: [delta_estimate(PLAYED[name].of, kept[False, i]) for i in range(n_seeds + 1)]
        for name in SCORES
    }
    return QuotingResult(figures, n_seeds, n_games, n_replied, by_seed)


Columns = dict[str, np.ndarray]
"""By name, float64 [games]."""
KINDS = ("event_kind", "n_hints")
"""Columns that are no amounts: what rounds may be sorted by."""


def quoted_games(
    market: CardMarket,
    env_params: EnvParams,
    maker: Maker,
    takers: Player,
    n_games: int,
    seed: int = 0,
    domain: int = TEST,
    n_replied: int | None = None,
) -> Iterator[list[Columns]]:
    """Games of a maker and takers batch by batch, an entry of what PLAYED is computed from for each
    training seed.

    Args:
        market, env_params, maker, takers, n_games, seed, domain: as of `evaluate_quoting`.
        n_replied: if given, what REPLIED is computed from, of at most so many games per batch.

    Raises:
        ParameterError: the market's maker does not play.
        ValueError: no games.
    """
    for seeds in quoted_rounds(market, env_params, maker, takers, n_games, seed, domain, n_replied):
        yield [_of_games(rounds) for rounds in seeds]


def _of_games(rounds: Columns) -> Columns:
    """The sums over the rounds of each game."""
    sums = {name: column.sum(0) for name, column in rounds.items() if name not in KINDS}
    if "maker_reply" in sums:
        reply = sums["maker_reply"]
        sums["gains"] = (reply - sums["maker_value"] > SMALLEST_GAIN * reply).astype(np.float64)
    return sums


def quoted_rounds(
    market: CardMarket,
    env_params: EnvParams,
    maker: Maker,
    takers: Player,
    n_games: int,
    seed: int = 0,
    domain: int = TEST,
    n_replied: int | None = None,
) -> Iterator[list[Columns]]:
    """As `quoted_games`, of every round: columns [10, games], and beside them those of KINDS."""
    if not market.has_maker:
        raise ParameterError("env.maker", market.maker, "must be agent for a maker that plays")
    market = dataclasses.replace(market, squeeze=False)
    lag = None if n_replied is None else int(env_params.maker_lag)
    pi = profit_table(env_params, market.n_players)
    scripted = None
    if any(own is None for own in maker.params):
        scripted = prepared_once(maker.policy, env_params, market.n_players)
    for key, size, n in game_batches(n_games, seed, domain):
        size_here = size if n_replied is None else min(size, n_replied)
        games = []
        for i in range(max(len(maker.params), len(takers.params))):
            own = maker.params[i % len(maker.params)]
            own = scripted if own is None else own
            of_takers = takers.params[i % len(takers.params)]
            columns = play_quoted(
                market,
                maker.policy,
                takers.policy,
                size_here,
                lag,
                own,
                of_takers,
                env_params,
                key,
                pi,
            )
            games.append({k: np.asarray(v, np.float64)[:, :n] for k, v in columns.items()})
        yield games


@partial(jax.jit, static_argnums=1)
def profit_table(env_params: EnvParams, n_takers: int) -> Array:
    """What every quote earns the maker in this market: `profit`, compiled."""
    return profit(terms_of(env_params), n_takers)


prepared_once = jax.jit(prepared_maker, static_argnums=(0, 2))
"""`prepared_maker`, compiled."""

Before: TypeAlias = tuple[State, tuple[ArrayTree, ArrayTree]]
"""The games before a round, and the carries of maker and takers."""


@partial(jax.jit, static_argnums=range(5))
def play_quoted(
    market: CardMarket,
    maker: MakerPolicy,
    takers: Policy,
    n_games: int,
    lag: int | None,
    maker_params: ArrayTree,
    taker_params: ArrayTree,
    env_params: EnvParams,
    key: Array,
    pi: Array,
) -> dict[str, Array]:
    """One batch of whole games, round by round: the columns of PLAYED, float32 [10, games], and
    KINDS, int32, or if `lag` is given the columns of REPLIED.

    Args:
        maker_params: of a scripted maker too, `prepared_maker`'s.
        pi: `profit`'s. Both take as long as many games, and are the same in all batches.
    """
    n_takers = market.n_players
    seats = Seats(
        takers, prepared(takers, env_params) if taker_params is None else taker_params, n_takers
    )
    key_games, key_rounds, key_carry, key_act = jax.random.split(key, 4)
    _, state = jax.vmap(market.reset, (0, None))(jax.random.split(key_games, n_games), env_params)
    key_maker, key_takers = jax.random.split(key_carry)
    carries = maker.init(key_maker, (n_games,)), takers.init(key_takers, (n_games, n_takers))

    def play_round(before: Before, t: Array) -> tuple[Before, dict[str, Array]]:
        state, (maker_carry, taker_carry) = before
        key_quote, key_order, key_values = jax.random.split(jax.random.fold_in(key_act, t), 3)
        known = jax.vmap(market.maker_view, (0, None))(state, env_params)
        maker_carry, choice = maker.act(maker_params, maker_carry, known, key_quote)
        quoted = jax.vmap(market.quote, (0, 0, None))(state, choice, env_params)
        view = jax.vmap(market.view, (0, None))(quoted, env_params)
        decision = decide(takers, seats.params, taker_carry, view, key_order)
        keys = jax.random.split(jax.random.fold_in(key_rounds, t), n_games)
        _, after, *_, info = jax.vmap(market.step_env, (0, 0, 0, None))(
            keys, quoted, decision.action, env_params
        )
        if lag is None:
            columns = _of_quotes(pi[known.event, hand_of(known)], choice, env_params)
            columns |= _of_takers(view, decision.probabilities, env_params)
            columns |= {
                "maker_pnl": info["maker_pnl"],
                "maker_expected_pnl": info["maker_expected_pnl"],
                "taker_pnl": info["pnl"].mean(-1),
                **{name: info[name] for name in KINDS},
            }
        else:
            value = quote_value(market, seats, taker_carry, state, env_params, key_values, lag)
            columns = dict(
                zip(("maker_value", "maker_reply"), best_reply(value, choice), strict=True)
            )
        return (after, (maker_carry, decision.carry)), columns

    return jax.lax.scan(play_round, (state, carries), jnp.arange(N_ROUNDS))[1]


def _of_quotes(pi: Array, choice: Array, env_params: EnvParams) -> dict[str, Array]:
    """What is known of the maker's quotes, [games].

    Args:
        pi: [games, 2, 60], what each of its choices is worth against takers in equilibrium.
        choice: int32 [games, 2].
        env_params: the market's numbers.
    """
    best, lowest = monopolist(pi), competitive(pi)
    offset, depth = maker_rules.offset_of(choice), maker_rules.depth_of(choice)
    noise = env_params.noise
    paid = offset * maker_rules.expected_noise(offset, depth, noise.rate, noise.decay)
    return {
        "profit": jnp.take_along_axis(pi, choice[..., None], -1).sum((-1, -2)),
        "monopoly": best.profit.sum(-1),
        "offset": offset.mean(-1),
        "monopoly_offset": maker_rules.offset_of(best.choice).mean(-1),
        "competitive_offset": maker_rules.offset_of(lowest.choice).mean(-1),
        "depth": depth.mean(-1),
        "from_noise": paid.sum(-1),
    }


def _of_takers(view: View, probabilities: Array, env_params: EnvParams) -> dict[str, Array]:
    """What takers' decisions are worth at the quotes that they met, [games], means over takers."""
    n_takers = probabilities.shape[-2]
    of_action = expected_pnl(env_params, view, flow_of_others(probabilities))
    reply = jnp.where(view.action_mask, of_action, -jnp.inf).max(-1)
    return {
        "value": (probabilities * of_action).sum(-1).mean(-1),
        "reply": reply.mean(-1),
        "equilibrium": symmetric_equilibrium(env_params, view, n_takers).payoff.mean(-1),
    }
