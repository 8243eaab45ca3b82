// What could be known of a hidden event, as bars behind a button; and the last round, from which it is inferred.

import { el, points } from "./dom.js";

let open = false; // stays as it was left, from round to round

export function lastRound({ last_cards, last_sum }) {
  return last_cards.length ? `Last round's cards: ${last_cards.join(", ")}. Their sum was ${points(last_sum, 0)}.` : null;
}

export function beliefChart({ kinds, remaps }) {
  const box = el(
    "details",
    {
      class: "belief",
      open,
      ontoggle: () => {
        open = box.open;
      },
    },
    el("summary", {}, "What could be known of the event"),
    el("ul", { "aria-label": "How likely each kind of event was, given all that was public" }, kinds.map(bar)),
    remaps.length > 0 &&
      el(
        "p",
        {},
        "Likeliest of the last kind: ",
        remaps.map(({ words, chance }) => `${words} (${percent(chance)})`).join(", "),
        ".",
      ),
  );
  return box;
}

function bar({ words, chance }) {
  return el(
    "li",
    {},
    el("span", {}, words),
    el(
      "svg",
      { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
      el("rect", { class: "trough", x: 0, y: 1, width: 100, height: 8 }),
      el("rect", { class: "chance", x: 0, y: 1, width: 100 * chance, height: 8 }),
    ),
    el("span", { class: "number" }, percent(chance)),
  );
}

// 0% and 100% are certain.
function percent(chance) {
  if (chance > 0 && chance < 0.005) return "<1%";
  return chance >= 0.995 && chance < 1 ? ">99%" : `${Math.round(100 * chance)}%`;
}
