// The search as figures: a measure by up to two fields, as lines, bars or a table; a row filters, and all can be copied.

import { get } from "./api.js";
import { button, byId, copy, el } from "./dom.js";
import { isFilterable, shown } from "./fields.js";
import { term } from "./filter.js";
import { colourOf, drawSeries } from "./series.js";
import { change, state } from "./state.js";

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 604800, 2592000];
const DRAWN = 60;
const ROWS = { table: 1000, lines: 20, bars: 20 };
const FUNCTIONS = [["count", "count"], ["distinct", "different values of"], ["sum", "sum of"], ["avg", "average of"], ["min", "least of"], ["max", "most of"], ["p50", "median of"], ["p95", "95th percentile of"], ["p99", "99th percentile of"]];
const FIRST = ["level", "project", "environment", "error.type", "message", "trace_id"];
// Parts of these make no whole.
const ADDED = ["count", "sum"];

export const number = (value) => (value === null ? "–" : value.toLocaleString("en", { maximumFractionDigits: Math.abs(value) < 10 ? 3 : 1 }));

const split = (measure) => { const [name, ...field] = measure.split(":"); return [name, field.join(":")]; };

export async function drawFigures(place, search, signal) {
  drawForm(place, search);
  const result = place.querySelector(".ex-figures");
  result.setAttribute("aria-busy", "true");
  const seconds = (Date.parse(search.to) - Date.parse(search.from)) / 1000;
  const step = state.draw === "table" ? "" : STEPS.find((each) => each >= seconds / DRAWN) ?? "";
  try {
    const found = await get("aggregate", { ...search, measure: state.measure, by: state.by, step, limit: ROWS[state.draw] }, signal);
    draw(result, found);
  } finally {
    result.removeAttribute("aria-busy");
  }
}

// The fields of what is found, as soon as somebody is about to name one.
async function offer(search) {
  const list = byId("ex-figures-names");
  if (list.childElementCount) return;
  list.replaceChildren(...FIRST.map((name) => el("option", { value: name })));
  const found = await get("fields", { ...search, limit: 200 }).catch(() => ({ fields: [] }));
  list.append(...found.fields.map((field) => el("option", { value: field.name })));
}

function drawForm(place, search) {
  const [name, field] = split(state.measure);
  const choice = (id, options, value) => { const node = el("select", { id, class: "ex-select" }, options.map(([key, words]) => el("option", { value: key }, words))); node.value = value; return node; };
  const input = (id, label, value) => el("input", { id, type: "text", class: "ex-name", "aria-label": label, placeholder: label, value, list: "ex-figures-names", spellcheck: "false", onfocus: () => offer(search) });
  const of = input("ex-measured", "field", field);
  const what = choice("ex-measure", FUNCTIONS, name);
  const drawn = choice("ex-draw", [["bars", "bars"], ["lines", "lines"], ["table", "table only"]], state.draw);
  const hide = () => { of.hidden = what.value === "count"; };
  what.addEventListener("change", hide);
  hide();
  const form = el("form", { class: "ex-figures-form", "aria-label": "What to measure" },
    el("label", { for: "ex-measure" }, "Measure"), what, of, el("span", {}, "by"),
    input("ex-by-1", "first field", state.by[0] ?? ""), input("ex-by-2", "second field", state.by[1] ?? ""),
    el("label", { for: "ex-draw" }, "as"), drawn, el("button", { type: "submit", class: "ex-button ex-primary ex-small" }, "Show"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const by = ["ex-by-1", "ex-by-2"].map((id) => byId(id).value.trim()).filter(Boolean);
    const measure = what.value === "count" ? "count" : `${what.value}:${of.value.trim()}`;
    change({ measure, by: [...new Set(by)], draw: drawn.value });
  });
  drawn.addEventListener("change", () => form.requestSubmit());
  place.replaceChildren(form, el("datalist", { id: "ex-figures-names" }), el("div", { class: "ex-figures" }));
}

const labelOf = (row) => row.by.map(shown).join(" · ") || "all";

function draw(place, found) {
  const { rows, others } = found;
  const isEmpty = !rows.length || !found.scanned;
  const facts = el("p", { class: "ex-quiet" }, isEmpty ? "Nothing to measure was found." : `${found.scanned.toLocaleString("en")} entries${found.exact ? "" : ", percentiles within 1 %"}`, " ",
    isEmpty ? "" : button("Copy CSV", () => copy(csv(found), "CSV"), { class: "ex-button ex-small" }));
  const chart = el("div", { class: "ex-figures-chart" });
  const parts = isEmpty ? [facts] : [facts, chart, table(found)];
  place.replaceChildren(...parts);
  chart.hidden = !rows[0]?.points?.length;
  if (isEmpty || chart.hidden) return;
  const series = rows.map((row, at) => ({ label: labelOf(row), class: colourOf(at), points: row.points }));
  if (others && ADDED.includes(split(found.measure)[0])) series.push({ label: "others", class: colourOf(-1), points: others.points });
  drawSeries(chart, series, { isStacked: state.draw === "bars" && ADDED.includes(split(found.measure)[0]), text: number });
}

function table(found) {
  const isDrawn = Boolean(found.rows[0].points);
  const whole = ADDED.includes(split(found.measure)[0]) ? found.rows.reduce((sum, row) => sum + row.value, found.others?.value ?? 0) : 0;
  const share = (value) => (whole > 0 ? el("td", { class: "ex-number" }, `${((100 * value) / whole).toFixed(1)} %`) : null);
  const mark = (at) => (isDrawn ? el("span", { class: `ex-key ${colourOf(at)}`, "aria-hidden": "true" }) : null);
  const head = el("tr", {}, (found.by.length ? found.by : ["group"]).map((name) => el("th", { scope: "col" }, name)), el("th", { scope: "col", class: "ex-number" }, found.measure), whole > 0 ? el("th", { scope: "col", class: "ex-number" }, "share") : null);
  const line = (row, at) => {
    const cells = row.by.length ? row.by : ["all"];
    const can = row.by.length && row.by.every((value, index) => isFilterable(found.by[index], value));
    return el("tr", {}, cells.map((value, index) => el("td", {}, index ? null : mark(at),
      can && !index ? button(shown(value), () => enter(found.by, row.by), { class: "ex-row-filter", title: "Find these entries" }) : shown(value))),
      el("td", { class: "ex-number" }, number(row.value)), share(row.value));
  };
  const others = found.others && el("tr", { class: "ex-quiet" }, el("td", { colspan: String(Math.max(1, found.by.length)) }, mark(-1), `${found.others.groups.toLocaleString("en")} others`), el("td", { class: "ex-number" }, number(found.others.value)), share(found.others.value));
  return el("div", { class: "ex-figures-table", tabindex: "0", role: "region", "aria-label": "Figures, as a table" },
    el("table", {}, el("thead", {}, head), el("tbody", {}, found.rows.map(line), others)));
}

// To the entries of a group.
function enter(names, values) {
  const terms = names.map((name, at) => term(name, values[at])).filter((each) => !state.query.includes(each));
  change({ show: "", query: [state.query.trim(), ...terms].filter(Boolean).join(" ") });
}

const DANGEROUS = /^[=+\-@\t\r]/;
function cell(value) {
  if (value === null) return "";
  const text = typeof value === "string" && DANGEROUS.test(value) ? `'${value}` : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// A line for each group; with steps, for each group and step.
export function csv(found) {
  const isDrawn = Boolean(found.rows[0]?.points);
  const rows = found.others ? [...found.rows, { ...found.others, by: found.by.map((_, at) => (at ? null : "(others)")) }] : found.rows;
  const head = [...found.by, ...(isDrawn ? ["time"] : []), found.measure];
  const lines = rows.flatMap((row) => (isDrawn ? row.points.map(([at, value]) => [...row.by, at, value]) : [[...row.by, row.value]]));
  return [head, ...lines].map((line) => line.map(cell).join(",")).join("\r\n");
}

