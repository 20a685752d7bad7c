// Live mode: entries that arrive go into the list, or are held back while it is paused.

import { byId } from "./dom.js";
import { state } from "./state.js";
import { Tail } from "./tail.js";

const MOST = 2000;
const COUNTS_SECONDS = 5;

export class Live {
  constructor(list, { onHello, onCounts }) {
    Object.assign(this, { list, onCounts, isPaused: false, held: [], timer: 0 });
    this.tail = new Tail({
      onHello: (resumed) => { if (!resumed) onHello(); },
      onEntry: (entry) => this.hear(entry),
      onStatus: (what, detail) => this.draw(what, detail),
    });
  }

  start() {
    this.isPaused = false;
    this.held = [];
    this.draw("connecting");
    this.tail.start();
  }

  stop() {
    this.tail.stop();
    byId("ex-live-status").hidden = true;
  }

  hear(entry) {
    if (!this.isPaused) { this.show(entry); return; }
    this.held.push(entry);
    this.held.splice(0, this.held.length - MOST);
    this.draw("live");
  }

  show(entry) {
    if (!this.list.insert(entry)) return;
    byId("ex-empty").hidden = true;
    this.list.trim(MOST);
    this.timer ||= setTimeout(() => { this.timer = 0; if (state.live) this.onCounts(); }, COUNTS_SECONDS * 1000);
  }

  pause() {
    if (!state.live) return;
    this.isPaused = !this.isPaused;
    if (!this.isPaused) for (const entry of this.held.splice(0)) this.show(entry);
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
