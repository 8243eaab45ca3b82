// Watching: a whole game, round by round, with a scrubber; from policies, from a file, or just played.

import * as api from "./api.js";
import { wealthChart } from "./charts.js";
import { decisions, history } from "./decisions.js";
import { $, el, icon, notice, say, signed } from "./dom.js";
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
import { makerLook } from "./maker_look.js";
import { rulesWords, totals } from "./summary.js";
import { felt } from "./table.js";

const PACE = 1800; // milliseconds a round

export function watchView(root, options, leaving) {
  const seats = el("div", { class: "pair" }),
    presets = el("div", {});
  const chosen = (name) => $(`[name=${name}]:checked`, form).value;
  const served = (players) => players.find((player) => player.served)?.name;
  const takers = (mode) => {
    const players = options.players[mode];
    return [
      playerChoice(
        "player",
        mode === "two" ? "First player" : "Player",
        players,
        served(players) ?? (mode === "two" ? "level1" : "ev_oracle"),
      ),
      ...(mode === "two" ? [playerChoice("player", "Second player", players, "equilibrium")] : []),
    ];
  };
  const makerAndTakers = (mode) => {
    const { makers, players } = options.maker;
    return [
      playerChoice("maker", "Market maker", makers, makers[0].name),
      playerChoice("opponent", "Takers", players[mode], "equilibrium"),
    ];
  };
  const choose = () => {
    const makes = chosen("role") === "maker";
    nameModes(form, makes);
    seats.replaceChildren(...(makes ? makerAndTakers : takers)(chosen("mode")));
  };
  const chooseRole = () => {
    presets.replaceChildren(chosen("role") === "maker" ? makerPresets(options) : takerPresets(options));
    choose();
  };
  const value = (name) => $(`[name=${name}]`, form).value;
  const players = () => [...form.querySelectorAll("[name=player]")].map((select) => select.value);
  const lineUp = () =>
    chosen("role") === "maker"
      ? { role: "maker", maker: value("maker"), opponent: value("opponent") }
      : { players: players() };
  const start = el("button", { class: "primary" }, "Watch");
  const form = el(
    "form",
    { class: "panel fields" },
    roleChoice(() => chooseRole(), "Watch", ["takers, who order", "a market maker, who quotes"]),
    modeChoice(() => choose()),
    seats,
    marketFields(options, presets),
    el("div", { class: "row" }, start),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    notice(null);
    try {
      const game = await busy(start, "Playing …", () => api.watch({ ...marketValues(form), ...lineUp() }));
      if (leaving.aborted) return;
      const back = el("button", { onclick: () => watchView(root, options, leaving) }, "Another game");
      showGame(root, game, leaving, { before: el("div", { class: "row" }, back, saveLink(game)) });
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
        {},
        el("h1", {}, "Watch policies play"),
        el(
          "p",
          {},
          "Two policies, or one alone, play a whole game, and then you step through it. Beside every decision you see what the equilibrium and the best reply would have been and what every other order was worth.",
        ),
        el(
          "p",
          {},
          "Or watch a market maker from its own seat: what it knew, what its quotes earned from noise traders, and what they lost to takers.",
        ),
        el("p", { class: "muted" }, "The policies at the top of the list, trained ones among them, are those that the server was started with."),
      ),
      form,
    ),
  );
}

export function replayView(root, options, leaving) {
  const input = el("input", { type: "file", id: "file", accept: ".json,application/json" });
  const drop = el(
    "div",
    { class: "drop" },
    el("p", {}, el("label", { for: "file" }, "Choose a saved game, or drop its file here")),
    input,
  );
  const load = async (file) => {
    if (!file) return;
    notice(null);
    try {
      if (file.size > 256 * 1024) throw new Error("The file is too long for a saved game.");
      const game = await api.replay(await file.text());
      if (leaving.aborted) return;
      const back = el("button", { onclick: () => replayView(root, options, leaving) }, "Another file");
      showGame(root, game, leaving, {
        before: el("div", { class: "row" }, back, el("span", { class: "muted" }, file.name)),
      });
    } catch (error) {
      notice(error.message);
      input.value = "";
    }
  };
  input.addEventListener("change", () => load(input.files[0]));
  for (const kind of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragover");
      if (kind === "drop") load(event.dataTransfer.files[0]);
    });
  }
  root.replaceChildren(
    el(
      "section",
      { class: "panel" },
      el("h1", {}, "Replay a saved game"),
      el(
        "p",
        {},
        "Choose a game that was saved here or in the terminal. It is played through the market again, so you see what the rules say and not what the file says.",
      ),
      drop,
    ),
  );
}

export const saveLink = (game) =>
  el("a", { class: "button", href: `api/games/${game.id}/saved`, download: "" }, "Save (JSON)");

// How a taker's game looks: a settled round, the game so far, its totals, and a round and its title in words.
const takerLook = {
  stage(game, record) {
    const told = game.seats.map((seat, i) => seat.human && el("p", { class: "panel" }, record.explain[i]));
    return [felt(game, record), ...told.filter(Boolean), decisions(game, record)];
  },
  chart: wealthChart,
  history,
  totals,
  said: (game, record) => game.seats.map((seat, i) => `${seat.name} ${signed(record.orders[i].pnl)}`).join(", "),
  title(game) {
    const who = game.seats.map((seat) => seat.name).join(" against ");
    return game.n_players === 1 ? `${who}, alone with the market` : who;
  },
};

// `active` says whether the keys are this viewer's, `known` that whoever looks has seen the game: what is still to come
// and the totals are shown only then, or once the viewer has been there.
export function showGame(root, game, leaving, { before, active = () => true, known = false }) {
  if (!game.records.length) {
    root.replaceChildren(before, el("p", { class: "notice" }, "No round of this game was played."));
    return;
  }
  const look = game.role === "maker" ? makerLook : takerLook;
  const last = game.records.length;
  let round = 1,
    seen = known ? last : 1,
    timer = null;
  const range = el("input", {
    type: "range",
    min: 1,
    max: last,
    step: 1,
    value: 1,
    "aria-label": "Round",
    oninput: () => {
      pause();
      go(Number(range.value));
    },
  });
  const button = (label, sign, to) =>
    el(
      "button",
      {
        "aria-label": label,
        title: label,
        onclick: () => {
          pause();
          go(to());
        },
      },
      icon(sign),
    );
  const playing = el(
    "button",
    { "aria-label": "Play", title: "Play", onclick: () => (timer ? pause() : run()) },
    icon("play"),
  );
  const [first, back, on, end] = [
    button("First round", "first", () => 1),
    button("Round back", "back", () => round - 1),
    button("Round on", "on", () => round + 1),
    button("Last round", "last", () => last),
  ];
  const stage = el("div", {}),
    side = el("aside", { "aria-label": "The game so far" }),
    result = el("div", {}, el("p", { class: "muted" }, "The totals come up after the last round."));

  function go(to) {
    round = Math.min(last, Math.max(1, to));
    seen = Math.max(seen, round);
    if (seen === last && game.summary) result.replaceChildren(look.totals(game));
    const record = game.records[round - 1],
      soFar = { ...game, records: game.records.slice(0, seen) };
    range.value = round;
    range.setAttribute("aria-valuetext", `round ${round} of ${last}`);
    [first.disabled, back.disabled, on.disabled, end.disabled] = [
      round === 1,
      round === 1,
      round === last,
      round === last,
    ];
    stage.replaceChildren(...look.stage(game, record));
    side.replaceChildren(
      el("section", { class: "panel" }, el("h2", {}, game.role === "maker" ? "P&L" : "Wealth"), look.chart(soFar, round)),
      el(
        "section",
        { class: "panel" },
        el("h2", {}, "Rounds"),
        look.history(soFar, {
          cursor: round,
          onpick: (r) => {
            pause();
            go(r);
          },
        }),
      ),
    );
    if (!timer)
      say(`Round ${round}: ${look.said(game, record)}.`);
  }
  function run() {
    if (round === last) go(1);
    timer = setInterval(() => (round < last ? go(round + 1) : pause()), PACE);
    playing.replaceChildren(icon("pause"));
    playing.setAttribute("aria-label", "Pause");
  }
  function pause() {
    clearInterval(timer);
    timer = null;
    playing.replaceChildren(icon("play"));
    playing.setAttribute("aria-label", "Play");
  }

  leaving.addEventListener("abort", pause);
  document.addEventListener(
    "keydown",
    (event) => {
      if (!root.contains(range) || !active() || event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]"))
        return;
      if (event.target.closest?.("input, select, textarea")) return;
      const to = { ArrowLeft: round - 1, ArrowRight: round + 1, Home: 1, End: last }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      pause();
      go(to);
    },
    { signal: leaving },
  );

  const heading = el("h1", { tabindex: "-1" }, look.title(game));
  const rules = rulesWords(game);
  root.replaceChildren(
    el("div", { class: "spread" }, el("div", {}, heading, el("p", { class: "muted" }, rules)), before),
    el("div", { class: "scrub", role: "group", "aria-label": "Rounds" }, first, back, playing, on, end, range),
    el("div", { class: "board" }, stage, side),
    result,
  );
  go(1);
  heading.focus({ preventScroll: true });
  scrollTo(0, 0);
}
