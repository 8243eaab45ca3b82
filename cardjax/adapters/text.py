"""A round as one line of text, for the `render` of other libraries."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from cardjax.env import EVENT_KINDS, View
from cardjax.env.events import EVENTS, REMAP
from cardjax.env.execution import position_of


def round_text(view: View, info: Mapping[str, Any] | None, over: bool) -> str:
    """What one player knows, and how the last round ended.

    Args:
        view: NumPy leaves without a leading shape.
        info: this player's info of the round that has just been settled; None before the first.
        over: whether the game has ended.
    """
    parts = [f"game over after {int(view.round)} rounds"] if over else _offer(view)
    parts.append(f"wealth {float(view.wealth):.1f}")
    if view.inventory is not None:
        parts.append(f"inventory {int(view.inventory):+d}")
    return " | ".join([*parts, *_settled(info)])


def _offer(view: View) -> list[str]:
    shown = sorted(int(rank) for rank in view.hints if rank > 0)
    return [
        f"round {int(view.round) + 1}",
        "event hidden" if view.event is None else event_text(int(view.event)),
        f"cards shown: {' '.join(map(str, shown)) or 'none'}",
        f"bid {float(view.bid):.2f} (depth {float(view.displayed_bid):.1f})",
        f"ask {float(view.ask):.2f} (depth {float(view.displayed_ask):.1f})",
    ]


def _settled(info: Mapping[str, Any] | None) -> list[str]:
    if not info:
        return []
    position = int(position_of(jnp.asarray(info["action"])))
    order = (
        f"{'bought' if position > 0 else 'sold'} {abs(position)} at {float(info['exec_price']):.2f}"
    )
    order = order if position else "rejected" if info["rejected"] else "passed"
    return [f"last: {order}, S {float(info['S']):.0f}, pnl {float(info['pnl']):+.1f}"]


def event_text(event: int) -> str:
    """The kind of an event, with the ranks of a remap: "remap_value 7→12"."""
    kind = EVENT_KINDS[min(event, REMAP)]
    return (
        f"{kind} {int(EVENTS.remap_from[event])}→{int(EVENTS.remap_to[event])}"
        if event >= REMAP
        else kind
    )
