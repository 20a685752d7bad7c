// One line of a list: made once, and filled with one entry after the other as the list is scrolled.

import { cell } from "./columns.js";
import { el } from "./dom.js";
import { marked } from "./marks.js";
import { clock, duration, moment, shortDay, zoneWord } from "./time.js";

// Of a message or a cell, in a line that is not wrapped.
const MOST = 600;
const cut = (text) => (text.length > MOST ? `${text.slice(0, MOST)}…` : text);

export class Row {
  constructor(columns, { track = false } = {}) {
    this.day = el("span", { class: "ex-day" });
    this.clock = document.createTextNode("");
    this.time = el("time", { class: "ex-time", role: "gridcell" }, this.day, this.clock);
    this.level = el("span", { class: "ex-level", role: "gridcell" });
    this.cells = columns.map((name) => [name, el("span", { class: "ex-cell", role: "gridcell" })]);
    this.text = el("span", { class: "ex-text", role: "gridcell" });
    this.mark = track ? el("span", { class: "ex-mark" }) : null;
    this.line = el("div", { class: "ex-line", role: "row" }, this.time, this.level, this.cells.map(([, node]) => node), this.text,
      track ? el("span", { class: "ex-track", role: "gridcell" }, this.mark) : null);
    this.node = el("div", { class: "ex-item", role: "none" }, this.line);
    this.node.row = this;
  }

  // `start` and `length` in milliseconds: of a trace, in which times are counted from its beginning.
  fill(entry, { patterns, start = null, length = 0 }) {
    this.entry = entry;
    const date = new Date(entry.timestamp);
    this.node.className = `ex-item level-${entry.level}`;
    this.node.dataset.id = entry.id;
    this.day.textContent = `${shortDay(date)} `;
    this.clock.data = start === null ? clock(date) : `+${duration(date - start)}`;
    this.time.dateTime = entry.timestamp;
    this.time.title = `${moment(entry.timestamp)} ${zoneWord()}`;
    this.level.textContent = entry.level;
    for (const [name, node] of this.cells) {
      const text = cut(cell(entry, name));
      node.replaceChildren(...marked(text, patterns.get(name)));
      node.title = text;
    }
    const type = entry.error?.type ? [el("span", { class: "ex-type" }, ...marked(cut(entry.error.type), patterns.get("error.type")))] : [];
    this.text.replaceChildren(...type, ...marked(cut(entry.message), patterns.get("message")));
    if (this.mark) this.mark.style.left = `${length ? ((date - start) / length) * 100 : 0}%`;
  }
}
