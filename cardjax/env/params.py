"""EnvParams: every number and switch of the market, one pytree, so that a grid of ablations is a
`vmap`.
"""

import dataclasses
import itertools
from collections.abc import Hashable
from typing import Any, TypeVar, dataclass_transform

import jax
import numpy as np

from cardjax.env.declaration import (
    Code,
    Count,
    Number,
    ParameterError,
    Switch,
    code,
    count,
    custom,
    group,
    number,
    plain,
    scalar,
    switch,
    with_values,
)

T = TypeVar("T")

REWARD_KINDS = ("pnl", "log_wealth", "expected_pnl")
N_ROUNDS = 10
"""T: the rounds of a game."""
MAX_PRICE = 1e6
"""Points. Prices, errors and impact stay so far below float32's limits that no game can reach
infinity; the same for MAX_WEALTH and MAX_DEPTH.
"""
MAX_WEALTH = 1e9
MAX_DEPTH = 1e9
MAX_INVENTORY = 100
"""Units; ten orders of ten units hold no more."""


class _Values:
    """A pytree that is compared, hashed and printed by its leaves' values."""

    def __eq__(self, other: object) -> bool:
        """The same type and, leaf by leaf, the same values; leaves must not be traced."""
        return isinstance(other, _Values) and self._content() == other._content()

    def __hash__(self) -> int:
        return hash(self._content())

    def __repr__(self) -> str:
        """Plain numbers where there are values: `alpha=0.3`, `reward='pnl'`."""
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        inside = (f"{field.name}={_written(field, getattr(self, field.name))}" for field in fields)
        return f"{type(self).__name__}({', '.join(inside)})"

    def _content(self) -> Hashable:
        leaves, structure = jax.tree.flatten(self)
        return structure, tuple((np.shape(x), tuple(np.ravel(x).tolist())) for x in leaves)


def _written(field: dataclasses.Field[Any], value: object) -> str:
    declaration = field.metadata.get("declared")
    if declaration is None or not isinstance(value, np.generic | np.ndarray | jax.Array):
        return repr(value)
    try:
        return repr(declaration.write(value))
    except TypeError:  # a tracer has no value yet
        return repr(value)


@dataclass_transform(frozen_default=True, eq_default=False)
def _tree(cls: type[T]) -> type[T]:
    """A frozen dataclass whose fields are all pytree leaves (or subtrees)."""
    return jax.tree_util.register_dataclass(
        dataclasses.dataclass(frozen=True, eq=False, repr=False)(cls)
    )


def _hint_probabilities(value: object) -> np.ndarray:
    """Read-only, since a default is shared by all who do not set it."""
    value = scalar(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 3:
        value = np.eye(4)[value]
    if not isinstance(value, list | tuple | np.ndarray | jax.Array) or any(
        isinstance(p, bool | str) for p in value
    ):
        raise TypeError
    probabilities = np.array(value, np.float32)
    if (
        probabilities.shape != (4,)
        or not (probabilities >= 0).all()
        or not abs(probabilities.sum() - 1) < 1e-5
    ):
        raise ValueError
    probabilities.flags.writeable = False
    return probabilities


@_tree
class SpreadParams(_Values):
    """spread = clip(s0 + beta · sigma, min, max). docs/rules.md#what-the-maker-knows-and-quotes."""

    s0: Number = number(
        0.8, 0, MAX_PRICE, doc="The spread when nothing is uncertain.", unit="points"
    )
    beta: Number = number(
        0.25, 0, MAX_PRICE, doc="Spread added per point of posterior standard deviation."
    )
    min: Number = number(1.0, 0, MAX_PRICE, doc="The smallest spread.", unit="points")
    max: Number = number(3.0, 0, MAX_PRICE, doc="The largest spread.", unit="points")


@_tree
class LiquidityParams(_Values):
    """True depth is lognormal around kappa / (sigma · spread), clipped.
    docs/rules.md#depth.
    """

    kappa: Number = number(
        47.59,
        1e-9,
        MAX_DEPTH,
        doc="The scale of the depth; with the default the median true depth is 7.",
    )
    tau: Number = number(0.6, 0, 10, doc="The standard deviation of ln depth before clipping.")
    min: Number = number(2.0, 0, MAX_DEPTH, doc="L_min, the smallest true depth.", unit="units")
    max: Number = number(20.0, 1e-9, MAX_DEPTH, doc="L_max, the largest true depth.", unit="units")
    cap: Number = number(
        10.0, 0, MAX_DEPTH, doc="L_cap, the largest depth that is displayed.", unit="units"
    )


@_tree
class EventParams(_Values):
    """How often each base kind is drawn, which sums to 1, and how often a remap overrides it.
    docs/rules.md#cards-and-events.
    """

    none: Number = number(0.6, 0, 1, doc="How often there is no event.")
    ge10_only: Number = number(0.1, 0, 1, doc="How often only ranks 10 to 14 are in the deck.")
    le7_only: Number = number(0.1, 0, 1, doc="How often only ranks 2 to 7 are in the deck.")
    even_only: Number = number(0.1, 0, 1, doc="How often only even ranks are in the deck.")
    odd_only: Number = number(0.1, 0, 1, doc="How often only odd ranks are in the deck.")
    remap: Number = number(
        0.015, 0, 1, doc="The chance that a fresh draw is overridden by a remap (remap_prob)."
    )


@_tree
class Flags(_Values):
    """The ablation switches."""

    enable_events: Switch = switch(True, doc="Off: no round has an event.")
    enable_impact: Switch = switch(True, doc="Off: every order is executed at the quote.")
    stop_out: Switch = switch(
        False, doc="On: a player whose wealth falls to stop_out_level · W0 may only pass."
    )


@_tree
class RiskParams(_Values):
    """The charge for risk, which lowers the reward and is no money. docs/rules.md#inventory."""

    phi: Number = number(
        0.0,
        0,
        MAX_PRICE,
        doc="The charge per round is phi times the square of what is held after it; without "
        "inventory, of what was ordered.",
        unit="points per squared unit",
    )
    phi_end: Number = number(
        0.0,
        0,
        MAX_PRICE,
        doc="After the last round, phi_end times the square of the inventory is charged as well.",
        unit="points per squared unit",
    )


@_tree
class NoiseParams(_Values):
    """Those who trade with a maker that plays, whatever the price is worth.
    docs/rules.md#the-maker-as-a-player.
    """

    rate: Number = number(
        20.0,
        0,
        MAX_DEPTH,
        doc="How many units noise traders want on each side, on average, at an offset of 0.",
        unit="units",
    )
    decay: Number = number(
        0.5,
        0,
        MAX_PRICE,
        doc="How fast that number falls with the offset: it is rate · exp(−decay · offset).",
        unit="per point",
    )


@_tree
class EnvParams(_Values):
    """All the market's parameters. Build it with `make_params`, which checks; `replace` and
    `jax.tree.map` do not. Two are equal, and hash alike, if all their values are.
    """

    alpha: Number = number(
        0.3, 0, MAX_PRICE, doc="How far a unit of overflow moves the price.", unit="points"
    )
    sigma_q: Number = number(
        0.5,
        0,
        MAX_PRICE,
        doc="The standard deviation of the mid around the posterior mean.",
        unit="points",
    )
    event_persist: Number = number(
        0.7, 0, 1, doc="The chance that a round keeps the event of the round before."
    )
    initial_wealth: Number = number(
        500.0, 1e-3, MAX_WEALTH, doc="W0, the budget at the start of a game.", unit="points"
    )
    stop_out_level: Number = number(
        0.2, 0, 1, doc="The share of W0 at which stop_out takes a player out."
    )
    hints: np.ndarray | jax.Array = custom(
        [0.25] * 4,
        "four probabilities that sum to 1, or one number of hints 0..3",
        _hint_probabilities,
        doc="The chances that 0, 1, 2 and 3 cards are revealed.",
    )
    reward: Code = code("pnl", REWARD_KINDS, doc="What the reward of a step is.")
    inventory_limit: Count = count(
        20,
        1,
        MAX_INVENTORY,
        doc="The most units that a player may hold or owe, where inventory is on.",
        unit="units",
    )
    risk: RiskParams = group(RiskParams)
    maker_lag: Count = count(
        1,
        0,
        3,
        doc="How many of the revealed cards, the last ones, a maker that plays does not see.",
        unit="cards",
    )
    noise: NoiseParams = group(NoiseParams)
    spread: SpreadParams = group(SpreadParams)
    liquidity: LiquidityParams = group(LiquidityParams)
    events: EventParams = group(EventParams)
    flags: Flags = group(Flags)

    def replace(self, **changes: object) -> "EnvParams":
        """A copy with fields replaced, unchecked: the values may be traced, batched, or `vmap`
        axes.
        """
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]


def make_params(base: EnvParams | None = None, /, **overrides: object) -> EnvParams:
    """Checked parameters from dotted overrides: `make_params(alpha=0.5, **{"flags.enable_impact":
    False})`.

    Args:
        base: what the overrides start from, the default game if None.
        overrides: by dotted name, with or without a leading "env.".

    Raises:
        ParameterError: (a ValueError) an unknown name, a value of the wrong type or out of range,
            or values that do not fit together; one line that names the key, the value and what is
            allowed.
    """
    values = {name.removeprefix("env."): value for name, value in overrides.items()}
    params = with_values(EnvParams() if base is None else base, values, "env.")
    _check_together(params)
    return params


def _check_together(params: EnvParams) -> None:
    for name, pair in (("spread", params.spread), ("liquidity", params.liquidity)):
        if pair.min > pair.max:
            raise ParameterError(
                f"env.{name}.min", pair.min, f"must be at most env.{name}.max = {pair.max:g}"
            )
    kinds = [field.name for field in dataclasses.fields(EventParams) if field.name != "remap"]
    total = sum(float(getattr(params.events, kind)) for kind in kinds)
    if abs(total - 1) > 1e-5:
        key = "env.events.{" + ",".join(kinds) + "}"
        raise ParameterError(key, f"sum {total:g}", "the frequencies must sum to 1")


def params_grid(base: EnvParams, **axes: object) -> tuple[EnvParams, list[dict[str, object]]]:
    """Every combination of the given values, stacked along a new leading axis for `vmap`.

    Args:
        base: the parameters that the axes leave alone.
        axes: dotted name → values, a list, a tuple or an array: `alpha=[0.1, 0.3]`.

    Returns:
        EnvParams whose leaves have shape [G, …], and the G combinations, the last axis fastest.

    Raises:
        ParameterError: as `make_params`; an axis without values, or one value that is no list.
    """
    values = [_axis(name, axis) for name, axis in axes.items()]
    combinations = [dict(zip(axes, point, strict=True)) for point in itertools.product(*values)]
    rows = [make_params(base, **combination) for combination in combinations]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *rows), combinations


def _axis(name: str, values: object) -> list[object]:
    if isinstance(values, np.ndarray | jax.Array):
        values = plain(values)
    if not isinstance(values, list | tuple | range) or not values:
        key = f"env.{name.removeprefix('env.')}"
        raise ParameterError(key, values, "must be a list or an array of at least one value")
    return [plain(value) for value in values]
