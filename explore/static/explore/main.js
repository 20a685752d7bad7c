// The page: wires its parts to the state and runs searches.

import { address, configuration, get, Problem } from "./api.js";
import { Completion } from "./completion.js";
import { button, byId, copy, el } from "./dom.js";
import { closeDrawer, drawDrawer, drawerList } from "./drawer.js";
import { showContext, showTrace } from "./entry.js";
import { Histogram } from "./histogram.js";
import { wireKeys } from "./keys.js";
import { LogList } from "./list.js";
import { drawSaved, wireSaved } from "./saved.js";
import { change, link, onChange, state } from "./state.js";
import { Tail } from "./tail.js";
import { QUICK, day, fromInput, moment, rangeLabel, rangeWords, resolve, seconds, toInput } from "./time.js";

const PAGE = 200;
const MOST_LIVE = 2000;
const HISTOGRAM_LIVE_SECONDS = 5;

const input = byId("ex-query");
const status = byId("ex-status");
const list = new LogList(byId("ex-list"), { onOpen: (entry, open) => change({ entry: open ? entry.id : "" }) });
const histogram = new Histogram(byId("ex-histogram"), (from, to) => change({
  from: new Date(Math.floor(from)).toISOString(), to: new Date(Math.ceil(to)).toISOString(), live: false,
}));
const completion = new Completion(input, byId("ex-completion"), { onRun: run, rows: () => [...list.items.values()].map((node) => node.entry) });

let running = new AbortController();
let range = resolve();
let cursor = null;
let paused = false;
let isFirst = true;
let held = [];
let totals = null;

const asked = () => ({ organisation: state.organisation, query: state.query, ...range });

function run() {
  if (input.value !== state.query) change({ query: input.value });
  else search();
}

// --- Searching ------------------------------------------------------------------------------------------------------
async function search({ keep = false } = {}) {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  range = resolve();
  held = [];
  drawControls();
  clearProblem();
  byId("ex-more").hidden = true;
  byId("ex-results").classList.add("ex-busy");
  try {
    const began = performance.now();
    const counted = drawCounts(signal);
    const page = await get("search", { ...asked(), levels: state.levels.join(","), limit: PAGE }, signal);
    showPage(page, keep);
    const took = Math.round(performance.now() - began);
    await counted;
    drawStatus(took);
    await openLinked(signal);
  } catch (problem) {
    if (problem.name !== "AbortError") showProblem(problem);
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
  if (!list.items.size) drawEmpty();
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
    if (problem.name !== "AbortError") showProblem(problem);
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

// --- Saying what is the matter --------------------------------------------------------------------------------------
function clearProblem() {
  byId("ex-problem").hidden = true;
  input.removeAttribute("aria-invalid");
}

function showProblem(problem) {
  const place = byId("ex-problem");
  if (!(problem instanceof Problem)) { console.error(problem); problem = new Problem(0, { detail: "Something went wrong on this page." }); }
  const parts = [];
  if (problem.code === "invalid_query") {
    input.setAttribute("aria-invalid", "true");
    if (Number.isInteger(problem.position)) {
      parts.push(el("pre", { class: "ex-caret" }, `${state.query.replaceAll("\n", " ")}\n${" ".repeat(problem.position)}^`));
    }
    byId("ex-results").classList.add("ex-stale");
  }
  parts.unshift(el("p", {}, problem.message));
  if (problem.signedOut) parts.push(el("a", { class: "ex-button", href: `${configuration.login}?next=${encodeURIComponent(location.pathname + location.search)}` }, "Sign in"));
  else if (problem.code !== "invalid_query") parts.push(button("Try again", () => search()));
  if (problem.code === "query_timeout") parts.push(button("Last 15 minutes only", () => change({ range: "15m", from: "", to: "" })));
  place.replaceChildren(...parts);
  place.hidden = false;
}

function drawEmpty() {
  const place = byId("ex-empty");
  const wider = QUICK.filter((each) => seconds(each) > (state.from ? (Date.parse(range.to) - Date.parse(range.from)) / 1000 : seconds(state.range)));
  const offers = [wider[0], wider.includes("24h") ? "24h" : null, wider.includes("7d") ? "7d" : null];
  const words = state.from ? `between ${moment(range.from)} and ${moment(range.to)}` : `in the ${rangeWords(state.range)}`;
  const isFiltered = state.query.trim() || state.levels.length;
  place.replaceChildren(el("div", {},
    el("h3", {}, isFiltered ? "No entry matches" : "No entries"),
    el("p", {}, state.live ? "Listening: new entries appear here as soon as they are stored." : `Nothing was found ${words}.`),
    el("p", { class: "ex-offers" },
      [...new Set(offers.filter(Boolean))].map((each) => button(`Look at the ${rangeWords(each)}`, () => change({ range: each, from: "", to: "" }))),
      isFiltered ? button("Remove the filters", () => change({ query: "", levels: [] })) : null),
    isFiltered ? null : el("pre", { class: "ex-raw" }, `curl ${location.origin}/v1/logs -H "x-api-key: YOUR_API_KEY" -H "Content-Type: application/json" \\\n  -d '{"logs": [{"timestamp": "${new Date().toISOString()}", "level": "info", "message": "Hello"}]}'`)));
  place.hidden = false;
}

function drawStatus(took) {
  byId("ex-results").classList.remove("ex-stale");
  const shown = state.levels.length ? state.levels : configuration.levels;
  const total = totals ? shown.reduce((sum, level) => sum + totals[level], 0) : null;
  const parts = [total === null ? `${list.items.size} entries` : `${total.toLocaleString("en")} ${total === 1 ? "entry" : "entries"}`, rangeLabel()];
  if (took !== undefined) parts.push(`${took} ms`);
  status.textContent = parts.join(" · ");
}

// --- Controls -------------------------------------------------------------------------------------------------------
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
  byId("ex-organisation").value = state.organisation;
  byId("ex-range-button").textContent = rangeLabel();
  byId("ex-from").value = toInput(range.from);
  byId("ex-to").value = toInput(range.to);
  byId("ex-zone").textContent = state.zone === "utc" ? "UTC" : "Local time";
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
  const span = to - from;
  change({ from: new Date(from - span / 2).toISOString(), to: new Date(Math.min(Date.now(), to + span / 2)).toISOString() });
}

// --- Live tail ------------------------------------------------------------------------------------------------------
const tail = new Tail({
  onHello: (resumed) => { if (!resumed) search({ keep: true }); },
  onEntry: (entry) => { if (paused) { held.push(entry); held.splice(0, held.length - MOST_LIVE); drawLive("live"); } else arrive(entry); },
  onStatus: drawLive,
});
let histogramTimer = 0;

function arrive(entry) {
  if (!list.insert(entry)) return;
  byId("ex-empty").hidden = true;
  list.trim(MOST_LIVE);
  if (!histogramTimer) histogramTimer = setTimeout(() => { histogramTimer = 0; if (state.live) refreshCounts(); }, HISTOGRAM_LIVE_SECONDS * 1000);
}

async function refreshCounts() {
  range = resolve();
  await drawCounts(running.signal);
  drawStatus();
}

function drawLive(what, detail = "") {
  const words = { connecting: "Connecting…", live: paused ? `Paused, ${held.length} new` : "Live", lost: "Connection lost, trying again…", notice: detail, refused: detail };
  const place = byId("ex-live-status");
  place.className = `ex-live-status ex-live-${what}`;
  byId("ex-live-words").textContent = words[what];
  place.hidden = !state.live;
  byId("ex-pause").hidden = what !== "live";
  byId("ex-pause").textContent = paused ? "Resume" : "Pause";
}

function pause() {
  if (!state.live) return;
  paused = !paused;
  if (!paused) for (const entry of held.splice(0)) arrive(entry);
  drawLive("live");
}

function goLive() {
  if (state.live) {
    paused = false;
    drawLive("connecting");
    tail.start();
  } else {
    tail.stop();
    byId("ex-live-status").hidden = true;
  }
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
  if (has("live") || (searched && state.live)) { goLive(); if (!state.live && !searched) byId("ex-more").hidden = !cursor; }
});

function wirePopovers() {
  for (const node of document.querySelectorAll("[popover]")) {
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
  byId("ex-organisation").append(...configuration.organisations.map((one) => el("option", { value: one.slug }, one.name)));
  byId("ex-organisation").addEventListener("change", (event) => change({ organisation: event.target.value, entry: "", view: "", of: "" }));
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
  byId("ex-zone").addEventListener("click", () => change({ zone: state.zone === "utc" ? "local" : "utc" }));
  byId("ex-share").addEventListener("click", () => copy(link({ ...range, live: false }), "Link"));
  byId("ex-live").addEventListener("click", toggleLive);
  byId("ex-pause").addEventListener("click", pause);
  byId("ex-more").addEventListener("click", more);
  new IntersectionObserver((seen) => { if (seen.some((one) => one.isIntersecting)) more(); }, { rootMargin: "400px" }).observe(byId("ex-more"));
  wirePopovers();
  wireSaved();
  wireKeys({ input, list: () => drawerList ?? list, run, toggleLive, pause, closeDrawer, showTrace, showContext, saved: drawSaved });
}

function begin() {
  wire();
  if (!configuration.organisations.length) {
    byId("ex-empty").replaceChildren(el("h3", {}, "There is no organisation yet"), el("p", {}, "Make one in the admin, with a project and an API key, and send it a first entry."));
    byId("ex-empty").hidden = false;
    return;
  }
  history.replaceState(null, "", link());
  search();
  drawDrawer();
  if (state.live) goLive();
}

begin();
