"""EnvParams: every number and switch of the market, one pytree, so that a grid of ablations is a
`vmap`.
"""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any, TypeVar, dataclass_transform

import jax
import numpy as np

from cardjax.env.declaration import ParameterError, code, custom, flag, group, number, with_values

T = TypeVar("T")

REWARD_KINDS = ("pnl", "log_wealth", "expected_pnl")
N_ROUNDS = 10
"""T: the rounds of a game."""


@dataclass_transform(frozen_default=True)
def _tree(cls: type[T]) -> type[T]:
    """A frozen dataclass whose fields are all pytree leaves (or subtrees)."""
    return jax.tree_util.register_dataclass(dataclasses.dataclass(frozen=True)(cls))


def _hint_probabilities(value: object) -> np.ndarray:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 3:
        return np.eye(4, dtype=np.float32)[value]
    if not isinstance(value, list | tuple | np.ndarray) or any(
        isinstance(p, bool | str) for p in value
    ):
        raise TypeError
    probabilities = np.asarray(value, np.float32)
    if (
        probabilities.shape != (4,)
        or not (probabilities >= 0).all()
        or not abs(probabilities.sum() - 1) < 1e-5
    ):
        raise ValueError
    return probabilities


@_tree
class SpreadParams:
    """spread = clip(s0 + beta · sigma, min, max). RULES.md, "Posterior and quotes"."""

    s0: Any = number(0.8, 0, doc="spread at no uncertainty", unit="points")
    beta: Any = number(0.25, 0, doc="spread added for each point of posterior standard deviation")
    min: Any = number(1.0, 0, doc="smallest spread", unit="points")
    max: Any = number(3.0, 0, doc="largest spread", unit="points")


@_tree
class LiquidityParams:
    """True depth is lognormal around kappa / (sigma · spread), clipped. RULES.md, "Liquidity"."""

    kappa: Any = number(
        47.59, 0, doc="depth scale; the default makes the median true depth 7", open_low=True
    )
    tau: Any = number(0.6, 0, 10, doc="standard deviation of ln depth before clipping")
    min: Any = number(2.0, 0, doc="L_min, smallest true depth", unit="units")
    max: Any = number(20.0, 0, doc="L_max, largest true depth", unit="units", open_low=True)
    cap: Any = number(10.0, 0, doc="L_cap, largest depth that is displayed", unit="units")


@_tree
class EventParams:
    """Frequencies of the base kinds, which sum to 1, and a remap's chance. RULES.md, "Cards and
    events".
    """

    none: Any = number(0.6, 0, 1, doc="frequency of: no event")
    ge10_only: Any = number(0.1, 0, 1, doc="frequency of: ranks 10..14 only")
    le7_only: Any = number(0.1, 0, 1, doc="frequency of: ranks 2..7 only")
    even_only: Any = number(0.1, 0, 1, doc="frequency of: even ranks only")
    odd_only: Any = number(0.1, 0, 1, doc="frequency of: odd ranks only")
    remap: Any = number(
        0.015, 0, 1, doc="remap_prob: chance that a fresh draw is overridden by a remap"
    )


@_tree
class Flags:
    """The ablation switches."""

    enable_events: Any = flag(True, doc="off: event 0 in every round")
    enable_impact: Any = flag(True, doc="off: every order executes at the quote")
    stop_out: Any = flag(False, doc="on: a player at or below stop_out_level · W0 may only pass")


@_tree
class EnvParams:
    """All the market's parameters. Build it with `make_params`, which checks; `replace` and
    `jax.tree.map` do not.
    """

    alpha: Any = number(0.3, 0, doc="impact per unit of overflow", unit="points")
    sigma_q: Any = number(
        0.5, 0, doc="standard deviation of the mid around the posterior mean", unit="points"
    )
    event_persist: Any = number(0.7, 0, 1, doc="chance that a round keeps the last round's event")
    initial_wealth: Any = number(
        500.0, 0, doc="W0, the budget at a game's start", unit="points", open_low=True
    )
    stop_out_level: Any = number(0.2, 0, 1, doc="share of W0 at which stop_out takes a player out")
    hints: Any = custom(
        [0.25] * 4,
        "four probabilities that sum to 1, or one number of hints 0..3",
        _hint_probabilities,
        doc="chances of 0, 1, 2, 3 revealed cards",
    )
    reward: Any = code("pnl", REWARD_KINDS, doc="what a step's reward is")
    spread: SpreadParams = group(SpreadParams)
    liquidity: LiquidityParams = group(LiquidityParams)
    events: EventParams = group(EventParams)
    flags: Flags = group(Flags)

    def replace(self, **changes: Any) -> "EnvParams":
        """A copy with fields replaced, unchecked: the values may be traced, batched, or `vmap`
        axes.
        """
        return dataclasses.replace(self, **changes)


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
        raise ParameterError(
            "env.events.{" + ",".join(kinds) + "}",
            f"sum {total:g}",
            "the frequencies must sum to 1",
        )


def params_grid(
    base: EnvParams, **axes: Sequence[object]
) -> tuple[EnvParams, list[dict[str, object]]]:
    """Every combination of the given values, stacked along a new leading axis for `vmap`.

    Args:
        base: the parameters that the axes leave alone.
        axes: dotted name → values, such as `alpha=[0.1, 0.3]`.

    Returns:
        EnvParams whose leaves have shape [G, …], and the G combinations, the last axis fastest.

    Raises:
        ParameterError: as `make_params`.
    """
    combinations = [
        dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())
    ]
    rows = [make_params(base, **combination) for combination in combinations]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *rows), combinations
