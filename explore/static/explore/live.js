// Live mode: entries that arrive go into the list, or are held back while it is paused.

import { byId } from "./dom.js";
import { state } from "./state.js";
import { Tail } from "./tail.js";

const MOST = 5000;
const DRAWN_EVERY_MS = 100;
const COUNTS_SECONDS = 5;

export class Live {
  constructor(list, { onHello, onCounts }) {
    Object.assign(this, { list, onCounts, isPaused: false, held: [], fresh: [], timer: 0, drawing: 0 });
    this.tail = new Tail({
      onHello: (resumed) => { if (!resumed) onHello(); },
      onEntry: (entry) => this.hear(entry),
      onStatus: (what, detail) => this.draw(what, detail),
    });
  }

  start() {
    this.isPaused = false;
    this.held = [];
    this.fresh = [];
    this.draw("connecting");
    this.tail.start();
  }

  stop() {
    this.tail.stop();
    byId("ex-live-status").hidden = true;
  }

  hear(entry) {
    const kept = this.isPaused ? this.held : this.fresh;
    kept.push(entry);
    kept.splice(0, kept.length - MOST);
    if (this.isPaused) this.draw("live");
    else this.drawing ||= setTimeout(() => this.show(), DRAWN_EVERY_MS);
  }

  show() {
    this.drawing = 0;
    if (!state.live || !this.list.insert(this.fresh.splice(0))) return;
    byId("ex-empty").hidden = true;
    byId("ex-grid").hidden = false;
    this.list.trim(MOST);
    this.timer ||= setTimeout(() => { this.timer = 0; if (state.live) this.onCounts(); }, COUNTS_SECONDS * 1000);
  }

  pause() {
    if (!state.live) return;
    this.isPaused = !this.isPaused;
    if (!this.isPaused) { this.fresh.push(...this.held.splice(0)); this.show(); }
    this.draw("live");
  }

  draw(what, detail = "") {
    const words = {
      connecting: "Connecting…", live: this.isPaused ? `Paused, ${this.held.length} new` : "Live",
      lost: "Connection lost, trying again…", notice: detail, refused: detail,
    };
    const place = byId("ex-live-status");
    place.className = `ex-live-status ex-live-${what}`;
    place.hidden = !state.live;
    byId("ex-live-words").textContent = words[what];
    byId("ex-pause").hidden = what !== "live";
    byId("ex-pause").textContent = this.isPaused ? "Resume" : "Pause";
  }
}
