// The ways to see a search: its entries, the patterns of their messages, figures; and the fields beside them.

import { wireCompare } from "./compare.js";
import { byId } from "./dom.js";
import { drawFields, wireFields } from "./fields.js";
import { drawFigures } from "./figures.js";
import { drawPatterns } from "./patterns.js";
import { change, state } from "./state.js";

const place = byId("ex-view");
let shown = {};
const VIEWS = { "": "ex-as-list", patterns: "ex-as-patterns", figures: "ex-as-figures" };

// Draws what is not the list; tells whether that took its place.
export async function drawView(search, signal, look) {
  shown = search;
  for (const [view, id] of Object.entries(VIEWS)) byId(id).setAttribute("aria-pressed", String(state.show === view));
  drawFields(search, signal);
  place.hidden = !state.show;
  byId("ex-grid").classList.toggle("ex-away", Boolean(state.show));
  byId("ex-chart").classList.toggle("ex-away", state.show === "figures");
  if (!state.show) { place.replaceChildren(); return false; }
  byId("ex-empty").hidden = byId("ex-more").hidden = true;
  if (state.show === "figures") await drawFigures(place, search, signal);
  else await drawPatterns(place, search, signal, look);
  return true;
}

export function wireViews() {
  wireFields();
  wireCompare(() => shown);
  for (const [view, id] of Object.entries(VIEWS)) byId(id).addEventListener("click", () => change({ show: view }));
}
