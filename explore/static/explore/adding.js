// Puts what is measured here on a dashboard: an own or open one, or a new one.

import { configuration, get, send } from "./api.js";
import { button, byId, el, toast } from "./dom.js";
import { labelOfMeasure } from "./drawn.js";
import { state } from "./state.js";

// Levels are part of what a panel asks.
function query() {
  const levels = state.levels.length ? `level:(${state.levels.join(" OR ")})` : "";
  return [state.query.includes(" OR ") && levels ? `(${state.query})` : state.query, levels].filter(Boolean).join(" ");
}

function panel() {
  const title = labelOfMeasure(state.measure, state.by).slice(0, 80);
  return { kind: state.draw === "table" ? "table" : "series", chart: state.draw === "lines" ? "lines" : "bars", title, query: query(), measure: state.measure, by: state.by };
}

// The button; nothing for whoever may not see dashboards.
export function adding() {
  if (!configuration.may_view_dashboards) return "";
  return el("button", { type: "button", class: "ex-button ex-small", "aria-haspopup": "dialog", onclick: open, id: "ex-adding-button" }, "Add to a dashboard");
}

async function open(event) {
  const place = byId("ex-adding");
  const at = event.currentTarget.getBoundingClientRect();
  const width = Math.min(320, innerWidth - 16);
  Object.assign(place.style, { width: `${width}px`, left: `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`, top: `${Math.min(at.bottom + 4, innerHeight - 220)}px` });
  place.replaceChildren(el("p", { class: "ex-quiet" }, "…"));
  place.showPopover();
  await guarded(async () => {
    const found = await get("dashboards", { organisation: state.organisation });
    const changeable = found.dashboards.filter((one) => one.may_change);
    place.replaceChildren(...changeable.map((one) => el("div", { class: "ex-saved-row" }, el("button", { type: "button", class: "ex-saved-use", onclick: () => guarded(() => add(one)) }, one.title))),
      found.may_make ? making() : changeable.length ? "" : el("p", { class: "ex-quiet" }, "You may not make dashboards, and none is open to you."));
    place.querySelector("button, input")?.focus();
  });
}

function making() {
  const form = el("form", { class: "ex-stack-form" }, el("label", { for: "ex-adding-title" }, "A new dashboard, called"),
    el("input", { id: "ex-adding-title", type: "text", name: "title", required: true }), button("Make it", () => form.requestSubmit(), { class: "ex-button ex-primary" }));
  form.elements.title.maxLength = 80;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    guarded(async () => {
      const made = await send("POST", "dashboards", { organisation: state.organisation }, { document: { title: form.elements.title.value.trim(), panels: [{ ...panel(), id: "p1" }] } });
      done(form.elements.title.value.trim(), made.url);
    });
  });
  return form;
}

async function add(dashboard) {
  const added = await send("POST", `dashboards/${dashboard.name}/panels`, { organisation: state.organisation }, panel());
  done(added.title, added.url);
}

function done(title, url) {
  toast(`Added to ${title}`);
  byId("ex-adding").replaceChildren(el("p", {}, "Added. ", el("a", { href: url }, `Open ${title}`)));
  byId("ex-adding").querySelector("a").focus();
}

async function guarded(work) {
  try {
    await work();
  } catch (problem) {
    byId("ex-adding").append(el("p", { class: "ex-saved-error", role: "alert" }, problem.message));
  }
}
