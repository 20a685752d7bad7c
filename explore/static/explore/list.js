// A list of entries that open and close, and a selection that keys move. Only the rows in view are in the page.

import { el } from "./dom.js";
import { details } from "./entry.js";
import { CAPACITY, Heights } from "./heights.js";
import { patterns } from "./marks.js";
import { Row } from "./row.js";
import { state } from "./state.js";

// Beyond the edges of the view, rows are ready for this many pixels.
const READY_PX = 500;
const ENDS_SCREENS = 2;
const MOST_SPARE = 100;
let lists = 0;

export class LogList {
  // `grid` scrolls, has the focus, and owns `place`, where the rows are. `columns()` tells which there are;
  // `onEnd` is called when the end comes near, `onUnseen` with how many came above the view.
  constructor(grid, place, { columns = () => state.columns, trace = {}, onOpen = () => {}, onEnd = () => {}, onUnseen = () => {} } = {}) {
    Object.assign(this, { grid, place, columns, trace, onOpen, onEnd, onUnseen });
    this.number = lists += 1;
    this.heights = new Heights(28);
    this.measured = new ResizeObserver((seen) => this.measure(seen));
    this.clear();
    grid.addEventListener("scroll", () => this.scroll(), { passive: true });
    place.addEventListener("click", (event) => this.click(event));
    place.addEventListener("pointerover", (event) => event.target.closest(".ex-item")?.row.tell());
    place.addEventListener("focusin", (event) => this.select(event.target.closest(".ex-item").row.entry.id));
    new ResizeObserver(() => this.fit()).observe(grid);
  }

  // --- What is in it ---
  clear() {
    this.entries = [];
    this.index = new Map();
    this.open = new Map();
    this.fresh = new Set();
    this.emphasis = new Map();
    this.selectedId = "";
    this.unseen = 0;
    this.grid.scrollTop = 0;
    this.redraw();
  }

  get size() { return this.entries.length; }
  has(id) { return this.index.has(id); }
  get selected() { return this.entries[this.index.get(this.selectedId)] ?? null; }

  add(entries, { first = false } = {}) {
    const added = entries.filter((entry) => !this.index.has(entry.id)).slice(0, CAPACITY - 1 - this.size);
    if (first) { this.entries.unshift(...added); this.reindex(); }
    else for (const entry of added) this.index.set(entry.id, this.entries.push(entry) - 1);
    this.draw();
  }

  // Newest first, wherever a late entry belongs. Returns how many were not there.
  insert(entries) {
    const added = entries.filter((entry) => !this.index.has(entry.id));
    if (!added.length) return 0;
    const top = this.grid.scrollTop;
    const at = this.rowAt(top);
    const [anchor, lies] = top > this.heights.guess ? [this.entries[at], this.heights.offset(at)] : [null, 0];
    for (const entry of added) this.fresh.add(entry.id);
    this.entries = [...this.entries, ...added].sort((a, b) => (a.timestamp < b.timestamp ? 1 : a.timestamp > b.timestamp ? -1 : 0));
    this.reindex();
    if (anchor) {
      this.resize();
      this.grid.scrollTop = top + this.heights.offset(this.index.get(anchor.id)) - lies;
      this.see(this.unseen + added.length);
    }
    this.draw();
    return added.length;
  }

  trim(most) {
    if (this.size <= most) return;
    for (const entry of this.entries.splice(most)) { this.open.delete(entry.id); this.fresh.delete(entry.id); }
    this.reindex();
    this.draw();
  }

  // A class of an entry's row besides: whom a link, a trace or a context is about.
  emphasise(id, name) {
    this.emphasis.set(id, name);
    this.redraw();
  }

  reindex() {
    const heights = new Map([...this.index].map(([id, row]) => [id, this.heights.height(row)]).filter(([, height]) => height !== this.heights.guess));
    this.index = new Map(this.entries.map((entry, row) => [entry.id, row]));
    this.heights.clear();
    for (const [id, height] of heights) if (this.index.has(id)) this.heights.set(this.index.get(id), height);
  }

  // --- What of it is in the page ---
  get above() { return this.place.offsetTop; }
  get head() { return this.grid.querySelector(".ex-sticky")?.offsetHeight ?? 0; }
  rowAt(y) { return this.heights.at(y, this.size); }

  // Anew, when something changed that concerns every row.
  redraw() {
    this.drawn = new Map();
    this.spare = [];
    this.patterns = patterns(state.query);
    this.shape = this.columns();
    this.measured.disconnect();
    this.place.replaceChildren();
    this.heights.clear();
    this.isWrapped = this.grid.classList.contains("ex-wrap");
    for (const id of this.open.keys()) this.open.set(id, this.lay(this.entries[this.index.get(id)]));
    this.draw();
  }

  lay(entry) {
    return el("div", { class: "ex-opened", role: "row" }, el("div", { role: "gridcell" }, details(entry, this.patterns)));
  }

  fit() {
    const guess = parseFloat(getComputedStyle(this.grid).getPropertyValue("--row"));
    this.view = this.grid.clientHeight;
    this.grid.style.setProperty("--view", `${this.grid.clientWidth}px`);
    if (guess && guess !== this.heights.guess) { this.heights.guess = guess; this.redraw(); } else this.draw();
  }

  resize() {
    const height = `${this.heights.offset(this.size)}px`;
    if (height !== this.place.style.height) this.place.style.height = height;
    if (this.told === this.size) return;
    this.told = this.size;
    this.grid.ariaRowCount = this.size + (this.grid.querySelector("[role=columnheader]") ? 1 : 0);
  }

  draw() {
    this.view ||= this.grid.clientHeight;
    const [first, last] = this.around = this.window();
    const wanted = this.entries.slice(first, last + 1);
    const selected = this.index.get(this.selectedId);
    const isKept = selected !== undefined && (selected < first || selected > last);
    const keep = new Set(wanted.map((entry) => entry.id));
    if (isKept) keep.add(this.selectedId);
    const left = new Set();
    for (const [id, row] of this.drawn) if (!keep.has(id)) { this.discard(id, row); left.add(row); }
    let next = this.place.firstChild;
    wanted.forEach((entry, at) => {
      let row = this.drawn.get(entry.id);
      if (row) while (left.has(next?.row)) next = next.nextSibling;
      else {
        // A row that is no longer wanted is filled anew where it stands: nothing has to be moved.
        row = this.fill(entry, left.has(next?.row) ? next.row : this.spare.pop());
        left.delete(row);
      }
      if (row.node === next) next = next.nextSibling;
      else this.place.insertBefore(row.node, next);
      if (row.isKept) { row.stand(null); this.paint(row); }
      row.count(first + at);
    });
    for (const row of left) { row.node.remove(); if (this.spare.length < MOST_SPARE) this.spare.push(row); }
    if (isKept) this.keep(selected);
    const padding = `${this.heights.offset(first)}px`;
    if (padding !== this.place.style.paddingTop) this.place.style.paddingTop = padding;
    this.resize();
    this.end();
  }

  window() {
    const top = this.grid.scrollTop - this.above;
    return this.heights.between(top - READY_PX, top + this.view + READY_PX, this.size);
  }

  scroll() {
    const [first, last] = this.window();
    if (first !== this.around[0] || last !== this.around[1]) this.draw();
    else this.end();
  }

  end() {
    const top = this.grid.scrollTop - this.above;
    if (top <= 0 && this.unseen) this.see(0);
    if (this.size && top + (1 + ENDS_SCREENS) * this.view > this.heights.offset(this.size)) this.onEnd();
  }

  // The selected row, which has the focus or leads to it, stays in the page where it belongs.
  keep(at) {
    const entry = this.entries[at];
    const row = this.drawn.get(entry.id) ?? this.fill(entry, this.spare.pop());
    row.count(at);
    row.stand(this.heights.offset(at));
    if (row.node.parentNode !== this.place || row.node.nextSibling) this.place.append(row.node);
  }

  // The row of an entry that is not in the page, made of a spare one or anew.
  fill(entry, spare) {
    const row = spare ?? new Row(this.shape, { track: "start" in this.trace });
    row.fill(entry, { patterns: this.patterns, ...this.trace });
    row.line.id = `ex-row-${this.number}-${entry.id}`;
    this.drawn.set(entry.id, row);
    this.paint(row);
    return row;
  }

  paint(row) {
    const { id } = row.entry;
    row.paint({ details: this.open.get(id) ?? null, isSelected: id === this.selectedId, isFresh: this.fresh.has(id), emphasis: this.emphasis.get(id) });
    if (row.isOpen || this.isWrapped) { this.measured.observe(row.node); row.isMeasured = true; }
  }

  discard(id, row) {
    this.drawn.delete(id);
    if (row.isMeasured) { this.measured.unobserve(row.node); row.isMeasured = false; }
  }

  // What is above the view and turns out higher than was guessed must not move what is in it.
  measure(seen) {
    let moved = 0;
    for (const { target, borderBoxSize } of seen) {
      const { row } = target;
      if (!row.entry || this.drawn.get(row.entry.id) !== row) continue;
      const begins = this.above + this.heights.offset(row.at);
      const change = this.heights.set(row.at, borderBoxSize[0].blockSize);
      if (begins < this.grid.scrollTop && !this.open.has(row.entry.id)) moved += change;
    }
    if (moved) this.grid.scrollTop += moved;
    this.draw();
  }

  see(unseen) {
    this.unseen = unseen;
    this.onUnseen(unseen);
  }

  // --- Opening and selecting ---
  click(event) {
    const { id } = event.target.closest(".ex-item").row.entry;
    if (!event.target.closest(".ex-line")) this.select(id);
    else if (!String(getSelection())) this.toggle(id);
  }

  toggle(id, open = !this.open.has(id)) {
    const at = this.index.get(id);
    if (at === undefined) return;
    const entry = this.entries[at];
    this.select(id);
    if (open === this.open.has(id)) return;
    if (open) this.open.set(id, this.lay(entry));
    else this.open.delete(id);
    const row = this.drawn.get(id);
    this.paint(row);
    if (!open && !this.isWrapped) this.measured.unobserve(row.node);
    this.heights.set(at, open || this.isWrapped ? row.node.offsetHeight : this.heights.guess);
    this.draw();
    this.reveal(at);
    this.onOpen(entry, open);
  }

  closeAll() {
    const ids = [...this.open.keys()];
    for (const id of ids) this.toggle(id, false);
    return ids.length > 0;
  }

  select(id) {
    const before = this.drawn.get(this.selectedId);
    if (before && this.selectedId === id) return;
    this.selectedId = id;
    if (before) this.paint(before);
    this.draw();
    const row = this.drawn.get(id);
    if (!row) return;
    this.paint(row);
    this.grid.setAttribute("aria-activedescendant", row.line.id);
  }

  move(step) {
    if (!this.size) return;
    const now = this.index.get(this.selectedId);
    const next = now === undefined ? this.rowAt(this.grid.scrollTop - this.above + this.head) : Math.min(this.size - 1, Math.max(0, now + step));
    this.select(this.entries[next].id);
    this.focus();
    this.reveal(next);
  }

  focus() {
    this.grid.focus({ preventScroll: true });
  }

  // The whole of a row; of one that is higher than the view, its beginning.
  reveal(at) {
    const begins = this.above + this.heights.offset(at);
    const ends = begins + this.heights.height(at);
    const { scrollTop } = this.grid;
    if (begins < scrollTop + this.head) this.grid.scrollTop = begins - this.head;
    else if (ends > scrollTop + this.view) this.grid.scrollTop = Math.min(begins - this.head, ends - this.view);
    this.draw();
  }
}
