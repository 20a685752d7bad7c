// The panel of fields beside what is found: their most frequent values, each a click away from the query.

import { get } from "./api.js";
import { button, byId, el, icon } from "./dom.js";
import { filter } from "./filter.js";
import { isAskable, writeName } from "./language.js";
import { change, state } from "./state.js";

const OPEN = "explorer.fields";
const FIRST = ["project", "environment", "error.type"];
// So many are counted at once; the others when they are asked for.
export const MOST = 12;
const VALUES = 5;
// Values that are cut short cannot be asked for.
const CUT = 256;

const panel = byId("ex-fields");
let asked = null;
let counted = new Map();

export const isShown = () => !panel.hidden;
export const shown = (value) => (value === null ? "(none)" : value === "" ? "(empty)" : String(value));
export const isFilterable = (name, value) => value !== null && name !== "size_bytes" && !(typeof value === "string" && [...value].length > CUT) && isAskable(`${writeName(name)}:${value}`);

// The names of the fields that a search's entries have, or lately had: the first ones first.
export async function namesOf(search, signal) {
  const found = await get("fields", { ...search, limit: 60 }, signal);
  return [...new Set([...FIRST, ...found.fields.map((field) => field.name), ...found.known.map((field) => field.name)])];
}

// Draws the panel of a search, if it is open.
export async function drawFields(search, signal) {
  asked = { ...search, signal };
  if (!isShown()) return;
  panel.setAttribute("aria-busy", "true");
  try {
    const names = await namesOf(search, signal);
    counted = new Map();
    await count(names.slice(0, MOST));
    draw(names);
  } catch (problem) {
    if (problem.name !== "AbortError") say(problem.code === "query_timeout" ? "Too slow over this range: choose a shorter one." : problem.message);
  } finally {
    panel.removeAttribute("aria-busy");
  }
}

async function count(names) {
  const { signal, ...search } = asked;
  const found = await get("values", { ...search, field: names, limit: VALUES }, signal);
  for (const field of found.fields) counted.set(field.name, { ...field, of: found.entries, isAll: found.exact });
}

function say(words) {
  byId("ex-fields-said").textContent = words;
  byId("ex-fields-list").replaceChildren();
}

function draw(names) {
  const any = counted.values().next().value;
  if (!any?.of) { say("Nothing was found."); return; }
  byId("ex-fields-said").textContent = any.isAll ? `all ${any.of.toLocaleString("en")} entries` : `the newest ${any.of.toLocaleString("en")} entries`;
  const sought = byId("ex-fields-find").value.trim().toLowerCase();
  const fits = names.filter((name) => name.toLowerCase().includes(sought) && counted.get(name)?.entries !== 0);
  const other = byId("ex-fields-find").value.trim();
  byId("ex-fields-list").replaceChildren(...fits.map((name) => section(name, names)),
    other && !names.includes(other) ? el("li", {}, button(`Count “${other}”`, () => more(other, [other, ...names]), { class: "ex-button ex-small" })) : "");
  byId("ex-fields-find").oninput = () => draw(names);
}

async function more(name, names) {
  try {
    await count([name]);
    draw(names);
  } catch (problem) {
    if (problem.name !== "AbortError") byId("ex-fields-said").textContent = problem.message;
  }
}

const act = (label, sign, onclick) => el("button", { type: "button", class: "ex-act", "aria-label": label, title: label, onclick }, icon(sign));

function section(name, names) {
  const field = counted.get(name);
  const isColumn = state.columns.includes(name);
  const head = el("div", { class: "ex-field-head" },
    el("h3", { class: "ex-field-name", title: name }, name),
    field && el("span", { class: "ex-count", title: "Different values" }, field.distinct.toLocaleString("en")),
    act(isColumn ? `Remove the column ${name}` : `Add the column ${name}`, "column", () => { change({ columns: isColumn ? state.columns.filter((other) => other !== name) : [...state.columns, name] }); draw(names); }),
    button("by", () => change({ show: "figures", measure: state.measure || "count", by: [name] }), { class: "ex-button ex-small ex-by", "aria-label": `Group by ${name}`, title: "Group by this field" }));
  if (!field) return el("li", {}, head, button("Count", () => more(name, names), { class: "ex-button ex-small", "aria-label": `Count ${name}` }));
  return el("li", {}, head, el("ul", { class: "ex-tops" }, field.values.map((one) => value(name, one, field))));
}

function value(name, { value: of, count: entries }, field) {
  const share = Math.round((100 * entries) / field.of);
  const bar = el("span", { class: "ex-share", "aria-hidden": "true" });
  bar.style.width = `${Math.max(1, share)}%`;
  const can = isFilterable(name, of);
  return el("li", { class: "ex-top" }, bar,
    el("span", { class: "ex-top-text", title: shown(of) }, shown(of)),
    el("span", { class: "ex-count" }, `${entries.toLocaleString("en")} · ${share < 1 ? "<1" : share} %`),
    can && act(`Only ${name} ${shown(of)}`, "plus", () => filter(name, of, true)),
    can && act(`Without ${name} ${shown(of)}`, "minus", () => filter(name, of, false)));
}

function toggle(isOpen = panel.hidden) {
  panel.hidden = !isOpen;
  byId("ex-fields-button").setAttribute("aria-expanded", String(isOpen));
  try { localStorage.setItem(OPEN, isOpen ? "open" : ""); } catch { /* not allowed: until the page is left */ }
}

export function wireFields() {
  byId("ex-fields-button").addEventListener("click", () => {
    toggle();
    if (asked && isShown()) { const { signal, ...search } = asked; drawFields(search, signal); }
  });
  let isOpen = "";
  try { isOpen = localStorage.getItem(OPEN); } catch { /* not allowed */ }
  if (isOpen && innerWidth >= 768) toggle(true);
}
