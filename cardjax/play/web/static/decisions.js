// A settled round's decisions: what each seat ordered, what it came to, and what the exact optimum would have done.

import { valuesChart } from "./charts.js";
import { el, mixWords, money, orderWords, points, signed, tabular } from "./dom.js";
import { roundNumber } from "./table.js";

export function decisions(game, record) {
  return el(
    "div",
    { class: "decisions" },
    game.seats.map((seat, i) => decision(game, record, i)),
  );
}

export function decision(game, record, i, { chart = true } = {}) {
  const order = record.orders[i],
    seat = game.seats[i];
  const alone = game.n_players === 1;
  const rows = [["P&L", money(order.pnl)]];
  if (game.carries) rows.push(["of which what was carried", signed(order.carry_pnl)]);
  if (order.side !== "pass") {
    rows.push(
      ["of which luck of the cards", signed(order.pnl - order.carry_pnl - order.expected_pnl)],
      ["Price", `${points(order.exec_price)} per unit`],
    );
    if (game.impact)
      rows.push(["Price impact", order.slippage > 0 ? `${points(order.slippage)} per unit` : "none"]);
  }
  rows.push(["Worth beforehand", signed(order.value)]);
  const known = order.benchmark.length > 0; // where units are carried, the optimum may be unknown
  const best = known ? "Best reply" : "Best for this round";
  if (!alone || !known) rows.push([`${best}: ${orderWords(order.best_reply)}`, signed(order.best_reply_value)]);
  if (known)
    rows.push([`${alone ? "Optimum" : "Equilibrium"}: ${mixWords(order.benchmark)}`, signed(order.benchmark_value)]);
  if (game.carries) rows.push(["Holds after", signed(order.inventory, 0)]);
  if (game.charged) rows.push(["Charge for risk, no money", points(order.risk_charge)]);
  rows.push(["Wealth after", points(order.wealth_after, 1)]);
  return el(
    "article",
    { class: `decision ${i ? "" : "first"}` },
    el(
      "h3",
      {},
      seat.name,
      el("span", {}, order.rejected ? `${orderWords(order.requested)}: rejected` : orderWords(order.action)),
    ),
    el(
      "dl",
      {},
      rows.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]),
    ),
    chart && valuesChart(record, i),
  );
}

// All rounds as a table: the text behind the charts.
export function history(game, { cursor = null, onpick = null } = {}) {
  if (!game.records.length) return el("p", { class: "muted" }, "No round has been played yet.");
  const head = ["Round", "Sum", ...game.seats.map((seat) => seat.name), "★ Exact"];
  const row = (record) =>
    el(
      "tr",
      { "aria-current": cursor === record.round ? "true" : false },
      el("th", { scope: "row" }, roundNumber(record.round, onpick)),
      el("td", {}, points(record.S, 0)),
      record.orders.map((order) =>
        el(
          "td",
          {},
          el("span", { class: "number" }, orderWords(order.action)),
          order.side !== "pass" && money(order.pnl, 1),
        ),
      ),
      el("td", {}, record.orders[0].benchmark.length ? mixWords(record.orders[0].benchmark) : "–"),
    );
  const caption = "Orders and P&L of every round";
  return tabular("All rounds", head, game.records.map(row), { kind: "rounds", caption });
}
