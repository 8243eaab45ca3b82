// The order: a size, three trades, and why one of them may be out of reach.

import { el, points } from "./dom.js";

// Size as radio buttons, and the three trades, by name in `trades`; `choose` is what a digit does.
export function orderPanel(offer, hasImpact, wanted, onsize, ontrade) {
  const valid = new Set(offer.valid_actions[0]),
    most = Math.max(...[...valid].map((action) => (action > 10 ? action - 10 : action)), 0);
  const why = el("p", { class: "why", id: "why" });
  const inputs = [...Array(10).keys()].map((k) =>
    el("input", { type: "radio", name: "size", value: k + 1, disabled: k + 1 > most }),
  );
  const trade = (side, key) =>
    el("button", {
      type: "button",
      class: side,
      "aria-keyshortcuts": key,
      "aria-describedby": "why",
      onclick: () => ontrade(side),
    });
  const sell = trade("sell", "s"),
    pass = trade("pass", "p"),
    buy = trade("buy", "b");
  const choose = (size) => {
    if (size > most && most > 0) return;
    onsize(size);
    const chosen = inputs[size - 1];
    if (!chosen.disabled) chosen.checked = true;
    if (inputs.includes(document.activeElement)) chosen.focus(); // a digit moves the focus along
    const may = { buy: valid.has(size), sell: valid.has(10 + size) };
    sell.replaceChildren(`▼ Sell ${size}`, el("small", {}, `at ${points(offer.bid)}`));
    pass.replaceChildren("Pass", el("small", {}, "order nothing"));
    buy.replaceChildren(`▲ Buy ${size}`, el("small", {}, `at ${points(offer.ask)}`));
    [sell.disabled, buy.disabled] = [!may.sell, !may.buy];
    const limit = offer.inventory_limit,
      held = offer.inventory?.[0] ?? 0;
    const beyond = (side) => limit != null && Math.abs(held + (side === "buy" ? size : -size)) > limit;
    const most_held = `${limit} units are the most that you may hold or owe`;
    const refused = [
      !may.buy && beyond("buy") && most_held,
      !may.sell && beyond("sell") && most_held,
      !may.buy && !beyond("buy") && `buying ${size} costs ${points(size * offer.ask, 1)} points`,
      !may.sell && !beyond("sell") && `selling ${size} may cost you ${points(size * (offer.s_max - offer.bid), 1)} points`,
    ].filter(Boolean);
    why.textContent = refused.length
      ? `You have ${points(offer.wealth[0], 1)} points${limit != null ? ` and hold ${points(held, 0)} units` : ""}, and ${[...new Set(refused)].join(", ")}.`
      : hasImpact
        ? "If all players together take more units than the market holds, the price gets worse."
        : "You trade at exactly these prices.";
  };
  inputs.forEach((input, k) => input.addEventListener("change", () => choose(k + 1)));
  const panel = el(
    "section",
    { class: "panel order", "aria-label": "Your order" },
    el(
      "fieldset",
      { class: "sizes" },
      el("legend", {}, "Size"),
      inputs.map((input, k) => el("label", {}, input, el("span", {}, String(k + 1)))),
    ),
    el("div", { class: "trades" }, sell, pass, buy),
    why,
  );
  choose(Math.max(1, Math.min(wanted, most)));
  return { panel, choose, trades: { sell, pass, buy } };
}
