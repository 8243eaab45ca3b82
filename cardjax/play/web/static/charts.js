// Inline SVG: wealth over the rounds, and what every order was worth. Drawn at the width there is.

import { el, orderWords, points, signed } from "./dom.js";

// A box that draws itself again when its width changes.
export function fitted(draw, label) {
  const box = el("div", { class: "fitted" });
  let drawn = 0;
  new ResizeObserver(() => {
    const width = Math.max(260, Math.floor(box.clientWidth));
    if (width !== drawn) {
      drawn = width;
      const svg = draw(width);
      svg.setAttribute("role", "img");
      svg.setAttribute("aria-label", label);
      box.replaceChildren(svg);
    }
  }).observe(box);
  return box;
}

const MARKS = [
  (x, y) => el("circle", { class: "mark", cx: x, cy: y, r: 4.5 }),
  (x, y) => el("rect", { class: "mark", x: x - 4.5, y: y - 4.5, width: 9, height: 9 }),
  (x, y) => el("path", { class: "mark", d: `M${x} ${y - 6}l6 10h-12z` }),
];

export function wealthChart(game, cursor = null) {
  const lines = game.seats.map((seat, i) => ({
    name: seat.name,
    wealth: [game.initial_wealth, ...game.records.map((record) => record.orders[i].wealth_after)],
  }));
  return linesChart("Wealth", lines, game, cursor);
}

// The P&L of a maker, with the luck of the cards and of the noise traders and without it.
export function earnedChart(game, cursor = null) {
  const summed = (of) => game.records.reduce((sums, record) => [...sums, sums.at(-1) + of(record)], [0]);
  const lines = [
    { name: "you", wealth: summed((record) => record.pnl) },
    { name: "without luck", wealth: summed((record) => record.expected_pnl) },
  ];
  return linesChart("P&L", lines, game, cursor);
}

function linesChart(what, lines, game, cursor) {
  const said = lines.map(({ name, wealth }) => `${name} ${points(wealth.at(-1), 1)}`).join(", ");
  const label = `${what} after ${game.records.length} rounds: ${said}.`;
  return el(
    "figure",
    {},
    fitted((width) => drawWealth(lines, game.n_rounds, cursor, width), label),
    key(what, lines),
  );
}

function key(what, lines) {
  const signs = ["●", "■", "▲"];
  return el(
    "figcaption",
    {},
    `${what} in points. `,
    lines.map(({ name, wealth }, i) =>
      el(
        "span",
        {},
        `${signs[Math.min(i, 2)]} ${i ? "dashed" : "solid"}: ${name} ${points(wealth.at(-1), 1)}${i < lines.length - 1 ? ", " : ""} `,
      ),
    ),
  );
}

function drawWealth(lines, rounds, cursor, width) {
  const height = 200,
    left = 44,
    right = 14,
    top = 12,
    bottom = 26;
  const all = lines.flatMap(({ wealth }) => wealth);
  const step = niceStep(Math.max(Math.max(...all) - Math.min(...all), 8) / 4);
  const low = Math.floor(Math.min(...all) / step - 0.2) * step,
    high = Math.ceil(Math.max(...all) / step + 0.2) * step;
  const x = (t) => left + (t / rounds) * (width - left - right);
  const y = (w) => top + ((high - w) / (high - low)) * (height - top - bottom);
  const svg = el("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, height });
  for (let w = low; w <= high + step / 2; w += step) {
    svg.append(
      el("line", { class: "grid", x1: left, x2: width - right, y1: y(w), y2: y(w) }),
      el("text", { x: left - 6, y: y(w) + 4, "text-anchor": "end" }, String(Math.round(w * 10) / 10).replace("-", "−")),
    );
  }
  for (let t = 0; t <= rounds; t += rounds > 5 && width < 300 ? 2 : 1) {
    svg.append(el("text", { x: x(t), y: height - 8, "text-anchor": "middle" }, String(t)));
  }
  if (cursor !== null)
    svg.append(el("line", { class: "cursor", x1: x(cursor), x2: x(cursor), y1: top, y2: height - bottom }));
  [...lines.entries()].reverse().forEach(([i, { wealth }]) => {
    const group = el("g", { class: i ? "other" : "you" });
    group.append(el("path", { class: "line", d: `M${wealth.map((w, t) => `${x(t)} ${y(w)}`).join("L")}` }));
    wealth.forEach((w, t) => group.append(MARKS[Math.min(i, 2)](x(t), y(w))));
    svg.append(group);
  });
  return svg;
}

function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * [1, 2, 5, 10].find((m) => m * power >= rough);
}

// What all 21 orders of one seat were worth on average, sells on the left, with its own order and the best one flagged.
export function valuesChart(record, seat) {
  const order = record.orders[seat];
  const label =
    `What each order was worth on average: ${orderWords(order.action)}, the one given, ${signed(order.value)} points; ` +
    `${orderWords(order.best_reply)}, the best, ${signed(order.best_reply_value)} points.`;
  return el(
    "figure",
    {},
    fitted((width) => drawValues(order, record.valid_actions[seat], seat, width), label),
    el(
      "figcaption",
      {},
      "What every order was worth on average: ▲ given, ★ best. Torn bars go on below; dashed ones could not be afforded.",
    ),
  );
}

function drawValues(order, valid, seat, width) {
  const height = 176,
    left = 40,
    right = 6,
    top = 24,
    bottom = 40;
  const actions = [...Array(10).keys()]
    .map((k) => 20 - k)
    .concat(
      0,
      [...Array(10).keys()].map((k) => k + 1),
    );
  const best = Math.max(order.best_reply_value, 0.2);
  const high = best * 1.1,
    low = -Math.max(best * 1.2, 2);
  const slot = (width - left - right) / actions.length;
  const x = (k) => left + k * slot;
  const y = (v) => top + ((high - v) / (high - low)) * (height - top - bottom);
  const svg = el("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, height });
  for (const v of [high / 1.1, 0, low].filter((v) => v <= 0 || y(0) - y(v) > 14)) {
    svg.append(el("text", { x: left - 6, y: y(v) + 4, "text-anchor": "end" }, points(v, 1)));
  }
  actions.forEach((action, k) => {
    const value = order.action_values[action],
      shown = Math.max(low, Math.min(high, value));
    const role = action === order.action ? (seat ? "second" : "mine") : action === order.best_reply ? "best" : "";
    const box = {
      x: x(k) + slot * 0.12,
      width: slot * 0.76,
      y: Math.min(y(0), y(shown)),
      height: Math.max(Math.abs(y(shown) - y(0)), 1.5),
    };
    svg.append(
      el(
        "rect",
        { class: `bar ${role} ${valid.includes(action) ? "" : "invalid"}`, ...box },
        el("title", {}, `${orderWords(action)}: ${signed(value)}`),
      ),
    );
    if (value < low)
      svg.append(el("line", { class: "tear", x1: x(k), x2: x(k) + slot, y1: y(low) - 5, y2: y(low) - 8 }));
    if (action === order.best_reply)
      svg.append(
        el("text", { class: "flag", x: x(k) + slot / 2, y: y(Math.max(shown, 0)) - 5, "text-anchor": "middle" }, "★"),
      );
    if (action === order.action)
      svg.append(
        el("text", { class: "flag", x: x(k) + slot / 2, y: height - bottom + 20, "text-anchor": "middle" }, "▲"),
      );
  });
  svg.append(el("line", { class: "zero", x1: left, x2: width - right, y1: y(0), y2: y(0) }));
  for (const [k, text] of [
    [0, "sell 10"],
    [5, "5"],
    [10, "pass"],
    [15, "5"],
    [20, "buy 10"],
  ]) {
    const anchor = k === 0 ? "start" : k === 20 ? "end" : "middle";
    const at = k === 0 ? x(0) : k === 20 ? width - right : x(k) + slot / 2;
    svg.append(el("text", { x: at, y: height - 4, "text-anchor": anchor }, text));
  }
  return svg;
}
