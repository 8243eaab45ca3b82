"""Games whose maker is a player: what maker and takers earn, against the exact yardsticks of both.

docs/evaluation.md#the-maker-as-a-player
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import maker as maker_rules
from cardjax.env.declaration import ParameterError
from cardjax.env.market import CardMarket
from cardjax.env.params import N_ROUNDS, EnvParams
from cardjax.env.trees import ArrayTree
from cardjax.evaluation.decision import decide
from cardjax.evaluation.evaluate import TEST, VALIDATION, Player, game_batches
from cardjax.evaluation.match import Seats
from cardjax.evaluation.metrics import SMALLEST_GAIN, Means, Metric
from cardjax.evaluation.quote_values import best_reply, n_natures, quote_value
from cardjax.evaluation.result import GAMES, SEEDS, interval_of
from cardjax.evaluation.statistics import (
    FEWEST_SEEDS,
    Estimate,
    Interval,
    delta_estimate,
    over_seeds,
    trimmed,
)
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
    params: tuple[Any, ...] = (None,)


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else float("nan")


def _markup(m: Means) -> float:
    return _ratio(
        m["offset"] - m["competitive_offset"], m["monopoly_offset"] - m["competitive_offset"]
    )


PLAYED: dict[str, Metric] = {
    "maker_score": Metric(
        "share",
        "what the maker's quotes would earn against takers in equilibrium / what a monopolist's "
        "would: 1 is monopoly, about 0 competition",
        lambda m: _ratio(m["profit"], m["monopoly"]),
    ),
    "maker_markup": Metric(
        "share",
        "where the maker's mean offset lies between competition's (0) and the monopolist's (1)",
        _markup,
    ),
    "maker_offset": Metric("points", "the maker's mean offset", lambda m: m["offset"] / N_ROUNDS),
    "maker_depth": Metric("units", "the mean depth of its sides", lambda m: m["depth"] / N_ROUNDS),
    "maker_pnl": Metric("points per game", "realised, with S: mean(pnl)", lambda m: m["maker_pnl"]),
    "maker_expected_pnl": Metric(
        "points per game",
        "the same with each trader's mean in place of S, and the mean number of noise traders",
        lambda m: m["maker_expected_pnl"],
    ),
    "maker_from_noise": Metric(
        "points per game",
        "what noise traders pay the maker, on average over them",
        lambda m: m["from_noise"],
    ),
    "maker_to_takers": Metric(
        "points per game",
        "what the maker loses to takers, who know more: the rest of its expected P&L",
        lambda m: m["from_noise"] - m["maker_expected_pnl"],
    ),
    "taker_score": Metric(
        "share",
        "takers' expected pnl / that of the equilibrium at the quotes that they met",
        lambda m: _ratio(m["value"], m["equilibrium"]),
    ),
    "taker_expected_pnl": Metric(
        "points per game",
        "a taker's expected P&L, averaged over the takers' probabilities",
        lambda m: m["value"],
    ),
    "taker_pnl": Metric("points per game", "realised, with S", lambda m: m["taker_pnl"]),
    "taker_exploitability": Metric(
        "points per game",
        "a best reply's expected pnl at the quotes that were met, less the taker's own",
        lambda m: m["reply"] - m["value"],
    ),
    "taker_exploitability_share": Metric(
        "share",
        "the same / the equilibrium's payoff",
        lambda m: _ratio(m["reply"] - m["value"], m["equilibrium"]),
    ),
}
"""Every metric of these games, by name, as `metrics.METRICS`; columns are per game."""

REPLIED: dict[str, Metric] = {
    "maker_exploitability": Metric(
        "points per game",
        "what a best reply to these takers would earn the maker, less what its quotes do",
        lambda m: m["maker_reply"] - m["maker_value"],
        deciding=lambda m: m["gains"],
    ),
    "maker_exploitability_share": Metric(
        "share",
        "the same / what the best reply would earn",
        lambda m: _ratio(m["maker_reply"] - m["maker_value"], m["maker_reply"]),
        deciding=lambda m: m["gains"],
    ),
}
"""Those of the first REPLIED_GAMES."""


SCORES = ("maker_score", "taker_score")
"""That of each role."""


@dataclasses.dataclass(frozen=True)
class QuotingResult:
    """What games of a maker and takers came to."""

    metrics: Mapping[str, Interval]
    """every one of PLAYED, and of REPLIED if there were replies, by name; over training seeds where
    there are several.
    """
    n_seeds: int
    n_games: int
    n_replied: int
    """in so many of the games the maker's best reply was computed."""
    by_seed: Mapping[str, Sequence[Estimate]] = dataclasses.field(default_factory=dict)
    """of SCORES, one a training seed and then that of all seeds' games together."""

    def in_words(self) -> str:
        """What the intervals are over."""
        n_games = f"{self.n_games:,} games"
        if few := min(self.n_games, self.n_replied):
            n_games += f" (of the maker's best reply, the first {few})"
        if self.n_seeds == 1:
            return f"± is a 95% interval over {n_games}"
        if self.n_seeds < FEWEST_SEEDS:
            return f"no intervals: they need {FEWEST_SEEDS} training seeds, here are {self.n_seeds}"
        return (
            f"± is a 95% interval over {self.n_seeds} training seeds and {n_games} that they share"
        )

    def as_json(self) -> dict[str, Any]:
        """The entry of summary.json's `results`: every metric, NAME_ci95 its interval; `score` is
        the lower one of both roles', and P&L is a taker's.
        """
        lower = min(SCORES, key=lambda name: _known(self.metrics[name]))
        pnl = self.metrics["taker_pnl"]
        figures = {"score": self.metrics[lower], "mean_pnl": pnl, **self.metrics}
        if self.n_seeds > 1 and self.by_seed:
            *seeds, together = self.by_seed[lower]
            figures["score_iqm"] = over_seeds(seeds, together, trimmed)
        scores = [estimate.value for estimate in self.by_seed.get(lower, ())[:-1]]
        return {
            "opponent": "self",
            **{name: interval.mean for name, interval in figures.items()},
            **{f"{name}_ci95": [x.low, x.high] for name, x in figures.items()},
            "ci95": [pnl.low, pnl.high],
            "unit": SEEDS if self.n_seeds > 1 else GAMES,
            "n_units": self.n_seeds if self.n_seeds > 1 else self.n_games,
            "n_games": self.n_games,
            "score_by_seed": scores,
        }


def _known(score: Interval) -> float:
    """A score to compare by; one that is unknown (there was nothing to earn) is never the lower."""
    return float("inf") if np.isnan(score.mean) else score.mean


def evaluate_quoting(
    market: CardMarket,
    env_params: EnvParams,
    maker: Maker,
    takers: Player,
    n_games: int,
    seed: int = 0,
    domain: int = TEST,
    with_replies: bool = True,
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
    figures, n_replied = intervals(PLAYED, False), 0
    if with_replies:
        n_replied = replied_games(int(env_params.maker_lag), market.n_players)
        first = quoted_games(
            market, env_params, maker, takers, n_games, seed, domain, n_replied=n_replied
        )
        keep(True, next(first))
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
    pi = _profit(env_params, market.n_players)
    scripted = None
    if any(own is None for own in maker.params):
        scripted = _prepared_maker(maker.policy, env_params, market.n_players)
    for key, size, n in game_batches(n_games, seed, domain):
        size_here = size if n_replied is None else min(size, n_replied)
        games = []
        for i in range(max(len(maker.params), len(takers.params))):
            own = maker.params[i % len(maker.params)]
            own = scripted if own is None else own
            of_takers = takers.params[i % len(takers.params)]
            columns = _play(
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


def role_scores(
    market: CardMarket, maker: MakerPolicy, takers: Policy, n_games: int, seed: int = 0
) -> Callable[[Any, EnvParams], tuple[Array, Array]]:
    """A function from both roles' parameters and markets, leaves [rows, …] each, to `maker_score`
    and `taker_score` [rows], on validation draws.

    The parameters have attributes `maker` and `takers`, None for a scripted player.
    """
    market = dataclasses.replace(market, squeeze=False)
    batches = list(game_batches(n_games, seed, VALIDATION))
    size, keys = batches[0][1], jnp.stack([key for key, _, _ in batches])

    def of_row(row: tuple[Any, EnvParams]) -> tuple[Array, Array]:
        params, env_params = row
        pi = _profit(env_params, market.n_players)
        own = params.maker
        if own is None:
            own = _prepared_maker(maker, env_params, market.n_players)

        def batch(key: Array) -> dict[str, Array]:
            columns = _play(
                market, maker, takers, size, None, own, params.takers, env_params, key, pi
            )
            return {name: column.mean() for name, column in columns.items() if name not in KINDS}

        means = jax.tree.map(jnp.mean, jax.lax.map(batch, keys))
        return means["profit"] / means["monopoly"], means["value"] / means["equilibrium"]

    return jax.jit(lambda params, env_params: jax.lax.map(of_row, (params, env_params)))


@partial(jax.jit, static_argnums=1)
def _profit(env_params: EnvParams, n_takers: int) -> Array:
    return profit(terms_of(env_params), n_takers)


_prepared_maker = jax.jit(prepared_maker, static_argnums=(0, 2))


@partial(jax.jit, static_argnums=range(5))
def _play(
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

    def play_round(before: Any, t: Array) -> tuple[Any, dict[str, Array]]:
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


def _of_takers(view: Any, probabilities: Array, env_params: EnvParams) -> dict[str, Array]:
    """What takers' decisions are worth at the quotes that they met, [games], means over takers."""
    n_takers = probabilities.shape[-2]
    of_action = expected_pnl(env_params, view, flow_of_others(probabilities))
    reply = jnp.where(view.action_mask, of_action, -jnp.inf).max(-1)
    return {
        "value": (probabilities * of_action).sum(-1).mean(-1),
        "reply": reply.mean(-1),
        "equilibrium": symmetric_equilibrium(env_params, view, n_takers).payoff.mean(-1),
    }
