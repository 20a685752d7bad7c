// One row of a list: made once, and filled with one entry after the other as the list is scrolled.

import { cell } from "./columns.js";
import { el } from "./dom.js";
import { marked } from "./marks.js";
import { state } from "./state.js";
import { clock, duration, moment, shortDay, zoneWord } from "./time.js";

// Of a message or a cell, in a line that is not wrapped.
const MOST = 600;
const cut = (text) => (text.length > MOST ? `${text.slice(0, MOST)}…` : text);

export class Row {
  constructor(columns, { track = false } = {}) {
    const text = () => document.createTextNode("");
    [this.day, this.clock, this.type, this.message] = [text(), text(), text(), text()];
    this.time = el("time", { class: "ex-time", role: "gridcell" }, el("span", { class: "ex-day" }, this.day), this.clock);
    this.level = el("span", { class: "ex-level", role: "gridcell" }, "");
    this.cells = columns.map((name) => [name, el("span", { class: "ex-cell", role: "gridcell" })]);
    this.badge = el("span", { class: "ex-type" }, this.type);
    this.text = el("span", { class: "ex-text", role: "gridcell" }, this.badge, this.message);
    this.isPlain = true;
    this.mark = track ? el("span", { class: "ex-mark" }) : null;
    this.line = el("div", { class: "ex-line", role: "row" }, this.time, this.level, this.cells.map(([, node]) => node), this.text,
      track ? el("span", { class: "ex-track", role: "gridcell" }, this.mark) : null);
    this.node = el("div", { class: "ex-item", role: "none" }, this.line);
    this.node.row = this;
    this.details = null;
  }

  // `start` and `length` in milliseconds: of a trace, in which times are counted from its beginning.
  fill(entry, { patterns, start = null, length = 0 }) {
    this.entry = entry;
    const at = Date.parse(entry.timestamp);
    this.node.dataset.id = entry.id;
    this.day.data = `${shortDayAt(at)} `;
    this.clock.data = start === null ? clock(new Date(at)) : `+${duration(at - start)}`;
    this.time.dateTime = entry.timestamp;
    this.level.textContent = entry.level;
    for (const [name, node] of this.cells) {
      const text = cut(cell(entry, name));
      const pattern = patterns.get(name);
      if (pattern) node.replaceChildren(...marked(text, pattern));
      else node.textContent = text;
    }
    this.say(entry, patterns);
    if (this.mark) this.mark.style.left = `${length ? ((at - start) / length) * 100 : 0}%`;
  }

  say(entry, patterns) {
    const [type, message] = [cut(entry.error?.type ?? ""), cut(entry.message)];
    this.badge.hidden = !type;
    const isPlain = !patterns.has("message") && !patterns.has("error.type");
    if (isPlain && !this.isPlain) { this.badge.replaceChildren(this.type); this.text.replaceChildren(this.badge, this.message); }
    this.isPlain = isPlain;
    if (isPlain) [this.type.data, this.message.data] = [type, message];
    else {
      this.badge.replaceChildren(...marked(type, patterns.get("error.type")));
      this.text.replaceChildren(this.badge, ...marked(message, patterns.get("message")));
    }
  }

  // What its list knows of the entry; `details` are what is open of it.
  paint({ details, isSelected, isFresh, emphasis }) {
    const isOpen = details !== null;
    const names = `ex-item level-${this.entry.level}${isOpen ? " ex-open" : ""}${isSelected ? " ex-selected" : ""}${isFresh ? " ex-fresh" : ""}`;
    this.node.className = emphasis ? `${names} ${emphasis}` : names;
    if (this.isOpen !== isOpen) { this.isOpen = isOpen; this.line.ariaExpanded = String(isOpen); }
    if (this.isSelected !== isSelected) { this.isSelected = isSelected; this.line.ariaSelected = String(isSelected); }
    if (this.details === details) return;
    this.details?.remove();
    this.details = details;
    if (details) this.node.append(details);
  }

  // The how many-th of all entries it shows, from 0 on; for whoever is read to, the head is the first row.
  count(at) {
    if (this.at === at) return;
    this.at = at;
    this.line.ariaRowIndex = at + 2;
  }

  // At a height of its own, out of the order; or among the others, when there is none.
  stand(top) {
    this.isKept = top !== null;
    this.node.classList.toggle("ex-kept", this.isKept);
    this.node.style.top = this.isKept ? `${top}px` : "";
  }

  // What a pointer over the line is told; most lines are never asked.
  tell() {
    this.time.title = `${moment(this.entry.timestamp)} ${zoneWord()}`;
    for (const [, node] of this.cells) node.title = node.textContent;
  }
}

// Neighbours are of the same quarter of an hour, within which no zone changes its day.
const QUARTER_MS = 900_000;
let last = { from: 0, zone: "", text: "" };
function shortDayAt(at) {
  const from = Math.floor(at / QUARTER_MS) * QUARTER_MS;
  if (from !== last.from || last.zone !== state.zone) last = { from, zone: state.zone, text: shortDay(new Date(at)) };
  return last.text;
}
