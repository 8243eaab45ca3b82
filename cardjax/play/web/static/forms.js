// Fields of a new game, shared by Play and Watch.

import { $, el } from "./dom.js";

const PRESET_WORDS = {
  default: "The game as it is.",
  calm: "No events, no impact: the fair value is all there is to know.",
  tight_budget: "100 points: what you can afford counts.",
  commons: "Shallow depth: greed spoils the price for all.",
  hidden_depth: "Little of the depth is displayed.",
};
let fresh = 0;

export function field(label, input, hint = null) {
  const id = `field-${++fresh}`;
  input.id = id;
  if (hint) {
    hint.id = `${id}-hint`;
    input.setAttribute("aria-describedby", hint.id);
  }
  return el("div", { class: "field" }, el("label", { for: id }, label), input, hint);
}

export function modeChoice(onchange) {
  const choice = (value, label, checked) =>
    el("label", {}, el("input", { type: "radio", name: "mode", value, checked, onchange }), label);
  return el(
    "fieldset",
    {},
    el("legend", {}, "Game"),
    el(
      "div",
      { class: "choices" },
      choice("two", "Two players", true),
      choice("single", "Alone with the market", false),
    ),
  );
}

export function playerChoice(name, label, players, chosen) {
  const words = el("small", {});
  const select = el(
    "select",
    { name },
    players.map((player) => el("option", { value: player.name, selected: player.name === chosen }, player.name)),
  );
  const tell = () => {
    words.textContent = players.find((player) => player.name === select.value)?.words ?? "";
  };
  select.addEventListener("change", tell);
  tell();
  return field(label, select, words);
}

export function marketFields(options) {
  const seed = el("input", {
    type: "number",
    name: "seed",
    min: 0,
    max: options.max_seed,
    step: 1,
    required: true,
    value: randomSeed(),
    inputmode: "numeric",
  });
  const shuffle = el(
    "button",
    {
      type: "button",
      onclick: () => {
        seed.value = randomSeed();
      },
      "aria-label": "Another seed",
    },
    "⟳",
  );
  const seedField = field("Seed", seed, el("small", {}, "One seed is one sequence of cards, quotes and depths."));
  const together = el("div", { class: "with-button" });
  seed.replaceWith(together);
  together.append(seed, shuffle);
  const words = el("small", {});
  const preset = el(
    "select",
    { name: "preset" },
    options.presets.map((name) => el("option", { value: name, selected: name === "default" }, name)),
  );
  const tell = () => {
    words.textContent = PRESET_WORDS[preset.value] ?? "";
  };
  preset.addEventListener("change", tell);
  tell();
  return [
    el("div", { class: "pair" }, seedField, field("Preset", preset, words)),
    el(
      "fieldset",
      {},
      el("legend", {}, "Rules"),
      el(
        "div",
        { class: "row" },
        el("label", { class: "check" }, el("input", { type: "checkbox", name: "events", checked: true }), "Events"),
        el(
          "label",
          { class: "check" },
          el("input", { type: "checkbox", name: "impact", checked: true }),
          "Price impact",
        ),
      ),
    ),
  ];
}

export function marketValues(form) {
  return {
    mode: $("[name=mode]:checked", form).value,
    seed: Number($("[name=seed]", form).value),
    preset: $("[name=preset]", form).value,
    events: $("[name=events]", form).checked,
    impact: $("[name=impact]", form).checked,
  };
}

// Runs `work` with the button busy, so that a second press does nothing.
export async function busy(button, words, work) {
  const before = [...button.childNodes];
  button.disabled = true;
  button.replaceChildren(words);
  try {
    return await work();
  } finally {
    button.disabled = false;
    button.replaceChildren(...before);
  }
}

const randomSeed = () => crypto.getRandomValues(new Uint32Array(1))[0] % 1_000_000;
