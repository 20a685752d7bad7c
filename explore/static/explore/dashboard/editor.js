// The form of one panel: what it asks, and how it is drawn.

import { get } from "../api.js";
import { FUNCTIONS, split } from "../drawn.js";
import { byId, el } from "../dom.js";
import { board, organisation } from "./board.js";
import { KINDS, MEASURED } from "./kinds.js";

export const WIDTHS = [3, 4, 6, 8, 12];
export const HEIGHTS = ["s", "m", "l"];
const WIDTH_WORDS = { 3: "a quarter", 4: "a third", 6: "half", 8: "two thirds", 12: "all" };
const HEIGHT_WORDS = { s: "low", m: "usual", l: "tall" };
// Which parts of the form are there for which kind.
const PARTS = { query: [...MEASURED, "entries"], measure: MEASURED, by: ["series", "top", "table"], chart: ["series"], limit: ["series", "top", "table", "entries", "errors"], compare: ["stat"], tones: ["stat"], text: ["text"] };
const FIRST = ["level", "project", "environment", "error.type"];

const dialog = byId("ex-board-editor");
const form = byId("ex-board-panel-form");
const field = (name) => form.elements[name];
const fill = (select, options, value) => { select.replaceChildren(...options.map(([key, words]) => el("option", { value: String(key) }, words))); select.value = String(value); };

function show() {
  for (const [part, of] of Object.entries(PARTS)) form.querySelector(`[data-part=${part}]`).hidden = !of.includes(field("kind").value);
  field("measured").hidden = field("function").value === "count";
  field("measured").required = MEASURED.includes(field("kind").value) && !field("measured").hidden;
}

// Opens the form; `onDone` is given the panel as it is to be.
export function edit(panel, onDone) {
  const [name, measured] = split(panel.measure ?? "count");
  fill(field("kind"), KINDS, panel.kind);
  fill(field("function"), FUNCTIONS, name);
  fill(field("width"), WIDTHS.map((one) => [one, WIDTH_WORDS[one]]), panel.width ?? 6);
  fill(field("height"), HEIGHTS.map((one) => [one, HEIGHT_WORDS[one]]), panel.height ?? "m");
  fill(field("chart"), [["bars", "bars"], ["lines", "lines"]], panel.chart ?? "bars");
  fill(field("compare"), [["", "nothing"], ["day", "the day before"], ["week", "the week before"]], panel.compare ?? "");
  const tone = (of) => (panel.tones ?? []).find((one) => one.tone === of)?.value ?? "";
  const values = { title: panel.title ?? "", query: panel.query ?? "", measured, by1: panel.by?.[0] ?? "", by2: panel.by?.[1] ?? "", limit: panel.limit ?? 10, warn: tone("warn"), grave: tone("grave"), text: panel.text ?? "" };
  for (const [key, value] of Object.entries(values)) field(key).value = value;
  form.onchange = show;
  show();
  offer();
  form.onsubmit = (event) => {
    event.preventDefault();
    dialog.close();
    onDone(read(panel));
  };
  dialog.showModal();
  field("title").focus();
}

function read(panel) {
  const value = (name) => field(name).value.trim();
  const by = [...new Set([value("by1"), value("by2")].filter(Boolean))];
  const tones = ["warn", "grave"].filter((tone) => value(tone) !== "").map((tone) => ({ value: Number(value(tone)), tone }));
  return {
    id: panel.id, kind: value("kind"), title: value("title"), width: Number(value("width")), height: value("height"), query: value("query"),
    measure: value("function") === "count" ? "count" : `${value("function")}:${value("measured")}`, by, chart: value("chart"), limit: Math.min(50, Math.max(1, Math.round(Number(value("limit"))) || 10)),
    compare: value("compare"), tones, text: field("text").value,
  };
}

// Names of fields, and saved searches to begin with.
async function offer() {
  const names = byId("ex-board-names");
  if (!names.childElementCount) {
    names.replaceChildren(...FIRST.map((name) => el("option", { value: name })));
    const range = { from: new Date(Date.now() - 86_400_000).toISOString(), to: new Date().toISOString() };
    get("fields", { organisation: organisation(), ...range, limit: 200 }).then((found) => names.append(...found.fields.map((one) => el("option", { value: one.name }))), () => {});
  }
  const select = field("saved");
  const { searches } = await get("saved", { organisation: organisation() }).catch(() => ({ searches: [] }));
  fill(select, [["", searches.length ? "choose…" : "none yet"], ...searches.map((one) => [one.id, one.name])], "");
  select.onchange = () => {
    const search = searches.find((one) => String(one.id) === select.value);
    if (search) use(search);
  };
}

// A saved search as a panel: its figures, or its entries.
function use(search) {
  const levels = search.levels ? `level:(${search.levels.split(",").join(" OR ")})` : "";
  field("query").value = [search.query && levels ? `(${search.query})` : search.query, levels].filter(Boolean).join(" ");
  if (!field("title").value) field("title").value = search.name;
  const view = new URLSearchParams(search.view);
  if (view.get("show") !== "figures") { field("kind").value = "entries"; return; }
  const [name, measured] = split(view.get("measure") || "count");
  field("kind").value = view.get("draw") === "table" ? "table" : "series";
  Object.assign(field("function"), { value: name });
  Object.assign(field("measured"), { value: measured });
  const by = view.getAll("by");
  field("by1").value = by[0] ?? "";
  field("by2").value = by[1] ?? "";
  if (view.get("draw") === "lines") field("chart").value = "lines";
}

// The form of the dashboard itself. `onDone` is given what it is to be.
export function settings(onDone) {
  const place = byId("ex-board-settings");
  const whole = byId("ex-board-settings-form");
  const { document: shown, access, may_share: mayShare } = board.shown;
  const own = (name) => whole.elements[name];
  own("title").value = shown.title;
  own("range").value = shown.range;
  own("refresh").value = String(shown.refresh);
  own("access").value = access;
  own("access").disabled = !mayShare;
  own("variables").value = shown.variables.map((one) => one.field).join(", ");
  whole.onsubmit = (event) => {
    event.preventDefault();
    place.close();
    const fields = own("variables").value.split(",").map((one) => one.trim()).filter(Boolean).slice(0, 3);
    onDone({ title: own("title").value.trim(), range: own("range").value.trim(), refresh: Number(own("refresh").value),
      variables: fields.map((one, at) => ({ name: nameFor(one, at), field: one })) }, own("access").value);
  };
  place.showModal();
}

const nameFor = (fieldName, at) => (/^[a-z][a-z0-9_-]{0,23}$/.test(fieldName) ? fieldName : `variable${at + 1}`);

for (const node of document.querySelectorAll("[data-closes]")) node.addEventListener("click", () => node.closest("dialog").close());
