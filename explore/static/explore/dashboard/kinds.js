// What a panel shows, by its kind, of what was answered. Data of users only ever become text.

import { configuration } from "../api.js";
import { drawOver, isSum, labelOf, number, table } from "../drawn.js";
import { el, svg } from "../dom.js";
import { isFilterable, shown } from "../fields.js";
import { term } from "../filter.js";
import { moment, shortDay, clock } from "../time.js";
import { board, organisation } from "./board.js";

export const KINDS = [["series", "over time"], ["stat", "one number"], ["top", "bars by value"], ["table", "table"], ["entries", "entries"], ["errors", "error groups"], ["quota", "quota of the month"], ["text", "text"]];
export const MEASURED = ["series", "stat", "top", "table"];
const HEIGHTS = { s: 96, m: 210, l: 480 };
const BYTES = ["B", "KiB", "MiB", "GiB", "TiB"];
const quiet = (...words) => el("p", { class: "ex-quiet" }, ...words);

// The explorer with what a panel asks; entries or figures.
export function explorerAddress(panel, answer, query = answer.query) {
  const given = new URLSearchParams({ organisation: organisation() });
  if (query) given.set("query", query);
  if (board.from || !answer.from) { given.set("from", board.from); given.set("to", board.to || answer.to); } else given.set("range", board.range || board.shown.document.range);
  if (MEASURED.includes(panel.kind) && query === answer.query) {
    given.set("show", "figures");
    given.set("measure", panel.measure ?? "count");
    for (const name of (panel.kind === "stat" ? [] : panel.by ?? [])) given.append("by", name);
    given.set("draw", panel.kind === "table" || panel.kind === "top" ? "table" : panel.chart ?? "bars");
  }
  return `${configuration.explorer}?${given}`;
}

const entriesOf = (panel, answer, found, row) => (row.by.length && row.by.every((value, at) => isFilterable(found.by[at], value))
  ? explorerAddress(panel, answer, [answer.query && `(${answer.query})`, ...found.by.map((name, at) => term(name, row.by[at]))].filter(Boolean).join(" ")) : null);

function series(place, panel, answer) {
  const found = answer.figures;
  if (!found.scanned || !found.rows.length) return place.append(quiet("Nothing was found."));
  const chart = el("div", { class: "ex-figures-chart" });
  const key = el("ul", { class: "ex-keys" });
  place.append(chart, key);
  drawOver(chart, found, { isBars: (panel.chart ?? "bars") === "bars", height: HEIGHTS[panel.height ?? "m"] - (found.by.length ? 28 : 0) });
  if (!found.by.length) return key.remove();
  const level = found.by.length === 1 && found.by[0] === "level";
  found.rows.forEach((row, at) => key.append(el("li", {}, el("span", { class: `ex-key ${level ? `ex-series-level level-${row.by[0]}` : `ex-series-${(at % 7) + 1}`}`, "aria-hidden": "true" }), `${labelOf(row)} `, el("span", { class: "ex-quiet" }, number(row.value)))));
  if (found.others) key.append(el("li", { class: "ex-quiet" }, `${number(found.others.groups)} others`));
  return undefined;
}

function compared(now, answer, panel) {
  const before = answer.before?.rows[0]?.value;
  if (before === undefined || before === null || now === null) return null;
  const than = panel.compare === "week" ? "the week before" : "the day before";
  if (now === before) return quiet(`as ${than}`);
  const share = before ? `${Math.abs(Math.round((100 * (now - before)) / before)).toLocaleString("en")} %` : number(Math.abs(now - before));
  return quiet(`${now > before ? "▲" : "▼"} ${share} ${now > before ? "more" : "less"} than ${than} (${number(before)})`);
}

function stat(place, panel, answer) {
  const found = answer.figures;
  const value = found.rows[0]?.value ?? null;
  const tone = [...(panel.tones ?? [])].sort((a, b) => b.value - a.value).find((one) => value !== null && value >= one.value)?.tone;
  const field = (panel.measure ?? "count").split(":").slice(1).join(":");
  place.append(el("p", { class: `ex-stat${tone ? ` ex-tone-${tone}` : ""}` }, number(value), tone ? el("span", { class: "ex-stat-tone" }, tone === "grave" ? "too many" : "many") : "",
    /_ms$|Ms$|_millis$/.test(field) && value !== null ? el("span", { class: "ex-stat-unit" }, " ms") : ""), compared(value, answer, panel) ?? "");
  const spark = el("div", { class: "ex-spark" });
  place.append(spark);
  if (value) drawOver(spark, found, { isBars: isSum(found.measure), height: (panel.height ?? "m") === "s" ? 40 : 96 });
}

function top(place, panel, answer) {
  const found = answer.figures;
  if (!found.scanned || !found.rows.length) return place.append(quiet("Nothing was found."));
  const most = Math.max(...found.rows.map((row) => row.value ?? 0), 0) || 1;
  place.append(el("ul", { class: "ex-ranks" }, found.rows.map((row) => {
    const bar = el("span", { class: "ex-share", "aria-hidden": "true" });
    bar.style.width = `${Math.max(0.5, (100 * Math.max(0, row.value ?? 0)) / most)}%`;
    const href = entriesOf(panel, answer, found, row);
    return el("li", { class: "ex-top" }, bar, href ? el("a", { class: "ex-top-text", href, title: labelOf(row) }, labelOf(row)) : el("span", { class: "ex-top-text" }, labelOf(row)), el("span", { class: "ex-count" }, number(row.value)));
  })));
  if (found.others) place.append(quiet(`and ${number(found.others.groups)} others${isSum(found.measure) ? `: ${number(found.others.value)}` : ""}`));
  return undefined;
}

function asTable(place, panel, answer) {
  const found = answer.figures;
  if (!found.scanned || !found.rows.length) return place.append(quiet("Nothing was found."));
  return place.append(table(found));
}

function entries(place, panel, answer) {
  if (!answer.logs.length) return place.append(quiet("Nothing was found."));
  const isOneDay = new Set(answer.logs.map((entry) => shortDay(new Date(entry.timestamp)))).size === 1;
  const when = (entry) => (isOneDay ? clock(new Date(entry.timestamp), 2) : `${shortDay(new Date(entry.timestamp))} ${clock(new Date(entry.timestamp), 0)}`);
  return place.append(el("div", { class: "ex-figures-table", tabindex: "0", role: "region", "aria-label": `${panel.title || "Entries"}, newest first` }, el("table", { class: "ex-board-entries" },
    el("thead", { class: "visually-hidden" }, el("tr", {}, ["time", "level", "project", "message"].map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, answer.logs.map((entry) => el("tr", { class: `level-${entry.level}` }, el("td", { title: moment(entry.timestamp) }, when(entry)),
      el("td", {}, el("span", { class: "ex-level" }, entry.level)), el("td", {}, entry.project ?? ""),
      el("td", { class: "ex-board-message" }, el("a", { href: `${explorerAddress(panel, answer)}&entry=${entry.id}` }, entry.message || "(empty)"))))))));
}

// Hours as a line of 96 × 20.
function sparkline(hours) {
  const most = Math.max(...hours, 1);
  return svg("svg", { class: "ex-sparkline", viewBox: "0 0 96 20", width: 96, height: 20, "aria-hidden": "true" },
    hours.map((events, at) => svg("rect", { x: at * 4, y: 20 - (18 * events) / most, width: 3, height: (18 * events) / most })));
}

function errors(place, panel, answer) {
  if (!answer.groups.length) return place.append(quiet("No error was seen."));
  const marks = (group) => [group.is_new && "new", group.is_regressed && "returned"].filter(Boolean).map((word) => el("span", { class: "ex-board-mark" }, word));
  return place.append(el("div", { class: "ex-figures-table", tabindex: "0", role: "region", "aria-label": `${panel.title || "Error groups"}, most events first` }, el("table", { class: "ex-board-errors" },
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "error"), el("th", { scope: "col" }, "24 hours"), el("th", { scope: "col", class: "ex-number" }, "events"))),
    el("tbody", {}, answer.groups.map((group) => el("tr", {}, el("td", { class: "ex-board-message" }, el("a", { href: group.url }, group.title || "(untitled)"), marks(group), el("small", { class: "ex-quiet" }, [group.culprit, group.project, `#${group.number}`].filter(Boolean).join(" · "))),
      el("td", {}, sparkline(group.hours), el("span", { class: "visually-hidden" }, `${group.hours.reduce((sum, one) => sum + one, 0)} events in 24 hours`)),
      el("td", { class: "ex-number" }, number(group.events))))))));
}

function bytes(value) {
  let [size, unit] = [value, 0];
  while (size >= 1024 && unit < BYTES.length - 1) [size, unit] = [size / 1024, unit + 1];
  return `${size.toLocaleString("en", { maximumFractionDigits: size < 10 ? 1 : 0 })} ${BYTES[unit]}`;
}

function quota(place, panel, answer) {
  const used = answer.used_bytes + answer.lent_bytes;
  const percent = answer.limit_bytes ? (100 * used) / answer.limit_bytes : 100;
  const passed = (100 * (Date.parse(answer.computed_at) - Date.parse(answer.began_at))) / (Date.parse(answer.ends_at) - Date.parse(answer.began_at));
  const tone = percent >= 100 ? "grave" : percent >= 80 ? "warn" : "";
  const bar = el("span", { class: "ex-meter-used" });
  bar.style.width = `${Math.min(100, percent)}%`;
  place.append(el("p", { class: `ex-stat${tone ? ` ex-tone-${tone}` : ""}` }, `${used && percent < 0.1 ? "< 0.1" : percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`, tone ? el("span", { class: "ex-stat-tone" }, tone === "grave" ? "spent" : "nearly spent") : ""),
    el("div", { class: `ex-meter${tone ? ` ex-tone-${tone}` : ""}`, "aria-hidden": "true" }, bar),
    quiet(`${bytes(used)} of ${bytes(answer.limit_bytes)} · ${answer.entries.toLocaleString("en")} entries · ${Math.round(passed)} % of the month has passed`),
    el("p", {}, el("a", { href: `${configuration.usage}?organisation=${encodeURIComponent(organisation())}` }, "Who used it")));
}

// Paragraphs; addresses in them are links.
export function text(place, panel) {
  const words = (panel.text ?? "").trim();
  if (!words) place.append(quiet("Nothing is written here yet."));
  for (const paragraph of words.split(/\n{2,}/).filter(Boolean)) {
    place.append(el("p", { class: "ex-board-text" }, paragraph.split(/(https?:\/\/[^\s<>"]+[^\s<>".,;:)])/).map((piece) => (/^https?:\/\//.test(piece) ? el("a", { href: piece }, piece) : piece))));
  }
}

const DRAWINGS = { series, stat, top, table: asTable, entries, errors, quota, text };
export const isKnown = (kind) => kind in DRAWINGS;
export const draw = (place, panel, answer) => DRAWINGS[panel.kind](place, panel, answer);
export const hasTable = (panel, answer) => Boolean(["series", "stat", "top"].includes(panel.kind) && answer?.figures?.rows.length && answer.figures.scanned);
export const tableOf = (answer) => table(answer.figures);
export const shownValue = shown;
