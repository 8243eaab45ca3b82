// A maker's game: what it may know, its quote, and what came of it.

import * as api from "./api.js";
import { earnedChart } from "./charts.js";
import { el, points, say, signed } from "./dom.js";
import { field } from "./forms.js";
import { knownWords, lastWords, makerFelt, makerHistory, makerTotals, outcome } from "./maker_look.js";
import { Seat } from "./seat.js";

export class Quoting extends Seat {
  showOffer() {
    const { offer } = this.game;
    this.quotes = quotePanel(this.game, this.choices ?? lastChoices(this.game), () => this.quote());
    const last = lastWords(offer);
    const extra = last && el("p", { class: "last-round" }, last);
    const seen = offer.hints.map((rank) => offer.deck[rank - 2].name).join(", ") || "no card";
    this.showRound(
      makerFelt(this.game, offer, { level: "h1", extra }),
      this.quotes.panel,
      this.quotes.button,
      `Round ${offer.round}. ${offer.event_words}. You see: ${seen}. ${knownWords(offer)} ${last ?? ""}`,
    );
  }

  side() {
    const { game } = this,
      earned = game.records.reduce((total, record) => total + record.pnl, 0),
      mean = game.records.reduce((total, record) => total + record.expected_pnl, 0);
    const total = el("div", {}, el("dt", {}, "P&L"), el("dd", {}, signed(earned), el("small", {}, `${signed(mean)} without luck`)));
    return this.sidePanels("P&L", total, earnedChart(game), makerHistory(game));
  }

  async quote() {
    if (this.phase !== "offer" || this.waiting) return;
    const { button, panel, choices } = this.quotes;
    this.choices = choices();
    await this.settle(button, panel, () => api.quote(this.game.id, this.game.offer.round, this.choices));
  }

  showResult() {
    const { game } = this,
      record = game.records.at(-1);
    const headline = `You ${record.pnl >= 0 ? "won" : "lost"} ${points(Math.abs(record.pnl))} points`;
    const table = makerFelt(game, record, { level: "h1" });
    this.showSettled(table, record.pnl, headline, record.explain, outcome(record));
  }

  showEnd() {
    const { game } = this,
      pnl = game.records.reduce((total, record) => total + record.pnl, 0);
    this.phase = "end";
    const said = `The game is over: you ${pnl >= 0 ? "won" : "lost"} ${points(Math.abs(pnl), 1)} points`;
    this.close(said, makerTotals(game));
    say(`${said}.`);
  }

  key(event) {
    if (!this.ours(event)) return;
    const key = event.key.toLowerCase();
    if (this.phase === "offer" && key === "q") this.quote();
    else if (this.phase === "result" && key === "n") this.next();
    else return;
    event.preventDefault();
  }
}

// What was quoted last, so that it need not be chosen again; before, 3 points with 8 units.
function lastChoices(game) {
  const last = game.records.at(-1);
  if (last) return last.quoted.map((side) => side.choice);
  const start = game.offsets.indexOf(3) * game.depths.length + game.depths.indexOf(8);
  return [start, start];
}

// An offset and a depth for each side, the prices that they make, and the button that quotes.
function quotePanel(game, [ask, bid], onquote) {
  const { offer, offsets, depths } = game;
  const select = (name, label, values, place) => {
    const input = el(
      "select",
      { name },
      values.map((value, i) => el("option", { value: i, selected: i === place }, String(value))),
    );
    input.addEventListener("change", () => follow(name));
    return { input, box: field(label, input) };
  };
  const side = (name, choice) => ({
    offset: select(`${name}_offset`, "Offset, points", offsets, Math.floor(choice / depths.length)),
    depth: select(`${name}_depth`, "Depth, units", depths, choice % depths.length),
    price: el("output", { class: "price" }),
  });
  const sides = { ask: side("ask", ask), bid: side("bid", bid) };
  const same = el("input", { type: "checkbox", name: "same", checked: ask === bid, onchange: () => follow("ask_offset") });
  // With both sides alike, whichever is changed takes the other along.
  const follow = (name) => {
    const [from, to] = name.startsWith("bid") ? ["bid", "ask"] : ["ask", "bid"];
    if (same.checked) for (const what of ["offset", "depth"]) sides[to][what].input.value = sides[from][what].input.value;
    tell();
  };
  const tell = () => {
    sides.ask.price.textContent = points(offer.mu + offsets[sides.ask.offset.input.value]);
    sides.bid.price.textContent = points(offer.mu - offsets[sides.bid.offset.input.value]);
  };
  const choices = () =>
    [sides.ask, sides.bid].map(({ offset, depth }) => Number(offset.input.value) * depths.length + Number(depth.input.value));
  const button = el(
    "button",
    { type: "submit", class: "primary", "aria-keyshortcuts": "q" },
    "Quote",
    el("kbd", { "aria-hidden": "true" }, "Q"),
  );
  const fields = ([name, words]) =>
    el(
      "fieldset",
      { class: "quoting" },
      el("legend", {}, words, " ", sides[name].price),
      el("div", { class: "pair" }, sides[name].offset.box, sides[name].depth.box),
    );
  const panel = el(
    "form",
    { class: "panel fields order", "aria-label": "Your quote" },
    [
      ["bid", "Others sell to you at (bid)"],
      ["ask", "Others buy from you at (ask)"],
    ].map(fields),
    el("label", { class: "check" }, same, "Both sides alike"),
    el("div", { class: "row" }, button),
  );
  panel.addEventListener("submit", (event) => {
    event.preventDefault();
    onquote();
  });
  tell();
  return { panel, button, choices };
}
