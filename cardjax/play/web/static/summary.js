// A finished game in figures: totals, score, and what others would have earned on the same draws.

import { el, figure, money, playerRow, plural, points, signed, tabular } from "./dom.js";

export function totals(game) {
  if (!game.summary) return el("section", { class: "panel" }, el("p", {}, "No round was played."));
  const { scores, compared } = game.summary;
  const own = scores[0];
  return el(
    "section",
    { class: "panel", "aria-label": "Totals" },
    el("h2", {}, `${game.seats[0].name}: ${plural(game.records.length, "round")}`),
    el(
      "dl",
      { class: "score" },
      figure("P&L", money(own.totals.pnl)),
      figure("Skill", money(own.totals.expected_pnl), "what the orders were worth on average"),
      figure("Luck of the cards", money(own.totals.luck)),
      game.charged && figure("Charge for risk", points(own.totals.risk_charge), "no money, but it is scored"),
      score(own, game.n_players === 1 ? "optimum" : "equilibrium"),
      figure("Missed", points(own.totals.missed), "the best orders were worth that much more"),
      game.impact && figure("Lost to price impact", points(own.totals.slippage_cost), "included in skill"),
    ),
    el("h3", {}, "On the same cards"),
    tabular("Comparison", ["Player", "P&L", "Skill", "Luck", "Orders"], [
      game.seats.map((seat, i) => row(i ? `${seat.name}, the other seat` : seat.name, scores[i].totals, i === 0)),
      compared.map((other) => row(other.name, other, false)),
    ]),
    el(
      "p",
      { class: "muted" },
      "Skill and luck add up to the P&L. Skill counts what the cards pay on average instead of what they paid. One game says little about skill, and hundreds say much.",
    ),
  );
}

// The score, or points where the benchmark earned too little to divide by.
function score(own, benchmark) {
  if (own.benchmark === null) return figure("Score", "–", "nobody is known to be the best in this game");
  const best = own.benchmark.expected_pnl - own.benchmark.risk_charge;
  if (own.score !== null) return figure("Score", points(own.score), `1 is the ${benchmark}, 0 is passing`);
  const apart = own.totals.expected_pnl - own.totals.risk_charge - best;
  const name = apart < 0 ? `Behind the ${benchmark}` : `Ahead of the ${benchmark}`;
  const what = own.benchmark.risk_charge > 0 ? "in skill less charge" : "in skill";
  return figure(name, points(Math.abs(apart)), `${what}, of which it has ${signed(best)}`);
}

function row(name, totals, current) {
  const amounts = [totals.pnl, totals.expected_pnl, totals.luck];
  return playerRow(name, amounts, `${totals.trades} of ${totals.rounds}`, current);
}

// How it ended, in a sentence for the person at the first seat.
export function ending(game) {
  const [own, other] = game.records.at(-1).orders.map((order) => order.wealth_after);
  const said = `The game is over: you have ${points(own, 1)} points`;
  const gain = own - game.initial_wealth;
  if (other === undefined) return `${said}, ${points(Math.abs(gain), 1)} ${gain < 0 ? "less" : "more"} than at the start.`;
  const apart = `${points(Math.abs(own - other), 1)} ${own > other ? "more" : "less"} than`;
  return `${said}, ${Math.abs(own - other) < 0.05 ? "as many as" : apart} ${game.seats[1].name}.`;
}

export function rulesWords(game) {
  const impact = game.impact
    ? `each unit beyond the depth moves the price by ${points(game.alpha)}`
    : "no price impact";
  return `Market ${game.preset}, seed ${game.seed}${game.events ? "" : ", no events"}, ${impact}.`;
}
