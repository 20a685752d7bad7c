// The head of the list: which columns there are, how wide, in which order, and whether long lines wrap.

import * as Columns from "./columns.js";
import { byId, el, icon } from "./dom.js";
import { leaves } from "./json.js";
import { nameOfKey } from "./language.js";
import { change, state } from "./state.js";

// Of the entries that are shown, so many tell which fields may be columns.
const LOOKED_AT = 200;

// What the message has at least, in characters; and what lies between columns and beside them, in the style sheet too.
const MESSAGE = 24;
const [GAP_PX, EDGES_PX] = [12, 23];

// Times of one day have no day; times of this year, no year.
const timeWidth = (days) => ({ one: 13, year: 19, all: 24 }[days]);

export class ListHead {
  // `list` shows its entries in the columns; `days` tells how much of a date is shown.
  constructor(list, days) {
    Object.assign(this, { list, days });
    this.place = byId("ex-head");
    byId("ex-shape").addEventListener("beforetoggle", (event) => { if (event.newState === "open") this.drawChoice(); });
    byId("ex-column-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const name = byId("ex-column-name").value.trim();
      byId("ex-column-name").value = "";
      if (name) this.put([...state.columns.filter((other) => other !== name), name]);
    });
  }

  put(columns) {
    change({ columns });
    if (byId("ex-shape").matches(":popover-open")) this.drawChoice();
  }

  // Where the columns need more than there is, the list scrolls sideways.
  fit() {
    const widths = [timeWidth(this.days()), 9, ...state.columns.map(Columns.width)];
    const { style } = byId("ex-grid");
    style.setProperty("--columns", `${widths.map((characters) => `${characters}ch`).join(" ")} minmax(${MESSAGE}ch, 1fr)`);
    style.setProperty("--least", `calc(${widths.reduce((sum, characters) => sum + characters, MESSAGE)}ch + ${widths.length * GAP_PX + EDGES_PX}px)`);
  }

  draw() {
    this.fit();
    const isOldestFirst = state.order === "asc";
    const head = (...content) => el("span", { class: "ex-head-cell", role: "columnheader" }, ...content);
    const time = head(el("button", { type: "button", class: "ex-head-button", title: `${isOldestFirst ? "Newest" : "Oldest"} first (s)`, onclick: toggleOrder }, `time ${isOldestFirst ? "↑" : "↓"}`));
    time.ariaSort = isOldestFirst ? "ascending" : "descending";
    const tools = el("span", { class: "ex-head-tools" },
      el("button", { type: "button", class: "ex-button ex-small", id: "ex-wrap", "aria-pressed": String(state.wrap), title: "Whole messages, over several lines (w)", onclick: toggleWrap }, "Wrap"),
      this.opener ??= el("button", { type: "button", class: "ex-button ex-small", id: "ex-shape-button", title: "Which columns are shown", onclick: () => byId("ex-shape").togglePopover({ source: this.opener }) }, "Columns"));
    this.place.replaceChildren(time, head("level"), ...state.columns.map((name) => this.cell(name, head)), head("message", tools));
    byId("ex-grid").setAttribute("aria-colcount", String(state.columns.length + 3));
  }

  cell(name, head) {
    const handle = el("span", { class: "ex-grip", "aria-hidden": "true", title: "Drag to make the column wider" });
    const node = head(el("span", { class: "ex-head-name", title: name }, name), handle);
    handle.addEventListener("pointerdown", (event) => this.drag(event, handle, name));
    return node;
  }

  drag(event, handle, name) {
    event.preventDefault();
    handle.setPointerCapture(event.pointerId);
    const [from, before] = [event.clientX, Columns.width(name)];
    const pixels = handle.parentNode.getBoundingClientRect().width / before;
    const move = (moved) => { Columns.resize(name, before + (moved.clientX - from) / pixels); this.fit(); };
    handle.addEventListener("pointermove", move);
    handle.addEventListener("lostpointercapture", () => handle.removeEventListener("pointermove", move), { once: true });
  }

  // Everything that a pointer can drag, by buttons.
  drawChoice() {
    const { columns } = state;
    const act = (label, sign, name, action, isOff = false) => el("button", { type: "button", class: "ex-act", "aria-label": `${label}: ${name}`, title: label, disabled: isOff, onclick: action }, icon(sign));
    const moved = (at, by) => columns.toSpliced(at, 1).toSpliced(at + by, 0, columns[at]);
    byId("ex-column-list").replaceChildren(...columns.map((name, at) => el("li", { class: "ex-column-row" },
      el("code", { class: "ex-column-name" }, name),
      act("Further left", "left", name, () => this.put(moved(at, -1)), at === 0),
      act("Further right", "right", name, () => this.put(moved(at, 1)), at === columns.length - 1),
      act("Narrower", "minus", name, () => this.resize(name, -4)),
      act("Wider", "plus", name, () => this.resize(name, 4)),
      act("Remove", "cross", name, () => this.put(columns.filter((other) => other !== name))))));
    byId("ex-column-usual").hidden = Columns.isDefault(columns);
    byId("ex-column-names").replaceChildren(...this.known().filter((name) => !columns.includes(name)).map((name) => el("option", { value: name })));
  }

  resize(name, by) {
    Columns.resize(name, Columns.width(name) + by);
    this.fit();
  }

  known() {
    const keys = this.list.entries.slice(0, LOOKED_AT).flatMap((entry) => leaves(entry.metadata ?? {}).map(([key]) => nameOfKey(key)));
    return [...new Set([...Columns.OFFERED, ...keys])].sort();
  }
}

export const toggleOrder = () => change({ order: state.order === "asc" ? "" : "asc", live: false });
export const toggleWrap = () => change({ wrap: !state.wrap });

