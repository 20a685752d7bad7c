// The page of one dashboard: its head, its grid, when it is asked anew, and changing it.

import { address, configuration, send } from "../api.js";
import { button, byId, copy, el, toast } from "../dom.js";
import { clock, iso } from "../time.js";
import { board, load, organisation, panels, path, readAddress, writeAddress } from "./board.js";
import { drawChoices } from "./choices.js";
import { HEIGHTS, WIDTHS, edit, settings } from "./editor.js";
import { PanelView } from "./panel.js";

const grid = byId("ex-board-grid");
const status = byId("ex-board-status");
let views = [];
let lastAsked = 0;
let before = null;

// --- Asking: only panels in view, only while somebody can see the page -----------------------------------------------
const inView = new WeakSet();
const watcher = new IntersectionObserver((changes) => {
  for (const { target, isIntersecting } of changes) {
    inView[isIntersecting ? "add" : "delete"](target);
    const view = views.find((one) => one.node === target);
    if (isIntersecting && view?.isStale && !document.hidden) view.ask();
  }
}, { rootMargin: "200px" });

function refresh() {
  lastAsked = Date.now();
  for (const view of views) view.isStale = true;
  if (document.hidden) return;
  for (const view of views) if (inView.has(view.node)) view.ask();
  status.textContent = `as of ${clock(new Date(), 2)}`;
}

const period = () => (board.from ? 0 : board.shown?.document.refresh ?? 0) * 1000;
const isDue = () => period() && Date.now() - lastAsked >= period() && !board.isEdited;
setInterval(() => { if (!document.hidden && isDue()) refresh(); }, 1000);
document.addEventListener("visibilitychange", () => {
  if (document.hidden || !board.shown) return;
  if (isDue() || views.some((view) => view.isStale && inView.has(view.node))) refresh();
});

// --- Drawing ---------------------------------------------------------------------------------------------------------
function drawGrid() {
  watcher.disconnect();
  const kept = new Map(views.map((view) => [view.panel, view]));
  views = panels().map((panel) => kept.get(panel) ?? new PanelView(panel, { onEdit: changePanel }));
  grid.replaceChildren(...views.map((view) => view.node));
  for (const view of views) { view.drawTools(board.isEdited); watcher.observe(view.node); }
  byId("ex-board-empty").hidden = views.length > 0;
}

function drawHead() {
  const { document: shown, is_built_in: isBuiltIn, owner, is_own: isOwn, access, may_change: mayChange, may_make: mayMake, may_delete: mayDelete } = board.shown;
  byId("ex-board-title").textContent = shown.title;
  document.title = `${shown.title} | LuminaLog`;
  const whose = isBuiltIn ? "made for every organisation" : isOwn ? { private: "yours alone", shared: "shared by you", open: "shared by you: others may change it" }[access] : `by ${owner || "somebody who has left"}`;
  byId("ex-board-whose").textContent = whose;
  const small = { class: "ex-button ex-small" };
  const tools = board.isEdited
    ? [button("Add a panel", addPanel, small), button("Settings", changeSettings, small), button("Save", save, { class: "ex-button ex-small ex-primary" }), button("Cancel", cancel, small)]
    : [button("Refresh", refresh, { ...small, title: "Ask again now" }), button("Share", share, { ...small, title: "Copy a link to exactly this" }),
      mayChange && button("Edit", begin, small), mayMake && button("Copy", makeCopy, { ...small, title: "Make a copy that is yours to change" }),
      el("a", { ...small, href: address(path("/export"), { organisation: organisation() }) }, "Export"), mayDelete && button("Delete", () => byId("ex-board-delete").showModal(), small)];
  byId("ex-board-tools").replaceChildren(...tools.filter(Boolean));
  byId("ex-board").classList.toggle("ex-board-edited", board.isEdited);
  drawChoices(() => { drawHead(); refresh(); });
}

function say(words) {
  byId("ex-board-problem").textContent = words;
  byId("ex-board-problem").hidden = !words;
}

async function guarded(work) {
  say("");
  try {
    await work();
  } catch (problem) {
    if (problem.signedOut) location.assign(`${configuration.login}?next=${encodeURIComponent(location.pathname + location.search)}`);
    say(problem.message);
  }
}

function share() {
  const last = board.shown.document.range;
  const length = /^(\d+)([mhdw])$/.exec(board.range || last);
  const to = Date.now();
  const from = to - length[1] * { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }[length[2]];
  const url = new URL(location.href);
  if (!board.from) { url.searchParams.delete("range"); url.searchParams.set("from", iso(from)); url.searchParams.set("to", iso(to)); }
  copy(url.href, "Link");
}

// --- Changing ---------------------------------------------------------------------------------------------------------
const changed = (changes) => { board.shown = { ...board.shown, document: { ...board.shown.document, ...changes } }; };

function begin() {
  before = board.shown;
  board.isEdited = true;
  drawHead();
  drawGrid();
  byId("ex-board-tools").querySelector("button").focus();
}

function cancel() {
  board.shown = before;
  end();
}

function end() {
  board.isEdited = false;
  drawHead();
  drawGrid();
  refresh();
}

const save = () => guarded(async () => {
  const { document: kept, edition, access } = board.shown;
  board.shown = await send("PUT", path(), { organisation: organisation() }, { document: kept, edition, ...(board.shown.may_share ? { access } : {}) });
  toast("Dashboard saved");
  end();
});

const copied = (title) => guarded(async () => {
  const made = await send("POST", "dashboards", { organisation: organisation() }, { document: { ...board.shown.document, title: title.slice(0, configuration.limits.title) } });
  location.assign(made.url);
});
const makeCopy = () => copied(`${board.shown.document.title} (copy)`);

function freeId() {
  const taken = new Set(panels().map((panel) => panel.id));
  let number = 1;
  while (taken.has(`p${number}`)) number += 1;
  return `p${number}`;
}

function addPanel() {
  if (panels().length >= configuration.limits.panels) { say(`A dashboard has ${configuration.limits.panels} panels at most.`); return; }
  edit({ id: freeId(), kind: "series" }, (panel) => { changed({ panels: [...panels(), panel] }); drawGrid(); tryOut(panel); });
}

// Not kept yet: the server is sent the panel itself.
function tryOut(panel) {
  const view = views.find((one) => one.panel === panel);
  Object.assign(view, { isTrial: true, answer: null });
  view.ask();
  view.node.scrollIntoView({ block: "nearest" });
}

const next = (list, value, by) => list[Math.min(list.length - 1, Math.max(0, list.indexOf(value) + by))];

function changePanel(view, what) {
  const list = [...panels()];
  const at = list.indexOf(view.panel);
  const put = (panel) => { Object.assign(view, { panel }); list[at] = panel; changed({ panels: list }); view.dress(); if (view.answer) view.draw(); view.drawTools(true); };
  if (what === "before" || what === "after") {
    const to = at + (what === "before" ? -1 : 1);
    if (to < 0 || to >= list.length) return;
    [list[at], list[to]] = [list[to], list[at]];
    changed({ panels: list });
    drawGrid();
    say("");
    status.textContent = `${view.panel.title || "Panel"} is now ${to + 1} of ${list.length}`;
    view.tools.children[what === "before" ? 0 : 1].focus();
  } else if (what === "narrower" || what === "wider") {
    put({ ...view.panel, width: next(WIDTHS, view.panel.width ?? 6, what === "wider" ? 1 : -1) });
    view.tools.children[what === "narrower" ? 2 : 3].focus();
  } else if (what === "taller") {
    put({ ...view.panel, height: HEIGHTS[(HEIGHTS.indexOf(view.panel.height ?? "m") + 1) % HEIGHTS.length] });
    view.tools.children[4].focus();
  } else if (what === "remove") {
    changed({ panels: list.filter((panel) => panel !== view.panel) });
    drawGrid();
    (byId("ex-board-tools").querySelector("button")).focus();
  } else if (what === "edit") {
    edit(view.panel, (panel) => { put(panel); tryOut(panel); });
  }
}

function changeSettings() {
  settings((changes, access) => { changed(changes); board.shown = { ...board.shown, access }; drawHead(); });
}

byId("ex-board-delete-form").addEventListener("submit", (event) => {
  event.preventDefault();
  byId("ex-board-delete").close();
  guarded(async () => {
    await send("DELETE", path(), { organisation: organisation() });
    location.assign(`${configuration.dashboards}?organisation=${encodeURIComponent(organisation())}`);
  });
});
addEventListener("beforeunload", (event) => { if (board.isEdited && board.shown !== before) event.preventDefault(); });
addEventListener("popstate", () => { readAddress(); drawHead(); refresh(); });
let drawnAt = innerWidth;
addEventListener("resize", () => {
  if (innerWidth === drawnAt) return;
  drawnAt = innerWidth;
  for (const view of views) if (view.answer) view.draw();
});

guarded(async () => {
  readAddress();
  await load();
  writeAddress({}, false);
  drawHead();
  drawGrid();
  refresh();
});
