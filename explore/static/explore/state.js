// The page's whole state, kept in its address: a link shows somebody else the same.

import { configuration } from "./api.js";
import * as Columns from "./columns.js";

const DEFAULT_RANGE = "1h";
// The zone of the reader's preferences; a link may ask for another.
export const OWN_ZONE = configuration.zone;
export const BROWSER_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

function zoneOf(asked) {
  try {
    return asked ? new Intl.DateTimeFormat("en", { timeZone: asked === "utc" ? "UTC" : asked }).resolvedOptions().timeZone : OWN_ZONE;
  } catch {
    return OWN_ZONE;
  }
}
const listeners = new Set();

function read() {
  const given = new URLSearchParams(location.search);
  const list = (name) => (given.get(name) || "").split(",").filter(Boolean);
  return {
    organisation: given.get("organisation") || configuration.organisation,
    query: given.get("query") || "",
    levels: list("levels").filter((level) => configuration.levels.includes(level)),
    range: given.get("from") ? "" : given.get("range") || DEFAULT_RANGE,
    from: given.get("from") || "",
    to: given.get("to") || "",
    columns: given.has("columns") ? Columns.read(given.get("columns")) : Columns.DEFAULT,
    order: given.get("order") === "asc" ? "asc" : "",
    wrap: given.get("wrap") === "1",
    entry: given.get("entry") || "",
    view: ["trace", "context"].includes(given.get("view")) ? given.get("view") : "",
    of: given.get("of") || "",
    scope: given.get("scope") === "organisation" ? "organisation" : "",
    live: given.get("live") === "1",
    zone: zoneOf(given.get("zone")),
    show: ["patterns", "figures"].includes(given.get("show")) ? given.get("show") : "",
    since: given.get("since") === "before" || Date.parse(given.get("since")) ? given.get("since") : "",
    measure: given.get("measure") || "count",
    by: given.getAll("by").filter(Boolean).slice(0, 2),
    draw: ["lines", "table"].includes(given.get("draw")) ? given.get("draw") : "bars",
  };
}

export const state = read();

export function link(changes = {}) {
  const { organisation, query, levels, range, from, to, columns, order, wrap, entry, view, of, scope, live, zone, show, since, measure, by, draw } = { ...state, ...changes };
  const parameters = new URLSearchParams({ organisation });
  const put = (name, value) => value && parameters.set(name, value);
  put("query", query);
  put("levels", levels.join(","));
  put("range", from ? "" : range);
  put("from", from);
  put("to", to);
  put("columns", !Columns.isDefault(columns) && Columns.write(columns));
  put("order", order);
  put("wrap", wrap && "1");
  put("entry", entry);
  put("view", view);
  put("of", view && of);
  put("scope", view === "context" && scope);
  put("live", live && "1");
  put("zone", zone !== OWN_ZONE && zone);
  put("show", show);
  put("since", show === "patterns" && since);
  put("measure", measure !== "count" && measure);
  for (const name of by) parameters.append("by", name);
  put("draw", draw !== "bars" && draw);
  return `${location.origin}${location.pathname}?${parameters}`;
}

// What is searched for goes into the history; what is only opened or closed replaces the address.
const SEARCHED = ["organisation", "query", "levels", "range", "from", "to", "order", "show", "since", "measure", "by", "draw"];

export function change(changes) {
  const names = Object.keys(changes).filter((name) => String(changes[name]) !== String(state[name]));
  const searched = names.some((name) => SEARCHED.includes(name));
  if (!names.length) return;
  Object.assign(state, changes);
  history[searched ? "pushState" : "replaceState"](null, "", link());
  for (const listener of listeners) listener(new Set(names), searched);
}

export const onChange = (listener) => listeners.add(listener);

window.addEventListener("popstate", () => {
  const names = new Set(Object.keys(state));
  Object.assign(state, read());
  for (const listener of listeners) listener(names, true);
});
