"""Why a round's money was won or lost, in plain words: luck apart from the decision, with the
numbers behind both.

    pnl = carry + luck + expected_pnl,              luck = position · (S − mu)
    expected_pnl = size · edge − size · slippage,   edge = mu − ask for buys, bid − mu for sells

Of the slippage, alpha · (own size − depth) is due to the order alone, and the others' orders added
the rest. What was held before the round has its carry, units · (S − mark); elsewhere it is 0.
"""

import dataclasses

from cardjax.play.rounds import Offer, OrderRecord, RoundRecord
from cardjax.play.words import action_words, doing_words, side_of, size_of, units_words

NEAR = 0.05
"""points: a smaller difference is not worth mentioning."""


@dataclasses.dataclass(frozen=True)
class Parts:
    """Where an order's pnl comes from, in points:

    pnl = carry + luck + edge − own_impact − others_impact.
    """

    luck: float
    edge: float
    """size times the distance of the quote from the fair value; below 0 the spread was paid without
    an edge.
    """
    own_impact: float
    """what the order's own size beyond the depth cost."""
    others_impact: float
    """what the others cost by taking up the depth."""
    carry: float = 0.0
    """what units held before the round earned."""


def parts_of(record: RoundRecord, seat: int) -> Parts:
    """The parts of a seat's pnl; all but the carry are 0 for a pass."""
    order = record.orders[seat]
    impact, share = order.size * order.slippage, _own_share(record, order)
    return Parts(
        luck=order.luck - order.carry_pnl,
        edge=order.size * _edge(record, order.side),
        own_impact=share * impact,
        others_impact=(1 - share) * impact,
        carry=order.carry_pnl,
    )


def explain(record: RoundRecord, seat: int) -> str:
    """Two plain sentences to the person at `seat`: what luck did, and what the order was worth and
    why. Where units are carried, a sentence before them on what those brought, and one after them
    on the charge.
    """
    order = record.orders[seat]
    said = [_of_the_carry(record, seat), _of_the_order(record, seat), _of_the_charge(order)]
    return " ".join(sentence for sentence in said if sentence)


def _of_the_order(record: RoundRecord, seat: int) -> str:
    order = record.orders[seat]
    if order.rejected:
        why = why_invalid(record, seat, order.requested) or "the market refused it"
        said = f"Your order to {action_words(order.requested)} counted as a pass: {why}."
        return f"{said} {_of_a_pass(record, order)}"
    if order.side == "pass":
        so = "" if record.inventory and record.inventory[seat] else ", so you neither won nor lost"
        return f"You passed{so}. {_of_a_pass(record, order)}"
    return f"{_outcome(record, order)} {_of_an_order(record, seat)}"


def _of_the_carry(record: RoundRecord, seat: int) -> str:
    """What was held before the round, and what it earned."""
    held = record.inventory[seat] if record.inventory else 0
    if not held or record.mark is None:
        return ""
    side = "above" if record.mark <= record.S else "below"
    earned = record.orders[seat].carry_pnl
    return (
        f"The {units_words(held)} that you {'held' if held > 0 else 'owed'} "
        f"{'earned' if earned >= 0 else 'lost'} {abs(earned):.2f}: the sum of {record.S:.0f} was "
        f"{abs(record.S - record.mark):.2f} {side} the mark of {record.mark:.2f}."
    )


def _of_the_charge(order: OrderRecord) -> str:
    """What the risk of the round costs, if it is charged for."""
    if order.risk_charge < NEAR / 10:
        return ""
    if order.inventory is None:
        return f"The charge for the order's risk is {order.risk_charge:.2f}."
    held = f"{'hold' if order.inventory > 0 else 'owe'} {units_words(order.inventory)}"
    return f"You now {held}, for which {order.risk_charge:.2f} is charged."


def why_invalid(offer: Offer, seat: int, action: int) -> str:
    """Why `seat` may not give this order now; "" if it may.

    Such as "5 at 52.30 cost 261.50, and you have 200.00".
    """
    if action in offer.valid_actions[seat]:
        return ""
    wealth, size = offer.wealth[seat], size_of(action)
    if offer.valid_actions[seat] == (0,) and wealth <= 0:
        return f"you have {wealth:.2f} left and may only pass"
    buying = side_of(action) == "buy"
    most = size * (offer.ask if buying else offer.s_max - offer.bid)
    if offer.inventory is not None and offer.inventory_limit is not None:
        after = offer.inventory[seat] + (size if buying else -size)
        if abs(after) > offer.inventory_limit:
            verb = "hold" if after > 0 else "owe"
            return (
                f"you would {verb} {units_words(after)}, and {offer.inventory_limit} are the most"
            )
    if most <= wealth:
        return "you are out of the game and may only pass"
    if buying:
        return f"{size} at {offer.ask:.2f} cost {most:.2f}, and you have {wealth:.2f}"
    worst = f"may cost you {most:.2f}, should the sum be {offer.s_max:.0f}"
    return f"{size} sold at {offer.bid:.2f} {worst}, and you have {wealth:.2f}"


def _outcome(record: RoundRecord, order: OrderRecord) -> str:
    result = (
        "broke even"
        if abs(order.own_pnl) < 0.005
        else f"{'won' if order.own_pnl > 0 else 'lost'} {abs(order.own_pnl):.2f}"
    )
    if record.inventory and any(record.inventory):
        result += " on the order"
    if record.sigma == 0:
        return f"You {result}, and luck had no part in it: all three cards were shown."
    own_luck = order.luck - order.carry_pnl
    luck = f"luck {'gave' if own_luck >= 0 else 'took'} {abs(own_luck):.2f}"
    cards = f"the cards came to {record.S:.0f}, {_mean_was(record)}"
    link = "and" if (own_luck >= 0) == (order.expected_pnl >= 0) else "but"
    worth = f"{link} on average your order was worth {order.expected_pnl:+.2f}"
    return f"You {result}{_cause(order)}: {luck} ({cards}), {worth}."


def _cause(order: OrderRecord) -> str:
    """What decided the result: the cards, the order, or both. Less than a tenth decides nothing."""
    pnl, luck = order.own_pnl, order.luck - order.carry_pnl
    little = abs(pnl) / 10
    if pnl >= 0:
        if order.expected_pnl < -NEAR or luck > 9 * little:
            return " by luck"
        return " in spite of bad luck" if luck < -little else ""
    unlucky, bad = luck < -little, order.expected_pnl < -max(little, NEAR)
    return (
        " by bad luck and a bad order"
        if unlucky and bad
        else " by bad luck"
        if unlucky
        else " by a bad order"
    )


def _of_an_order(record: RoundRecord, seat: int) -> str:
    order, parts = record.orders[seat], parts_of(record, seat)
    quote, price = ("ask", record.ask) if order.side == "buy" else ("bid", record.bid)
    distance = abs(parts.edge) / order.size
    if parts.edge <= 0:
        where = "above" if order.side == "buy" else "below"
        said = (
            f"You paid the spread without an edge: the {quote} of {price:.2f} was {distance:.2f} "
            f"{where} {_mean_of(record)}, which cost {-parts.edge:.2f}"
        )
    else:
        said = (
            f"The {quote} of {price:.2f} was good: {distance:.2f} per unit better than "
            f"{_mean_of(record)} ({parts.edge:+.2f})"
        )
    return f"{said}{_impact_words(record, seat, parts)}{_better(record, order)}."


def _impact_words(record: RoundRecord, seat: int, parts: Parts) -> str:
    """What the size beyond the depth cost, one's own apart from the others'."""
    order = record.orders[seat]
    depth = record.depth_ask if order.side == "buy" else record.depth_bid
    others = _flow(record, order.side) - order.size
    theirs = "the other player's" if len(record.orders) == 2 else "the other players'"
    link = ", and " if parts.edge <= 0 else ", but "
    if order.slippage <= 0:
        return ""
    if parts.own_impact <= 0:
        taken = f"{theirs} {others} took up the depth of {depth:.1f}"
        return f"{link}{taken}, which cost you {parts.others_impact:.2f}"
    own = f"your {order.size} on a depth of {depth:.1f} moved the price"
    more = f", and {theirs} {others} cost another {parts.others_impact:.2f}" if others else ""
    return f"{link}{own}, which cost {parts.own_impact:.2f}{more}"


def _better(record: RoundRecord, order: OrderRecord) -> str:
    """What would have been better, if it is worth mentioning."""
    if order.best_reply_value - order.value < NEAR:
        return "; no order would have been better" if order.best_reply_value > NEAR else ""
    if order.best_reply == 0:
        return "; passing would have been better"
    knowing = "" if len(record.orders) == 1 else " against what was really ordered"
    knowing += _counted(record, order)
    best = f"{doing_words(order.best_reply)} would have been worth {order.best_reply_value:+.2f}"
    if side_of(order.best_reply) != order.side:
        return f"; {best}{knowing}"
    too = "much" if size_of(order.best_reply) < order.size else "little"
    return f"; that was too {too}: {best}{knowing}"


def _of_a_pass(record: RoundRecord, order: OrderRecord) -> str:
    between = f"{_mean_was(record)}, bid {record.bid:.2f}, ask {record.ask:.2f}"
    if order.best_reply_value < NEAR:
        return f"That was right, since no order was worth taking: {between}."
    best = doing_words(order.best_reply).capitalize()
    worth = f"{best} would have been worth {order.best_reply_value:+.2f} on average"
    return f"{worth}{_counted(record, order)}: {between}."


def _counted(record: RoundRecord, order: OrderRecord) -> str:
    """What a value includes beside the expected P&L."""
    if record.inventory is None:
        return ""
    rounds = "the charge and later rounds" if order.benchmark else "this round's charge"
    return f", {rounds} counted"


def _mean_was(record: RoundRecord) -> str:
    """What an order is measured by, as half a sentence. It is the fair value either way, but where
    the event is hidden it is no more than the public could know.
    """
    name = "the fair value" if record.belief is None else "the mean given all that was public"
    return f"{name} was {record.mu:.2f}"


def _mean_of(record: RoundRecord) -> str:
    """The same as a phrase."""
    if record.belief is None:
        return f"the fair value of {record.mu:.2f}"
    return f"the mean of {record.mu:.2f} given all that was public"


def _edge(record: RoundRecord, side: str) -> float:
    if side == "pass":
        return 0.0
    return record.mu - record.ask if side == "buy" else record.bid - record.mu


def _flow(record: RoundRecord, side: str) -> int:
    return sum(order.size for order in record.orders if order.side == side)


def _own_share(record: RoundRecord, order: OrderRecord) -> float:
    """The share of a side's overflow that the order alone would have caused."""
    if order.slippage <= 0:
        return 0.0
    depth = record.depth_ask if order.side == "buy" else record.depth_bid
    return max(0.0, order.size - depth) / (_flow(record, order.side) - depth)
