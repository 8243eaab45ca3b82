// Playing: a form, then round after round an offer and what came of it, then the totals.

import * as api from "./api.js";
import { lastRound } from "./belief.js";
import { wealthChart } from "./charts.js";
import { decisions, history } from "./decisions.js";
import { $, el, notice, orderWords, points, say, signed } from "./dom.js";
import { holdingWords } from "./inventory.js";
import { Quoting } from "./maker.js";
import { orderPanel } from "./order.js";
import { Seat, kept } from "./seat.js";
import { startView } from "./start.js";
import { ending, totals } from "./summary.js";
import { felt } from "./table.js";

export async function playView(root, options, leaving) {
  const last = kept.read();
  if (!last?.id) return begin(root, options, leaving);
  let game = last,
    lost = false;
  try {
    game = await api.game(last.id);
  } catch (error) {
    notice(error.message);
    lost = true;
  }
  if (!leaving.aborted) take(root, options, leaving, game, lost);
}

function begin(root, options, leaving) {
  startView(root, options, (game) => {
    if (!leaving.aborted) take(root, options, leaving, game);
  });
}

// The seat that the game is about.
function take(root, options, leaving, game, lost = false) {
  const role = game.role === "maker" ? Quoting : Taking;
  new role(root, options, leaving, game, () => begin(root, options, leaving), lost).open();
}

// A taker's game: an offer, an order, and what came of it.
class Taking extends Seat {
  size = 1;
  fair = false;

  // A help that can be worked out from the event and the shown cards, or where it is hidden, from all that is public; off
  // until asked for.
  fairValue(offer) {
    const text = el("output", { for: "fair" });
    const tell = () => {
      text.textContent = this.fair ? `${points(offer.mu)}, give or take ${points(offer.sigma)}` : "";
    };
    const box = el("input", {
      type: "checkbox",
      id: "fair",
      checked: this.fair,
      onchange: () => {
        this.fair = box.checked;
        tell();
      },
    });
    tell();
    return el("p", { class: "fair" }, el("label", { class: "check" }, box, "Show the fair value"), " ", text);
  }

  showOffer() {
    const { game } = this,
      offer = game.offer;
    this.order = orderPanel(
      offer,
      game.impact,
      this.size,
      (size) => {
        this.size = size;
      },
      (side) => this.trade(side),
    );
    const { panel } = this.order;
    const hints = offer.hints.map((rank) => offer.deck[rank - 2].name).join(", ") || "no card";
    const past = (offer.belief && lastRound(offer.belief)) ?? "";
    this.showRound(
      felt(game, offer, { level: "h1", extra: this.fairValue(offer) }),
      panel,
      $("input:checked", panel) ?? $(".pass", panel),
      `Round ${offer.round}. ${offer.event_words}. ${past} Shown: ${hints}. Bid ${points(offer.bid)}, ask ${points(offer.ask)}. ${game.carries ? holdingWords(offer, 0) : ""}`,
    );
  }

  side() {
    const { game } = this;
    const rows = game.seats.map((seat, i) => {
      const wealth = game.records.at(-1)?.orders[i].wealth_after ?? game.initial_wealth;
      return el(
        "div",
        {},
        el("dt", {}, seat.name),
        el("dd", {}, points(wealth, 1), el("small", {}, `${signed(wealth - game.initial_wealth, 1)} so far`)),
      );
    });
    return this.sidePanels("Wealth", rows, wealthChart(game), history(game));
  }

  async trade(side) {
    if (this.phase !== "offer" || this.waiting) return;
    const action = side === "pass" ? 0 : side === "buy" ? this.size : 10 + this.size;
    if (!this.game.offer.valid_actions[0].includes(action)) {
      say(`${orderWords(action)} is more than you can afford${this.game.carries ? " or may hold" : ""}.`);
      return;
    }
    const { panel, trades } = this.order;
    await this.settle(trades[side], panel, () => api.order(this.game.id, this.game.offer.round, action));
  }

  showResult() {
    const { game } = this,
      record = game.records.at(-1),
      own = record.orders[0];
    const won = own.pnl > 0 ? "won" : "lost";
    const came = own.pnl === 0 ? "broke even" : `${won} ${points(Math.abs(own.pnl))} points`;
    const done = `You ${own.side === "buy" ? "bought" : "sold"} ${own.size} and ${came}`;
    const headline = own.side === "pass" ? "You passed" : done;
    const table = felt(game, record, { level: "h1" });
    this.showSettled(table, own.pnl, headline, record.explain[0], decisions(game, record));
  }

  showEnd() {
    const { game } = this;
    this.phase = "end";
    this.close(ending(game), totals(game));
    say(`The game is over. Your P&L is ${signed(game.summary?.scores[0].totals.pnl ?? 0)} points.`);
  }

  key(event) {
    if (!this.ours(event)) return;
    const key = event.key.toLowerCase();
    if (this.phase === "offer" && /^[0-9]$/.test(key)) this.order.choose(key === "0" ? 10 : Number(key));
    else if (this.phase === "offer" && key in { b: 1, s: 1, p: 1 }) this.trade({ b: "buy", s: "sell", p: "pass" }[key]);
    else if (this.phase === "result" && key === "n") this.next();
    else return;
    event.preventDefault();
  }
}
