"""One game on CardMarket, played round by round on the host, free of any user interface.

    setup = make_setup("two", seed=7, overrides={"alpha": 0.5})
    game = Game(setup)
    while not game.over:
        game.offer                       # Offer: what may be known before the orders
        record = game.play([3, 0])       # RoundRecord: an action 0..20 for each seat

The market's draws depend on the seed alone, so one setup is the same game for whoever plays it. A
game needs two compiled programs per number of players, which all games of a process share. Where
the event is hidden, no offer and no record holds it, not even after the game: the rules tell cards
and S alone.
"""

import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple, SupportsFloat

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import (
    EVENT_KINDS,
    N_ACTIONS,
    N_ROUNDS,
    CardMarket,
    EnvParams,
    State,
    View,
)
from cardjax.env.events import REMAP
from cardjax.env.execution import position_of
from cardjax.env.inventory import mark_of
from cardjax.env.trees import ArrayTree
from cardjax.evaluation.match import risk_charge_of
from cardjax.evaluation.yardsticks import Yardstick
from cardjax.play.public_belief import belief_of
from cardjax.play.rounds import Offer, OrderRecord, RoundRecord
from cardjax.play.setup import Setup
from cardjax.play.words import HIDDEN_EVENT, event_words, side_of, size_of
from cardjax.policies.equilibrium import Equilibrium
from cardjax.policies.planning.inventory import InventoryPlanner, charge_of_actions
from cardjax.policies.policy import Deterministic, prepared
from cardjax.policies.stage_game import (
    expected_pnl,
    flow_of_others,
    n_players_of,
    symmetric_equilibrium,
)

PLAY = 4
"""The domain of these games' keys: no draw of a training or an evaluation is played here."""


class Decided(NamedTuple):
    """What each seat's order was worth given its View, and what the exact benchmarks do.

    Leaves have the shape [A, …].
    """

    values: Array
    """float32 [A, 21], against what the others really ordered (`OrderRecord.action_values`)."""
    best_reply: Array
    benchmark: Array
    """float32 [A, 21], the probability that the benchmark gives to each action; zeros without one.
    """
    payoff: Array
    """What the benchmark is worth."""


class Game:
    """One game of A seats: `offer`, `play`, `records`, `over`.

    It knows no policies; `participants.SeatedGame` does.
    """

    def __init__(self, setup: Setup):
        """The first offer is made; nothing is played yet."""
        self.setup = setup
        self.records: list[RoundRecord] = []
        self._key = jax.random.fold_in(jax.random.key(setup.seed), PLAY)
        best = setup.yardstick
        self._benchmark = best if best.charged else None
        self._ready = prepared(best.policy, setup.params) if best.charged and best.policy else None
        self._state, self._view, self._mark = _open(
            setup.market, jax.random.fold_in(self._key, 0), setup.params
        )
        self.offer = self._offer()

    @property
    def over(self) -> bool:
        """After the last round, or when stop_out has taken every seat out."""
        return bool(self.records) and self.records[-1].over

    @property
    def view(self) -> View:
        """What policies read, leaves [A, …]."""
        return self._view

    @property
    def round_key(self) -> Array:
        """A key for the policies' own draws in this round, independent of the market's."""
        return jax.random.fold_in(jax.random.fold_in(self._key, 2**20), len(self.records))

    def play(self, actions: Sequence[int]) -> RoundRecord:
        """Settle the round with an action of each seat, in seat order; then the next offer is made.

        An action that its seat cannot afford is executed as a pass and reported as `rejected`, as
        the rules say.

        Raises:
            ValueError: the game is over, the number of actions is not A, or one is no whole number
                in 0..20.
        """
        if self.over:
            raise ValueError("the game is over")
        if len(actions) != self.setup.n_players:
            raise ValueError(f"{len(actions)} actions for {self.setup.n_players} seats")
        for action in actions:
            if (
                isinstance(action, bool)
                or not isinstance(action, int | np.integer)
                or not 0 <= action < N_ACTIONS
            ):
                raise ValueError(
                    f"action = {action!r}: must be a whole number in 0..{N_ACTIONS - 1}"
                )
        asked = [int(action) for action in actions]
        key = jax.random.fold_in(self._key, len(self.records) + 1)
        outcome = _close(
            self.setup.market,
            self._benchmark,
            key,
            self._state,
            np.array(asked, np.int32),
            self.setup.params,
            self._ready,
        )
        self._state, self._view, self._mark, info, expected, decided = outcome
        record = _record(self.offer, asked, *jax.device_get((info, expected, decided)))
        self.records.append(record)
        if not record.over:
            self.offer = self._offer()
        return record

    def _offer(self) -> Offer:
        """Read off the View, which holds nothing hidden; only the hints' order comes from the
        state.
        """
        view, cap = jax.device_get(self._view), float(self.setup.params.liquidity.cap)
        n_hints, ranks = int(self._state.market.n_hints), np.asarray(self._state.market.ranks)
        event = None if view.event is None else int(view.event[0])
        hides = cap < float(self.setup.params.liquidity.max)
        shared = {
            name: float(getattr(view, name)[0])
            for name in ("bid", "ask", "mid", "spread", "displayed_bid", "displayed_ask", "s_max")
        }
        return Offer(
            round=len(self.records) + 1,
            event=event,
            event_kind=None if event is None else EVENT_KINDS[min(event, REMAP)],
            event_words=HIDDEN_EVENT if event is None else event_words(event),
            hints=tuple(int(rank) for rank in ranks[:n_hints]),
            display_cap=cap,
            bid_capped=hides and shared["displayed_bid"] >= cap,
            ask_capped=hides and shared["displayed_ask"] >= cap,
            wealth=tuple(float(w) for w in view.wealth),
            valid_actions=tuple(
                tuple(int(a) for a in np.flatnonzero(mask)) for mask in view.action_mask
            ),
            belief=belief_of(view),
            inventory=None if view.inventory is None else tuple(int(q) for q in view.inventory),
            inventory_limit=None if view.inventory_limit is None else int(view.inventory_limit[0]),
            mark=None if self._mark is None else float(self._mark),
            **shared,
        )


@partial(jax.jit, static_argnums=0)
def _open(market: CardMarket, key: Array, params: EnvParams) -> tuple[State, View, Array | None]:
    _, state = market.reset(key, params)
    return state, market.view(state, params), _mark(state)


def _mark(state: State) -> Array | None:
    """What units that are held are marked at in this round; None where nothing is carried."""
    if state.players.inventory is None:
        return None
    return mark_of(state.market.event, None if state.past is None else state.past.belief)


@partial(jax.jit, static_argnums=(0, 1))
def _close(
    market: CardMarket,
    benchmark: Yardstick | None,
    key: Array,
    state: State,
    action: Array,
    params: EnvParams,
    ready: ArrayTree,
) -> tuple[State, View, Array | None, dict[str, Array], Array, Decided]:
    _, following, _, _, info = market.step_env(key, state, action, params)
    info = {
        name: leaf
        for name, leaf in info.items()
        if name not in ("final_observation", "action_mask")
    }
    info["risk_charge"] = risk_charge_of(info, params)
    expected = position_of(info["action"]) * (info["mu"] - info["exec_price"])
    decided = _decide(market.view(state, params), info["action"], params)
    if benchmark is not None:
        decided = _charged(decided, market.view(state, params), params, benchmark, ready)
    return following, market.view(following, params), _mark(following), info, expected, decided


def _decide(view: View, action: Array, params: EnvParams) -> Decided:
    values = expected_pnl(
        params, view, flow_of_others(jax.nn.one_hot(action, N_ACTIONS, dtype=jnp.float32))
    )
    return Decided(
        values=values,
        best_reply=_best_valid(values, view),
        benchmark=Equilibrium().action_probabilities(params, view),
        payoff=symmetric_equilibrium(params, view, n_players_of(view)).payoff,
    )


def _charged(
    decided: Decided, view: View, params: EnvParams, benchmark: Yardstick, ready: Any
) -> Decided:
    """The same where risk is charged for: less the charge that an order adds and, where the optimum
    is known, with what it changes in the value of the rounds to come.
    """
    charge, best = charge_of_actions(params, view), benchmark.policy
    values = decided.values - (charge - charge[..., :1])
    nothing = decided._replace(
        values=values,
        best_reply=_best_valid(values, view),
        benchmark=jnp.zeros_like(values),
        payoff=jnp.zeros_like(decided.payoff),
    )
    if best is None:
        return nothing
    assert isinstance(best, Deterministic)
    if isinstance(best, InventoryPlanner):
        values += best.change(ready, view)
    mix = best.action_probabilities(ready, view)
    return Decided(values, _best_valid(values, view), mix, (mix * values).sum(-1))


def _best_valid(values: Array, view: View) -> Array:
    return jnp.argmax(jnp.where(view.action_mask, values, -jnp.inf), -1)


def _record(
    offer: Offer, asked: list[int], info: dict[str, Any], expected: np.ndarray, decided: Decided
) -> RoundRecord:
    known: dict[str, Any] = {
        field.name: getattr(offer, field.name) for field in dataclasses.fields(Offer)
    }
    truth: dict[str, Any] = {
        name: float(info[name]) for name in ("S", "mu", "sigma", "depth_bid", "depth_ask")
    }
    orders = [
        _order(offer, seat, asked[seat], info, expected, decided) for seat in range(len(asked))
    ]
    over = bool(info["terminated"]) or offer.round >= N_ROUNDS
    first, second, third = (int(rank) for rank in info["cards"])
    return RoundRecord(
        **known, **truth, cards=(first, second, third), orders=tuple(orders), over=over
    )


def _order(
    offer: Offer,
    seat: int,
    asked: int,
    info: dict[str, Any],
    expected: np.ndarray,
    decided: Decided,
) -> OrderRecord:
    action, best = int(info["action"][seat]), int(decided.best_reply[seat])
    money = {
        name: plain_number(info[name][seat])
        for name in ("exec_price", "slippage", "fill_ratio", "pnl")
    }
    mix, values = decided.benchmark[seat], decided.values[seat]
    return OrderRecord(
        requested=asked,
        action=action,
        rejected=bool(info["rejected"][seat]),
        side=side_of(action),
        size=size_of(action),
        **money,
        expected_pnl=plain_number(expected[seat]),
        wealth_before=offer.wealth[seat],
        wealth_after=float(info["wealth"][seat]),
        action_values=tuple(plain_number(value) for value in values),
        value=plain_number(values[action]),
        best_reply=best,
        best_reply_value=plain_number(values[best]),
        benchmark=tuple((int(a), float(mix[a])) for a in np.flatnonzero(mix)),
        benchmark_value=plain_number(decided.payoff[seat]),
        risk_charge=plain_number(info["risk_charge"][seat]),
        inventory=int(info["inventory"][seat]) if "inventory" in info else None,
        carry_pnl=plain_number(info["carry_pnl"][seat]) if "carry_pnl" in info else 0.0,
    )


def plain_number(x: SupportsFloat) -> float:
    """A figure as people read it: a loss of nothing is 0.0, not -0.0."""
    return float(x) + 0.0
