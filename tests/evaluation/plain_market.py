"""The rules (docs/rules.md) read a second time, with nothing of cardjax: the market, some players
and their figures, card by card.

Slow on purpose. Lists, `random` and `math`; no table, no closed form where a sum will do.
Actions: 0 pass, 1..10 buy 1..10, 11..20 sell 1..10.
"""

import dataclasses
import functools
import itertools
import math
import random
import statistics
import struct
from collections.abc import Callable, Sequence

RANKS = range(2, 15)
ELIGIBLE = [
    list(RANKS),
    [10, 11, 12, 13, 14],
    [2, 3, 4, 5, 6, 7],
    [2, 4, 6, 8, 10, 12, 14],
    [3, 5, 7, 9, 11, 13],
]
"""Of events 0..4; a remap leaves all ranks."""
REMAPS = [(x, y) for x in RANKS for y in RANKS if x != y]
"""Of events 5..160: x outermost, y ascending without x."""
STANDARD_NORMAL = statistics.NormalDist()


@dataclasses.dataclass(frozen=True)
class Rules:
    """The numbers of a game."""

    alpha: float = 0.3
    sigma_q: float = 0.5
    event_persist: float = 0.7
    initial_wealth: float = 500.0
    stop_out_level: float = 0.2
    hints: tuple[float, ...] = (0.25, 0.25, 0.25, 0.25)
    s0: float = 0.8
    beta: float = 0.25
    s_min: float = 1.0
    s_max: float = 3.0
    kappa: float = 47.59
    tau: float = 0.6
    depth_min: float = 2.0
    depth_max: float = 20.0
    cap: float = 10.0
    kinds: tuple[float, ...] = (0.6, 0.1, 0.1, 0.1, 0.1)
    remap_prob: float = 0.015
    enable_events: bool = True
    enable_impact: bool = True
    stop_out: bool = False


# Cards, posterior, quotes, depth


def value_of(rank: int, event: int) -> int:
    """What a card is worth."""
    if event >= 5 and rank == REMAPS[event - 5][0]:
        return REMAPS[event - 5][1]
    return rank


@functools.cache
def deck_of(event: int) -> list[int]:
    """The ranks of all eligible cards, four of each."""
    return [rank for rank in (ELIGIBLE[event] if event < 5 else RANKS) for _suit in range(4)]


@functools.cache
def largest_sum(event: int) -> int:
    """S_max."""
    return 3 * max(value_of(rank, event) for rank in deck_of(event))


@functools.cache
def posterior(event: int, hints: tuple[int, ...]) -> tuple[float, float]:
    """Mean and standard deviation of S, given some of the three cards (ascending ranks)."""
    left = list(deck_of(event))
    for rank in hints:
        left.remove(rank)
    values = [value_of(rank, event) for rank in left]
    n, unseen = len(values), 3 - len(hints)
    mean = sum(values) / n
    variance = sum((value - mean) ** 2 for value in values) / n
    # A sum of `unseen` cards drawn without replacement.
    mu = sum(value_of(rank, event) for rank in hints) + unseen * mean
    return mu, math.sqrt(unseen * variance * (n - unseen) / (n - 1))


@dataclasses.dataclass(frozen=True)
class Market:
    """What a round draws."""

    event: int
    cards: tuple[int, ...]
    n_hints: int
    mu: float
    sigma: float
    spread: float
    bid: float
    ask: float
    depth_bid: float
    depth_ask: float

    @property
    def S(self) -> int:
        return sum(value_of(rank, self.event) for rank in self.cards)


def spread_of(rules: Rules, sigma: float) -> float:
    return min(max(rules.s0 + rules.beta * sigma, rules.s_min), rules.s_max)


def depth_of(rules: Rules, sigma: float, spread: float, z: float) -> float:
    """True depth at a standard normal z."""
    mean = rules.kappa / (max(sigma, 1e-6) * (spread + 1e-8))
    raw = math.exp(math.log(mean) - rules.tau**2 / 2 + rules.tau * z)
    return min(max(raw, rules.depth_min), rules.depth_max)


def draw_event(rules: Rules, rng: random.Random, previous: int | None) -> int:
    """`previous` is None in a game's first round."""
    if not rules.enable_events:
        return 0
    if previous is not None and rng.random() < rules.event_persist:
        return previous
    if rng.random() < rules.remap_prob:
        return 5 + rng.randrange(156)
    return rng.choices(range(5), rules.kinds)[0]


def draw_market(rules: Rules, rng: random.Random, previous: int | None) -> Market:
    event = draw_event(rules, rng, previous)
    cards = tuple(rng.sample(deck_of(event), 3))
    n_hints = rng.choices(range(4), rules.hints)[0]
    mu, sigma = posterior(event, tuple(sorted(cards[:n_hints])))
    spread, mid = spread_of(rules, sigma), mu + rng.gauss(0, rules.sigma_q)
    depth_bid, depth_ask = (depth_of(rules, sigma, spread, rng.gauss(0, 1)) for _side in range(2))
    return Market(
        event,
        cards,
        n_hints,
        mu,
        sigma,
        spread,
        mid - spread / 2,
        mid + spread / 2,
        depth_bid,
        depth_ask,
    )


# Orders


def float32(x: float) -> float:
    return struct.unpack("f", struct.pack("f", x))[0]


def is_out(rules: Rules, wealth: float) -> bool:
    return rules.stop_out and wealth <= float32(rules.stop_out_level * rules.initial_wealth)


def valid_actions(rules: Rules, event: int, bid: float, ask: float, wealth: float) -> list[bool]:
    """Of all 21; a player who is out, or in debt, may only pass."""
    if is_out(rules, wealth) or wealth < 0:
        return [True] + [False] * 20
    to_buy, to_sell, wealth = float32(ask), float32(largest_sum(event) - bid), float32(wealth)
    buys = [float32(i * to_buy) <= wealth for i in range(1, 11)]
    return [True, *buys, *[float32(i * to_sell) <= wealth for i in range(1, 11)]]


@dataclasses.dataclass
class Order:
    """What one player's round came to."""

    requested: int
    valid: list[bool]
    action: int = 0
    rejected: bool = False
    price: float = 0.0
    slippage: float = 0.0
    fill_ratio: float = 1.0
    pnl: float = 0.0
    expected_pnl: float = 0.0
    wealth: float = 0.0

    @property
    def position(self) -> int:
        return self.action if self.action <= 10 else 10 - self.action

    @property
    def size(self) -> int:
        return abs(self.position)


def settle(
    rules: Rules, market: Market, wealths: Sequence[float], requests: Sequence[int]
) -> list[Order]:
    """All players at once."""
    orders = []
    for wealth, requested in zip(wealths, requests, strict=True):
        order = Order(requested, valid_actions(rules, market.event, market.bid, market.ask, wealth))
        order.rejected = not (0 <= requested <= 20 and order.valid[requested])
        order.action = 0 if order.rejected else requested
        orders.append(order)
    bought = sum(order.size for order in orders if order.position > 0)
    sold = sum(order.size for order in orders if order.position < 0)
    over_ask, over_bid = max(0, bought - market.depth_ask), max(0, sold - market.depth_bid)
    impact = rules.alpha if rules.enable_impact else 0.0
    for order, wealth in zip(orders, wealths, strict=True):
        if order.position > 0:
            order.price = market.ask + impact * over_ask
            order.slippage = abs(order.price - market.ask)
            order.fill_ratio = min(1, market.depth_ask / bought)
            order.pnl = order.size * (market.S - order.price)
            order.expected_pnl = order.size * (market.mu - order.price)
        if order.position < 0:
            order.price = market.bid - impact * over_bid
            order.slippage = abs(order.price - market.bid)
            order.fill_ratio = min(1, market.depth_bid / sold)
            order.pnl = order.size * (order.price - market.S)
            order.expected_pnl = order.size * (order.price - market.mu)
        order.wealth = wealth + order.pnl
    return orders


# Games


@dataclasses.dataclass(frozen=True)
class View:
    """What a player decides upon."""

    bid: float
    ask: float
    displayed_bid: float
    displayed_ask: float
    mu: float
    sigma: float
    spread: float
    wealth: float
    valid: list[bool]
    others_last: list[int]
    """signed sizes of their last executed orders."""


Decide = Callable[[Rules, View, random.Random], int]
Ledger = list[Order]
"""One player's rounds of one game."""


def play_game(rules: Rules, players: Sequence[Callable[[], Decide]], seed: int) -> list[Ledger]:
    """One game; the same seed gives any players the same market."""
    draws, chances = random.Random(2 * seed), random.Random(2 * seed + 1)
    decides = [player() for player in players]
    wealths, last = [rules.initial_wealth] * len(players), [0] * len(players)
    ledgers: list[Ledger] = [[] for _ in players]
    market = None
    for _round in range(10):
        market = draw_market(rules, draws, None if market is None else market.event)
        requests = []
        for seat, (decide, wealth) in enumerate(zip(decides, wealths, strict=True)):
            view = View(
                market.bid,
                market.ask,
                min(market.depth_bid, rules.cap),
                min(market.depth_ask, rules.cap),
                market.mu,
                market.sigma,
                market.spread,
                wealth,
                valid_actions(rules, market.event, market.bid, market.ask, wealth),
                last[seat + 1 :] + last[:seat],
            )
            requests.append(decide(rules, view, chances))
        orders = settle(rules, market, wealths, requests)
        wealths, last = [order.wealth for order in orders], [order.position for order in orders]
        for ledger, order in zip(ledgers, orders, strict=True):
            ledger.append(order)
        if all(is_out(rules, wealth) for wealth in wealths):
            break
    return ledgers


# Players


def passing() -> Decide:
    return lambda rules, view, rng: 0


def random_valid() -> Decide:
    return lambda rules, view, rng: rng.choice(
        [action for action in range(21) if view.valid[action]]
    )


def any_order() -> Decide:
    """Each of the 21 actions with the same probability, valid or not."""
    return lambda rules, view, rng: rng.randrange(21)


def good_side(view: View) -> tuple[int, float, float]:
    """1 to buy, −1 to sell, 0 for neither; the edge a unit; the depth displayed there."""
    if view.mu - view.ask > 0:
        return 1, view.mu - view.ask, view.displayed_ask
    if view.bid - view.mu > 0:
        return -1, view.bid - view.mu, view.displayed_bid
    return 0, 0.0, 0.0


def largest_valid(view: View, side: int) -> int:
    return sum(view.valid[1:11]) if side > 0 else sum(view.valid[11:])


def action_of(side: int, size: int) -> int:
    return size if side > 0 or size == 0 else 10 + size


def ev_oracle(sizing: str, fraction: float = 0.5, fixed_size: int = 1) -> Callable[[], Decide]:
    """The side with an edge: as much as is valid, half a Kelly bet W · edge / sigma², or a fixed
    size.
    """

    def decide(rules: Rules, view: View, rng: random.Random) -> int:
        side, edge, _displayed = good_side(view)
        if side == 0:
            return 0
        wanted: float = math.inf
        if sizing == "fixed":
            wanted = fixed_size
        if sizing == "kelly" and view.sigma > 0:
            wanted = max(0, math.floor(fraction * view.wealth * edge / view.sigma**2))
        return action_of(side, int(min(wanted, largest_valid(view, side))))

    return lambda: decide


def level1(depths: "Callable[[Rules, View, float], list[float]]") -> Decide:
    """Each other hits the favoured side with probability (1 + hits) / (2 + trials), in one's own
    largest size; the true depth is any of `depths` of the displayed one.
    """
    past: list[tuple[int, int]] = []
    """(side that was favoured, how many of the others took it)."""
    before = None

    def decide(rules: Rules, view: View, rng: random.Random) -> int:
        nonlocal before
        if before is not None:
            past.append((before, sum(1 for other in view.others_last if other * before > 0)))
        side, edge, displayed = good_side(view)
        before = side
        if side == 0:
            return 0
        n = len(view.others_last)
        seen = [hits for favoured, hits in past if favoured == side]
        p_hit = (1 + sum(seen)) / (2 + n * len(seen))
        most = largest_valid(view, side)
        impact = rules.alpha if rules.enable_impact else 0.0
        possible = depths(rules, view, displayed)

        def profit(size: int) -> float:
            overflow = 0.0
            for hitting in range(n + 1):
                chance = math.comb(n, hitting) * p_hit**hitting * (1 - p_hit) ** (n - hitting)
                beyond = sum(max(0, size + hitting * most - depth) for depth in possible)
                overflow += chance * beyond / len(possible)
            return size * (edge - impact * overflow)

        return action_of(side, max(range(most + 1), key=lambda size: (profit(size), -size)))

    return decide


N_NODES = 200


def possible_depths(rules: Rules, view: View, displayed: float) -> list[float]:
    """Equally likely true depths behind a displayed one: itself, or where the cap shows, quantiles
    of what is above.
    """
    if displayed < rules.cap:
        return [displayed]
    return depths_beyond_the_cap(rules, view.sigma, view.spread)


@functools.cache
def depths_beyond_the_cap(rules: Rules, sigma: float, spread: float) -> list[float]:
    """Where a depth shows as the cap."""
    # Depth at or above the cap, by the lognormal's upper tail, cut into N_NODES parts of the same
    # probability.
    mean = rules.kappa / (max(sigma, 1e-6) * (spread + 1e-8))
    z_cap = (math.log(rules.cap / mean) + rules.tau**2 / 2) / rules.tau
    tail = STANDARD_NORMAL.cdf(-z_cap) if rules.cap > rules.depth_min else 1.0
    shares = [(k + 0.5) / N_NODES * tail for k in range(N_NODES)]
    return [depth_of(rules, sigma, spread, -STANDARD_NORMAL.inv_cdf(share)) for share in shares]


def displayed_depth(rules: Rules, view: View, displayed: float) -> list[float]:
    """What one sees is what there is."""
    return [displayed]


def best_response() -> Decide:
    """The most profitable size for someone alone in the market, over all possible hidden depths."""

    def decide(rules: Rules, view: View, rng: random.Random) -> int:
        side, edge, displayed = good_side(view)
        if side == 0:
            return 0
        depths = possible_depths(rules, view, displayed)
        impact = rules.alpha if rules.enable_impact else 0.0

        def profit(size: int) -> float:
            return size * (
                edge - impact * sum(max(0, size - depth) for depth in depths) / len(depths)
            )

        return action_of(
            side, max(range(largest_valid(view, side) + 1), key=lambda size: (profit(size), -size))
        )

    return decide


# Figures


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def falls(path: Sequence[float]) -> tuple[float, float]:
    """The largest fall below the peak so far, in points and as a share of that peak."""
    peaks = list(itertools.accumulate(path, max))
    drops = [peak - wealth for peak, wealth in zip(peaks, path, strict=True)]
    return max(drops), max(drop / peak for drop, peak in zip(drops, peaks, strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least that share of all lie at or below."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def figures(
    rules: Rules,
    games: Sequence[Sequence[Ledger]],
    benchmark: Sequence[Sequence[Ledger]] | None = None,
) -> dict[str, float]:
    """Every figure of the games' players; of each game the ledgers of those who are meant."""
    ledgers = [ledger for game in games for ledger in game]
    rounds = 10 * len(ledgers)
    orders = [order for ledger in ledgers for order in ledger]
    executed = [order for order in orders if order.size > 0]
    rejected = [order for order in orders if order.rejected]
    units = sum(order.size for order in executed)

    pnl = [sum(order.pnl for order in ledger) for ledger in ledgers]
    expected = mean([sum(order.expected_pnl for order in ledger) for ledger in ledgers])
    average = mean(pnl)
    variance = mean([(x - average) ** 2 for x in pnl])
    below = math.sqrt(mean([min(x, 0) ** 2 for x in pnl]))
    paths = [[rules.initial_wealth] + [order.wealth for order in ledger] for ledger in ledgers]
    points, shares = zip(*[falls(path) for path in paths], strict=True)
    nothing = 0.0 if mean(pnl) == 0 else math.nan
    result = {
        "mean_pnl": mean(pnl),
        "mean_expected_pnl": expected,
        "luck": mean(pnl) - expected,
        "variance_pnl": variance,
        "std_pnl": math.sqrt(variance),
        "sharpe": mean(pnl) / math.sqrt(variance) if variance else nothing,
        "sortino": mean(pnl) / below if below else nothing,
        "max_drawdown": mean(points),
        "max_drawdown_share": mean(shares),
        "max_drawdown_p95": percentile(points, 0.95),
        "max_drawdown_share_p95": percentile(shares, 0.95),
        "ruin_probability": mean([min(path[1:]) <= 0.2 * rules.initial_wealth for path in paths]),
        "trade_rate": len(executed) / rounds,
        "mean_size": units / len(executed) if executed else math.nan,
        "valid_order_rate": len(executed) / (len(executed) + len(rejected))
        if executed or rejected
        else math.nan,
        "rejection_rate": len(rejected) / rounds,
        "fill_ratio": mean([order.fill_ratio for order in executed]),
        "mean_slippage": mean([order.slippage for order in executed]),
        "impact_per_unit": sum(order.size * order.slippage for order in executed) / units
        if units
        else math.nan,
    }
    if benchmark is not None:
        best = mean(
            [sum(order.expected_pnl for order in ledger) for game in benchmark for ledger in game]
        )
        result |= {
            "score": expected / best,
            "realised_score": result["mean_pnl"] / best,
            "regret": (best - expected) / 10,
        }
    return result


def figures_with_errors(
    rules: Rules,
    games: Sequence[Sequence[Ledger]],
    benchmark: Sequence[Sequence[Ledger]] | None = None,
    n_groups: int = 20,
) -> dict[str, tuple[float, float]]:
    """name → (figure, its standard error by the jackknife over groups of games)."""

    def without(group: int, played: Sequence[Sequence[Ledger]]) -> list[Sequence[Ledger]]:
        return [game for i, game in enumerate(played) if i % n_groups != group]

    whole = figures(rules, games, benchmark)
    parts = [
        figures(
            rules, without(group, games), None if benchmark is None else without(group, benchmark)
        )
        for group in range(n_groups)
    ]
    errors = {}
    for name, value in whole.items():
        of_parts = [part[name] for part in parts]
        average = mean(of_parts)
        errors[name] = (
            value,
            math.sqrt((n_groups - 1) / n_groups * sum((x - average) ** 2 for x in of_parts)),
        )
    return errors
