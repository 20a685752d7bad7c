// One panel: its frame, its requests, its picture. What fails here is said here, beside the picture of before.

import { get, send } from "../api.js";
import { csv } from "../drawn.js";
import { button, copy, el } from "../dom.js";
import { clock } from "../time.js";
import { asked, askedOfTrial, look, path } from "./board.js";
import * as kinds from "./kinds.js";

// Who asks often enough must not ask all at once: the server answers so many of an organisation's at a time.
const AT_ONCE = 2;
const SLOW_MS = 2000;
const waiting = [];
let running = 0;

async function inTurn(work) {
  if (running >= AT_ONCE) await new Promise((begin) => waiting.push(begin));
  running += 1;
  try {
    return await work();
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}

export class PanelView {
  // `onEdit` is told what is to be done with the panel: the page knows its neighbours.
  constructor(panel, { onEdit }) {
    Object.assign(this, { panel, onEdit, answer: null, isStale: true, isTrial: false, isTable: false, asking: null });
    this.title = el("h2", {});
    this.said = el("div", { class: "ex-board-said" });
    this.body = el("div", { class: "ex-board-body" });
    this.tools = el("div", { class: "ex-board-tools" });
    this.node = el("section", { class: "ex-board-panel" }, el("header", { class: "ex-board-head" }, this.title, this.tools), this.said, this.body);
    new ResizeObserver(() => this.reach()).observe(this.body);
    this.dress();
  }

  // What is longer than its panel takes the focus: not every browser lets keys scroll it otherwise.
  reach() {
    const { body } = this;
    const isLonger = body.scrollHeight > body.clientHeight || body.scrollWidth > body.clientWidth;
    for (const [name, value] of [["tabindex", "0"], ["role", "group"], ["aria-labelledby", this.title.id]]) {
      if (isLonger) body.setAttribute(name, value);
      else body.removeAttribute(name);
    }
  }

  dress() {
    const { panel } = this;
    this.title.textContent = panel.title || "(untitled)";
    this.title.id = `panel-${panel.id}`;
    this.node.setAttribute("aria-labelledby", this.title.id);
    this.node.dataset.panel = panel.id;
    this.node.className = `ex-board-panel ex-width-${panel.width ?? 6} ex-height-${panel.height ?? "m"}`;
    this.drawTools();
  }

  drawTools(isEdited = this.isEdited) {
    this.isEdited = isEdited;
    const small = { class: "ex-button ex-small" };
    const act = (words, what, label) => button(words, () => this.onEdit(this, what), { ...small, "aria-label": `${label}: ${this.panel.title || "untitled"}`, title: label });
    if (isEdited) {
      this.tools.replaceChildren(act("←", "before", "Move before"), act("→", "after", "Move after"), act("−", "narrower", "Narrower"), act("+", "wider", "Wider"), act("↕", "taller", "Taller, or short again"), act("Edit", "edit", "Edit"), act("✕", "remove", "Remove"));
      return;
    }
    const parts = [];
    if (kinds.hasTable(this.panel, this.answer)) {
      parts.push(el("button", { type: "button", ...small, "aria-expanded": String(this.isTable), onclick: () => { this.isTable = !this.isTable; this.draw(); this.tools.querySelector("button")?.focus(); } }, "Table"));
    }
    if (this.answer?.figures?.rows.length) parts.push(button("CSV", () => copy(csv(this.answer.figures), "CSV"), { ...small, title: "Copy the figures as CSV" }));
    if (this.answer && [...kinds.MEASURED, "entries"].includes(this.panel.kind)) parts.push(el("a", { ...small, href: kinds.explorerAddress(this.panel, this.answer), title: "Open in the explorer", "aria-label": `Open in the explorer: ${this.panel.title || "untitled"}` }, "Open"));
    this.tools.replaceChildren(...parts);
  }

  // Asks anew; who asked before is not waited for.
  async ask() {
    this.isStale = false;
    if (!kinds.isKnown(this.panel.kind)) { this.say("This panel was made by a newer version."); return; }
    if (this.panel.kind === "text") { this.body.replaceChildren(); kinds.text(this.body, this.panel); return; }
    this.asking?.abort();
    this.asking = new AbortController();
    const { signal } = this.asking;
    this.node.setAttribute("aria-busy", "true");
    const slow = setTimeout(() => { if (!this.answer) this.say("Still looking…", false); }, SLOW_MS);
    try {
      const answer = await this.fetched(signal);
      if (signal.aborted) return;
      this.answer = answer;
      this.said.replaceChildren();
      this.draw();
    } catch (problem) {
      if (problem.name !== "AbortError" && !signal.aborted) this.fail(problem);
    } finally {
      clearTimeout(slow);
      if (!signal.aborted) this.node.removeAttribute("aria-busy");
    }
  }

  fetched(signal) {
    return inTurn(() => {
      signal.throwIfAborted();
      return this.isTrial ? send("POST", "dashboards/panel", askedOfTrial(), this.panel, signal) : get(path(`/panels/${this.panel.id}`), asked(), signal, look());
    });
  }

  fail(problem) {
    const kept = this.answer ? ` What you see is from ${clock(new Date(this.answer.computed_at), 2)}.` : "";
    const words = problem.code === "query_timeout" ? "This took too long and was stopped. Choose a shorter range." : problem.message;
    this.say(`${words}${kept}`);
    this.said.append(" ", button("Try again", () => this.ask(), { class: "ex-button ex-small" }));
  }

  say(words, isAlert = true) {
    this.said.replaceChildren(el("span", isAlert ? { role: "alert" } : {}, words));
  }

  draw() {
    this.body.replaceChildren();
    if (this.isTable && kinds.hasTable(this.panel, this.answer)) this.body.append(kinds.tableOf(this.answer));
    else kinds.draw(this.body, this.panel, this.answer);
    this.reach();
    this.drawTools();
  }
}
