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
from cardjax.play.explanation import explain
from cardjax.play.public_belief import PublicBelief
from cardjax.play.rounds import Offer, OrderRecord, RoundRecord
from cardjax.play.score import Score, Totals
from cardjax.play.words import (
    KINDS,
    action_words,
    card_name,
    card_value,
    mix_words,
    percent,
    remap_words,
    units_words,
)

HELP = """\
In each round three cards are drawn, and one unit pays their sum: 2 to 10 count as they say, and \
J, Q, K and A count 11, 12, 13 and 14. An event may leave only some ranks in the deck or change \
what a rank counts for. Up to three of the cards are shown.

Buy if you think that the sum will be above the price at which you buy (the ask), and sell if you \
think that it will be below the price at which you sell (the bid). You win or lose the difference \
for every unit. The fair value is the average of the sum, given {known}; it \
is 24 if nothing is known. The prices lie around it with some noise, so an order is worth giving \
only where the noise is larger than half the spread. Everywhere else it is right to pass."""
HIDDEN_HELP = """\
Here nobody is told the event, not even whoever makes the prices. An event often stays from round \
to round, so earlier rounds' cards and sums tell what it may be: a 3 cannot come from a deck of 10 \
and higher, and a sum that is not that of the cards' own values tells that one of them counts for \
something else. b shows what could be known."""
INVENTORY_HELP = """\
Units are not closed at the end of a round: you carry them on, up to {limit} held or owed, until \
you trade the other way. A unit that you hold earns the sum less its mark, which is the average of \
the sum before cards are shown, so on average it earns nothing. But a charge for the risk grows \
with the square of what you hold, round by round: what you take for a good price you must get rid \
of."""
DEPTH_HELP = """\
The depth is how many units trade at these prices, all players taken together. Every unit beyond \
it makes the price worse for all who order on that side. "10 or more" hides how much more."""
KEYS_HELP = """\
0 or p passes, 1 to 10 or b1 to b10 buys, 11 to 20 or s1 to s10 sells. You must be able to pay for \
the worst that can happen. ? shows this help, and q stops the game."""
BAR = 15
"""Letters of the longest bar: with its name and its figure, a line has less than 40."""


HALF_BAR = 10
"""Letters of an inventory's bar to each side of 0."""


class Paper:
    """What words are written on."""

    def __init__(self, console: Console | None = None):
        self.console = console or Console(highlight=False, markup=False, emoji=False)

    def say(self, text: str, style: str = "") -> None:
        """One paragraph."""
        self.console.print(Text(text, style=style, overflow="fold"))

    def heading(self, text: str) -> None:
        """A line with a title in it."""
        self.console.print()
        self.console.rule(Text(text, style="bold"), characters="-", style="dim")


class Screen(Paper):
    """The words of one game, for the people who play it."""

    def __init__(
        self,
        names: Sequence[str],
        people: Sequence[int],
        has_impact: bool,
        console: Console | None = None,
        hides_event: bool = False,
        inventory_limit: int | None = None,
    ):
        """What is said of a game.

        Args:
            names: the participants' names, in seat order.
            people: the seats that are spoken to.
            has_impact: whether orders can move the price; depth is spoken of only then.
            hides_event: whether nobody is told the event.
            inventory_limit: the most units that may be held; None where nothing is carried.
        """
        super().__init__(console)
        self.names, self.people, self.has_impact = tuple(names), tuple(people), has_impact
        self.hides_event, self.inventory_limit = hides_event, inventory_limit

    def name(self, seat: int) -> str:
        """What a seat is called: "You", "Player A", or "The other player (level1)"."""
        if seat in self.people:
            return "You" if len(self.people) == 1 else f"Player {chr(65 + seat)}"
        called = "The other player" if len(self.names) == 2 else f"Player {chr(65 + seat)}"
        return f"{called} ({self.names[seat]})"

    def help(self) -> None:
        """The rules in short."""
        known = "all that is public" if self.hides_event else "the event and the cards shown"
        parts = [
            HELP.format(known=known),
            *([HIDDEN_HELP] if self.hides_event else []),
            *([INVENTORY_HELP.format(limit=self.inventory_limit)] if self.inventory_limit else []),
            *([DEPTH_HELP] if self.has_impact else []),
            KEYS_HELP,
        ]
        self.say("\n" + "\n\n".join(parts) + "\n")

    def offer(self, offer: Offer) -> None:
        """A round before its orders."""
        self.heading(f"Round {offer.round} of {N_ROUNDS}")
        if offer.belief is None:
            self.say(f"Event: {offer.event_words}", "bold" if offer.event else "")
        else:
            self.say(offer.event_words)
            self._last_round(offer.belief)
        shown = ", ".join(card_words(offer.event, rank) for rank in offer.hints)
        self.say(f"Cards shown: {shown or 'none'} ({len(offer.hints)} of 3)")
        buy, sell = f"You buy at {offer.ask:.2f}", f"You sell at {offer.bid:.2f}"
        if self.has_impact:
            buy += f", depth {_depth(offer.displayed_ask, offer.ask_capped)}"
            sell += f", depth {_depth(offer.displayed_bid, offer.bid_capped)}"
        self.say(buy)
        self.say(sell)
        self.say(f"The middle is {offer.mid:.2f}, the spread {offer.spread:.2f}")
        for seat in self.people:
            whose = "Your bankroll" if len(self.people) == 1 else f"{self.name(seat)}'s bankroll"
            self.say(f"{whose}: {offer.wealth[seat]:.2f}")
            self._holding(offer, seat)
            self.say(f"Orders: {_valid_words(offer.valid_actions[seat])}")

    def round(self, record: RoundRecord) -> None:
        """What a round came to, with the optimum's order and why money was won or lost."""
        self.console.print()
        cards = ", ".join(card_words(record.event, rank) for rank in record.cards)
        self.say(f"The cards: {cards}. Their sum is {record.S:.0f}{_revalued(record)}", "bold")
        mean = "Fair value" if record.belief is None else "The mean given all that was public"
        self.say(f"{mean}: {record.mu:.2f}, give or take {record.sigma:.2f}")
        if self.has_impact:
            depth = f"{record.depth_ask:.1f} for buyers, {record.depth_bid:.1f} for sellers"
            self.say(f"True depth: {depth}", "dim")
        for seat, order in enumerate(record.orders):
            self._order(seat, order)
        for seat in self.people:
            if len(self.people) > 1:
                self.say(f"\nTo {self.name(seat)}:", "bold")
            self._optimum(record.orders[seat])
            self.say(f"Why: {explain(record, seat)}")

    def end(self, seat: int, score: Score, others: Sequence[tuple[str, Totals]]) -> None:
        """A seat's game in figures; `others`: what policies would have earned in its place."""
        own = score.totals
        self.heading(f"{self.name(seat)}: {rounds_words(own.rounds)}")
        grid = grid_of_three()
        grid.add_row("P&L", money(own.pnl), f"bankroll {own.wealth:.2f}")
        grid.add_row("luck", money(own.luck), "what the cards gave beyond their average")
        grid.add_row("skill", money(own.expected_pnl), "what your orders were worth on average")
        if self.has_impact:
            lost = "what size beyond the depth cost, which skill includes"
            grid.add_row("slippage", money(-own.slippage_cost), lost)
        if own.risk_charge:
            grid.add_row("charge", money(-own.risk_charge), "for risk; no money, but it is scored")
        grid.add_row("missed", money(own.missed), "how much more the best orders were worth")
        self.console.print(grid)
        self.say(f"Orders executed: {own.trades}, passes: {own.rounds - own.trades}")
        self.say(_score_words(score, len(self.names)), "bold")
        if others:
            self.say("In the same place, on the same cards:")
            grid = grid_of_three()
            for name, totals in others:
                skill = f"of which skill {totals.expected_pnl:+.2f}"
                grid.add_row(name, money(totals.pnl), Text(skill))
            self.console.print(grid)

    def standings(self, totals: Sequence[Totals]) -> None:
        """Everybody's P&L, where there is more than one."""
        grid = grid_of_three()
        for seat, own in enumerate(totals):
            grid.add_row(
                self.name(seat),
                money(own.pnl),
                f"luck {own.luck:+.2f}, skill {own.expected_pnl:+.2f}",
            )
        self.console.print()
        self.console.print(grid)

    def belief(self, belief: PublicBelief) -> None:
        """What could be known of a hidden event, as a bar chart."""
        self.say("\nWhat could be known of the event:")
        width = max(map(len, KINDS))
        for words, chance in zip(KINDS, belief.kinds, strict=True):
            bar = "#" * round(BAR * chance)
            self.say(f"{words:<{width}} {percent(chance):>4} {bar}".rstrip())
        if belief.remaps:
            named = [f"{remap_words(event)} ({percent(p)})" for event, p in belief.remaps]
            self.say(f"Likeliest of the last kind: {', '.join(named)}")
        self.say("")

    def _last_round(self, belief: PublicBelief) -> None:
        if belief.last_cards:
            cards = ", ".join(map(card_name, belief.last_cards))
            self.say(f"Last round's cards: {cards}. Their sum was {belief.last_sum:.0f}")

    def _holding(self, offer: Offer, seat: int) -> None:
        """What a seat holds, as words and as a bar from the most that may be owed to the most that
        may be held.
        """
        if offer.inventory is None or offer.inventory_limit is None or offer.mark is None:
            return
        held, limit = offer.inventory[seat], offer.inventory_limit
        whose = "You" if len(self.people) == 1 else self.name(seat)
        verb = ("hold" if held >= 0 else "owe") + ("" if len(self.people) == 1 else "s")
        marked = f", marked at {offer.mark:.2f}" if held else ""
        self.say(f"{whose} {verb} {units_words(held)} of at most {limit}{marked}")
        self.say(f"{_inventory_bar(held, limit)} {held:+d}" if held else _inventory_bar(0, limit))

    def _order(self, seat: int, order: OrderRecord) -> None:
        name = self.name(seat)
        if order.size == 0:
            refused = f" ({action_words(order.requested)} was refused)" if order.rejected else ""
            self.say(f"{name} passed{refused}.")
            if order.inventory and seat in self.people:
                self._carried(order)
            return
        verb = "bought" if order.side == "buy" else "sold"
        line = Text(f"{name} {verb} {order.size} at {order.exec_price:.2f}: P&L ", overflow="fold")
        self.console.print(line.append(money(order.pnl)))
        if seat in self.people:
            if self.has_impact:
                taken = f"the depth covered {100 * order.fill_ratio:.0f}%"
                self.say(f"  slippage {order.slippage:.2f} per unit; {taken}", "dim")
            if order.inventory is not None:
                self._carried(order)
            self.say(f"  bankroll {order.wealth_after:.2f}", "dim")

    def _carried(self, order: OrderRecord) -> None:
        held = f"holding {order.inventory:+d} is charged {order.risk_charge:.2f}"
        self.say(f"  carried units brought {order.carry_pnl:+.2f}; {held}", "dim")

    def _optimum(self, order: OrderRecord) -> None:
        own = "" if order.size == 0 else f"; yours: {order.value:+.2f}"
        if not order.benchmark:
            reply = f"{action_words(order.best_reply)}{_worth(order.best_reply_value)}"
            self.say(f"The best order for this round alone: {reply}{own}")
            return
        best = f"{mix_words(order.benchmark)}{_worth(order.benchmark_value)}"
        if len(self.names) == 1:
            self.say(f"The optimum: {best}{own}")
            return
        self.say(f"The equilibrium: {best}{' to each' if order.benchmark_value else ''}")
        reply = f"{action_words(order.best_reply)}{_worth(order.best_reply_value)}"
        self.say(f"The best reply to the real orders: {reply}{own}")


def rounds_words(n: int) -> str:
    """ "1 round", "3 rounds"."""
    return f"{n} round{'' if n == 1 else 's'}"


def _worth(points: float) -> str:
    """What a benchmark's order is worth; passing is worth nothing and needs no word."""
    return f", worth {points:+.2f}" if points else ""


def _inventory_bar(held: int, limit: int) -> str:
    """[-----#####|----------]: owed to the left, held to the right."""
    filled = min(HALF_BAR, -(-HALF_BAR * abs(held) // limit))
    empty, half = "-" * HALF_BAR, "#" * filled + "-" * (HALF_BAR - filled)
    return f"[{empty}|{half}]" if held >= 0 else f"[{half[::-1]}|{empty}]"


def card_words(event: int | None, rank: int) -> str:
    """A card, and what it counts for where that is another value than its own."""
    value = rank if event is None else card_value(event, rank)
    return card_name(rank) if value == rank else f"{card_name(rank)} (counts {value})"


def _revalued(record: RoundRecord) -> str:
    """What the sum itself tells of a hidden event."""
    own = sum(record.cards)
    if record.belief is None or own == record.S:
        return ""
    return f", not {own}: one of the ranks counts for something else"


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


def money(points: float) -> Text:
    """An amount with its sign."""
    shown = points if abs(points) >= 0.005 else 0.0
    return Text(f"{shown:+.2f}", style="green" if shown > 0 else "red" if shown < 0 else "")


def _score_words(score: Score, n_players: int) -> str:
    benchmark = "the optimum" if n_players == 1 else "the equilibrium"
    if score.benchmark is None:
        return "No score: nobody is known to be the best in this game"
    own, best = score.totals.payoff, score.benchmark.payoff
    skill = (
        "skill less charge" if score.totals.risk_charge or score.benchmark.risk_charge else "skill"
    )
    if score.score is None:
        apart = (
            f"{abs(own - best):.2f} points {'less' if own < best else 'more'} than {benchmark}'s"
        )
        worth = "" if skill == "skill" else ", less the charge"
        return (
            f"Your orders were worth {own:+.2f}{worth}, which is {apart} {best:+.2f} on these cards"
        )
    skills = f"your {skill} {own:+.2f} divided by {benchmark}'s {best:+.2f}"
    return f"Score {score.score:.2f}: {skills} (1 is {benchmark}, passing scores 0)"


def grid_of_three() -> Grid:
    """A table of a name, a figure and words on it."""
    grid = Grid.grid(padding=(0, 2, 0, 0))
    grid.add_column(overflow="fold")
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(overflow="fold")
    return grid
