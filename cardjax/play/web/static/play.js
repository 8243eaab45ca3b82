// Playing: a form, then round after round an offer and what came of it, then the totals.

import * as api from "./api.js";
import { wealthChart } from "./charts.js";
import { decisions, history } from "./decisions.js";
import { $, el, notice, orderWords, points, say, signed } from "./dom.js";
import { busy, marketFields, marketValues, modeChoice, playerChoice } from "./forms.js";
import { totals } from "./summary.js";
import { felt } from "./table.js";
import { saveLink, showGame } from "./viewer.js";

const KEPT = "cardjax-game";

export async function playView(root, options, leaving) {
  const kept = sessionStorage.getItem(KEPT);
  if (kept) {
    try {
      const game = await api.game(kept);
      if (!leaving.aborted) new Play(root, options, leaving, game);
      return;
    } catch { sessionStorage.removeItem(KEPT); }
  }
  if (!leaving.aborted) setup(root, options, leaving);
}

function setup(root, options, leaving) {
  const opponent = el("div", {});
  const rival = options.players.two.find((player) => player.words === "trained")?.name ?? "equilibrium";
  const choose = () => opponent.replaceChildren(
    ...($("[name=mode]:checked", form).value === "two" ? [playerChoice("opponent", "Opponent", options.players.two, rival)] : []));
  const start = el("button", { class: "primary" }, "Deal the cards");
  const form = el("form", { class: "panel fields" }, modeChoice(() => choose()), opponent, marketFields(options), el("div", { class: "row" }, start));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    notice(null);
    const setup = marketValues(form);
    if (setup.mode === "two") setup.opponent = $("[name=opponent]", form).value;
    try {
      const game = await busy(start, "Dealing …", () => api.newGame(setup));
      if (!leaving.aborted) new Play(root, options, leaving, game);
    } catch (error) { notice(error.message); }
  });
  choose();
  root.replaceChildren(el("div", { class: "setup" },
    el("section", { class: "felt intro", "aria-label": "The game" },
      el("h1", {}, "What are three cards worth?"),
      el("p", {}, "Three cards are dealt, none to three of them are shown, and a market maker quotes a price for their sum. Buy, sell or pass, ten times."),
      el("p", {}, "The quote is noisy, so one side is often a bargain. But depth is limited, part of it is hidden, and what you and the other player take beyond it moves the price against both."),
      el("p", {}, "After each round you see what luck did, what your order was worth, and what the exact optimum would have done."),
      introCards()),
    form));
}

function introCards() {
  const card = (name, down) => el("li", { class: `card ${down ? "down" : ""}` }, !down && el("span", { class: "corner" }, name), el("span", { class: "rank" }, down ? "?" : name));
  return el("ol", { class: "cards", "aria-hidden": "true" }, card("K"), card("7"), card("?", true));
}

class Play {
  constructor(root, options, leaving, game) {
    Object.assign(this, { root, options, leaving, size: 1, fair: false, waiting: false });
    document.addEventListener("keydown", (event) => this.key(event), { signal: leaving });
    sessionStorage.setItem(KEPT, game.id);
    this.update(game);
    this.last = null;
    if (game.over) this.showEnd(); else this.showOffer();
  }

  update(game) { this.game = game; }

  // A help that can be worked out from the event and the shown cards; off until asked for.
  fairValue(offer) {
    const text = el("output", { for: "fair" });
    const tell = () => { text.textContent = this.fair ? `${points(offer.mu)} ± ${points(offer.sigma)}` : ""; };
    const box = el("input", { type: "checkbox", id: "fair", checked: this.fair, onchange: () => { this.fair = box.checked; tell(); } });
    tell();
    return el("p", { class: "fair" }, el("label", { class: "check" }, box, "Show the fair value"), " ", text);
  }

  showOffer(focus = true) {
    const { game } = this, offer = game.offer;
    this.phase = "offer";
    this.order = orderPanel(offer, this.size, (size) => { this.size = size; }, (side) => this.trade(side));
    this.root.replaceChildren(el("div", { class: "board" },
      el("div", {}, felt(game, offer, { level: "h1", extra: this.fairValue(offer) }), this.order.panel),
      this.side()));
    if (focus) $("input:checked", this.order.panel)?.focus({ preventScroll: true });
    this.root.scrollIntoView({ block: "start" });
    const hints = offer.hints.map((rank) => offer.deck[rank - 2].name).join(", ") || "no card";
    say(`Round ${offer.round}. ${offer.event_words}. Shown: ${hints}. Bid ${points(offer.bid)}, ask ${points(offer.ask)}.`);
  }

  side() {
    const { game } = this;
    const rows = game.seats.map((seat, i) => {
      const wealth = game.records.at(-1)?.orders[i].wealth_after ?? game.initial_wealth;
      return el("div", {}, el("dt", {}, seat.name), el("dd", {}, points(wealth, 1), el("small", {}, `${signed(wealth - game.initial_wealth, 1)} so far`)));
    });
    return el("aside", { "aria-label": "Score" },
      el("section", { class: "panel" }, el("h2", {}, "Wealth"), el("dl", { class: "score" }, rows), wealthChart(game)),
      el("section", { class: "panel" }, el("h2", {}, "Rounds"), history(game)),
      el("p", { class: "muted" }, `Seed ${game.seed}, ${game.preset}${game.events ? "" : ", no events"}${game.impact ? `, impact ${points(game.alpha)} a unit` : ", no impact"}.`),
      !game.over && el("div", { class: "row" }, saveLink(game), el("button", { type: "button", onclick: () => this.leave() }, "Leave this game")));
  }

  async trade(side) {
    if (this.phase !== "offer" || this.waiting) return;
    const action = side === "pass" ? 0 : side === "buy" ? this.size : 10 + this.size;
    if (!this.game.offer.valid_actions[0].includes(action)) {
      say(`${orderWords(action)} is more than you can afford.`);
      return;
    }
    this.waiting = true;
    notice(null);
    try {
      this.update(await api.order(this.game.id, this.game.offer.round, action));
      if (!this.leaving.aborted) this.showResult();
    } catch (error) {
      if (error.status === 409) await this.catchUp();
      notice(error.message);
    } finally { this.waiting = false; }
  }

  // The game was played on elsewhere, such as in another tab.
  async catchUp() {
    try { this.update(await api.game(this.game.id)); } catch { return; }
    if (this.game.over) this.showEnd(); else this.showOffer();
  }

  leave() {
    this.phase = "left";
    sessionStorage.removeItem(KEPT);
    notice(null);
    setup(this.root, this.options, this.leaving);
  }

  showResult() {
    const { game } = this, record = game.records.at(-1), own = record.orders[0];
    this.phase = "result";
    const next = el("button", { class: "primary", "aria-keyshortcuts": "n", onclick: () => this.next() }, game.over ? "See how it ended" : "Next round", el("kbd", { "aria-hidden": "true" }, "N"));
    const headline = own.side === "pass" ? "You passed" : `${own.side === "buy" ? "Bought" : "Sold"} ${own.size}: ${own.pnl > 0 ? "won" : own.pnl < 0 ? "lost" : "broke even,"} ${points(Math.abs(own.pnl))} points`;
    const panel = el("section", { class: `panel result ${own.pnl > 0 ? "won" : own.pnl < 0 ? "lost" : ""}`, "aria-label": "Result" },
      el("p", { class: "headline" }, headline), el("p", {}, record.explain[0]), el("div", { class: "row" }, next));
    this.root.replaceChildren(el("div", { class: "board" },
      el("div", {}, felt(game, record, { level: "h1" }), panel, decisions(game, record)),
      this.side()));
    next.focus({ preventScroll: true });
    panel.scrollIntoView({ block: "nearest" });
    say(`${headline}. The cards sum to ${points(record.S, 0)}. ${record.explain[0]}`);
  }

  next() {
    if (this.phase !== "result") return;
    if (this.game.over) this.showEnd(); else this.showOffer();
  }

  showEnd() {
    const { game } = this;
    this.phase = "end";
    const heading = el("h1", { tabindex: "-1" }, ending(game));
    const again = el("button", { class: "primary", onclick: () => this.leave() }, "New game");
    const same = el("button", { onclick: () => this.review() }, "Review every round");
    this.root.replaceChildren(heading,
      el("div", { class: "board" },
        el("div", {}, totals(game), el("div", { class: "row panel" }, again, same, saveLink(game))),
        this.side()));
    heading.focus({ preventScroll: true });
    scrollTo(0, 0);
    say(`The game is over. You ${signed(game.summary?.scores[0].totals.pnl ?? 0)} points.`);
  }

  review() {
    this.phase = "review";
    const back = el("button", { onclick: () => this.showEnd() }, "Back to the totals");
    showGame(this.root, this.game, this.leaving, { before: el("div", { class: "row" }, back), active: () => this.phase === "review" });
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !$("#keys-on").checked || $("dialog[open]")) return;
    if (event.target.closest?.("input:not([type=radio], [type=checkbox]), select, textarea")) return;
    const key = event.key.toLowerCase();
    if (this.phase === "offer" && /^[0-9]$/.test(key)) this.order.choose(key === "0" ? 10 : Number(key));
    else if (this.phase === "offer" && key in { b: 1, s: 1, p: 1 }) this.trade({ b: "buy", s: "sell", p: "pass" }[key]);
    else if (this.phase === "result" && key === "n") this.next();
    else return;
    event.preventDefault();
  }
}

function ending(game) {
  const [own, other] = game.records.at(-1).orders.map((order) => order.wealth_after);
  const said = `The game is over: you have ${points(own, 1)} points`;
  if (other === undefined) return `${said}, ${signed(own - game.initial_wealth, 1)}.`;
  const ahead = own - other;
  return `${said}, ${Math.abs(ahead) < 0.05 ? "as many as" : `${points(Math.abs(ahead), 1)} ${ahead > 0 ? "more than" : "behind"}`} ${game.seats[1].name}.`;
}

// Size as radio buttons, and the three trades; `choose` is what a digit does.
function orderPanel(offer, wanted, onsize, ontrade) {
  const valid = new Set(offer.valid_actions[0]), most = Math.max(...[...valid].map((action) => (action > 10 ? action - 10 : action)), 0);
  const why = el("p", { class: "why", id: "why" });
  const inputs = [...Array(10).keys()].map((k) => el("input", { type: "radio", name: "size", value: k + 1, disabled: k + 1 > most }));
  const trade = (side, key) => el("button", { type: "button", class: side, "aria-keyshortcuts": key, "aria-describedby": "why", onclick: () => ontrade(side) });
  const sell = trade("sell", "s"), pass = trade("pass", "p"), buy = trade("buy", "b");
  const choose = (size) => {
    if (size > most && most > 0) return;
    onsize(size);
    if (inputs[size - 1] && !inputs[size - 1].disabled) inputs[size - 1].checked = true;
    const may = { buy: valid.has(size), sell: valid.has(10 + size) };
    sell.replaceChildren(`▼ Sell ${size}`, el("small", {}, `at ${points(offer.bid)}`));
    pass.replaceChildren("Pass", el("small", {}, "wait"));
    buy.replaceChildren(`▲ Buy ${size}`, el("small", {}, `at ${points(offer.ask)}`));
    [sell.disabled, buy.disabled] = [!may.sell, !may.buy];
    const refused = [!may.buy && `Buying ${size} takes ${points(size * offer.ask, 1)} points`, !may.sell && `selling ${size} takes ${points(size * (offer.s_max - offer.bid), 1)} points of cover`].filter(Boolean);
    why.textContent = refused.length ? `${refused.join("; ")}; you have ${points(offer.wealth[0], 1)}.` : "Before impact, if more is taken than the side holds.";
  };
  inputs.forEach((input, k) => input.addEventListener("change", () => choose(k + 1)));
  const panel = el("section", { class: "panel order", "aria-label": "Your order" },
    el("fieldset", { class: "sizes" }, el("legend", {}, "Size"), inputs.map((input, k) => el("label", {}, input, el("span", {}, String(k + 1))))),
    el("div", { class: "trades" }, sell, pass, buy), why);
  choose(Math.max(1, Math.min(wanted, most)));
  return { panel, choose };
}
