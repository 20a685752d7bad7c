// What a search's messages say: patterns; and, since a moment, which of them are new, gone, more or less frequent.

import { get } from "./api.js";
import { changedValues } from "./changed.js";
import { button, el } from "./dom.js";
import { change, state } from "./state.js";
import { duration, iso, moment } from "./time.js";

const BADGES = { new: "warn", more: "warn", less: "fine", gone: "" };
const WORDS = { new: "new", more: "more frequent", less: "less frequent", gone: "gone", same: "as before" };
const ERRORS = ["error", "fatal", "panic"];

// As the API asks for it: since a moment of the range, or since its beginning, against as long a time before it.
function since(search) {
  const [from, to] = [Date.parse(search.from), Date.parse(search.to)];
  if (state.since === "before") return state.range === "all" ? null : { since: search.from, from: iso(2 * from - to) };
  const at = Date.parse(state.since);
  return at > from && at < to ? { since: state.since } : null;
}

export async function drawPatterns(place, search, signal, look) {
  const compared = state.since ? since(search) : null;
  const found = await get("patterns", { ...search, ...compared }, signal, look);
  const rows = found.patterns.map((one) => row(one, found, compared));
  place.replaceChildren(controls(compared), el("p", { class: "ex-quiet" }, compared ? changed(found) : facts(found)), rows.length ? table(rows, compared) : "");
  if (compared && found.entries && found.before.entries) place.append(await changedValues(search, compared, signal, badge));
}

function controls(compared) {
  const what = state.since === "before" ? "Compared with the time before" : `Compared with before ${moment(state.since)}`;
  const outside = state.since && !compared ? el("span", { class: "ex-quiet" }, state.since === "before" ? "There is no time before all time." : `${moment(state.since)} is not within this range.`) : null;
  return el("p", { class: "ex-compare" },
    el("button", { type: "button", class: "ex-button ex-small", id: "ex-compare-button", "aria-haspopup": "dialog", title: "What is new or more frequent since a deploy", onclick: (event) => document.getElementById("ex-compare").togglePopover({ source: event.currentTarget }) }, state.since ? "Compare otherwise" : "What has changed?"),
    compared ? el("strong", {}, what) : outside, state.since ? button("Do not compare", () => change({ since: "" }), { class: "ex-button ex-small" }) : null);
}

const entries = ({ entries: count, exact, seconds }) => `${exact ? "all" : "the newest"} ${count.toLocaleString("en")} ${count === 1 ? "entry" : "entries"} of ${duration(seconds * 1000)}`;

function facts(found) {
  return found.entries ? `${found.different.toLocaleString("en")} ${found.different === 1 ? "pattern" : "patterns"} in ${found.exact ? "all" : "the newest"} ${found.entries.toLocaleString("en")} entries` : "Nothing was found.";
}

function changed(found) {
  const kinds = Object.entries(WORDS).filter(([kind]) => found.changes[kind]).map(([kind, word]) => `${found.changes[kind].toLocaleString("en")} ${word}`);
  const isAll = found.exact && found.before.exact;
  return [`${kinds.join(", ") || "Nothing was found"}: ${entries(found)} since then, ${entries(found.before)} before. `,
    isAll || state.levels.length ? null : button("Errors only", () => change({ levels: ERRORS }), { class: "ex-button ex-small", title: "What is rare among so many entries may be missing" })].filter(Boolean);
}

// To the entries of a pattern; those of one that is gone are before.
function enter(one, compared) {
  const query = [state.query.trim(), one.query].filter(Boolean).join(" ");
  change({ show: "", query, ...(one.change === "gone" && state.since === "before" ? { from: compared.from, to: compared.since, range: "" } : {}) });
}

function row(one, found, compared) {
  const worst = Object.entries(one.levels).findLast(([, count]) => count)[0];
  const words = one.query
    ? button(one.pattern, () => enter(one, compared), { class: "ex-row-filter", title: one.sample.message })
    : el("span", { title: one.sample.message }, one.pattern || "(empty)");
  const cell = (text) => el("td", { class: "ex-number" }, text);
  const shares = compared ? [el("td", {}, badge(one)), cell(one.count.toLocaleString("en")), cell(one.before.toLocaleString("en"))]
    : [cell(one.count.toLocaleString("en")), cell(`${((100 * one.count) / found.entries).toFixed(1)} %`)];
  return el("tr", { class: one.change === "same" ? "ex-same" : "" }, shares, el("td", {}, el("span", { class: `ex-level level-${worst}` }, worst)),
    el("td", { class: "ex-pattern" }, words), el("td", {}, moment(one.first)), el("td", {}, moment(one.last)));
}

const factor = (times) => times.toLocaleString("en", { maximumSignificantDigits: times < 100 ? 2 : 3 });
function badge({ change: kind, times }, measure = "as many a second") {
  const text = { more: () => `× ${factor(times)}`, less: () => `÷ ${factor(1 / times)}`, same: () => "=" }[kind]?.() ?? kind;
  const title = kind === "more" || kind === "less" ? `${WORDS[kind]}: ${factor(times)} times ${measure}` : WORDS[kind];
  return el("span", { class: `badge ${BADGES[kind] ?? ""}`, title }, text);
}

function table(rows, compared) {
  const numbers = compared ? ["since", "before"] : ["count", "share"];
  const names = [...(compared ? ["change"] : []), ...numbers, "worst level", "pattern", "first", "last"];
  const head = names.map((name) => el("th", { scope: "col", class: numbers.includes(name) ? "ex-number" : "" }, name));
  return el("div", { class: "ex-figures-table", tabindex: "0", role: "region", "aria-label": "Patterns" },
    el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows)));
}
