// Saved searches: own ones and those that others share.

import { get, send } from "./api.js";
import * as Columns from "./columns.js";
import { button, byId, el, toast } from "./dom.js";
import { change, link, state } from "./state.js";

// How the search is shown, as the address says it.
const SHOWN = ["show", "since", "measure", "by", "draw"];
const view = () => String(new URLSearchParams([...new URL(link()).searchParams].filter(([name]) => state.show && SHOWN.includes(name))));
function fromView(text) {
  const given = new URLSearchParams(text);
  return { show: given.get("show") || "", since: given.get("since") || "", measure: given.get("measure") || "count", by: given.getAll("by"), draw: given.get("draw") || "bars" };
}

const timeRange = () => (state.from ? `${state.from}/${state.to}` : state.range);

function use(search) {
  const [from, to] = search.time_range.includes("/") ? search.time_range.split("/") : ["", ""];
  byId("ex-saved").hidePopover();
  change({ query: search.query, levels: search.levels.split(",").filter(Boolean), range: from ? "" : search.time_range || "1h", from, to,
    columns: search.columns ? Columns.read(search.columns) : Columns.DEFAULT, order: search.order, wrap: search.is_wrapped, live: false, ...fromView(search.view) });
}

async function remove(search) {
  await send("DELETE", `saved/${search.id}`);
  toast("Search deleted");
  drawSaved();
}

async function save(event) {
  event.preventDefault();
  const form = event.target;
  await send("POST", "saved", { organisation: state.organisation }, {
    name: form.elements.name.value, is_shared: form.elements.shared.checked,
    query: state.query, levels: state.levels.join(","), time_range: timeRange(),
    columns: Columns.isDefault(state.columns) ? "" : Columns.write(state.columns), order: state.order, is_wrapped: state.wrap, view: view(),
  });
  toast("Search saved");
  form.reset();
  drawSaved();
}

function row(search) {
  return el("li", { class: "ex-saved-row" },
    el("button", { type: "button", class: "ex-saved-use", onclick: () => use(search) },
      el("strong", {}, search.name), el("code", {}, [search.query, search.levels.replaceAll(",", ", ")].filter(Boolean).join(" · ") || "everything"),
      search.is_own ? (search.is_shared ? el("span", { class: "ex-quiet" }, "shared by you") : null) : el("span", { class: "ex-quiet" }, `by ${search.owner}`)),
    search.is_own ? button("✕", () => guarded(() => remove(search)), { class: "ex-button ex-close", "aria-label": `Delete ${search.name}` }) : null);
}

async function guarded(action) {
  try {
    await action();
  } catch (problem) {
    byId("ex-saved-error").textContent = problem.message;
  }
}

export async function drawSaved() {
  const place = byId("ex-saved-list");
  byId("ex-saved-error").textContent = "";
  await guarded(async () => {
    const { searches } = await get("saved", { organisation: state.organisation });
    place.replaceChildren(...searches.map(row));
    if (!searches.length) place.append(el("li", { class: "ex-quiet" }, "None yet. Save the search on the page below."));
  });
}

export function wireSaved() {
  byId("ex-saved").addEventListener("toggle", (event) => { if (event.newState === "open") drawSaved(); });
  byId("ex-saved-form").addEventListener("submit", (event) => { event.preventDefault(); guarded(() => save(event)); });
}
