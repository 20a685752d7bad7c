// A rule's form: the fields of its kind are in view, and what it would have found is drawn.

import { Chart, countText } from "../console/chart.js";

const TURNS = ["new_group", "regression", "woken"];
const COUNTED = ["threshold", "search", "ratio", "spike"];
const KINDS = {
  count_threshold: COUNTED,
  time_window_minutes: [...COUNTED, "absence", "monitor"],
  severity: ["threshold", "ratio", "spike", "digest", ...TURNS],
  ratio_percent: ["ratio"],
  error_type: ["threshold", "spike", "digest", ...TURNS],
  query: ["search"],
  project: [...COUNTED, ...TURNS, "absence", "digest", "drift"],
  environment: [...COUNTED, ...TURNS, "absence", "digest", "drift"],
  group_by: [...COUNTED, "absence"],
  keep_firing_minutes: [...COUNTED],
  cooldown_minutes: [...COUNTED, ...TURNS, "absence", "monitor", "drift"],
  heartbeat: ["monitor"],
  digest_every: ["digest"],
  digest_at: ["digest"],
  digest_weekday: ["digest"],
  digest_if_nothing: ["digest"],
  time_zone: ["digest"],
};
const kind = document.getElementById("id_kind");

// What has a fault stays in view: nobody could mend it else.
function show() {
  for (const [field, kinds] of Object.entries(KINDS)) {
    const row = document.querySelector(`.form-row.field-${field}`);
    if (row) row.hidden = !kinds.includes(kind.value) && !row.classList.contains("errors");
  }
  for (const part of document.querySelectorAll("fieldset.module")) part.hidden = !part.querySelector(".form-row:not([hidden])");
}

kind?.addEventListener("change", show);
if (kind) show();

const found = document.getElementById("found-chart");
if (found) {
  const { zone, times, values, threshold } = JSON.parse(found.textContent);
  const series = [{ label: "The most of a window", colour: "--series-1", values }];
  const most = Math.max(...values);
  const said = threshold === null ? `At most ${countText(most)}.` : `It fires at ${countText(threshold)}; the most was ${countText(most)}.`;
  new Chart(document.querySelector("[data-chart]"), { times, zone, text: countText, series, threshold, said });
}
