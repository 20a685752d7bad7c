// A list of entries that open and close, and a selection that keys move.

import { el } from "./dom.js";
import { details } from "./entry.js";
import { leaf, text } from "./json.js";
import { state } from "./state.js";
import { clock, duration, moment, shortDay, zoneWord } from "./time.js";

export class LogList {
  constructor(place, { onOpen = () => {}, relativeTo = null } = {}) {
    this.place = place;
    this.onOpen = onOpen;
    this.relativeTo = relativeTo;
    this.items = new Map();
  }

  clear() {
    this.items.clear();
    this.place.replaceChildren();
  }

  add(entries, { first = false, fresh = false } = {}) {
    const added = entries.filter((entry) => !this.items.has(entry.id)).map((entry) => this.item(entry, fresh));
    if (first) this.place.prepend(...added);
    else this.place.append(...added);
    return added.length;
  }

  // Newest first, wherever a late entry belongs.
  insert(entry) {
    if (this.items.has(entry.id)) return false;
    const node = this.item(entry, true);
    const after = [...this.place.children].find((other) => other.entry && other.entry.timestamp <= entry.timestamp);
    if (after) after.before(node);
    else this.place.append(node);
    return true;
  }

  trim(most) {
    while (this.place.children.length > most) {
      this.items.delete(this.place.lastElementChild.entry?.id);
      this.place.lastElementChild.remove();
    }
  }

  item(entry, fresh) {
    const node = el("li", { class: `ex-item level-${entry.level}${fresh ? " ex-fresh" : ""}`, "data-id": entry.id }, this.line(entry));
    node.entry = entry;
    this.items.set(entry.id, node);
    return node;
  }

  line(entry) {
    const toggle = () => { if (!String(getSelection())) this.toggle(entry.id); };
    const columns = state.columns.map((name) => [name, leaf(entry.metadata, name)]).filter(([, value]) => value !== undefined);
    const date = new Date(entry.timestamp);
    const offset = this.relativeTo === null ? null : date - this.relativeTo;
    return el("div", {
      class: "ex-line", role: "button", tabindex: "0", "aria-expanded": "false", onclick: toggle,
      onkeydown: (event) => { if (event.key === " ") { event.preventDefault(); toggle(); } },
    },
      el("time", { class: "ex-time", datetime: entry.timestamp, title: `${moment(entry.timestamp)} ${zoneWord()}` },
        el("span", { class: "ex-day" }, `${shortDay(date)} `), offset === null ? clock(date) : `+${duration(offset)}`),
      el("span", { class: "ex-level" }, entry.level),
      el("span", { class: "ex-source", title: `${entry.project} · ${entry.environment}` }, entry.project, el("span", { class: "ex-quiet" }, ` ${entry.environment}`)),
      el("span", { class: "ex-text" },
        columns.map(([name, value]) => el("span", { class: "ex-column" }, el("b", {}, name), typeof value === "string" ? value : text(value))),
        entry.error?.type ? el("span", { class: "ex-type" }, entry.error.type) : null,
        entry.message.length > 600 ? `${entry.message.slice(0, 600)}…` : entry.message));
  }

  toggle(id, open = undefined) {
    const node = this.items.get(id);
    if (!node) return;
    const isOpen = node.classList.contains("ex-open");
    if (open === undefined) open = !isOpen;
    this.select(id);
    if (open === isOpen) return;
    node.classList.toggle("ex-open", open);
    node.firstElementChild.setAttribute("aria-expanded", String(open));
    if (open) node.append(details(node.entry));
    else node.lastElementChild.remove();
    this.onOpen(node.entry, open);
  }

  redraw() {
    for (const node of this.items.values()) {
      const open = node.classList.contains("ex-open");
      node.replaceChildren(this.line(node.entry));
      if (open) { node.firstElementChild.setAttribute("aria-expanded", "true"); node.append(details(node.entry)); }
    }
  }

  get selected() {
    return this.place.querySelector(".ex-selected");
  }

  select(id) {
    this.selected?.classList.remove("ex-selected");
    this.items.get(id)?.classList.add("ex-selected");
  }

  move(step) {
    const nodes = [...this.place.children].filter((node) => node.entry);
    if (!nodes.length) return;
    const now = nodes.indexOf(this.selected);
    const next = nodes[Math.min(nodes.length - 1, Math.max(0, now < 0 ? 0 : now + step))];
    this.select(next.entry.id);
    next.firstElementChild.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }
}
