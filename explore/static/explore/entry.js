// An entry laid open: message, error, fields with their actions, raw JSON.

import { configuration } from "./api.js";
import { button, copy, el, icon } from "./dom.js";
import { filter, term } from "./filter.js";
import { leaves, text, tree } from "./json.js";
import { isAskable, nameOfKey } from "./language.js";
import { marked } from "./marks.js";
import { stackTrace } from "./stack.js";
import { change, link, state } from "./state.js";
import { resolve } from "./time.js";

const ASKABLE = ["level", "environment", "project", "trace_id", "span_id", "parent_span_id", "edge"];
const FACTS = ["timestamp", "received_at", "id", "size_bytes", "privacy_mode"];

// `name` is what a query calls the field; nothing where it cannot be asked for. `pattern` is what was looked for in it.
function fieldRow(field, value, { name = field, patterns = new Map() } = {}) {
  const shown = typeof value === "string" ? value : text(value);
  const act = (label, title, action) => el("button", { type: "button", class: "ex-act", title, "aria-label": `${title}: ${field}`, "data-act": label, onclick: action }, icon(label));
  const isFilterable = name && value !== null && typeof value !== "object" && isAskable(`-${term(name, value)}`);
  const isColumn = state.columns.includes(name ?? field);
  return el("tr", { "data-field": field },
    el("th", { scope: "row", title: field }, field),
    el("td", {},
      el("span", { class: `ex-value ex-json-${value === null ? "null" : typeof value}` }, marked(shown, patterns.get(name))),
      el("span", { class: "ex-acts" },
        isFilterable ? act("plus", "Filter for this value", () => filter(name, value, true)) : null,
        isFilterable ? act("minus", "Filter out this value", () => filter(name, value, false)) : null,
        field === "level" || field === "timestamp" ? null : act("column", isColumn ? "Remove the column" : "Show as column", () => change({
          columns: isColumn ? state.columns.filter((other) => other !== (name ?? field)) : [...state.columns, name ?? field],
        })),
        act("copy", "Copy the value", () => copy(shown, "Value")))));
}

function section(title, rows) {
  return rows.length ? el("section", { class: "ex-section" }, el("h3", {}, title),
    el("table", { class: "ex-fields" }, el("tbody", {}, rows))) : null;
}

function errorSection(error, patterns) {
  if (!error) return null;
  const rows = [];
  if (error.fingerprint) rows.push(fieldRow("error.fingerprint", error.fingerprint, { patterns }));
  for (const [name, value] of leaves(error.context ?? {})) rows.push(fieldRow(`error.context.${name}`, value, { patterns }));
  return el("section", { class: "ex-section ex-error" },
    el("div", { class: "ex-section-head" },
      el("h3", { class: "ex-error-type" }, error.type || "Error"),
      error.type && isAskable(term("error.type", error.type)) ? button("Filter for this type", () => filter("error.type", error.type, true), { class: "ex-button ex-small" }) : null),
    error.message ? el("p", { class: "ex-error-message" }, marked(error.message, patterns.get("error.message"))) : null,
    error.stack_trace?.length ? stackTrace(error.stack_trace) : null,
    rows.length ? el("table", { class: "ex-fields" }, el("tbody", {}, rows)) : null);
}

// The id of the trace, wherever the client wrote it.
export function traceOf(entry) {
  const found = entry.trace_id || entry.metadata?.trace_id || entry.metadata?.traceId;
  return typeof found === "string" && found ? found : "";
}

const groupAddress = (number) => `${configuration.errors}${number}/?${new URLSearchParams({ organisation: state.organisation })}`;
export const copyLink = (entry) => copy(link({ ...resolve(), live: false, entry: entry.id }), "Link");
export const showTrace = (entry) => traceOf(entry) && change({ view: "trace", of: traceOf(entry), entry: entry.id });
export const showContext = (entry) => change({ view: "context", of: entry.id, entry: entry.id });

// `patterns` mark what a query has looked for, by the name of the field.
export function details(entry, patterns = new Map()) {
  const raw = el("pre", { class: "ex-raw", tabindex: "0" });
  const open = (event) => { if (event.target.open && !raw.firstChild) raw.append(tree(entry)); };
  return el("div", { class: "ex-details", role: "group", "aria-label": entry.message.slice(0, 100) || "Entry" },
    el("div", { class: "ex-details-actions" },
      traceOf(entry) ? button("Show trace", () => showTrace(entry), { title: "Everything of this trace (t)" }) : null,
      button("Show context", () => showContext(entry), { title: "What was logged before and after (c)" }),
      entry.group ? el("a", { class: "ex-button", href: groupAddress(entry.group), title: "All of this error" }, `Error group #${entry.group}`) : null,
      button("Copy link", () => copyLink(entry), { title: "A link to this entry (y)" }),
      button("Copy JSON", () => copy(text(entry, 2), "Entry"))),
    el("pre", { class: "ex-message" }, marked(entry.message, patterns.get("message"))),
    errorSection(entry.error, patterns),
    section("Metadata", leaves(entry.metadata ?? {}).map(([key, value]) => fieldRow(key, value, { name: nameOfKey(key), patterns }))),
    section("Entry", [
      ...ASKABLE.filter((name) => entry[name] !== null).map((name) => fieldRow(name, entry[name], { patterns })),
      ...FACTS.filter((name) => entry[name] !== null).map((name) => fieldRow(name, entry[name], { name: null })),
    ]),
    el("details", { ontoggle: open }, el("summary", {}, "Raw JSON"), raw));
}
