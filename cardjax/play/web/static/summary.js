// A finished game in figures: totals, score, and what others would have earned on the same draws.

import { el, money, points, signed } from "./dom.js";

export function totals(game) {
  if (!game.summary) return el("section", { class: "panel" }, el("p", {}, "No round was played."));
  const alone = game.n_players === 1,
    benchmark = alone ? "optimum" : "equilibrium";
  const { scores, compared } = game.summary;
  const own = scores[0];
  const cell = (name, value, small = null) =>
    el("div", {}, el("dt", {}, name), el("dd", {}, value, small && el("small", {}, small)));
  return el(
    "section",
    { class: "panel", "aria-label": "Totals" },
    el("h2", {}, `${game.seats[0].name}: ${game.records.length} rounds`),
    el(
      "dl",
      { class: "score" },
      cell("P&L", money(own.totals.pnl)),
      cell("Without luck", money(own.totals.expected_pnl), "expected P&L"),
      cell("Luck of the cards", money(own.totals.luck)),
      cell(
        "Score",
        own.score === null ? "–" : points(own.score),
        own.score === null ? "nothing to earn" : `1 is the ${benchmark}`,
      ),
      cell("Missed", points(own.totals.missed), "to the best replies"),
      cell("Lost to impact", points(own.totals.slippage_cost)),
    ),
    el("h3", {}, "On the same draws"),
    el(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "Comparison" },
      el(
        "table",
        {},
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            ["Player", "P&L", "Without luck", "Luck", "Orders"].map((name) => el("th", { scope: "col" }, name)),
          ),
        ),
        el(
          "tbody",
          {},
          game.seats.map((seat, i) =>
            row(i && !alone ? `${seat.name}, the other seat` : seat.name, scores[i].totals, i === 0),
          ),
          compared.map((other) =>
            row(`${other.name} instead of ${game.seats[0].human ? "you" : game.seats[0].name}`, other, false),
          ),
          !alone && row("equilibrium at every seat", own.benchmark, false),
        ),
      ),
    ),
    el(
      "p",
      { class: "muted" },
      "Without luck: the posterior mean in place of the sum, so the same on average with less noise. One game of ten rounds says little about skill; hundreds say much.",
    ),
  );
}

function row(name, totals, current) {
  return el(
    "tr",
    { "aria-current": current ? "true" : false },
    el("th", { scope: "row" }, name),
    [totals.pnl, totals.expected_pnl, totals.luck].map((x) => el("td", {}, money(x))),
    el("td", {}, `${totals.trades} of ${totals.rounds}`),
  );
}

// How it ended, in a sentence for the person at the first seat.
export function ending(game) {
  const [own, other] = game.records.at(-1).orders.map((order) => order.wealth_after);
  const said = `The game is over: you have ${points(own, 1)} points`;
  if (other === undefined) return `${said}, ${signed(own - game.initial_wealth, 1)}.`;
  const apart = `${points(Math.abs(own - other), 1)} ${own > other ? "more than" : "behind"}`;
  return `${said}, ${Math.abs(own - other) < 0.05 ? "as many as" : apart} ${game.seats[1].name}.`;
}

export function rulesWords(game) {
  const impact = game.impact ? `impact ${points(game.alpha)} a unit` : "no impact";
  return `Seed ${game.seed}, ${game.preset}${game.events ? "" : ", no events"}, ${impact}.`;
}
