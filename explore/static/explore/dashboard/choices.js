// The range, and the values that project, environment and other variables are narrowed to.

import { configuration, get } from "../api.js";
import { button, byId, el } from "../dom.js";
import { fromInput, moment, toInput } from "../time.js";
import { RANGES, board, fieldOf, organisation, variables, writeAddress } from "./board.js";

const MOST = 20;
const MOST_CHOSEN = 10;

// `onChange` is called when something else is asked for.
export function drawChoices(onChange) {
  drawRange(onChange);
  byId("ex-board-variables").replaceChildren(...variables().map((name) => variable(name, onChange)));
}

function drawRange(onChange) {
  const select = byId("ex-board-range");
  const usual = board.shown.document.range;
  const known = RANGES.some(([key]) => key === (board.range || usual)) ? RANGES : [[board.range || usual, `last ${board.range || usual}`], ...RANGES];
  select.replaceChildren(...known.map(([key, words]) => el("option", { value: key }, words)), el("option", { value: "" }, board.from ? `${moment(board.from)} – ${moment(board.to)}` : "From … to …"));
  select.value = board.from ? "" : board.range || usual;
  const form = byId("ex-board-absolute");
  form.hidden = !board.from;
  select.onchange = () => {
    if (select.value) { writeAddress({ range: select.value === usual ? "" : select.value, from: "", to: "" }); form.hidden = true; onChange(); return; }
    form.hidden = false;
    byId("ex-board-from").value = toInput(new Date(Date.now() - 3_600_000).toISOString());
    byId("ex-board-to").value = toInput(new Date().toISOString());
    byId("ex-board-from").focus();
  };
  if (board.from) { byId("ex-board-from").value = toInput(board.from); byId("ex-board-to").value = toInput(board.to); }
  form.onsubmit = (event) => {
    event.preventDefault();
    const [from, to] = [byId("ex-board-from").value, byId("ex-board-to").value];
    byId("ex-board-to").setCustomValidity(from && to && fromInput(from) < fromInput(to) ? "" : "This must be later than the beginning.");
    if (!form.reportValidity()) return;
    writeAddress({ from: fromInput(from), to: fromInput(to), range: "" });
    onChange();
  };
  byId("ex-board-to").oninput = (event) => event.target.setCustomValidity("");
}

function words(name) {
  const chosen = board.chosen[name] ?? [];
  return `${name}: ${chosen.length ? (chosen.length > 2 ? `${chosen.length} chosen` : chosen.join(", ")) : "all"}`;
}

function variable(name, onChange) {
  const id = `ex-var-${name}`;
  const list = el("ul", { class: "ex-board-values" });
  const other = el("input", { type: "text", class: "ex-name", "aria-label": `Another ${name}`, placeholder: "another value", spellcheck: "false" });
  other.maxLength = 200;
  const form = el("form", { class: "ex-stack-form" }, list, other, el("button", { type: "submit", class: "ex-button ex-primary" }, "Show"), button("All", () => put([]), { class: "ex-button" }));
  const popover = el("div", { id, class: "ex-popover", role: "group", "aria-label": `Values of ${name}` }, form);
  popover.popover = "auto";
  const trigger = el("button", { type: "button", class: "ex-button", "aria-pressed": String(Boolean(board.chosen[name]?.length)) }, words(name));
  trigger.popoverTargetElement = popover;
  const put = (values) => {
    popover.hidePopover();
    writeAddress({ chosen: { ...board.chosen, [name]: [...new Set(values)].slice(0, MOST_CHOSEN) } });
    onChange();
  };
  popover.addEventListener("beforetoggle", (event) => {
    if (event.newState !== "open") return;
    const at = trigger.getBoundingClientRect();
    const width = Math.min(280, innerWidth - 16);
    Object.assign(popover.style, { width: `${width}px`, left: `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`, top: `${at.bottom + 4}px` });
    fill(name, list);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    put([...[...list.querySelectorAll("input:checked")].map((box) => box.value), other.value.trim()].filter(Boolean));
  });
  return el("span", { class: "ex-board-variable" }, trigger, popover);
}

async function fill(name, list) {
  const chosen = board.chosen[name] ?? [];
  const draw = (values, note) => list.replaceChildren(...[...new Set([...chosen, ...values])].map((value) => {
    const box = el("input", { type: "checkbox", value, checked: chosen.includes(value) });
    return el("li", {}, el("label", { class: "ex-check" }, box, ` ${value}`));
  }), note ? el("li", { class: "ex-quiet" }, note) : "");
  if (name === "project") { draw(configuration.organisations.find((one) => one.slug === organisation())?.projects ?? []); return; }
  draw([], "…");
  try {
    const found = await get("values", { organisation: organisation(), field: fieldOf(name), limit: MOST, from: new Date(Date.now() - 86_400_000).toISOString(), to: new Date().toISOString() });
    const values = found.fields[0].values.map((one) => one.value).filter((value) => typeof value === "string" && value && value.length <= 200);
    draw(values, values.length ? "" : "No value in the last 24 hours.");
  } catch (problem) {
    draw([], problem.message);
  }
}
