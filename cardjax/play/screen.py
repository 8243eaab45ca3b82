"""What the terminal shows: an offer, a settled round, a game's end. Every line breaks at the
terminal's width.

Colour only repeats what a sign or a word says; rich leaves it out where NO_COLOR is set or the
output is no terminal.
"""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from cardjax.env import N_ROUNDS, PASS
from cardjax.env.execution import MAX_SIZE
from cardjax.play.explain import explain
from cardjax.play.rounds import Offer, OrderRecord, RoundRecord
from cardjax.play.score import Score, Totals
from cardjax.play.words import action_words, card_name, card_value, mix_words

HELP = """\
Each round three cards are drawn, and their sum is what one unit pays: 2 to 10 count as they say, J 11, Q 12, K 13, \
A 14. The event may restrict the deck or change what a rank counts for. Up to three of the cards are shown.

Buy if you think the sum will be above the ask, sell if below the bid. You win or lose the difference for every unit. \
The fair value is the average of the sum, given the event and the cards shown (24 if nothing is known). The quotes lie \
around it, give or take some noise: an order is good only if the noise exceeds half the spread. In most rounds it does \
not, and passing is right.

Depth is how many units, of all players together, trade at the quote. Every unit beyond it moves the price against all \
who order on that side. "10 or more" hides how much more.

Orders: 0 or p passes; 1..10 or b1..b10 buys; 11..20 or s1..s10 sells. You must be able to pay the worst case. \
? shows this, q stops the game."""


class Screen:
    """The words of one game, for the people at its table."""

    def __init__(self, names: Sequence[str], people: Sequence[int], console: Console | None = None):
        """`names` are the seats' own, `people` the seats that are spoken to."""
        self.names, self.people = tuple(names), tuple(people)
        self.console = console or Console(highlight=False, markup=False, emoji=False)

    def name(self, seat: int) -> str:
        """How a seat is called: "You", "Player A", or "The other (level1)"."""
        if seat in self.people:
            return "You" if len(self.people) == 1 else f"Player {chr(65 + seat)}"
        letter = "" if len(self.names) == 2 else f" {chr(65 + seat)}"
        return f"The other{letter} ({self.names[seat]})"

    def say(self, text: str, style: str = "") -> None:
        """One paragraph."""
        self.console.print(Text(text, style=style, overflow="fold"))

    def help(self) -> None:
        """The rules in short."""
        self.say(f"\n{HELP}\n")

    def offer(self, offer: Offer) -> None:
        """A round before its orders."""
        self.console.print()
        self.console.rule(
            Text(f"Round {offer.round} of {N_ROUNDS}", style="bold"), characters="-", style="dim"
        )
        self.say(f"Event: {offer.event_words}", "bold" if offer.event else "")
        shown = ", ".join(_card(offer.event, rank) for rank in offer.hints)
        self.say(f"Cards shown: {shown or 'none'} ({len(offer.hints)} of 3)")
        self.say(
            f"You buy at {offer.ask:.2f}, depth {_depth(offer.displayed_ask, offer.ask_capped)}"
        )
        self.say(
            f"You sell at {offer.bid:.2f}, depth {_depth(offer.displayed_bid, offer.bid_capped)}"
        )
        self.say(f"Mid {offer.mid:.2f}, spread {offer.spread:.2f}")
        for seat in self.people:
            whose = "Your bankroll" if len(self.people) == 1 else f"{self.name(seat)}'s bankroll"
            self.say(f"{whose}: {offer.wealth[seat]:.2f}")
            self.say(f"Orders: {_valid_words(offer.valid_actions[seat])}")

    def round(self, record: RoundRecord) -> None:
        """What a round came to, with the optimum's order and why money was won or lost."""
        self.console.print()
        cards = ", ".join(_card(record.event, rank) for rank in record.cards)
        self.say(f"The cards: {cards}. Sum S = {record.S:.0f}", "bold")
        self.say(f"Fair value: {record.mu:.2f}, give or take {record.sigma:.2f}")
        self.say(f"True depth: ask {record.depth_ask:.1f}, bid {record.depth_bid:.1f}", "dim")
        for seat, order in enumerate(record.orders):
            self._order(seat, order)
        for seat in self.people:
            if len(self.people) > 1:
                self.say(f"\nTo {self.name(seat)}:", "bold")
            self._optimum(record.orders[seat])
            self.say(f"Why: {explain(record, seat)}")

    def end(self, seat: int, score: Score, others: Sequence[tuple[str, Totals]]) -> None:
        """A seat's game in figures; `others`: what policies would have earned in its place."""
        own, console = score.totals, self.console
        console.print()
        console.rule(
            Text(f"{self.name(seat)}: {rounds_words(own.rounds)}", style="bold"),
            characters="-",
            style="dim",
        )
        grid = _grid()
        grid.add_row("P&L", _money(own.pnl), f"bankroll {own.wealth:.2f}")
        grid.add_row("luck", _money(own.luck), "what the cards gave beyond their average")
        grid.add_row("skill", _money(own.expected_pnl), "what your orders were worth on average")
        grid.add_row("slippage", _money(-own.slippage_cost), "of it: lost to size beyond the depth")
        grid.add_row("missed", _money(own.missed), "the best orders were worth that much more")
        console.print(grid)
        self.say(f"Orders executed: {own.trades}, passes: {own.rounds - own.trades}")
        self.say(_score_words(score, len(self.names)), "bold")
        if others:
            self.say("In the same place, on the same cards:")
            grid = _grid()
            for name, totals in others:
                grid.add_row(
                    name, _money(totals.pnl), Text(f"of it skill {totals.expected_pnl:+.2f}")
                )
            console.print(grid)

    def standings(self, totals: Sequence[Totals]) -> None:
        """Everybody's P&L, where there is more than one."""
        grid = _grid()
        for seat, own in enumerate(totals):
            grid.add_row(
                self.name(seat),
                _money(own.pnl),
                f"luck {own.luck:+.2f}, skill {own.expected_pnl:+.2f}",
            )
        self.console.print()
        self.console.print(grid)

    def _order(self, seat: int, order: OrderRecord) -> None:
        name = self.name(seat)
        if order.size == 0:
            refused = f" ({action_words(order.requested)} was refused)" if order.rejected else ""
            self.say(f"{name} passed{refused}.")
            return
        verb = "bought" if order.side == "buy" else "sold"
        line = Text(f"{name} {verb} {order.size} at {order.exec_price:.2f}: P&L ", overflow="fold")
        self.console.print(line.append(_money(order.pnl)))
        if seat in self.people:
            fill, slippage = f"{100 * order.fill_ratio:.0f}%", f"{order.slippage:.2f}"
            self.say(f"  slippage {slippage} a unit, depth took {fill}", "dim")
            self.say(f"  bankroll {order.wealth_after:.2f}", "dim")

    def _optimum(self, order: OrderRecord) -> None:
        own = "" if order.size == 0 else f"; yours: {order.value:+.2f}"
        best = f"{mix_words(order.benchmark)}{_worth(order.benchmark_value)}"
        if len(self.names) == 1:
            self.say(f"The optimum: {best}{own}")
            return
        self.say(f"The equilibrium: {best}{' to each' if order.benchmark_value else ''}")
        reply = f"{action_words(order.best_reply)}{_worth(order.best_reply_value)}"
        self.say(f"Best reply to the real orders: {reply}{own}")


def rounds_words(n: int) -> str:
    """ "1 round", "3 rounds"."""
    return f"{n} round{'' if n == 1 else 's'}"


def _worth(points: float) -> str:
    """Of a benchmark's order; passing is worth nothing and needs no word."""
    return f", worth {points:+.2f}" if points else ""


def _card(event: int, rank: int) -> str:
    value = card_value(event, rank)
    return card_name(rank) if value == rank else f"{card_name(rank)} (counts {value})"


def _depth(depth: float, capped: bool) -> str:
    return f"{depth:g} or more" if capped else f"{depth:.1f}"


def _valid_words(actions: Sequence[int]) -> str:
    """ "0 pass, 1-10 buy 1-10, 11-14 sell 1-4"."""
    buys = [a for a in actions if PASS < a <= MAX_SIZE]
    sells = [a for a in actions if a > MAX_SIZE]
    said = ["0 pass"]
    if buys:
        said.append(f"1-{buys[-1]} buy" if buys[-1] > 1 else "1 buy")
    if sells:
        last = sells[-1] - MAX_SIZE
        said.append(f"11-{sells[-1]} sell 1-{last}" if last > 1 else "11 sell 1")
    return ", ".join(said)


def _money(points: float) -> Text:
    shown = points if abs(points) >= 0.005 else 0.0
    return Text(f"{shown:+.2f}", style="green" if shown > 0 else "red" if shown < 0 else "")


def _score_words(score: Score, n_players: int) -> str:
    yardstick = "the optimum" if n_players == 1 else "the equilibrium"
    own, best = score.totals.expected_pnl, score.benchmark.expected_pnl
    if score.score is None:
        return (
            f"No score: {yardstick} earned {best:+.2f} on these cards, too little to compare with."
        )
    shown = f"{score.score:.2f}" if abs(score.score) < 10 else f"{score.score:.0f}"
    return f"Score {shown}: your skill {own:+.2f} over {yardstick}'s {best:+.2f} (1 perfect, 0 passing)"


def _grid() -> Grid:
    grid = Grid.grid(padding=(0, 2, 0, 0))
    grid.add_column(overflow="fold")
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(overflow="fold")
    return grid
