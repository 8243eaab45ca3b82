"""What the terminal shows the maker: what it knows, a settled round, a game's end. Every line
breaks at the terminal's width.
"""

from collections.abc import Mapping, Sequence

from rich.text import Text

from cardjax.env import N_ROUNDS
from cardjax.play.maker.explanation import explain, how_many, side_words, takers_knew
from cardjax.play.maker.quotes import DEPTHS_WORDS, OFFSETS_WORDS, quote_words
from cardjax.play.maker.rounds import SIDE_NAMES, QuoteOffer, QuoteRecord, TakerOrder, Yardstick
from cardjax.play.maker.score import MakerScore, MakerTotals
from cardjax.play.screen import Paper, card_words, grid_of_three, money, rounds_words
from cardjax.play.words import card_name

HELP = f"""\
In each round three cards are drawn, and one unit pays their sum: 2 to 10 count as they say, and \
J, Q, K and A count 11, 12, 13 and 14. An event may leave only some ranks in the deck or change \
what a rank counts for. You see the event and some of the cards; takers may see more of them.

You name the price at which others buy from you (the ask) and the one at which they sell to you \
(the bid). Your mean is the average of the sum, given what you see. The offset is how far a price \
stands from it: {OFFSETS_WORDS} points. The depth is how many units trade at that price: \
{DEPTHS_WORDS}. Takers who order more than that pay more.

Noise traders come to both sides whatever a price is worth, but fewer of them the larger its \
offset, and at most as many as its depth. You live on them. Takers buy where what they see makes \
the sum worth more than your ask, and sell where it makes it worth less than your bid, so you lose \
to them. A monopolist quotes what earns the most on average; under competition, somebody would \
undercut you until quotes earn nothing.

3 8 quotes 3 points from your mean with 8 units on both sides. 2 6 4 8 quotes 2 points and 6 units \
at the ask, and 4 points and 8 units at the bid. r repeats your last quote, ? shows this help, and \
q stops the game."""


class MakerScreen(Paper):
    """The words of one game, for the maker.

    Args:
        names: what the takers are called, in seat order.
    """

    def __init__(self, names: Sequence[str]):
        super().__init__()
        self.names = tuple(names)

    def name(self, seat: int) -> str:
        """What a taker is called: "The taker (level1)", or "Taker A (level1)"."""
        called = "The taker" if len(self.names) == 1 else f"Taker {chr(65 + seat)}"
        return f"{called} ({self.names[seat]})"

    def help(self) -> None:
        """The rules in short."""
        self.say(f"\n{HELP}\n")

    def offer(self, offer: QuoteOffer) -> None:
        """A round before the quote."""
        self.heading(f"Round {offer.round} of {N_ROUNDS}")
        self.say(f"Event: {offer.event_words}", "bold" if offer.event else "")
        seen = ", ".join(card_words(offer.event, rank) for rank in offer.hints)
        self.say(f"Cards you see: {seen or 'none'} ({len(offer.hints)} of 3)")
        self.say(f"Takers see {_takers_see(offer)}")
        self.say(f"Your mean of the sum: {offer.mu:.2f}, give or take {offer.sigma:.2f}")
        if offer.round > 1:
            last = offer.last
            takers = f"takers bought {last.takers_bought} and sold {last.takers_sold}"
            noise = f"noise traders bought {last.noise_bought} and sold {last.noise_sold}"
            self.say(f"Last round: {takers}, {noise}")
            earned = Text("Your P&L so far: ", overflow="fold")
            self.console.print(earned.append(money(offer.earned)))

    def round(self, record: QuoteRecord) -> None:
        """What a round came to, with both yardsticks and why money was won or lost."""
        self.console.print()
        cards = ", ".join(card_words(record.event, rank) for rank in record.cards)
        self.say(f"The cards: {cards}. Their sum is {record.S:.0f}", "bold")
        self.say(
            f"Takers saw {takers_knew(record)}. Their mean: {record.takers_mu:.2f}, give or take "
            f"{record.takers_sigma:.2f}"
        )
        for name, side in zip(SIDE_NAMES, record.quoted, strict=True):
            self.say(side_words(name, side))
        for seat, order in enumerate(record.orders):
            self._order(seat, order)
        self._parts(record)
        self._yardstick("The monopolist", record.monopoly)
        self._yardstick("Zero profit", record.competitive)
        self.say(f"Why: {explain(record)}")

    def end(self, score: MakerScore, others: Mapping[str, MakerTotals]) -> None:
        """The game in figures; `others`: what other makers would have earned in its place."""
        own = score.totals
        self.heading(f"You: {rounds_words(own.rounds)}")
        grid = grid_of_three()
        grid.add_row("noise", money(own.from_noise), "what noise traders paid")
        grid.add_row("takers", money(own.paid), "what takers paid")
        grid.add_row("information", money(-own.information), "what takers knew")
        grid.add_row("luck", money(own.luck), "what the cards gave beyond their average")
        grid.add_row("P&L", money(own.pnl), f"{own.expected_pnl:+.2f} without luck")
        self.console.print(grid)
        self.say(_score_words(score), "bold")
        self.say(
            f"Your offsets were {own.offset:.2f} points on average, the monopolist's "
            f"{score.monopoly_offset:.2f}, those of zero profit {score.competitive_offset:.2f}"
            f"{_markup_words(score)}"
        )
        if others:
            self.say("In the same place, on the same cards:")
            grid = grid_of_three()
            for name, totals in others.items():
                grid.add_row(name, money(totals.pnl), f"worth {totals.worth:+.2f} on average")
            self.console.print(grid)

    def takers(self, records: Sequence[QuoteRecord]) -> None:
        """Every taker's P&L."""
        grid = grid_of_three()
        for seat in range(len(self.names)):
            orders = [record.orders[seat] for record in records]
            mean = sum(order.expected_pnl for order in orders)
            total = money(sum(order.pnl for order in orders))
            grid.add_row(self.name(seat), total, f"{mean:+.2f} without luck")
        self.console.print()
        self.console.print(grid)

    def _order(self, seat: int, order: TakerOrder) -> None:
        if order.side == "pass":
            self.say(f"{self.name(seat)} passed.", "dim")
            return
        did = "bought" if order.side == "buy" else "sold"
        self.say(f"{self.name(seat)} {did} {order.size} at {order.exec_price:.2f}.", "dim")

    def _parts(self, record: QuoteRecord) -> None:
        """Where the P&L comes from."""
        ask, bid = record.quoted
        grid = grid_of_three()
        mean = sum(side.offset * side.noise_expected for side in record.quoted)
        noise = f"noise traders paid, {mean:.2f} on average"
        grid.add_row("noise", money(ask.from_noise + bid.from_noise), noise)
        paid = ask.spread + bid.spread + ask.impact + bid.impact
        grid.add_row("takers", money(paid), "takers paid")
        lost = ask.information + bid.information
        grid.add_row("information", money(-lost), "what takers knew")
        grid.add_row("luck", money(ask.luck + bid.luck), "the cards")
        grid.add_row("P&L", money(record.pnl), "")
        self.console.print(grid)
        against = "" if record.against is None else f"; against these takers {record.against:+.2f}"
        self.say(f"Your quote was worth {record.worth:+.2f} on average{against}")

    def _yardstick(self, name: str, quote: Yardstick) -> None:
        against = "" if quote.against is None else f"; against these takers {quote.against:+.2f}"
        said = f"{quote_words(quote.offset, quote.depth)}, worth {sum(quote.worth):+.2f}{against}"
        self.say(f"{name}: {said}")


def _takers_see(offer: QuoteOffer) -> str:
    same = " and ".join(card_name(rank) for rank in offer.hints)
    return f"{how_many(offer)}{f', {same} among them' if same else ''}"


def _markup_words(score: MakerScore) -> str:
    return "" if score.markup is None else f": a mark-up of {score.markup:.2f}"


def _score_words(score: MakerScore) -> str:
    own, best = score.totals.worth, score.monopoly
    if score.score is None:
        apart = f"{abs(own - best):.2f} points {'less' if own < best else 'more'}"
        return f"Your quotes were worth {own:+.2f}, {apart} than the monopolist's {best:+.2f}"
    return (
        f"Score {score.score:.2f}: your quotes' worth {own:+.2f} divided by the monopolist's "
        f"{best:+.2f} (1 is the monopolist; zero profit's {score.competitive:+.2f} would be "
        f"{score.competitive / best:.2f})"
    )
