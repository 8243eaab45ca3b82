"""What became of a quote, in plain words: what takers knew, what it cost, and what another quote
would have been worth.
"""

from cardjax.play.maker.rounds import SIDE_NAMES, QuotedSide, QuoteOffer, QuoteRecord
from cardjax.play.words import card_name, units_words

NEAR = 0.05
"""points: a smaller difference is not worth mentioning."""


def explain(record: QuoteRecord) -> str:
    """A few plain sentences to the maker."""
    return " ".join(
        [_of_takers(record), *_of_information(record), _of_noise(record), _better(record)]
    )


def how_many(offer: QuoteOffer) -> str:
    """How many cards takers see, as far as the maker can tell: "2 cards", "0 or 1 cards", "0 to 3
    cards"."""
    first, *_, last = (*offer.takers_see, offer.takers_see[-1])
    if first == last:
        return f"{first} card{'' if first == 1 else 's'}"
    return f"{first} or {last} cards" if len(offer.takers_see) == 2 else f"{first} to {last} cards"


def takers_knew(record: QuoteRecord) -> str:
    """What takers saw and the maker did not, as the object of "saw": "the Q beside your 7"."""
    new = record.cards[len(record.hints) : record.n_shown]
    if not new:
        return "no more than you"
    own = " and ".join(map(card_name, record.hints))
    seen = " and ".join(f"the {card_name(rank)}" for rank in new)
    return f"{seen} {f'beside your {own}' if own else 'where you saw no card'}"


def _of_takers(record: QuoteRecord) -> str:
    ask, bid = record.quoted
    knew = f"Takers saw {takers_knew(record)}"
    if record.n_shown == len(record.hints) and not any(side.takers_units for side in record.quoted):
        return f"{knew} and traded nothing."
    mean = f"their mean was {record.takers_mu:.2f}, yours {record.mu:.2f}"
    traded = [
        f"{did} {units_words(side.takers_units)}"
        for did, side in (("bought", ask), ("sold", bid))
        if side.takers_units
    ]
    if traded:
        return f"{knew} ({mean}) and {' and '.join(traded)}."
    where = f"between your bid of {bid.price:.2f} and your ask of {ask.price:.2f}"
    if bid.price <= record.takers_mu <= ask.price:
        return f"{knew} ({mean}), {where}, and traded nothing."
    return f"{knew} ({mean}) and traded nothing."


def _of_information(record: QuoteRecord) -> list[str]:
    """What that cost and what takers paid; nothing where they did not trade."""
    if not any(side.takers_units for side in record.quoted):
        return []
    lost = sum(side.information for side in record.quoted)
    paid = sum(side.spread + side.impact for side in record.quoted)
    cost = f"What they knew {'cost' if lost >= 0 else 'brought'} you {abs(lost):.2f}"
    impact = sum(side.impact for side in record.quoted)
    more = f", of which {impact:.2f} for going beyond your depth" if impact >= NEAR / 10 else ""
    left = paid - lost
    end = f"{'won' if left >= 0 else 'lost'} {abs(left):.2f} {'from' if left >= 0 else 'to'} them"
    return [f"{cost}, and they paid {paid:.2f}{more}: on average you {end}."]


def _of_noise(record: QuoteRecord) -> str:
    units = sum(side.noise_units for side in record.quoted)
    paid = sum(side.from_noise for side in record.quoted)
    mean = sum(side.offset * side.noise_expected for side in record.quoted)
    cards = sum(side.luck for side in record.quoted)
    said = f"Noise traders paid {paid:.2f} for {units_words(units)}, where {mean:.2f} is the mean"
    if abs(cards) < NEAR:
        return f"{said}."
    return f"{said}; the cards then {'gave' if cards > 0 else 'took'} {abs(cards):.2f}."


def _better(record: QuoteRecord) -> str:
    """Where a monopolist would have quoted otherwise, and what that is worth."""
    better = [
        f"{record.monopoly.offset[i]:g} points with {record.monopoly.depth[i]} units at the {name} "
        f"would have been worth {record.monopoly.worth[i]:+.2f}, yours {side.worth:+.2f}"
        for i, (name, side) in enumerate(zip(SIDE_NAMES, record.quoted, strict=True))
        if record.monopoly.worth[i] - side.worth >= NEAR
    ]
    if not better:
        return "No quote would have been worth much more, given what you knew."
    return f"Given what you knew, {'; '.join(better)}."


def side_words(name: str, side: QuotedSide) -> str:
    """A side of a settled quote: "Ask 26.50, 6 units: takers bought 4, noise traders 5"."""
    did = "bought" if name == "ask" else "sold"
    taken = f"takers {did} {side.takers_units}, noise traders {side.noise_units}"
    return f"{name.capitalize()} {side.price:.2f}, {units_words(side.depth)}: {taken}"
