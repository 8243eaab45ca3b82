// What everybody holds before a round, as words and as a bar from the most that may be owed to the most that may be held.

import { el, plural, points } from "./dom.js";

export function holdings(game, round) {
  return el(
    "div",
    { class: "holdings" },
    game.seats.map((seat, i) => [
      el("p", {}, `${seat.name}: ${holdingWords(round, i)}`),
      bar(round.inventory[i], round.inventory_limit),
    ]),
  );
}

export function holdingWords(round, seat) {
  const held = round.inventory[seat];
  if (held === 0) return `no units held, of at most ${round.inventory_limit}.`;
  const words = `${plural(Math.abs(held), "unit")} ${held > 0 ? "held" : "owed"}, of at most ${round.inventory_limit}`;
  return `${words}, marked at ${points(round.mark)}.`;
}

function bar(held, limit) {
  const width = (100 * Math.min(Math.abs(held), limit)) / limit;
  return el(
    "svg",
    { class: "inventory", viewBox: "0 0 200 14", preserveAspectRatio: "none", "aria-hidden": "true" },
    el("rect", { class: "trough", x: 0, y: 2, width: 200, height: 10, rx: 2 }),
    el("rect", { class: "held", x: held < 0 ? 100 - width : 100, y: 2, width, height: 10 }),
    el("line", { class: "nothing", x1: 100, x2: 100, y1: 0, y2: 14 }),
  );
}
