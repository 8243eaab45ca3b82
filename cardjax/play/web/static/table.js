// What lies on the table: event, deck, cards, quotes with their depths; before the orders and after.

import { beliefChart, lastRound } from "./belief.js";
import { el, plural, points, units } from "./dom.js";
import { holdings } from "./inventory.js";

const RANK_WORDS = { 11: "jack", 12: "queen", 13: "king", 14: "ace" };

// `round` is an offer, or a record, which knows the truth behind its offer.
export function felt(game, round, { title, level = "h2", extra = null } = {}) {
  const settled = round.S !== undefined;
  return el(
    "section",
    { class: "felt", "aria-label": "The market" },
    el(
      "div",
      { class: "felt-head" },
      el(level, {}, title ?? `Round ${round.round} of ${game.n_rounds}`),
      pips(game, round.round),
    ),
    el(
      "p",
      { class: "event" },
      round.event === 0 || round.belief
        ? `${round.event_words}.`
        : ["Event: ", el("b", {}, round.event_words)],
    ),
    round.belief ? past(round.belief) : deck(round),
    cards(round, settled),
    settled && sum(round),
    el("div", { class: "quotes" }, quote(game, round, "bid"), quote(game, round, "ask")),
    round.inventory && holdings(game, round),
    extra,
  );
}

function past(belief) {
  const last = lastRound(belief);
  return [last && el("p", { class: "last-round" }, last), beliefChart(belief)];
}

export function pips(game, now) {
  return el(
    "ol",
    { class: "pips", "aria-hidden": "true" },
    [...Array(game.n_rounds).keys()].map((t) => el("li", { class: t + 1 === now ? "now" : t + 1 < now ? "done" : "" })),
  );
}

export function deck(round) {
  return el(
    "ul",
    { class: "deck", "aria-label": "Ranks in the deck" },
    round.deck.map(({ rank, name, value, eligible }) => {
      const remapped = eligible && value !== rank;
      const said = !eligible ? `${name} not in the deck` : remapped ? `${name} counts as ${value}` : name;
      return el(
        "li",
        { class: !eligible ? "out" : remapped ? "remapped" : "" },
        el("span", { "aria-hidden": "true" }, remapped ? `${name}→${value}` : name),
        el("span", { class: "visually-hidden" }, said),
      );
    }),
  );
}

export function cards(round, settled) {
  const ranks = settled ? round.cards : round.hints;
  return el(
    "ol",
    { class: "cards", "aria-label": "Cards" },
    [0, 1, 2].map((k) =>
      k < ranks.length
        ? faceUp(round.deck[ranks[k] - 2], settled && k >= round.hints.length, !round.belief)
        : faceDown(),
    ),
  );
}

// `told` says whether it is known what the card counts for.
function faceUp({ rank, name, value }, fresh, told) {
  const counts = value === rank ? plural(value, "point") : `counts as ${value}`;
  const words = [RANK_WORDS[rank] ?? name, told && counts, fresh && "was hidden"].filter(Boolean).join(", ");
  return el(
    "li",
    { class: `card ${value === rank ? "" : "revalued"} ${fresh ? "fresh" : ""}` },
    el("span", { class: "visually-hidden" }, words),
    el("span", { class: "corner", "aria-hidden": "true" }, name),
    el("span", { class: "rank", "aria-hidden": "true" }, name),
    told && el("span", { class: "points", "aria-hidden": "true" }, value === rank ? counts : `= ${value}`),
  );
}

function faceDown() {
  return el(
    "li",
    { class: "card down" },
    el("span", { class: "visually-hidden" }, "hidden card"),
    el("span", { class: "rank", "aria-hidden": "true" }, "?"),
  );
}

function sum(record) {
  if (record.belief) return publicSum(record);
  const values = record.cards.map((rank) => record.deck[rank - 2].value);
  return el(
    "p",
    { class: "sum" },
    `${values.join(" + ")} = `,
    el("b", {}, points(record.S, 0)),
    `; the fair value was ${points(record.mu)}, give or take ${points(record.sigma)}`,
  );
}

// Under a hidden event the sum is known, but not what each card counts for.
function publicSum(record) {
  const own = record.cards.reduce((total, rank) => total + rank, 0);
  return el(
    "p",
    { class: "sum" },
    "The sum is ",
    el("b", {}, points(record.S, 0)),
    own !== record.S && `, not ${own}: one of the ranks counts for something else`,
    `; the mean given all that was public was ${points(record.mu)}, give or take ${points(record.sigma)}`,
  );
}

function quote(game, round, side) {
  const who = game.seats[0].human ? "You" : "Players";
  const action = side === "bid" ? "sell" : "buy";
  return el(
    "div",
    { class: "quote" },
    el("h3", {}, `${who} ${action} at`, el("span", {}, side === "bid" ? "bid" : "ask")),
    el("div", { class: "price" }, points(round[side])),
    game.impact && depth(game, round, side, action), // without impact, depth means nothing
  );
}

function depth(game, round, side, action) {
  const shown = round[`displayed_${side}`],
    truth = round[`depth_${side}`];
  const taken = round.orders
    ?.filter((order) => order.side === action)
    .reduce((total, order) => total + order.size, 0);
  const capped = round[`${side}_capped`];
  const known = `${capped && truth === undefined ? "at least " : ""}${units(truth ?? shown)} units`;
  const hidden = capped && truth !== undefined ? `, of which ${units(shown)} were shown` : "";
  const words = `Depth: ${known}${hidden}${truth === undefined ? "" : `; players took ${taken}`}.`;
  return [depthBar(game, shown, truth, taken), el("small", {}, words)];
}

function depthBar(game, shown, truth, flow) {
  const most = Math.max(game.depth_max, 10 * game.n_players);
  const w = (units) => 200 * Math.min(1, units / most);
  const bar = el(
    "svg",
    { class: "depth", viewBox: "0 0 200 14", preserveAspectRatio: "none", "aria-hidden": "true" },
    el("rect", { class: "trough", x: 0, y: 2, width: 200, height: 10, rx: 2 }),
    el("rect", { class: "shown", x: 0, y: 2, width: w(shown), height: 10, rx: 2 }),
  );
  if (truth !== undefined) {
    bar.append(el("rect", { class: "hidden", x: 1, y: 2, width: Math.max(w(truth) - 2, 1), height: 10, rx: 2 }));
    if (flow) bar.append(el("line", { class: "taken", x1: w(flow), x2: w(flow), y1: 0, y2: 14 }));
  }
  return bar;
}

// A round's number in a table of rounds: a button where rounds can be picked.
export function roundNumber(round, onpick) {
  if (!onpick) return String(round);
  return el(
    "button",
    { type: "button", class: "quiet", onclick: () => onpick(round), "aria-label": `Show round ${round}` },
    String(round),
  );
}
