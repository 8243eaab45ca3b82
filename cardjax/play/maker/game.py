"""One game of a maker against takers who are policies, played round by round on the host.

setup = make_setup("two", "maker", seed=7, role=MAKER)
game = MakerGame(setup, find_participant("equilibrium", setup))
while not game.over:
    game.offer                     # QuoteOffer: what the maker may know
    record = game.play((36, 36))   # QuoteRecord: its choices 0..59 on the ask and on the bid
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import EVENT_KINDS, N_ACTIONS, N_ROUNDS, CardMarket, EnvParams, State, View
from cardjax.env import maker as maker_rules
from cardjax.env.cards import N_CARDS
from cardjax.env.events import REMAP
from cardjax.env.execution import position_of
from cardjax.env.maker import N_QUOTES, MakerView
from cardjax.env.trees import ArrayTree
from cardjax.evaluation.match import Seats
from cardjax.evaluation.quote_values import quote_value
from cardjax.play.game import PLAY, plain_number
from cardjax.play.maker.rounds import (
    SIDE_NAMES,
    QuotedSide,
    QuoteOffer,
    QuoteRecord,
    TakerOrder,
    Traded,
    Yardstick,
)
from cardjax.play.participants import Participant, decide
from cardjax.play.setup import Setup
from cardjax.play.words import event_words, side_of, size_of
from cardjax.policies.equilibrium import Equilibrium
from cardjax.policies.makers import hand_of
from cardjax.policies.policy import Policy
from cardjax.policies.pricing.profit import Terms, competitive, monopolist, profit, terms_of

Quote = tuple[int, int]
"""Choices 0..59 on the ask and on the bid."""
VALUES_KEPT = 8
"""Markets of which a process keeps what every quote is worth, 8 MB each."""


class MakerGame:
    """One game: `offer`, `play`, `records`, `over`."""

    def __init__(self, setup: Setup, takers: Participant, maker: str | None = None):
        """The first offer is made; nothing is played yet.

        Args:
            setup: with `role` maker.
            maker: what the maker is called, if it is no person.
            takers: who sits at all takers' seats. Without a policy, `play` has to be told their
                orders.
        """
        self.setup, self.takers, self.maker = setup, takers, maker
        self.records: list[QuoteRecord] = []
        self._key = jax.random.fold_in(jax.random.key(setup.seed), PLAY)
        self._worth = worth_of_quotes(setup)
        policy, key = takers.policy, jax.random.fold_in(self._round_key, 0)
        self._carry = None if policy is None else policy.init(key, (setup.n_players,))
        self._state, self.view = _open(setup.market, jax.random.fold_in(self._key, 0), setup.params)
        self.offer = self._offer()

    @property
    def over(self) -> bool:
        """After the last round, or when stop_out has taken every taker out."""
        return bool(self.records) and self.records[-1].over

    @property
    def names(self) -> list[str]:
        """What the takers are called, in seat order."""
        return [self.takers.name] * self.setup.n_players

    @property
    def yardsticks(self) -> tuple[Quote, Quote]:
        """What the monopolist and competition would quote now, by what the maker knows."""
        best, lowest = _yardsticks(self._worth_here)
        return (int(best[0]), int(best[1])), (int(lowest[0]), int(lowest[1]))

    @property
    def _worth_here(self) -> np.ndarray:
        """What each choice is worth now, [2, 60]."""
        return self._worth[self.offer.event, int(hand_of(self.view))]

    @property
    def maker_key(self) -> Array:
        """A key for a maker's own draws in this round, independent of the market's."""
        return jax.random.fold_in(self._round_key, self.setup.n_players + 1)

    @property
    def _round_key(self) -> Array:
        return jax.random.fold_in(jax.random.fold_in(self._key, 2**20), len(self.records))

    def play(self, quote: Sequence[int], orders: Sequence[int] | None = None) -> QuoteRecord:
        """Settle the round with the maker's quote; then the next offer is made.

        Args:
            quote: the choices 0..59 on the ask and on the bid.
            orders: the takers' actions 0..20, as they were once; None asks their policy.

        Raises:
            ValueError: the game is over, a choice or an order is none, or nobody says what takers
                order; nothing has happened then.
        """
        if self.over:
            raise ValueError("the game is over")
        choice = _whole("quote", quote, len(SIDE_NAMES), N_QUOTES)
        known = (
            None if orders is None else _whole("orders", orders, self.setup.n_players, N_ACTIONS)
        )
        if self.takers.policy is None and known is None:
            raise ValueError("takers without a policy need orders")
        market, params = self.setup.market, self.setup.params
        worth = self._worth_here
        alternatives = [choice, *(np.array(quote, np.int32) for quote in self.yardsticks)]
        against = self._against(alternatives)

        quoted, view = _quote(market, self._state, choice, params)
        after = None
        if self.takers.policy is not None:
            key = jax.random.fold_in(self._round_key, 1)
            after, decided = decide(self.takers.policy, self.takers.params, self._carry, view, key)
            known = np.asarray(decided, np.int32) if known is None else known
        key = jax.random.fold_in(self._key, len(self.records) + 1)
        self._state, following, info = _close(market, key, quoted, known, params)
        self._carry = after
        record = _record(self.offer, worth, alternatives, against, jax.device_get(info), params)
        self.records.append(record)
        if not record.over:
            self.view = following
            self.offer = self._offer()
        return record

    def _against(self, quotes: Sequence[np.ndarray]) -> list[float | None]:
        """What each quote is worth against these takers; None where that is known anyway, or not
        at all.
        """
        policy = self.takers.policy
        if policy is None or isinstance(policy, Equilibrium):
            return [None] * len(quotes)
        key = jax.random.fold_in(self._round_key, 2)
        values = _values(
            self.setup.market,
            policy,
            int(self.setup.params.maker_lag),
            self.takers.params,
            self._carry,
            self._state,
            self.setup.params,
            key,
            np.stack(quotes),
        )
        return [float(value) for value in np.asarray(values)]

    def _offer(self) -> QuoteOffer:
        view = jax.device_get(self.view)
        event, n_seen = int(view.event), int((view.hints > 0).sum())
        return QuoteOffer(
            round=len(self.records) + 1,
            event=event,
            event_kind=EVENT_KINDS[min(event, REMAP)],
            event_words=event_words(event),
            hints=tuple(int(rank) for rank in view.hints[:n_seen]),
            takers_see=_shown_to_takers(n_seen, self.setup.params),
            mu=float(view.mu),
            sigma=float(view.sigma),
            last=Traded(*map(int, view.last)),
            earned=sum(record.pnl for record in self.records),
        )


def worth_of_quotes(setup: Setup) -> np.ndarray:
    """What every choice is worth to the maker against takers in equilibrium, whatever it knows:
    float32 [161, 106, 2, 60], as `pricing.profit.profit` has it.
    """
    terms = terms_of(setup.params)
    numbers = (float(terms.alpha), *map(float, np.asarray(terms.hints)))
    rest = (int(terms.lag), float(terms.rate), float(terms.decay))
    return _worth((*numbers, *rest), setup.n_players)


@functools.lru_cache(VALUES_KEPT)
def _worth(numbers: tuple[float, ...], n_takers: int) -> np.ndarray:
    alpha, *hints, lag, rate, decay = numbers
    terms = Terms(
        np.float32(alpha),
        np.array(hints, np.float32),
        np.int32(lag),
        np.float32(rate),
        np.float32(decay),
    )
    return np.asarray(_profit(terms, n_takers))


_profit: Callable[[Terms, int], Array] = jax.jit(profit, static_argnums=1)


@jax.jit
def _yardsticks(worth: Array) -> tuple[Array, Array]:
    """The monopolist's choices and competition's, int32 [2] each, by what each is worth,
    float32 [2, 60].
    """
    worth = jnp.asarray(worth)
    return monopolist(worth).choice, competitive(worth).choice


def _shown_to_takers(n_seen: int, params: EnvParams) -> tuple[int, ...]:
    lag, chances = int(params.maker_lag), np.asarray(params.hints)
    return tuple(n for n in range(N_CARDS + 1) if max(n - lag, 0) == n_seen and chances[n] > 0)


def _whole(name: str, values: Sequence[int], n: int, below: int) -> np.ndarray:
    """`n` whole numbers below a bound, int32 [n].

    Raises:
        ValueError: they are not.
    """
    whole = [
        not isinstance(value, bool) and isinstance(value, int | np.integer) and 0 <= value < below
        for value in values
    ]
    if len(whole) != n or not all(whole):
        raise ValueError(f"{name} = {values!r}: must be {n} whole numbers in 0..{below - 1}")
    return np.array(values, np.int32)


@partial(jax.jit, static_argnums=0)
def _open(market: CardMarket, key: Array, params: EnvParams) -> tuple[State, MakerView]:
    _, state = market.reset(key, params)
    return state, market.maker_view(state, params)


@partial(jax.jit, static_argnums=0)
def _quote(
    market: CardMarket, state: State, choice: Array, params: EnvParams
) -> tuple[State, View]:
    quoted = market.quote(state, choice, params)
    return quoted, market.view(quoted, params)


@partial(jax.jit, static_argnums=0)
def _close(
    market: CardMarket, key: Array, quoted: State, orders: Array, params: EnvParams
) -> tuple[State, MakerView, dict[str, Array]]:
    _, following, _, _, info = market.step_env(key, quoted, orders, params)
    kept = {k: v for k, v in info.items() if k not in ("final_observation", "action_mask")}
    kept["expected_pnl"] = position_of(info["action"]) * (info["mu"] - info["exec_price"])
    return following, market.maker_view(following, params), kept


@partial(jax.jit, static_argnums=(0, 1, 2))
def _values(
    market: CardMarket,
    policy: Policy,
    lag: int,
    weights: ArrayTree,
    carry: ArrayTree,
    state: State,
    params: EnvParams,
    key: Array,
    quotes: Array,
) -> Array:
    """What each quote, int32 [n, 2], is worth against the takers that there are: float32 [n]."""
    takers = Seats(policy, weights, market.n_players)
    carries, states = jax.tree.map(lambda leaf: leaf[None], (carry, state))
    value = quote_value(market, takers, carries, states, params, key, lag)
    return jax.lax.map(lambda quote: value(quote[None])[0], jnp.asarray(quotes))


def _record(
    offer: QuoteOffer,
    worth: np.ndarray,
    quotes: Sequence[np.ndarray],
    against: Sequence[float | None],
    info: dict[str, Any],
    params: EnvParams,
) -> QuoteRecord:
    known: dict[str, Any] = {
        field.name: getattr(offer, field.name) for field in dataclasses.fields(QuoteOffer)
    }
    orders = tuple(_order(info, seat) for seat in range(len(info["action"])))
    first, second, third = (int(rank) for rank in info["cards"])
    ask, bid = (
        _side(offer, side, worth[side], info, orders, params) for side in range(len(SIDE_NAMES))
    )
    monopoly, lowest = (
        _yardstick(offer, choice, worth, value)
        for choice, value in zip(quotes[1:], against[1:], strict=True)
    )
    return QuoteRecord(
        **known,
        quoted=(ask, bid),
        cards=(first, second, third),
        n_shown=int(info["n_hints"]),
        S=float(info["S"]),
        takers_mu=float(info["mu"]),
        takers_sigma=float(info["sigma"]),
        orders=orders,
        pnl=plain_number(info["maker_pnl"]),
        expected_pnl=plain_number(info["maker_expected_pnl"]),
        monopoly=monopoly,
        competitive=lowest,
        against=against[0],
        over=bool(info["terminated"]) or offer.round >= N_ROUNDS,
    )


def _side(
    offer: QuoteOffer,
    side: int,
    worth: np.ndarray,
    info: dict[str, Any],
    orders: Sequence[TakerOrder],
    params: EnvParams,
) -> QuotedSide:
    """What came of one side; the parts of its P&L are those of `QuotedSide`."""
    choice, name = int(info["maker_action"][side]), SIDE_NAMES[side]
    offset, depth = offset_of(choice), depth_of(choice)
    sign = 1 if name == "ask" else -1
    taken = [order for order in orders if order.side == ("buy" if name == "ask" else "sell")]
    units, price = sum(order.size for order in taken), float(info[name])
    noise = int(info["noise_bought" if name == "ask" else "noise_sold"])
    impact = sum(order.size * abs(order.exec_price - price) for order in taken)
    mean, S = float(info["mu"]), float(info["S"])
    expected = maker_rules.expected_noise(
        jnp.float32(offset), jnp.float32(depth), params.noise.rate, params.noise.decay
    )
    return QuotedSide(
        choice=choice,
        offset=offset,
        depth=depth,
        price=price,
        takers_units=units,
        noise_units=noise,
        noise_expected=float(expected),
        from_noise=plain_number(noise * offset),
        spread=plain_number(units * offset),
        impact=plain_number(impact),
        information=plain_number(sign * units * (mean - offer.mu)),
        luck=plain_number(-sign * (noise * (S - offer.mu) + units * (S - mean))),
        worth=plain_number(worth[choice]),
    )


def _yardstick(
    offer: QuoteOffer, choice: np.ndarray, worth: np.ndarray, against: float | None
) -> Yardstick:
    ask, bid = map(int, choice)
    offsets = offset_of(ask), offset_of(bid)
    return Yardstick(
        offset=offsets,
        depth=(depth_of(ask), depth_of(bid)),
        price=(offer.mu + offsets[0], offer.mu - offsets[1]),
        worth=(plain_number(worth[0, ask]), plain_number(worth[1, bid])),
        against=against,
    )


def _order(info: dict[str, Any], seat: int) -> TakerOrder:
    action = int(info["action"][seat])
    money = {name: plain_number(info[name][seat]) for name in ("exec_price", "pnl", "expected_pnl")}
    return TakerOrder(
        action=action,
        rejected=bool(info["rejected"][seat]),
        side=side_of(action),
        size=size_of(action),
        wealth_after=float(info["wealth"][seat]),
        **money,
    )


def offset_of(choice: int) -> float:
    """The offset of a choice 0..59, points."""
    return float(maker_rules.OFFSETS[choice // len(maker_rules.DEPTHS)])


def depth_of(choice: int) -> int:
    """The depth of a choice 0..59, units."""
    return int(maker_rules.DEPTHS[choice % len(maker_rules.DEPTHS)])
