// The ways to see a search: its entries, the patterns of their messages, figures; and the fields beside them.

import { get } from "./api.js";
import { byId, el } from "./dom.js";
import { drawFields, wireFields } from "./fields.js";
import { drawFigures } from "./figures.js";
import { change, state } from "./state.js";
import { moment } from "./time.js";

const place = byId("ex-view");
const VIEWS = { "": "ex-as-list", patterns: "ex-as-patterns", figures: "ex-as-figures" };

// Draws what is not the list; tells whether that took its place.
export async function drawView(search, signal, look) {
  for (const [view, id] of Object.entries(VIEWS)) byId(id).setAttribute("aria-pressed", String(state.show === view));
  drawFields(search, signal);
  place.hidden = !state.show;
  byId("ex-grid").classList.toggle("ex-away", Boolean(state.show));
  byId("ex-chart").classList.toggle("ex-away", state.show === "figures");
  if (!state.show) { place.replaceChildren(); return false; }
  byId("ex-empty").hidden = byId("ex-more").hidden = true;
  if (state.show === "figures") await drawFigures(place, search, signal);
  else drawPatterns(await get("patterns", search, signal, look));
  return true;
}

function drawPatterns(found) {
  const facts = !found.entries ? "Nothing was found." : `${found.different.toLocaleString("en")} ${found.different === 1 ? "pattern" : "patterns"} in ${found.exact ? "all" : "the newest"} ${found.entries.toLocaleString("en")} entries`;
  const rows = found.patterns.map((one) => {
    const worst = Object.entries(one.levels).findLast(([, count]) => count)[0];
    const words = one.query
      ? el("button", { type: "button", class: "ex-row-filter", title: one.sample.message, onclick: () => change({ show: "", query: [state.query.trim(), one.query].filter(Boolean).join(" ") }) }, one.pattern)
      : el("span", { title: one.sample.message }, one.pattern || "(empty)");
    return el("tr", {}, el("td", { class: "ex-number" }, one.count.toLocaleString("en")), el("td", { class: "ex-number" }, `${((100 * one.count) / found.entries).toFixed(1)} %`),
      el("td", {}, el("span", { class: `ex-level level-${worst}` }, worst)), el("td", { class: "ex-pattern" }, words), el("td", {}, moment(one.first)), el("td", {}, moment(one.last)));
  });
  const head = ["count", "share", "worst level", "pattern", "first", "last"].map((name, at) => el("th", { scope: "col", class: at < 2 ? "ex-number" : "" }, name));
  place.replaceChildren(el("p", { class: "ex-quiet" }, facts), rows.length
    ? el("div", { class: "ex-figures-table", tabindex: "0", role: "region", "aria-label": "Patterns" }, el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows))) : "");
}

export function wireViews() {
  wireFields();
  for (const [view, id] of Object.entries(VIEWS)) byId(id).addEventListener("click", () => change({ show: view }));
}
