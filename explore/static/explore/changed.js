// Which values of fields have another share of a search's entries since a moment: those of the panel of fields.

import { get } from "./api.js";
import { button, el } from "./dom.js";
import { isFilterable, MOST, namesOf, shown } from "./fields.js";
import { filter } from "./filter.js";

const VALUES = 5;

// Returns a table of them, or what there is to say instead.
export async function changedValues(search, compared, signal, badge) {
  try {
    const names = (await namesOf(search, signal)).slice(0, MOST);
    const found = await get("values", { ...search, ...compared, field: names, limit: VALUES }, signal);
    const rows = found.fields.flatMap((field) => field.values.map((one) => row(field.name, one, badge)));
    if (rows.length) return el("div", {}, el("p", { class: "ex-quiet" }, "Values of fields with another share of the entries than before:"), table(rows));
    return el("p", { class: "ex-quiet" }, "No value of a field has another share than before.");
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
    return el("p", { class: "ex-quiet" }, `Values of fields were not compared: ${problem.message}`);
  }
}

function row(name, one, badge) {
  const cell = (text) => el("td", { class: "ex-number" }, text);
  const value = isFilterable(name, one.value) && one.change !== "gone"
    ? button(shown(one.value), () => filter(name, one.value, true), { class: "ex-row-filter", title: `Only ${name} ${shown(one.value)}` }) : shown(one.value);
  return el("tr", {}, el("td", {}, badge(one, "as large a share")), cell(one.count.toLocaleString("en")), cell(one.before.toLocaleString("en")),
    el("td", {}, name), el("td", { class: "ex-pattern" }, value));
}

function table(rows) {
  const head = ["change", "since", "before", "field", "value"].map((name) => el("th", { scope: "col", class: ["since", "before"].includes(name) ? "ex-number" : "" }, name));
  return el("div", { class: "ex-figures-table ex-values-table", tabindex: "0", role: "region", "aria-label": "Values of fields" },
    el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows)));
}
