// Completes fields and values in the search box. What is offered comes from the newest entries of the range, and what
// is known of others.

import { el } from "./dom.js";
import { configuration, get } from "./api.js";
import { isAskable, lastWord, read, splitWord, writeName, writePhrase } from "./language.js";
import { state } from "./state.js";
import { resolve } from "./time.js";

const BUILT_IN = [
  ["level", "debug … panic, also level:>=warn"], ["environment", "where it ran"], ["project", "which application"],
  ["trace", "the id of a trace"], ["edge", "which edge took it"], ["group", "the number of an error group"], ["has", "has:error, or any key"], ["error.type", "like PaymentError"],
  ["error.message", "words of the error"], ["error.stack_trace", "words of the stack"], ["message", "words of the message"],
];
const MOST = 12;

export class Completion {
  constructor(input, place, { onRun, rows }) {
    Object.assign(this, { input, place, onRun, rows, choices: [], active: -1, offers: 0, cache: new Map() });
    input.addEventListener("input", () => this.offer());
    input.addEventListener("keydown", (event) => this.key(event));
    input.addEventListener("blur", () => setTimeout(() => this.close(), 150));
  }

  async fields() {
    const about = `${state.organisation}|${state.range}|${state.from}|${state.to}`;
    if (!this.cache.has(about)) {
      this.cache.clear();
      const asked = get("fields", { organisation: state.organisation, ...resolve() }).then((found) => [...found.fields, ...found.known.map((one) => ({ ...one, values: [] }))]);
      this.cache.set(about, asked.catch(() => { this.cache.delete(about); return []; }));
    }
    return this.cache.get(about);
  }

  // The word around the caret: its name as it is meant, and what is typed of the value.
  word() {
    const before = this.input.value.slice(0, this.input.selectionStart);
    const whole = before.slice(lastWord(before));
    const text = whole.replace(/^[-+!]+/, "");
    const [name, value] = splitWord(text);
    const operator = name === null ? "" : /^[<>]=?/.exec(value)?.[0] ?? "";
    return {
      start: before.length - text.length,
      end: this.input.selectionStart,
      field: name === null ? null : read(name),
      typed: read(value.slice(operator.length).replace(/^"/, "")),
      operator,
    };
  }

  async offer() {
    const word = this.word();
    const mine = ++this.offers;
    const fields = await this.fields();
    if (mine !== this.offers || document.activeElement !== this.input) return;
    const found = word.field === null ? this.names(word, fields) : this.values(word, fields);
    this.show(found.slice(0, MOST), word);
  }

  names(word, fields) {
    const typed = word.typed.toLowerCase();
    const all = [...BUILT_IN, ...fields.map((field) => [field.name, `${field.types.join(", ")}, ${field.count ? `in ${field.count} of the newest entries` : "in others lately"}`])];
    return all.filter(([name]) => name.toLowerCase().includes(typed))
      .sort(([a], [b]) => b.toLowerCase().startsWith(typed) - a.toLowerCase().startsWith(typed))
      .map(([name, note]) => ({ label: name, note, insert: `${writeName(name)}:`, goesOn: true }))
      .filter(({ insert }) => isAskable(insert));
  }

  values(word, fields) {
    const typed = word.typed.toLowerCase();
    return this.known(word.field, fields).filter(({ value }) => String(value).toLowerCase().includes(typed)).map(({ value, count }) => {
      const isWord = typeof value !== "string" || /^[\p{L}_][\p{L}\p{N}_.-]*$/u.test(value) && !["true", "false", "null", "AND", "OR", "NOT", "TO"].includes(value);
      const text = isWord ? String(value) : writePhrase(value);
      return { label: String(value), note: count ? `${count} entries` : "", insert: `${writeName(word.field)}:${word.operator}${text} ` };
    }).filter(({ insert }) => isAskable(insert));
  }

  known(field, fields) {
    const count = (values) => [...values.filter(Boolean).reduce((sums, value) => sums.set(value, (sums.get(value) ?? 0) + 1), new Map())]
      .map(([value, sum]) => ({ value, count: sum })).sort((a, b) => b.count - a.count);
    const rows = this.rows();
    const organisation = configuration.organisations.find((one) => one.slug === state.organisation);
    switch (field) {
      case "level": return configuration.levels.map((value) => ({ value }));
      case "environment": case "env": return count(rows.map((entry) => entry.environment));
      case "project": return [...new Set([...(organisation?.projects ?? []), ...rows.map((entry) => entry.project)])].map((value) => ({ value }));
      case "trace": case "trace_id": return count(rows.map((entry) => entry.trace_id));
      case "edge": return count(rows.map((entry) => entry.edge));
      case "error.type": return count(rows.map((entry) => entry.error?.type));
      case "has": return ["error", "metadata", ...fields.map((one) => one.name)].map((value) => ({ value }));
      default: return fields.find((one) => one.name === field)?.values ?? [];
    }
  }

  show(choices, word) {
    this.choices = choices;
    this.range = word;
    this.active = -1;
    this.place.replaceChildren(...choices.map((choice, index) => el("li", {
      role: "option", id: `ex-option-${index}`, "aria-selected": "false",
      onpointerdown: (event) => { event.preventDefault(); this.take(index); },
    }, el("span", { class: "ex-option-label" }, choice.label), el("span", { class: "ex-quiet" }, choice.note))));
    this.place.hidden = !choices.length;
    this.input.setAttribute("aria-expanded", String(!!choices.length));
  }

  close() {
    this.offers += 1;
    this.place.hidden = true;
    this.choices = [];
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  move(step) {
    this.active = (this.active + step + this.choices.length) % this.choices.length;
    [...this.place.children].forEach((node, index) => node.setAttribute("aria-selected", String(index === this.active)));
    this.place.children[this.active].scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", `ex-option-${this.active}`);
  }

  take(index) {
    const choice = this.choices[index];
    const { start, end } = this.range;
    this.input.setRangeText(choice.insert, start, end, "end");
    this.input.focus();
    if (choice.goesOn) this.offer();
    else this.close();
  }

  key(event) {
    const open = !this.place.hidden && this.choices.length;
    if (event.key === "ArrowDown" && open) { event.preventDefault(); this.move(1); }
    else if (event.key === "ArrowUp" && open) { event.preventDefault(); this.move(-1); }
    else if (event.key === "Tab" && open && !event.shiftKey) { event.preventDefault(); this.take(Math.max(0, this.active)); }
    else if (event.key === "Enter") { event.preventDefault(); if (open && this.active >= 0) this.take(this.active); else { this.close(); this.onRun(); } }
    else if (event.key === "Escape") { event.stopPropagation(); if (open) this.close(); else this.input.blur(); }
    else if (event.key === " " && event.ctrlKey) { event.preventDefault(); this.offer(); }
  }
}
