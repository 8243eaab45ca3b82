// Fields of a new game, shared by Play and Watch.

import { $, el, say } from "./dom.js";

const PRESET_WORDS = {
  lively:
    "The prices err a lot, so most rounds offer a good order. The equilibrium earns each of two players 48 points per game, and the optimum alone earns 67.",
  default:
    "The market that policies train in. Passing is mostly right: the equilibrium earns each of two players 2.5 points per game, and the optimum alone earns 3.",
  calm: "There are no events and no price impact: the fair value is all there is to know.",
  tight_budget: "You start with 100 points, so it counts what you can afford.",
  commons: "The market is shallow: greed spoils the price for everybody.",
  hidden_depth: "Little of the depth is displayed.",
  hidden_events:
    "Nobody is told the event, the market maker included: earlier rounds' cards and sums tell what it may be. The optimum alone earns 15 points per game, and whoever forgets the past loses.",
  inventory:
    "Units are carried from round to round, and holding them is charged for. Planning ahead earns 1 point per game, and whoever looks at each round alone loses.",
};
const MAKER_WORDS = {
  maker:
    "You see one card less than the takers and live on noise traders. Against two takers in equilibrium the monopolist earns 231 points per game.",
  calm: "There are no events and no price impact: however much takers order, the price stays.",
  tight_budget: "Takers start with 100 points, so it counts what they can afford.",
  commons: "Takers pay little for going beyond your depth.",
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

export function modeChoice(onchange, words = ["Two players", "Alone with the market"]) {
  return radios("mode", "Game", ["two", "single"], words, onchange);
}

export function roleChoice(onchange, legend = "You are", words = ["a taker, who orders", "the market maker, who quotes"]) {
  return radios("role", legend, ["taker", "maker"], words, onchange);
}

// What the choices of `modeChoice` are called, where the maker is a player or is not.
export function nameModes(form, hasMaker) {
  const [two, one] = hasMaker ? ["Two takers", "One taker"] : ["Two players", "Alone with the market"];
  $("[name=mode][value=two] + span", form).textContent = two;
  $("[name=mode][value=single] + span", form).textContent = one;
}

// A choice among words, of which the first is chosen.
function radios(name, legend, values, words, onchange) {
  const choice = (value, i) =>
    el("label", {}, el("input", { type: "radio", name, value, checked: i === 0, onchange }), el("span", {}, words[i]));
  return el("fieldset", {}, el("legend", {}, legend), el("div", { class: "choices" }, values.map(choice)));
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

// `role` has the presets, and the one that is chosen at first; `words` say what they are.
export function presetChoice(role, words) {
  const said = el("small", {});
  const preset = el(
    "select",
    { name: "preset" },
    role.presets.map((name) => el("option", { value: name, selected: name === role.preset }, name)),
  );
  const tell = () => {
    said.textContent = words[preset.value] ?? "";
  };
  preset.addEventListener("change", tell);
  tell();
  return field("Market", preset, said);
}

export const takerPresets = (options) => presetChoice(options, PRESET_WORDS);
export const makerPresets = (options) => presetChoice(options.maker, MAKER_WORDS);

export function marketFields(options, presets = takerPresets(options)) {
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
  const seedField = field("Seed", seed, el("small", {}, "The same seed deals the same cards and prices."));
  const together = el("div", { class: "with-button" });
  seed.replaceWith(together);
  together.append(seed, shuffle);
  return [
    el("div", { class: "pair" }, seedField, presets),
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

const SLOW = 1500; // milliseconds after which somebody wonders

// Runs `work` with the button busy, so that a second press does nothing. What takes long is explained.
export async function busy(button, words, work) {
  const before = [...button.childNodes];
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  button.replaceChildren(el("span", { class: "spinner", "aria-hidden": "true" }), words);
  const slow = setTimeout(() => {
    button.replaceChildren(...button.childNodes, el("small", {}, "the first time takes some seconds"));
    say(`${words} The first time takes some seconds.`);
  }, SLOW);
  try {
    return await work();
  } finally {
    clearTimeout(slow);
    button.disabled = false;
    button.removeAttribute("aria-busy");
    button.replaceChildren(...before);
  }
}

const randomSeed = () => crypto.getRandomValues(new Uint32Array(1))[0] % 1_000_000;
