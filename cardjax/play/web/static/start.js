// The form of a new game, and what the game is about.

import * as api from "./api.js";
import { $, el, notice } from "./dom.js";
import {
  busy,
  makerPresets,
  marketFields,
  marketValues,
  modeChoice,
  nameModes,
  playerChoice,
  roleChoice,
  takerPresets,
} from "./forms.js";

// `onstart` gets the game that was dealt.
export function startView(root, options, onstart) {
  const opponent = el("div", {}),
    presets = el("div", {});
  const chosen = (name) => $(`[name=${name}]:checked`, form).value;
  const rival = (players) => players.find((player) => player.served)?.name ?? "equilibrium";
  const choose = () => {
    const makes = chosen("role") === "maker";
    nameModes(form, makes);
    const players = (makes ? options.maker : options).players[chosen("mode")];
    const asked = makes || chosen("mode") === "two";
    opponent.replaceChildren(
      ...(asked ? [playerChoice("opponent", makes ? "Takers" : "Opponent", players, rival(players))] : []),
    );
  };
  const chooseRole = () => {
    presets.replaceChildren(chosen("role") === "maker" ? makerPresets(options) : takerPresets(options));
    choose();
  };
  const start = el("button", { class: "primary" }, "Deal the cards");
  const form = el(
    "form",
    { class: "panel fields" },
    roleChoice(() => chooseRole()),
    modeChoice(() => choose()),
    opponent,
    marketFields(options, presets),
    el("div", { class: "row" }, start),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    notice(null);
    const setup = { ...marketValues(form), role: chosen("role") };
    if (setup.role === "maker" || setup.mode === "two") setup.opponent = $("[name=opponent]", form).value;
    try {
      const game = await busy(start, "Dealing …", () => api.newGame(setup));
      onstart(game);
    } catch (error) {
      notice(error.message);
    }
  });
  chooseRole();
  root.replaceChildren(
    el(
      "div",
      { class: "setup" },
      el(
        "section",
        { class: "felt intro", "aria-label": "The game" },
        el("h1", {}, "What are three cards worth?"),
        el(
          "p",
          {},
          "Three cards are dealt, some of them are shown, and a market maker names a price for their sum. Buy, sell or pass, ten times.",
        ),
        el(
          "p",
          {},
          "The price is noisy, so that one side is often a bargain. But only so many units trade at it, some of them hidden, and what all players take beyond them makes the price worse for everybody.",
        ),
        el(
          "p",
          {},
          "Or be the market maker: name both prices, knowing less than those who trade at them.",
        ),
        el(
          "p",
          {},
          "After each round you see what luck did, what your order was worth, and what the exact best order would have been.",
        ),
        introCards(),
      ),
      form,
    ),
  );
}

function introCards() {
  const card = (name, down) =>
    el(
      "li",
      { class: `card ${down ? "down" : ""}` },
      !down && el("span", { class: "corner" }, name),
      el("span", { class: "rank" }, down ? "?" : name),
    );
  return el("ol", { class: "cards", "aria-hidden": "true" }, card("K"), card("7"), card("?", true));
}
