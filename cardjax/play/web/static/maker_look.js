// How a maker's game looks: the table before and after its quote, where its money came from, and what other quotes were worth.

import { earnedChart } from "./charts.js";
import { el, figure, money, orderWords, playerRow, plural, points, signed, tabular, units } from "./dom.js";
import { cards, deck, pips, roundNumber } from "./table.js";

const SIDES = ["ask", "bid"];

// `round` is an offer, or a record, which knows the truth behind its offer.
export function makerFelt(game, round, { level = "h2", extra = null } = {}) {
  const settled = round.S !== undefined;
  return el(
    "section",
    { class: "felt", "aria-label": "The market" },
    el("div", { class: "felt-head" }, el(level, {}, `Round ${round.round} of ${game.n_rounds}`), pips(game, round.round)),
    el(
      "p",
      { class: "event" },
      round.event === 0 ? `${round.event_words}.` : ["Event: ", el("b", {}, round.event_words)],
    ),
    deck(round),
    cards(round, settled),
    el("p", { class: "sum" }, settled ? truth(round) : knownWords(round)),
    settled && el("div", { class: "quotes" }, ["bid", "ask"].map((name) => quoteBox(round, name))),
    extra,
  );
}

// What the maker may know before it quotes.
export function knownWords(offer) {
  return `Your mean is ${points(offer.mu)}, give or take ${points(offer.sigma)}; takers see ${offer.takers_see_words}.`;
}

export function lastWords(offer) {
  const { takers_bought, takers_sold, noise_bought, noise_sold } = offer.last;
  if (offer.round === 1) return null;
  return `Last round takers bought ${takers_bought} and sold ${takers_sold}, and noise traders bought ${noise_bought} and sold ${noise_sold}.`;
}

function truth(record) {
  const values = record.cards.map((rank) => record.deck[rank - 2].value);
  return [
    `${values.join(" + ")} = `,
    el("b", {}, points(record.S, 0)),
    `; takers saw ${record.knew}: their mean was ${points(record.takers_mu)}, yours ${points(record.mu)}`,
  ];
}

function quoteBox(record, name) {
  const side = record.quoted[SIDES.indexOf(name)],
    did = name === "ask" ? "bought" : "sold";
  return el(
    "div",
    { class: "quote" },
    el("h3", {}, `Others ${name === "ask" ? "buy" : "sell"} at`, el("span", {}, name)),
    el("div", { class: "price" }, points(side.price)),
    el(
      "small",
      {},
      `Depth: ${plural(side.depth, "unit")}; takers ${did} ${side.takers_units}, noise traders ${side.noise_units}.`,
    ),
  );
}

// Where a round's money came from, and what the quote was worth beside the two yardsticks.
export function outcome(record) {
  const sum = (of) => record.quoted.reduce((total, side) => total + of(side), 0);
  const mean = sum((side) => side.offset * side.noise_expected);
  const rows = [
    [`Noise traders paid (${points(mean)} on average)`, money(sum((side) => side.from_noise))],
    ["Takers paid", money(sum((side) => side.spread + side.impact))],
    ["What takers knew", money(-sum((side) => side.information))],
    ["Luck of the cards", money(sum((side) => side.luck))],
    ["P&L", money(record.pnl)],
  ];
  return el(
    "div",
    { class: "decisions" },
    el(
      "article",
      { class: "decision first" },
      el("h3", {}, "Your round"),
      el("dl", {}, rows.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])),
    ),
    el("article", { class: "decision" }, el("h3", {}, "Takers"), el("dl", {}, record.orders.map(taker))),
    el("article", { class: "decision wide" }, el("h3", {}, "Worth on average"), worths(record)),
  );
}

// Narrow enough for a table: 2.5×8.
const choiceWords = (offset, depth) => `${offset}×${depth}`;

function taker(order, i) {
  const words = order.size ? `${orderWords(order.action)} at ${points(order.exec_price)}` : "pass";
  return [el("dt", {}, `Taker ${i + 1}: ${words}`), el("dd", {}, money(order.pnl))];
}

function worths(record) {
  const own = {
    offset: record.quoted.map((side) => side.offset),
    depth: record.quoted.map((side) => side.depth),
    worth: record.quoted.map((side) => side.worth),
    against: record.against,
  };
  const quotes = [
    ["You", own],
    ["★ Monopolist", record.monopoly],
    ["Zero profit", record.competitive],
  ];
  const known = record.against !== null;
  const row = ([name, quote]) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, name),
      SIDES.map((_, i) => el("td", {}, choiceWords(quote.offset[i], quote.depth[i]))),
      el("td", {}, signed(quote.worth[0] + quote.worth[1])),
      known && el("td", {}, signed(quote.against)),
    );
  const head = ["Quote", "Ask", "Bid", "Worth", ...(known ? ["These takers"] : [])];
  return [
    tabular("Worth of quotes", head, quotes.map(row), {
      caption: "What your quote, the monopolist's and that of zero profit were worth",
    }),
    el("p", { class: "muted" }, "Offset in points × depth in units. Worth is against takers in equilibrium, given what you knew."),
  ];
}

export function makerHistory(game, { cursor = null, onpick = null } = {}) {
  if (!game.records.length) return el("p", { class: "muted" }, "No round has been played yet.");
  const row = (record) =>
    el(
      "tr",
      { "aria-current": cursor === record.round ? "true" : false },
      el("th", { scope: "row" }, roundNumber(record.round, onpick)),
      el("td", {}, points(record.S, 0)),
      record.quoted.map((side) => el("td", {}, choiceWords(side.offset, side.depth))),
      el("td", {}, money(record.pnl, 1)),
      el("td", {}, `${signed(record.worth, 1)} of ${signed(record.monopoly.worth[0] + record.monopoly.worth[1], 1)}`),
    );
  const head = ["Round", "Sum", "Ask", "Bid", "P&L", "Worth"];
  const caption = "Quotes, P&L and worth of every round";
  return tabular("All rounds", head, game.records.map(row), { kind: "rounds", caption });
}

export function makerTotals(game) {
  if (!game.summary) return el("section", { class: "panel" }, el("p", {}, "No round was played."));
  const { score, compared } = game.summary,
    own = score.totals;
  const worth = `your quotes' worth ${signed(own.worth)} of the monopolist's ${signed(score.monopoly)}`;
  return el(
    "section",
    { class: "panel", "aria-label": "Totals" },
    el("h2", {}, `You: ${plural(own.rounds, "round")}`),
    el(
      "dl",
      { class: "score" },
      figure("P&L", money(own.pnl), `${signed(own.expected_pnl)} without luck`),
      figure("Noise traders paid", money(own.from_noise)),
      figure("Takers paid", money(own.paid)),
      figure("What takers knew", money(-own.information)),
      figure("Luck of the cards", money(own.luck)),
      figure(
        "Score",
        score.score === null ? "–" : points(score.score),
        score.score === null ? worth : `${worth}; zero profit's ${signed(score.competitive)}`,
      ),
      figure(
        "Mean offset",
        points(own.offset),
        `the monopolist's ${points(score.monopoly_offset)}, zero profit's ${points(score.competitive_offset)}`,
      ),
      score.markup !== null && figure("Mark-up", points(score.markup), "1 is the monopolist, 0 is zero profit"),
    ),
    compared.length > 0 && el("h3", {}, "On the same cards, against the same takers"),
    compared.length > 0 &&
      tabular("Comparison", ["Maker", "P&L", "Without luck", "Worth", "Offset"], [
        row("You", own, true),
        compared.map((other) => row(other.name, other, false)),
      ]),
  );
}

function row(name, totals, current) {
  const amounts = [totals.pnl, totals.expected_pnl, totals.worth];
  return playerRow(name, amounts, units(totals.offset), current);
}

export const makerLook = {
  stage: (game, record) => [makerFelt(game, record), el("p", { class: "panel" }, record.explain), outcome(record)],
  chart: earnedChart,
  history: makerHistory,
  totals: makerTotals,
  said: (game, record) => `P&L ${signed(record.pnl)}`,
  title: (game) => `${game.maker ?? "The market maker"} against ${plural(game.n_players, "taker")} (${game.takers})`,
};
