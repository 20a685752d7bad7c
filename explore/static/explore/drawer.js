// The drawer at the side: an entry's context, or a whole trace.

import { get } from "./api.js";
import { button, byId, copy, el } from "./dom.js";
import { term } from "./filter.js";
import { LogList } from "./list.js";
import { change, state } from "./state.js";
import { duration, iso, moment, resolve } from "./time.js";

const DAY = 86_400_000;
let asked = 0;
export let drawerList = null;

export const closeDrawer = () => change({ view: "", of: "" });

export async function drawDrawer() {
  const place = byId("ex-drawer");
  const mine = ++asked;
  place.hidden = !state.view;
  document.body.classList.toggle("ex-has-drawer", !!state.view);
  drawerList = null;
  if (!state.view) { place.replaceChildren(); return; }
  place.replaceChildren(head(state.view === "trace" ? "Trace" : "Context"), el("p", { class: "ex-loading" }, "Looking…"));
  try {
    const body = state.view === "trace" ? await trace() : await context();
    if (mine === asked) { place.replaceChildren(...body); place.querySelector(".ex-anchor")?.scrollIntoView({ block: "center" }); }
  } catch (problem) {
    const detail = problem.status === 404 ? "It is not there (any more). Retention may have dropped it." : problem.message;
    if (mine === asked) place.replaceChildren(head("Not found"), el("p", { class: "ex-loading" }, detail));
  }
}

function head(title, ...more) {
  return el("div", { class: "ex-drawer-head" }, el("h2", {}, title), ...more,
    button("✕", closeDrawer, { class: "ex-button ex-close", "aria-label": "Close", title: "Close (Esc)" }));
}

function listIn(place, entries, options = {}) {
  drawerList = new LogList(place, options);
  drawerList.add(entries);
  return place;
}

async function context() {
  const found = await get(`entries/${encodeURIComponent(state.of)}/context`, { organisation: state.organisation, before: 30, after: 30 });
  const list = listIn(el("ol", { class: "ex-list" }), [...found.before, found.log, ...found.after]);
  const anchor = drawerList.items.get(found.log.id);
  anchor.classList.add("ex-anchor");
  const around = () => {
    const time = Date.parse(found.log.timestamp);
    change({ query: term("project", found.log.project), levels: [], from: iso(time - 60_000), to: iso(time + 60_000), view: "", of: "", entry: found.log.id, live: false });
  };
  return [head("Context", button("Search these 2 minutes", around, { class: "ex-button ex-small" })),
    el("p", { class: "ex-drawer-note" }, `${found.log.project}: ${found.before.length} entries before, ${found.after.length} after, oldest first`), list];
}

async function trace() {
  const { from, to } = resolve();
  const range = { from: iso(Date.parse(from) - DAY), to: iso(Date.parse(to) + DAY) };
  const id = state.of;
  const found = await get(`traces/${encodeURIComponent(id)}`, { organisation: state.organisation, ...range });
  const times = found.logs.map((entry) => Date.parse(entry.timestamp));
  const [start, length] = [times[0], times.at(-1) - times[0]];
  const errors = found.logs.filter((entry) => ["error", "fatal", "panic"].includes(entry.level)).length;
  const list = listIn(el("ol", { class: "ex-list ex-trace" }), found.logs, { relativeTo: start });
  [...list.children].forEach((node, index) => {
    const mark = el("span", { class: "ex-mark" });
    mark.style.left = `${length ? ((times[index] - start) / length) * 100 : 0}%`;
    node.firstElementChild.append(el("span", { class: "ex-track" }, mark));
  });
  drawerList.items.get(state.entry)?.classList.add("ex-anchor");
  const projects = [...new Set(found.logs.map((entry) => entry.project))];
  return [head("Trace", el("code", { class: "ex-trace-id", title: id }, id),
    button("Copy id", () => copy(id, "Trace id"), { class: "ex-button ex-small" }),
    button("Search", () => change({ query: term("trace", id), levels: [], view: "", of: "", live: false }), { class: "ex-button ex-small" })),
  el("p", { class: "ex-drawer-note" },
    `${found.logs.length}${found.is_complete ? "" : "+"} entries in ${duration(length)} from ${moment(found.logs[0].timestamp)}, ${errors} of level error or worse, in ${projects.join(", ")}`),
  list];
}
