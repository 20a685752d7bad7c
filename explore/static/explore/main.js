// The page: wires its parts to the state and runs searches.

import { address, configuration, get } from "./api.js";
import { Completion } from "./completion.js";
import { button, byId, copy, el } from "./dom.js";
import { closeDrawer, drawDrawer, drawerList } from "./drawer.js";
import { showContext, showTrace } from "./entry.js";
import { Histogram } from "./histogram.js";
import { wireKeys } from "./keys.js";
import { LogList } from "./list.js";
import { Live } from "./live.js";
import { clearProblem, drawEmpty, showProblem } from "./messages.js";
import { span } from "./newest.js";
import { wireSaved } from "./saved.js";
import { BROWSER_ZONE, OWN_ZONE, change, link, onChange, state } from "./state.js";
import { QUICK, day, fromInput, iso, rangeLabel, rangeWords, resolve, toInput, zoneWord } from "./time.js";

const PAGE = 200;

const input = byId("ex-query");
const status = byId("ex-status");
const list = new LogList(byId("ex-list"), { onOpen: (entry, open) => change({ entry: open ? entry.id : "" }) });
const histogram = new Histogram(byId("ex-histogram"), (from, to) => change({
  from: iso(Math.floor(from)), to: iso(Math.ceil(to)), live: false,
}));
const completion = new Completion(input, byId("ex-completion"), { onRun: run, rows: () => [...list.items.values()].map((node) => node.entry) });

let running = new AbortController();
let range = resolve();
let cursor = null;
let isFirst = true;
let totals = null;

const asked = () => ({ organisation: state.organisation, query: state.query, ...range });

function run() {
  if (input.value !== state.query) change({ query: input.value });
  else search();
}

// All time is from the first entry to the last: the chart shows nothing else.
const resolved = async (signal) => (state.range === "all" ? span(signal) : resolve());

// --- Searching ------------------------------------------------------------------------------------------------------
async function search({ keep = false } = {}) {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  drawControls();
  clearProblem();
  byId("ex-more").hidden = true;
  byId("ex-results").classList.add("ex-busy");
  try {
    const began = performance.now();
    range = await resolved(signal);
    drawControls();
    const counted = drawCounts(signal);
    const page = await get("search", { ...asked(), levels: state.levels.join(","), limit: PAGE }, signal);
    showPage(page, keep);
    const took = Math.round(performance.now() - began);
    await counted;
    drawStatus(took);
    await openLinked(signal);
  } catch (problem) {
    if (problem.name !== "AbortError") showProblem(problem, search);
  } finally {
    if (signal === running.signal) byId("ex-results").classList.remove("ex-busy");
  }
}

function showPage(page, keep) {
  if (!keep) list.clear();
  byId("ex-empty").hidden = true;
  byId("ex-list").classList.toggle("ex-one-day", day(new Date(range.from)) === day(new Date(range.to)));
  if (keep) for (const entry of page.logs.reverse()) list.insert(entry);
  else list.add(page.logs);
  cursor = page.next_cursor;
  byId("ex-more").hidden = !cursor || state.live;
  if (!list.items.size) drawEmpty(range, running.signal);
}

async function more() {
  if (!cursor || byId("ex-more").disabled) return;
  byId("ex-more").disabled = true;
  try {
    const page = await get("search", { ...asked(), levels: state.levels.join(","), limit: PAGE, cursor }, running.signal);
    list.add(page.logs);
    cursor = page.next_cursor;
    byId("ex-more").hidden = !cursor;
  } catch (problem) {
    if (problem.name !== "AbortError") showProblem(problem, search);
  } finally {
    byId("ex-more").disabled = false;
  }
}

async function drawCounts(signal) {
  try {
    const counts = await get("histogram", asked(), signal);
    totals = counts.totals;
    histogram.show(counts, range);
    drawLevels();
  } catch (problem) {
    if (problem.name !== "AbortError" && problem.code !== "invalid_query") status.textContent = problem.message;
  }
}

// An entry that the address names is laid open; one that a link's page does not hold is fetched and put on top.
async function openLinked(signal) {
  const isLink = isFirst;
  isFirst = false;
  if (!state.entry) return;
  if (!list.items.has(state.entry)) {
    if (!isLink) { change({ entry: "" }); return; }
    try {
      const entry = await get(`entries/${encodeURIComponent(state.entry)}`, { organisation: state.organisation }, signal);
      list.add([entry], { first: true });
      list.items.get(entry.id)?.classList.add("ex-linked");
      byId("ex-empty").hidden = true;
    } catch (problem) {
      if (problem.name !== "AbortError") change({ entry: "" });
      return;
    }
  }
  const node = list.items.get(state.entry);
  list.toggle(state.entry, true);
  node.scrollIntoView({ block: "nearest" });
}

// --- Controls -------------------------------------------------------------------------------------------------------
function drawStatus(took) {
  byId("ex-results").classList.remove("ex-stale");
  const shown = state.levels.length ? state.levels : configuration.levels;
  const total = totals ? shown.reduce((sum, level) => sum + totals[level], 0) : null;
  const parts = [total === null ? `${list.items.size} entries` : `${total.toLocaleString("en")} ${total === 1 ? "entry" : "entries"}`, rangeLabel()];
  if (took !== undefined) parts.push(`${took} ms`);
  status.textContent = parts.join(" · ");
}

function drawLevels() {
  byId("ex-levels").replaceChildren(...configuration.levels.map((level) => {
    const chosen = state.levels.includes(level);
    const count = totals?.[level];
    const toggle = () => change({ levels: chosen ? state.levels.filter((other) => other !== level) : configuration.levels.filter((other) => other === level || state.levels.includes(other)) });
    return el("button", { type: "button", class: `ex-chip level-${level}${count ? "" : " ex-none"}`, "aria-pressed": String(chosen), "data-level": level, title: chosen ? `Do not ask for ${level}` : `Only ${level}`, onclick: toggle },
      el("span", { class: "ex-dot" }), level, el("span", { class: "ex-count" }, count === undefined ? "" : count.toLocaleString("en")));
  }), state.levels.length ? button("all levels", () => change({ levels: [] }), { class: "ex-button ex-small" }) : "");
}

function drawControls() {
  if (document.activeElement !== input || input.value !== state.query) input.value = state.query;
  const organisation = configuration.organisations.find((one) => one.slug === state.organisation);
  byId("ex-title").textContent = organisation ? `Explorer: ${organisation.name}` : "Explorer";
  const switcher = document.querySelector("[data-organisation]");
  if (switcher) switcher.value = state.organisation;
  byId("ex-range-button").textContent = rangeLabel();
  byId("ex-from").value = toInput(range.from);
  byId("ex-to").value = toInput(range.to);
  byId("ex-zone").textContent = zoneWord();
  byId("ex-live").setAttribute("aria-pressed", String(state.live));
  byId("ex-zoom-out").hidden = !state.from;
  for (const node of byId("ex-quick").children) node.setAttribute("aria-pressed", String(!state.from && node.dataset.range === state.range));
  for (const format of ["ndjson", "csv"]) {
    byId(`ex-export-${format}`).href = address("export", { ...asked(), levels: state.levels.join(","), format });
  }
  const columns = byId("ex-columns");
  columns.replaceChildren(...state.columns.map((name) => button(`${name} ✕`, () => change({ columns: state.columns.filter((other) => other !== name) }), { class: "ex-button ex-small", title: "Remove the column" })));
  drawLevels();
}

function zoomOut() {
  const [from, to] = [Date.parse(range.from), Date.parse(range.to)];
  const half = (to - from) / 2;
  change({ from: iso(from - half), to: iso(Math.max(to, Math.min(Date.now(), to + half))) });
}

// --- Live tail ------------------------------------------------------------------------------------------------------
const live = new Live(list, { onHello: () => search({ keep: true }), onCounts: refreshCounts });

async function refreshCounts() {
  range = await resolved(running.signal);
  await drawCounts(running.signal);
  drawStatus();
}

// Live means from now on: an absolute range that has ended cannot be.
const toggleLive = () => change(state.live ? { live: false } : { live: true, ...(state.from ? { from: "", to: "", range: state.range || "15m" } : {}) });

// --- Wiring ---------------------------------------------------------------------------------------------------------
onChange((names, searched) => {
  const has = (...some) => some.some((name) => names.has(name));
  if (searched) search();
  else drawControls();
  if (has("columns", "zone") && !searched) { list.redraw(); histogram.draw(); drawStatus(); }
  if (has("view", "of", "organisation", "zone")) drawDrawer();
  if (has("live") || (searched && state.live)) { live[state.live ? "start" : "stop"](); if (!state.live && !searched) byId("ex-more").hidden = !cursor; }
});

function wirePopovers() {
  for (const node of document.querySelectorAll(".ex [popover]")) {
    node.addEventListener("beforetoggle", (event) => {
      if (event.newState !== "open" || node.id === "ex-help") return;
      const trigger = document.querySelector(`[popovertarget=${node.id}]`).getBoundingClientRect();
      const width = Math.min(360, innerWidth - 16);
      node.style.width = `${width}px`;
      node.style.left = `${Math.max(8, Math.min(trigger.left, innerWidth - width - 8))}px`;
      node.style.top = `${trigger.bottom + 4}px`;
    });
  }
}

function wire() {
  document.addEventListener("organisation", (event) => {
    event.preventDefault();
    change({ organisation: event.detail, entry: "", view: "", of: "" });
  });
  byId("ex-form").addEventListener("submit", (event) => { event.preventDefault(); run(); });
  byId("ex-quick").append(...QUICK.map((each) => button(rangeWords(each), () => {
    byId("ex-range").hidePopover();
    change({ range: each, from: "", to: "" });
  }, { "data-range": each })));
  byId("ex-absolute").addEventListener("submit", (event) => {
    event.preventDefault();
    const [from, to] = [byId("ex-from").value, byId("ex-to").value];
    const isOrdered = from && to && fromInput(from) < fromInput(to);
    byId("ex-to").setCustomValidity(isOrdered ? "" : "This must be later than the beginning.");
    if (!event.target.reportValidity()) return;
    byId("ex-range").hidePopover();
    change({ from: fromInput(from), to: fromInput(to), live: false });
  });
  byId("ex-to").addEventListener("input", (event) => event.target.setCustomValidity(""));
  byId("ex-zoom-out").addEventListener("click", zoomOut);
  byId("ex-table").addEventListener("click", () => histogram.toggleTable());
  byId("ex-zone").addEventListener("click", () => change({ zone: state.zone !== "UTC" ? "UTC" : OWN_ZONE !== "UTC" ? OWN_ZONE : BROWSER_ZONE }));
  byId("ex-share").addEventListener("click", () => copy(link({ ...range, live: false }), "Link"));
  byId("ex-live").addEventListener("click", toggleLive);
  byId("ex-pause").addEventListener("click", () => live.pause());
  byId("ex-more").addEventListener("click", more);
  new IntersectionObserver((seen) => { if (seen.some((one) => one.isIntersecting)) more(); }, { rootMargin: "400px" }).observe(byId("ex-more"));
  wirePopovers();
  wireSaved();
  wireKeys({ input, list: () => drawerList ?? list, run, toggleLive, pause: () => live.pause(), closeDrawer, showTrace, showContext });
}

function begin() {
  wire();
  if (!configuration.organisations.length) {
    byId("ex-empty").replaceChildren(el("h2", {}, "There is no organisation yet"), el("p", {}, "Make one in the admin, with a project and an API key, and send it a first entry."));
    byId("ex-empty").hidden = false;
    return;
  }
  history.replaceState(null, "", link());
  search();
  drawDrawer();
  if (state.live) live.start();
}

begin();
