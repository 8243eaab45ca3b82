"""Matches: policies at the seats of a market, and what each game came to.

The market's draws depend on the key alone, so two matches with one key meet the same events, cards,
quotes and depths.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.env.execution import RUIN_LEVEL, position_of
from cardjax.env.inventory import risk_charge
from cardjax.env.market import CardMarket
from cardjax.env.observation import View
from cardjax.env.params import N_ROUNDS, EnvParams
from cardjax.env.state import State
from cardjax.env.trees import ArrayTree
from cardjax.evaluation.decision import is_told, seen_by, tell
from cardjax.policies.makers import MakerPolicy
from cardjax.policies.policy import Policy


class Seats(NamedTuple):
    """Neighbouring seats played by one policy."""

    policy: Policy
    params: ArrayTree
    n: int


class Quoter(NamedTuple):
    """Who quotes, where the maker is a player."""

    policy: MakerPolicy
    params: ArrayTree


class GameTotals(NamedTuple):
    """What each player's games came to, sums over the rounds unless said otherwise; leaves float32
    [games, A].
    """

    pnl: Array
    """points."""
    expected_pnl: Array
    """the same with mu in place of S: its mean given what the player is told, points."""
    trades: Array
    """rounds in which an order was executed."""
    units: Array
    """units traded."""
    rejections: Array
    fill_ratio: Array
    """summed over trades."""
    slippage: Array
    """points per unit, summed over trades."""
    impact_cost: Array
    """slippage times units, points."""
    peak: Array
    """the highest wealth so far, points; a game starts at W0."""
    drawdown: Array
    """the largest fall of wealth below its peak, points."""
    drawdown_share: Array
    """the largest fall below a peak as a share of that peak."""
    ruined: Array
    """1 if wealth fell to 0.2 · W0 or below after any round."""
    risk_charge: Array | None
    """what the risk was charged with, points; None where it is not, once `evaluate` knows."""
    inventory: Array | None = None
    """units held after each round, owed if negative; None where nothing is carried."""
    inventory_squared: Array | None = None
    """the squares of these."""
    end_inventory: Array | None = None
    """units held or owed at the game's end."""

    @property
    def payoff(self) -> Array:
        """What is scored: expected P&L less the charge for risk, points."""
        return (
            self.expected_pnl if self.risk_charge is None else self.expected_pnl - self.risk_charge
        )


def play_games(
    market: CardMarket, seats: Sequence[Seats], env_params: EnvParams, key: Array, n_games: int
) -> GameTotals:
    """Play `n_games` whole games side by side.

    Args:
        market: a game with a player axis (not squeezed), as many players as the seats add up to.
        seats: who plays, in seat order.
        key: of the market's draws and the policies' own, which are independent of each other.

    Raises:
        ValueError: the seats do not add up to the market's players.
    """
    return play_seats(market, seats, env_params, key, n_games)[0]


def risk_charge_of(info: dict[str, Array], env_params: EnvParams) -> Array:
    """What the risk of the round cost each player, float32 [..., A], from what `step` reports."""
    if "risk_charge" in info:
        return info["risk_charge"]
    return risk_charge(position_of(info["action"]), jnp.bool_(False), env_params)


def _nothing(view: View, info: dict[str, Array]) -> tuple[()]:
    return ()


def play_seats(
    market: CardMarket,
    seats: Sequence[Seats],
    env_params: EnvParams,
    key: Array,
    n_games: int,
    record: Callable[[View, dict[str, Array]], Any] = _nothing,
    maker: Quoter | None = None,
) -> tuple[GameTotals, Any]:
    """As `play_games`: the totals, and what `record` kept of each round (as in `play_rounds`),
    leaves [10, …]; `maker` as there.
    """
    if sum(seat.n for seat in seats) != market.n_players:
        raise ValueError(
            f"seats for {sum(seat.n for seat in seats)} players in a game of {market.n_players}"
        )

    def start(key: Array) -> tuple[ArrayTree, ...]:
        keys = jax.random.split(key, len(seats))
        return tuple(
            seat.policy.init(k, (n_games, seat.n)) for seat, k in zip(seats, keys, strict=True)
        )

    act, told = partial(_act, seats), [is_told(seat.policy, seat.params) for seat in seats]
    by_seat = [
        jnp.broadcast_to(jnp.asarray(x), seat.n) for x, seat in zip(told, seats, strict=True)
    ]
    who = jnp.concatenate(by_seat) if any(x is not False for x in told) else False
    return play_rounds(market, start, act, env_params, key, n_games, record, who, maker)[1:]


def play_rounds(
    market: CardMarket,
    start: Callable[[Array], Any],
    act: Callable[[Any, View, Array], tuple[Any, Array]],
    env_params: EnvParams,
    key: Array,
    n_games: int,
    record: Callable[[View, dict[str, Array]], Any] = _nothing,
    told: Array | bool = False,
    maker: Quoter | None = None,
) -> tuple[Any, GameTotals, Any]:
    """`n_games` whole games in which one function decides for all seats.

    Args:
        market: a game with a player axis (not squeezed).
        start: key → the carry before the first round.
        act: (carry, view [games, A], key) → (carry, actions int32 [games, A]).
        key: as in `play_games`: with the same key and `n_games`, both meet the same market draws.
        record: what to keep of each round, from the views [games, A] and the step's info; by
            default nothing.
        told: bool [A], which seats are told a hidden event (`decision.tell`); False if none is.
        maker: who quotes, where the maker is a player.

    Returns:
        The carry after the last round, the totals, and what was recorded, leaves [10, …].
    """
    if maker is None:
        market.refuse_maker("matches; cardjax evaluate plays with a maker too")
    key_games, key_rounds, key_carry, key_act = jax.random.split(key, 4)
    _, state = jax.vmap(market.reset, (0, None))(jax.random.split(key_games, n_games), env_params)

    def play_round(before: Any, t: Array) -> tuple[Any, Any]:
        state, carry, quoting, totals, over = before
        state, quoting = _quoted(market, maker, quoting, state, env_params, key_act, t)
        view = jax.vmap(market.view, (0, None))(state, env_params)
        view = tell(view, state.market.event, told)
        carry, action = act(carry, view, jax.random.fold_in(key_act, t))
        keys = jax.random.split(jax.random.fold_in(key_rounds, t), n_games)
        _, state, _, terminated, info = jax.vmap(market.step_env, (0, 0, 0, None))(
            keys, state, action, env_params
        )
        totals = _add_round(totals, view, info, over, env_params)
        return (state, carry, quoting, totals, over | terminated), record(view, info)

    at_start = _no_rounds(market, n_games, env_params)
    quoting = () if maker is None else maker.policy.init(key_carry, (n_games,))
    before = (state, start(key_carry), quoting, at_start, jnp.zeros(n_games, bool))
    (_, carry, _, totals, _), records = jax.lax.scan(play_round, before, jnp.arange(N_ROUNDS))
    return carry, totals, records


def _quoted(
    market: CardMarket,
    maker: Quoter | None,
    carry: ArrayTree,
    state: State,
    env_params: EnvParams,
    key: Array,
    t: Array,
) -> tuple[State, ArrayTree]:
    """The games with the maker's quotes of round t, and its carry; as they are without a maker.

    Args:
        key: of which the children from N_ROUNDS on are spent.
    """
    if maker is None:
        return state, carry
    known = jax.vmap(market.maker_view, (0, None))(state, env_params)
    own_key = jax.random.fold_in(key, N_ROUNDS + t)
    carry, choice = maker.policy.act(maker.params, carry, known, own_key)
    return jax.vmap(market.quote, (0, 0, None))(state, choice, env_params), carry


def _act(
    seats: Sequence[Seats], carries: tuple[ArrayTree, ...], view: View, key: Array
) -> tuple[tuple[ArrayTree, ...], Array]:
    """Every policy on the views of its own seats; actions int32 [games, A]."""
    actions, after, first = [], [], 0
    for i, (seat, carry) in enumerate(zip(seats, carries, strict=True)):
        own = jax.tree.map(lambda leaf, a=first, b=first + seat.n: leaf[:, a:b], view)
        own = seen_by(seat.policy, own)
        carry, action = seat.policy.act(seat.params, carry, own, jax.random.fold_in(key, i))
        actions.append(action)
        after.append(carry)
        first += seat.n
    return tuple(after), jnp.concatenate(actions, -1)


def _add_round(
    totals: GameTotals, view: View, info: dict[str, Array], over: Array, env_params: EnvParams
) -> GameTotals:
    # A game that stop_out has ended is played on to keep all in step: passes alone, whose
    # rejections do not count, and what is still carried does not either.
    if "inventory" in info:
        info = info | _until_over(totals, info, over)
    position = position_of(info["action"]).astype(jnp.float32)
    traded = (position != 0).astype(jnp.float32)
    wealth, peak = info["wealth"], jnp.maximum(totals.peak, info["wealth"])
    return GameTotals(
        pnl=totals.pnl + info["pnl"],
        expected_pnl=totals.expected_pnl + position * (view.mu - info["exec_price"]),
        trades=totals.trades + traded,
        units=totals.units + jnp.abs(position),
        rejections=totals.rejections + (info["rejected"] & ~over[:, None]),
        fill_ratio=totals.fill_ratio + traded * info["fill_ratio"],
        slippage=totals.slippage + info["slippage"],
        impact_cost=totals.impact_cost + jnp.abs(position) * info["slippage"],
        peak=peak,
        drawdown=jnp.maximum(totals.drawdown, peak - wealth),
        drawdown_share=jnp.maximum(totals.drawdown_share, (peak - wealth) / peak),
        ruined=jnp.maximum(totals.ruined, wealth <= RUIN_LEVEL * env_params.initial_wealth),
        risk_charge=_sum(totals.risk_charge, risk_charge_of(info, env_params)),
        **_add_inventory(totals, info),
    )


def _no_rounds(market: CardMarket, n_games: int, env_params: EnvParams) -> GameTotals:
    """What games have come to before their first round."""
    nothing = jnp.zeros((n_games, market.n_players), jnp.float32)
    of_every_game = [name for name in GameTotals._fields if "inventory" not in name]
    totals = GameTotals(**dict.fromkeys(of_every_game, nothing))
    if market.inventory:
        totals = totals._replace(
            inventory=nothing, inventory_squared=nothing, end_inventory=nothing
        )
    return totals._replace(peak=nothing + env_params.initial_wealth)


def _until_over(totals: GameTotals, info: dict[str, Array], over: Array) -> dict[str, Array]:
    """What a round with inventory adds to a game that is not over, and nothing to one that is."""
    ended = over[:, None]
    assert totals.end_inventory is not None
    added = {name: jnp.where(ended, 0, info[name]) for name in ("pnl", "risk_charge", "inventory")}
    added["end_inventory"] = jnp.where(ended, totals.end_inventory, jnp.abs(info["inventory"]))
    added["wealth"] = jnp.where(ended, totals.peak, info["wealth"])
    return added


def _add_inventory(totals: GameTotals, info: dict[str, Array]) -> dict[str, Array]:
    if "inventory" not in info:
        return {}
    held = info["inventory"].astype(jnp.float32)
    return {
        "inventory": _sum(totals.inventory, held),
        "inventory_squared": _sum(totals.inventory_squared, held * held),
        "end_inventory": info["end_inventory"].astype(jnp.float32),
    }


def _sum(total: Array | None, added: Array) -> Array:
    assert total is not None  # of a game in which it is counted
    return total + added
