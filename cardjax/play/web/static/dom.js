// Elements, numbers, and words for orders. Text goes in as text alone: nothing here reads markup.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "g", "rect", "line", "path", "circle", "text", "title"]);

export function el(tag, attributes = {}, ...children) {
  const node = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// Signs for the scrubber, drawn, since fonts often lack them.
const ICONS = {
  first: "M5 4v16M19 4L8 12l11 8z",
  back: "M16 4l-9 8 9 8",
  play: "M6 3l14 9-14 9z",
  pause: "M6 4h4v16H6zM14 4h4v16h-4z",
  on: "M8 4l9 8-9 8",
  last: "M19 4v16M5 4l11 8-11 8z",
};

export function icon(name) {
  return el(
    "svg",
    { class: `icon ${name}`, viewBox: "0 0 24 24", "aria-hidden": "true" },
    el("path", { d: ICONS[name] }),
  );
}

export const $ = (selector, root = document) => root.querySelector(selector);

export function points(x, digits = 2) {
  return (Math.abs(x) < 0.5 * 10 ** -digits ? 0 : x).toFixed(digits).replace("-", "−");
}

// Units as people write them: 10, 7.3.
export const units = (x) => points(x, 1).replace(/\.0$/, "");

export function signed(x, digits = 2) {
  const text = points(x, digits);
  return text.startsWith("−") || Number(text) === 0 ? text : `+${text}`;
}

export function money(x, digits = 2) {
  return el("span", { class: `number ${x > 0 ? "gain" : x < 0 ? "loss" : ""}` }, signed(x, digits));
}

export const sideOf = (action) => (action === 0 ? "pass" : action <= 10 ? "buy" : "sell");
export const sizeOf = (action) => (action > 10 ? action - 10 : action);
export const orderWords = (action) => (action === 0 ? "pass" : `${sideOf(action)} ${sizeOf(action)}`);
export const mixWords = (mix) =>
  mix.length === 1
    ? orderWords(mix[0][0])
    : mix.map(([action, chance]) => `${orderWords(action)} (${Math.round(100 * chance)}%)`).join(" or ");
export const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

// A box that scrolls sideways by touch, wheel and keys, and that says so where its content is too wide for it.
export function scrollable(label, content) {
  const box = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, content);
  const hint = el("p", { class: "hint", hidden: true }, "The table goes on to the right: scroll it sideways. →");
  new ResizeObserver(() => {
    hint.hidden = box.scrollWidth <= box.clientWidth + 1;
  }).observe(box);
  return el("div", {}, hint, box);
}

// A table that scrolls; `rows` are its tr elements.
export function tabular(label, head, rows, { kind = null, caption = null } = {}) {
  const columns = head.map((name) => el("th", { scope: "col" }, name));
  return scrollable(
    label,
    el(
      "table",
      { class: kind },
      caption && el("caption", { class: "visually-hidden" }, caption),
      el("thead", {}, el("tr", {}, columns)),
      el("tbody", {}, rows),
    ),
  );
}

// One figure of a list of scores.
export function figure(name, value, small = null) {
  return el("div", {}, el("dt", {}, name), el("dd", {}, value, small && el("small", {}, small)));
}

// A player's row of a comparison: amounts of money, and a last column of another kind.
export function playerRow(name, amounts, last, current) {
  return el(
    "tr",
    { "aria-current": current ? "true" : false },
    el("th", { scope: "row" }, name),
    amounts.map((x) => el("td", {}, money(x))),
    el("td", {}, last),
  );
}

export function say(text) {
  const live = $("#live");
  live.textContent = "";
  requestAnimationFrame(() => {
    live.textContent = text;
  });
}

export function notice(text) {
  const box = $("#notice");
  box.hidden = !text;
  box.textContent = text ?? "";
  if (text) box.scrollIntoView({ block: "nearest" });
}
