// Figures as they are answered: drawn over time, as a table, as bars by value, and as CSV.

import { button, el } from "./dom.js";
import { isFilterable, shown } from "./fields.js";
import { colourOf, drawSeries } from "./series.js";

export const FUNCTIONS = [["count", "count"], ["distinct", "different values of"], ["sum", "sum of"], ["avg", "average of"], ["min", "least of"], ["max", "most of"], ["p50", "median of"], ["p95", "95th percentile of"], ["p99", "99th percentile of"]];
// Parts of these make no whole.
const ADDED = ["count", "sum"];

export const number = (value) => (value === null ? "–" : value.toLocaleString("en", { maximumFractionDigits: Math.abs(value) < 10 ? 3 : 1 }));

export const split = (measure) => { const [name, ...field] = measure.split(":"); return [name, field.join(":")]; };
// A measure in words: "95th percentile of ms by region".
export function labelOfMeasure(measure, by) {
  const [name, field] = split(measure);
  const what = name === "count" ? "Entries" : `${FUNCTIONS.find(([key]) => key === name)?.[1] ?? name} ${field}`;
  return [what[0].toUpperCase() + what.slice(1), ...(by.length ? [`by ${by.join(", ")}`] : [])].join(" ");
}
export const isSum = (measure) => ADDED.includes(split(measure)[0]);
export const labelOf = (row) => row.by.map(shown).join(" · ") || "all";

// Levels have colours of their own, everywhere.
const classOf = (found, row, at) => (found.by.length === 1 && found.by[0] === "level" ? `ex-series-level level-${row.by[0]}` : colourOf(at));
const GRAVEST = ["panic", "fatal", "error", "warn", "info", "debug"];

// Fills a place with the series of what was found; tells whether there are any.
export function drawOver(place, found, { isBars, height }) {
  const { rows, others } = found;
  if (!rows[0]?.points?.length) return false;
  const series = rows.map((row, at) => ({ label: labelOf(row), class: classOf(found, row, at), points: row.points }));
  if (found.by.length === 1 && found.by[0] === "level") series.sort((a, b) => GRAVEST.indexOf(a.label) - GRAVEST.indexOf(b.label));
  if (others && isSum(found.measure)) series.push({ label: "others", class: colourOf(-1), points: others.points });
  drawSeries(place, series, { isStacked: isBars && isSum(found.measure), text: number, height });
  return true;
}

// `onEnter` is told the fields and values of a group that was chosen.
export function table(found, onEnter) {
  const isDrawn = Boolean(found.rows[0].points);
  const whole = isSum(found.measure) ? found.rows.reduce((sum, row) => sum + row.value, found.others?.value ?? 0) : 0;
  const share = (value) => (whole > 0 ? el("td", { class: "ex-number" }, `${((100 * value) / whole).toFixed(1)} %`) : null);
  const mark = (at) => (isDrawn ? el("span", { class: `ex-key ${at < 0 ? colourOf(at) : classOf(found, found.rows[at], at)}`, "aria-hidden": "true" }) : null);
  const head = el("tr", {}, (found.by.length ? found.by : ["group"]).map((name) => el("th", { scope: "col" }, name)), el("th", { scope: "col", class: "ex-number" }, found.measure), whole > 0 ? el("th", { scope: "col", class: "ex-number" }, "share") : null);
  const line = (row, at) => {
    const cells = row.by.length ? row.by : ["all"];
    const can = onEnter && row.by.length && row.by.every((value, index) => isFilterable(found.by[index], value));
    return el("tr", {}, cells.map((value, index) => el("td", {}, index ? null : mark(at),
      can && !index ? button(shown(value), () => onEnter(found.by, row.by), { class: "ex-row-filter", title: "Find these entries" }) : shown(value))),
      el("td", { class: "ex-number" }, number(row.value)), share(row.value));
  };
  const others = found.others && el("tr", { class: "ex-quiet" }, el("td", { colspan: String(Math.max(1, found.by.length)) }, mark(-1), `${found.others.groups.toLocaleString("en")} others`), el("td", { class: "ex-number" }, number(found.others.value)), share(found.others.value));
  return el("div", { class: "ex-figures-table", tabindex: "0", role: "region", "aria-label": "Figures, as a table" },
    el("table", {}, el("thead", {}, head), el("tbody", {}, found.rows.map(line), others)));
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
