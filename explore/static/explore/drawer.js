// The drawer: an entry's context, or a whole trace. Beside the list where there is room, else above the page.

import { get } from "./api.js";
import { button, byId, copy, el } from "./dom.js";
import { term } from "./filter.js";
import { LogList } from "./list.js";
import { change, state } from "./state.js";
import { duration, iso, moment, resolve } from "./time.js";

const DAY = 86_400_000;
const WIDE = matchMedia("(min-width: 1200px)");
const AROUND = 30;
const COLUMNS = ["project"];
let asked = 0;
export let drawerList = null;

export const closeDrawer = () => change({ view: "", of: "", scope: "" });

// `onClosed` is told, so that the focus goes back to where it came from.
export function wireDrawer(onClosed) {
  const place = byId("ex-drawer");
  place.addEventListener("cancel", (event) => { event.preventDefault(); closeDrawer(); });
  place.addEventListener("close", () => { if (!state.view) onClosed(); });
  WIDE.addEventListener("change", () => { if (place.open) { place.close(); show(place); } });
}

function show(place) {
  if (place.open) return;
  if (WIDE.matches) place.show();
  else place.showModal();
}

export async function drawDrawer() {
  const place = byId("ex-drawer");
  const mine = ++asked;
  drawerList = null;
  if (!state.view) { place.close(); place.replaceChildren(); return; }
  place.replaceChildren(head(state.view === "trace" ? "Trace" : "Context"), el("p", { class: "ex-loading" }, "Looking…"));
  show(place);
  byId("ex-drawer-title").focus();
  try {
    const found = state.view === "trace" ? await trace() : await context();
    if (mine === asked) lay(place, found);
  } catch (problem) {
    const detail = problem.status === 404 ? "It is not there (any more). Retention may have dropped it." : problem.message;
    if (mine === asked) place.replaceChildren(head("Not found"), el("p", { class: "ex-loading" }, detail));
  }
  if (mine === asked) byId("ex-drawer-title").focus();
}

function head(title, ...more) {
  return el("div", { class: "ex-drawer-head" }, el("h2", { id: "ex-drawer-title", tabindex: "-1" }, title), ...more,
    button("✕", closeDrawer, { class: "ex-button ex-close", "aria-label": "Close", title: "Close (Esc)" }));
}

function lay(place, { above, entries, anchor, trace }) {
  const rows = el("div", { class: "ex-list", role: "rowgroup" });
  const grid = el("div", { class: `ex-grid ${trace ? "ex-trace" : ""}`, role: "treegrid", tabindex: "0", "aria-label": "Entries, oldest first" }, rows);
  place.replaceChildren(...above, grid);
  drawerList = new LogList(grid, rows, { columns: () => COLUMNS, trace: trace ?? {} });
  drawerList.add(entries);
  if (!drawerList.has(anchor)) return;
  drawerList.emphasise(anchor, "ex-anchor");
  drawerList.select(anchor);
  grid.scrollTop = drawerList.heights.offset(drawerList.index.get(anchor)) - grid.clientHeight / 2;
  drawerList.draw();
}

async function context() {
  const found = await get(`entries/${encodeURIComponent(state.of)}/context`, { organisation: state.organisation, before: AROUND, after: AROUND, scope: state.scope });
  const { log } = found;
  const around = () => {
    const time = Date.parse(log.timestamp);
    change({ query: state.scope ? "" : term("project", log.project), levels: [], from: iso(time - 60_000), to: iso(time + 60_000), view: "", of: "", scope: "", entry: log.id, live: false });
  };
  const of = (scope, label) => button(label, () => change({ scope }), { class: "ex-button ex-small", "aria-pressed": String(state.scope === scope) });
  return {
    above: [
      head("Context", button("Search these 2 minutes", around, { class: "ex-button ex-small" })),
      el("div", { class: "ex-drawer-note" }, el("div", { class: "ex-tools", role: "group", "aria-label": "Whose entries" }, of("", `Only ${log.project}`), of("organisation", "Whole organisation")),
        el("p", {}, `${found.before.length} entries before, ${found.after.length} after, oldest first`)),
    ],
    entries: [...found.before, log, ...found.after],
    anchor: log.id,
  };
}

async function trace() {
  const { from, to } = resolve();
  const range = { from: iso(Date.parse(from) - DAY), to: iso(Date.parse(to) + DAY) };
  const id = state.of;
  const found = await get(`traces/${encodeURIComponent(id)}`, { organisation: state.organisation, ...range });
  const times = found.logs.map((entry) => Date.parse(entry.timestamp));
  const [start, length] = [times[0], times.at(-1) - times[0]];
  const errors = found.logs.filter((entry) => ["error", "fatal", "panic"].includes(entry.level)).length;
  const projects = [...new Set(found.logs.map((entry) => entry.project))];
  return {
    above: [
      head("Trace", el("code", { class: "ex-trace-id", title: id }, id),
        button("Copy id", () => copy(id, "Trace id"), { class: "ex-button ex-small" }),
        button("Search", () => change({ query: term("trace", id), levels: [], view: "", of: "", live: false }), { class: "ex-button ex-small" })),
      el("p", { class: "ex-drawer-note" },
        `${found.logs.length}${found.is_complete ? "" : "+"} entries in ${duration(length)} from ${moment(found.logs[0].timestamp)}, ${errors} of level error or worse, in ${projects.join(", ")}`),
    ],
    entries: found.logs,
    anchor: state.entry,
    trace: { start, length },
  };
}
