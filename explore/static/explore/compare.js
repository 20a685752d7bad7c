// The choice of since when patterns are compared: the range itself, a release, or a moment.

import { get } from "./api.js";
import { button, byId, el } from "./dom.js";
import { change, state } from "./state.js";
import { fromInput, iso, moment, toInput } from "./time.js";

// The first error of a release is sent, and received, a little after it was logged: nothing of it is to be before.
const LATE_MS = 30_000;
const MINUTE_MS = 60_000;
let range = { from: "", to: "" };

// A moment that the range does not hold in its midst brings one that does: as long before it as since.
function compare(at) {
  byId("ex-compare").hidePopover();
  const isWithin = at > Date.parse(range.from) && at < Date.parse(range.to);
  change({ since: iso(at), ...(isWithin ? {} : { range: "", from: iso(2 * at - Date.now()), to: "", live: false }) });
}

function release({ release: name, project, first_seen: seen }) {
  const at = Math.floor((Date.parse(seen) - LATE_MS) / MINUTE_MS) * MINUTE_MS;
  return el("li", { class: "ex-saved-row" }, button([el("strong", {}, name), el("span", { class: "ex-quiet" }, `${project} · ${moment(seen)}`)], () => compare(at), { class: "ex-saved-use" }));
}

async function drawReleases() {
  const place = byId("ex-compare-releases");
  try {
    const { releases } = await get("releases", { organisation: state.organisation });
    place.replaceChildren(...(releases.length ? releases.map(release) : [el("li", { class: "ex-quiet" }, "None is known: no error has told one.")]));
  } catch (problem) {
    place.replaceChildren(el("li", { class: "ex-quiet" }, problem.message));
  }
}

export function wireCompare(currentRange) {
  byId("ex-compare").addEventListener("toggle", (event) => {
    if (event.newState !== "open") return;
    range = currentRange();
    byId("ex-compare-moment").max = toInput(iso(Date.now()));
    byId("ex-compare-moment").value = toInput(iso((Date.parse(range.from) + Date.parse(range.to)) / 2));
    drawReleases();
  });
  byId("ex-compare-before").addEventListener("click", () => { byId("ex-compare").hidePopover(); change({ since: "before" }); });
  byId("ex-compare-form").addEventListener("submit", (event) => { event.preventDefault(); compare(Date.parse(fromInput(byId("ex-compare-moment").value))); });
}
