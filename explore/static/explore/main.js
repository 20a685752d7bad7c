// The page: wires its parts to the state and runs searches.

import { address, configuration, get, newLook } from "./api.js";
import * as Columns from "./columns.js";
import { Completion } from "./completion.js";
import { byId, copy, el } from "./dom.js";
import { closeDrawer, drawDrawer, drawerList, wireDrawer } from "./drawer.js";
import { copyLink, showContext, showTrace } from "./entry.js";
import { ListHead, toggleOrder, toggleWrap } from "./head.js";
import { Histogram } from "./histogram.js";
import { wireKeys } from "./keys.js";
import { LogList } from "./list.js";
import { drawLevels } from "./levels.js";
import { Live } from "./live.js";
import { clearProblem, drawEmpty, showProblem } from "./messages.js";
import { justAfter, span } from "./newest.js";
import { wirePopovers, wireRange } from "./popovers.js";
import { wireSaved } from "./saved.js";
import { BROWSER_ZONE, OWN_ZONE, change, link, onChange, state } from "./state.js";
import { drawView, wireViews } from "./views.js";
import { day, iso, rangeLabel, resolve, toInput, zoneWord } from "./time.js";

const PAGE = 200;
// What a browser is to hold.
const MOST = 20_000;
const CHART_FOLDED = "explorer.chart";

const input = byId("ex-query");
const status = byId("ex-status");
const grid = byId("ex-grid");
const list = new LogList(grid, byId("ex-list"), {
  onOpen: (entry, open) => change({ entry: open ? entry.id : "" }),
  onEnd: more,
  onUnseen: drawUnseen,
});
const head = new ListHead(list, () => days);
const histogram = new Histogram(byId("ex-histogram"), (from, to) => change({
  from: iso(Math.floor(from)), to: iso(Math.ceil(to)), live: false,
}));
const completion = new Completion(input, byId("ex-completion"), { onRun: run, rows: () => list.entries });

let running = new AbortController();
let look = "";
let range = resolve();
let days = "one";
let cursor = null;
let isLoading = false;
let isFirst = true;
let totals = null;

const asked = () => ({ organisation: state.organisation, query: state.query, ...range });
const page = (more, signal) => get("search", { ...asked(), levels: state.levels.join(","), order: state.order, limit: PAGE, ...more }, signal, look);

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
  look = newLook();
  const { signal } = running;
  drawControls();
  clearProblem();
  byId("ex-more").hidden = true;
  byId("ex").classList.add("ex-busy");
  try {
    const began = performance.now();
    range = await resolved(signal);
    drawControls();
    const counted = drawCounts(signal);
    const isList = !await drawView({ ...asked(), levels: state.levels.join(",") }, signal, look);
    if (isList) showPage(await page({}, signal), keep);
    const took = Math.round(performance.now() - began);
    await counted;
    drawStatus(took);
    if (isList) await openLinked(signal);
  } catch (problem) {
    if (problem.name !== "AbortError") fail(problem);
  } finally {
    if (signal === running.signal) byId("ex").classList.remove("ex-busy");
  }
}

// What is still there is of another question: nobody is to take it for an answer.
function fail(problem) {
  showProblem(problem, search);
  byId("ex").classList.add("ex-stale");
  status.textContent = "–";
}

function showPage(found, keep) {
  byId("ex").classList.remove("ex-stale");
  byId("ex-empty").hidden = true;
  const [from, to] = [new Date(range.from), new Date(range.to)];
  const years = new Set([from, to, new Date()].map((date) => day(date).slice(0, 4)));
  days = day(from) === day(to) ? "one" : years.size === 1 ? "year" : "all";
  grid.classList.toggle("ex-one-day", days === "one");
  head.draw();
  if (!keep) list.clear();
  if (keep) list.insert(found.logs);
  else list.add(found.logs);
  cursor = found.next_cursor;
  drawEnd();
  grid.hidden = !list.size;
  if (!list.size) drawEmpty(range, running.signal);
}

function drawEnd() {
  const isFull = list.size >= MOST;
  byId("ex-more").hidden = !cursor || state.live;
  byId("ex-more").textContent = isFull ? `${list.size.toLocaleString("en")} shown. Continue with what is ${state.order === "asc" ? "newer" : "older"}` : "More";
}

// What lies beyond the last of so many: a search of its own.
function goOn() {
  const { timestamp } = list.entries.at(-1);
  change(state.order === "asc" ? { from: timestamp, to: range.to, live: false } : { from: range.from, to: justAfter(timestamp), live: false });
}

async function more() {
  if (!cursor || isLoading || state.live || list.size >= MOST) return;
  isLoading = true;
  const { signal } = running;
  try {
    const found = await page({ cursor }, signal);
    cursor = found.next_cursor;
    isLoading = false;
    list.add(found.logs);
    drawEnd();
  } catch (problem) {
    if (problem.name !== "AbortError") showProblem(problem, search);
  } finally {
    isLoading = false;
  }
}

function drawUnseen(unseen) {
  byId("ex-unseen").hidden = !unseen;
  byId("ex-unseen").textContent = `${unseen.toLocaleString("en")} new ↑`;
}

async function drawCounts(signal) {
  try {
    const counts = await get("histogram", { ...asked(), zone: state.zone }, signal, look);
    byId("ex").classList.remove("ex-uncounted");
    totals = counts.totals;
    histogram.show(counts, range);
    drawLevels(totals);
  } catch (problem) {
    if (problem.name !== "AbortError" && problem.code !== "invalid_query") { status.textContent = problem.message; byId("ex").classList.add("ex-uncounted"); }
  }
}

// An entry that the address names is laid open; one that a link's page does not hold is fetched and put on top.
async function openLinked(signal) {
  const isLink = isFirst;
  isFirst = false;
  if (!state.entry) return;
  if (!list.has(state.entry)) {
    if (!isLink) { change({ entry: "" }); return; }
    try {
      const entry = await get(`entries/${encodeURIComponent(state.entry)}`, { organisation: state.organisation }, signal);
      grid.hidden = false;
      list.add([entry], { first: true });
      list.emphasise(entry.id, "ex-linked");
      byId("ex-empty").hidden = true;
    } catch (problem) {
      if (problem.name !== "AbortError") change({ entry: "" });
      return;
    }
  }
  list.toggle(state.entry, true);
}

// --- Controls -------------------------------------------------------------------------------------------------------
function drawStatus(took) {
  const shown = state.levels.length ? state.levels : configuration.levels;
  const total = totals ? shown.reduce((sum, level) => sum + totals[level], 0) : null;
  const parts = [total === null ? `${list.size} entries` : `${total.toLocaleString("en")} ${total === 1 ? "entry" : "entries"}`, rangeLabel()];
  if (took !== undefined) parts.push(`${took} ms`);
  status.textContent = parts.join(" · ");
}

// The form of a rule for what is on the page: levels are part of its search.
function drawAlert(node) {
  if (!node) return;
  const levels = state.levels.length ? `level:(${state.levels.join(" OR ")})` : "";
  const query = [state.query.includes(" OR ") && levels ? `(${state.query})` : state.query, levels].filter(Boolean).join(" ");
  const rule = query ? { kind: "search", query, rule_name: query.slice(0, 80) } : { kind: "threshold" };
  node.href = `${node.pathname}?${new URLSearchParams({ organisation: state.organisation, ...rule })}`;
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
  drawAlert(document.getElementById("ex-alert"));
  for (const format of ["ndjson", "csv"]) {
    byId(`ex-export-${format}`).href = address("export", { ...asked(), levels: state.levels.join(","), format });
  }
  drawLevels(totals);
}

function drawShape() {
  grid.classList.toggle("ex-wrap", state.wrap);
  head.draw();
  const { field } = document.activeElement.closest("[data-field]")?.dataset ?? {};
  list.redraw();
  if (field) grid.querySelector(`.ex-selected [data-field="${CSS.escape(field)}"] [data-act=column]`)?.focus({ preventScroll: true });
}

// By its own width, before or after.
function shift(by) {
  const [from, to] = [Date.parse(range.from), Date.parse(range.to)];
  change({ from: iso(from + by * (to - from)), to: iso(to + by * (to - from)), live: false });
}

function foldChart(isFolded = !byId("ex-chart").hidden) {
  byId("ex-chart").hidden = isFolded;
  byId("ex-fold").setAttribute("aria-expanded", String(!isFolded));
  try { localStorage.setItem(CHART_FOLDED, isFolded ? "folded" : "open"); } catch { /* not allowed: until the page is left */ }
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
const toggleLive = () => change(state.live ? { live: false } : { live: true, order: "", show: "", ...(state.from ? { from: "", to: "", range: state.range || "15m" } : {}) });

// --- Wiring ---------------------------------------------------------------------------------------------------------
onChange((names, searched) => {
  const has = (...some) => some.some((name) => names.has(name));
  if (searched) search();
  else drawControls();
  if (has("wrap", "columns", "zone") && !searched) drawShape();
  else if (searched) grid.classList.toggle("ex-wrap", state.wrap);
  if (has("zone") && !searched) { refreshCounts(); }
  if (has("view", "of", "scope", "organisation", "zone")) drawDrawer();
  if (has("live") || (searched && state.live)) { live[state.live ? "start" : "stop"](); if (!searched) drawEnd(); }
});

function wire() {
  document.addEventListener("organisation", (event) => {
    event.preventDefault();
    change({ organisation: event.detail, entry: "", view: "", of: "" });
  });
  byId("ex-form").addEventListener("submit", (event) => { event.preventDefault(); run(); });
  wireRange();
  byId("ex-zoom-out").addEventListener("click", zoomOut);
  byId("ex-table").addEventListener("click", () => histogram.toggleTable());
  byId("ex-zone").addEventListener("click", () => change({ zone: state.zone !== "UTC" ? "UTC" : OWN_ZONE !== "UTC" ? OWN_ZONE : BROWSER_ZONE }));
  byId("ex-share").addEventListener("click", () => copy(link({ ...range, live: false }), "Link"));
  byId("ex-live").addEventListener("click", toggleLive);
  byId("ex-pause").addEventListener("click", () => live.pause());
  byId("ex-more").addEventListener("click", () => (list.size >= MOST ? goOn() : more()));
  byId("ex-unseen").addEventListener("click", () => { grid.scrollTop = 0; });
  byId("ex-fold").addEventListener("click", () => foldChart());
  byId("ex-column-usual").addEventListener("click", () => head.put(Columns.DEFAULT));
  wirePopovers();
  wireSaved();
  wireViews();
  wireDrawer(() => { list.focus(); if (list.has(list.selectedId)) list.reveal(list.index.get(list.selectedId)); });
  wireKeys({
    input, list: () => drawerList ?? list, mainList: list,
    actions: { run, toggleLive, toggleOrder, toggleWrap, foldChart: () => foldChart(), shift, zoomOut, pause: () => live.pause(), closeDrawer, showTrace, showContext, copyLink },
  });
}

function begin() {
  wire();
  let isFolded = innerWidth < 768;
  try { isFolded = (localStorage.getItem(CHART_FOLDED) ?? (isFolded ? "folded" : "open")) === "folded"; } catch { /* not allowed */ }
  if (isFolded) foldChart(true);
  drawShape();
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
