// What a visitor's game has in common, whichever seat it is: how it stands, whether the server has lost it, its last page.

import * as api from "./api.js";
import { $, el, notice, points, say } from "./dom.js";
import { busy } from "./forms.js";
import { rulesWords } from "./summary.js";
import { saveLink, showGame } from "./viewer.js";

const KEPT = "cardjax-game";

// The game as it stood last: the server may lose it, and a reload may not.
export const kept = {
  read() {
    try {
      return JSON.parse(sessionStorage.getItem(KEPT));
    } catch {
      return null;
    }
  },
  write(game) {
    try {
      sessionStorage.setItem(KEPT, JSON.stringify(game));
    } catch {
      /* a browser that keeps nothing still plays */
    }
  },
  drop() {
    sessionStorage.removeItem(KEPT);
  },
};

// Subclasses have showOffer, showResult, showEnd, side and key. `begin` starts another game.
export class Seat {
  constructor(root, options, leaving, game, begin, lost = false) {
    Object.assign(this, { root, options, leaving, begin, lost, waiting: false });
    document.addEventListener("keydown", (event) => this.key(event), { signal: leaving });
    this.update(game);
  }

  open() {
    if (this.game.over) this.showEnd();
    else if (this.lost) this.showLost();
    else this.showOffer();
  }

  update(game) {
    this.game = game;
    kept.write(game);
  }

  // Settles the round by a request, with its button busy and the panel out of reach.
  async settle(button, panel, request) {
    this.waiting = true;
    notice(null);
    panel.inert = true;
    try {
      this.update(await busy(button, "Settling …", request));
      if (!this.leaving.aborted) this.showResult();
    } catch (error) {
      if (error.status === 409) await this.catchUp();
      if (error.status === 404 && !this.leaving.aborted) this.showLost();
      notice(error.message);
    } finally {
      this.waiting = false;
      panel.inert = false;
    }
  }

  // The game was played on elsewhere, such as in another tab.
  async catchUp() {
    try {
      this.update(await api.game(this.game.id));
    } catch {
      return;
    }
    if (this.game.over) this.showEnd();
    else this.showOffer();
  }

  leave() {
    this.phase = "left";
    kept.drop();
    notice(null);
    this.begin();
  }

  next() {
    if (this.phase !== "result") return;
    if (this.game.over) this.showEnd();
    else this.showOffer();
  }

  // The server has lost the game in the middle. What was played is here.
  showLost() {
    this.lost = true;
    this.phase = "lost";
    const { records, n_rounds } = this.game;
    const played = `${records.length} of ${n_rounds} rounds were played, and they are kept here until you leave.`;
    this.close("This game cannot go on", el("p", { class: "panel" }, played));
  }

  // The last page of a game, with its whole record.
  close(title, body) {
    const { game } = this;
    const heading = el("h1", { tabindex: "-1" }, title);
    const again = el("button", { class: "primary", onclick: () => this.leave() }, "New game");
    const same = el("button", { onclick: () => this.review() }, "Review every round");
    const row = el("div", { class: "row panel" }, again, game.records.length > 0 && same, !this.lost && saveLink(game));
    this.root.replaceChildren(heading, this.board(body, row));
    heading.focus({ preventScroll: true });
    scrollTo(0, 0);
  }

  review() {
    this.phase = "review";
    const goBack = () => (this.game.over ? this.showEnd() : this.showLost());
    const back = el("button", { onclick: goBack }, this.game.over ? "Back to the totals" : "Back");
    showGame(this.root, this.game, this.leaving, {
      before: el("div", { class: "row" }, back),
      active: () => this.phase === "review",
      known: true,
    });
  }

  // The page of a round that is still to be decided: the table, and the panel in which to do it.
  showRound(table, panel, focused, said) {
    this.phase = "offer";
    this.root.replaceChildren(this.board(table, panel));
    focused.focus({ preventScroll: true });
    this.root.scrollIntoView({ block: "start" });
    say(said);
  }

  // The page of a settled round: the table, what the visitor came to, and the round in figures.
  showSettled(table, pnl, headline, explained, figures) {
    this.phase = "result";
    const next = el(
      "button",
      { class: "primary", "aria-keyshortcuts": "n", onclick: () => this.next() },
      this.game.over ? "See how it ended" : "Next round",
      el("kbd", { "aria-hidden": "true" }, "N"),
    );
    const panel = el(
      "section",
      { class: `panel result ${pnl > 0 ? "won" : pnl < 0 ? "lost" : ""}`, "aria-label": "Result" },
      el("p", { class: "headline" }, headline),
      el("p", {}, explained),
      el("div", { class: "row" }, next),
    );
    this.root.replaceChildren(this.board(table, panel, figures));
    next.focus({ preventScroll: true });
    panel.scrollIntoView({ block: "nearest" });
    say(`${headline}. The cards sum to ${points(this.game.records.at(-1).S, 0)}. ${explained}`);
  }

  board(...stage) {
    return el("div", { class: "board" }, el("div", {}, stage), this.side());
  }

  // Beside the table: how the game stands, and its rounds.
  sidePanels(title, standing, chart, rounds) {
    return el(
      "aside",
      { "aria-label": "Score" },
      el("section", { class: "panel" }, el("h2", {}, title), el("dl", { class: "score" }, standing), chart),
      el("section", { class: "panel" }, el("h2", {}, "Rounds"), rounds),
      el("p", { class: "muted" }, rulesWords(this.game)),
      this.leaveRow(),
    );
  }

  // Under the score: save or leave, as long as the game goes on.
  leaveRow() {
    return (
      !this.game.over &&
      !this.lost &&
      el(
        "div",
        { class: "row" },
        saveLink(this.game),
        el("button", { type: "button", onclick: () => this.leave() }, "Leave this game"),
      )
    );
  }

  // Whether a key is meant for the game.
  ours(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !$("#keys-on").checked || $("dialog[open]")) return false;
    return !event.target.closest?.("input:not([type=radio], [type=checkbox]), select, textarea");
  }
}
