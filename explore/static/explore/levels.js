// A button a level: how many entries, and whether it is asked for.

import { configuration } from "./api.js";
import { button, byId, el } from "./dom.js";
import { change, state } from "./state.js";

// `totals` by level, of whatever levels are chosen; null while nobody knows.
export function drawLevels(totals) {
  byId("ex-levels").replaceChildren(...configuration.levels.map((level) => {
    const chosen = state.levels.includes(level);
    const count = totals?.[level];
    const toggle = () => change({ levels: chosen ? state.levels.filter((other) => other !== level) : configuration.levels.filter((other) => other === level || state.levels.includes(other)) });
    return el("button", { type: "button", class: `ex-chip level-${level}${count ? "" : " ex-none"}`, "aria-pressed": String(chosen), "data-level": level, title: chosen ? `Do not ask for ${level}` : `Only ${level}`, onclick: toggle },
      el("span", { class: "ex-dot" }), level, el("span", { class: "ex-count" }, count === undefined ? "" : count.toLocaleString("en")));
  }), state.levels.length ? button("all levels", () => change({ levels: [] }), { class: "ex-button ex-small" }) : "");
}
