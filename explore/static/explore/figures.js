// The search as figures: a measure by up to two fields, as lines, bars or a table; a row filters, and all can be copied.

import { adding } from "./adding.js";
import { get } from "./api.js";
import { button, byId, copy, el } from "./dom.js";
import { FUNCTIONS, csv, drawOver, split, table } from "./drawn.js";
import { term } from "./filter.js";
import { change, state } from "./state.js";

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 604800, 2592000];
const DRAWN = 60;
const ROWS = { table: 1000, lines: 20, bars: 20 };
const FIRST = ["level", "project", "environment", "error.type", "message", "trace_id"];

export async function drawFigures(place, search, signal) {
  drawForm(place, search);
  const result = place.querySelector(".ex-figures");
  result.setAttribute("aria-busy", "true");
  const seconds = (Date.parse(search.to) - Date.parse(search.from)) / 1000;
  const step = state.draw === "table" ? "" : STEPS.find((each) => each >= seconds / DRAWN) ?? "";
  try {
    const found = await get("aggregate", { ...search, measure: state.measure, by: state.by, step, limit: ROWS[state.draw] }, signal);
    draw(result, found);
  } finally {
    result.removeAttribute("aria-busy");
  }
}

// The fields of what is found, as soon as somebody is about to name one.
async function offer(search) {
  const list = byId("ex-figures-names");
  if (list.childElementCount) return;
  list.replaceChildren(...FIRST.map((name) => el("option", { value: name })));
  const found = await get("fields", { ...search, limit: 200 }).catch(() => ({ fields: [] }));
  list.append(...found.fields.map((field) => el("option", { value: field.name })));
}

function drawForm(place, search) {
  const [name, field] = split(state.measure);
  const choice = (id, options, value) => { const node = el("select", { id, class: "ex-select" }, options.map(([key, words]) => el("option", { value: key }, words))); node.value = value; return node; };
  const input = (id, label, value) => el("input", { id, type: "text", class: "ex-name", "aria-label": label, placeholder: label, value, list: "ex-figures-names", spellcheck: "false", onfocus: () => offer(search) });
  const of = input("ex-measured", "field", field);
  const what = choice("ex-measure", FUNCTIONS, name);
  const drawn = choice("ex-draw", [["bars", "bars"], ["lines", "lines"], ["table", "table only"]], state.draw);
  const hide = () => { of.hidden = what.value === "count"; };
  what.addEventListener("change", hide);
  hide();
  const form = el("form", { class: "ex-figures-form", "aria-label": "What to measure" },
    el("label", { for: "ex-measure" }, "Measure"), what, of, el("span", {}, "by"),
    input("ex-by-1", "first field", state.by[0] ?? ""), input("ex-by-2", "second field", state.by[1] ?? ""),
    el("label", { for: "ex-draw" }, "as"), drawn, el("button", { type: "submit", class: "ex-button ex-primary ex-small" }, "Show"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const by = ["ex-by-1", "ex-by-2"].map((id) => byId(id).value.trim()).filter(Boolean);
    const measure = what.value === "count" ? "count" : `${what.value}:${of.value.trim()}`;
    change({ measure, by: [...new Set(by)], draw: drawn.value });
  });
  drawn.addEventListener("change", () => form.requestSubmit());
  place.replaceChildren(form, el("datalist", { id: "ex-figures-names" }), el("div", { class: "ex-figures" }));
}

function draw(place, found) {
  const isEmpty = !found.rows.length || !found.scanned;
  const facts = el("p", { class: "ex-quiet" }, isEmpty ? "Nothing to measure was found." : `${found.scanned.toLocaleString("en")} entries${found.exact ? "" : ", percentiles within 1 %"}`, " ",
    isEmpty ? "" : button("Copy CSV", () => copy(csv(found), "CSV"), { class: "ex-button ex-small" }), " ", isEmpty ? "" : adding());
  const chart = el("div", { class: "ex-figures-chart" });
  place.replaceChildren(...(isEmpty ? [facts] : [facts, chart, table(found, enter)]));
  chart.hidden = isEmpty || !drawOver(chart, found, { isBars: state.draw === "bars" });
}

// To the entries of a group.
function enter(names, values) {
  const terms = names.map((name, at) => term(name, values[at])).filter((each) => !state.query.includes(each));
  change({ show: "", query: [state.query.trim(), ...terms].filter(Boolean).join(" ") });
}
