// The main line: which view is open, colours, help. Each view draws itself into #view.

import * as api from "./api.js";
import { $, notice } from "./dom.js";
import { playView } from "./play.js";
import { replayView, watchView } from "./viewer.js";

const VIEWS = { play: playView, watch: watchView, replay: replayView };
const THEMES = [
  ["system", "◐", "as the system has them"],
  ["light", "☀", "light"],
  ["dark", "☾", "dark"],
];
let close = () => {};

async function open() {
  const name = location.hash.slice(1) in VIEWS ? location.hash.slice(1) : "play";
  close();
  notice(null);
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `cardjax · ${name}`;
  const leaving = new AbortController();
  close = () => leaving.abort();
  try {
    const options = await (open.options ??= api.options());
    if (!leaving.signal.aborted) VIEWS[name]($("#view"), options, leaving.signal);
  } catch (error) {
    open.options = null;
    notice(error.message);
  }
}

function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    /* a browser that keeps nothing still plays */
  }
}

function setTheme(name) {
  const [theme, sign, words] = THEMES.find(([other]) => other === name) ?? THEMES[0];
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  $("#theme-button").textContent = sign;
  $("#theme-button").setAttribute("aria-label", `Colours: ${words}`);
  $("#theme-button").title = `Colours: ${words}`;
  $("#theme-button").onclick = () => {
    const next = THEMES[(THEMES.findIndex(([other]) => other === theme) + 1) % THEMES.length][0];
    remember("cardjax-theme", next);
    setTheme(next);
  };
}

setTheme(remembered("cardjax-theme") ?? "system");
$("#help-button").addEventListener("click", () => $("#help").showModal());
addEventListener("hashchange", () => {
  open();
  $("#main").focus({ preventScroll: true });
});
open();
