// Live tail: asks for a ticket, listens, comes back where it left off.

import { send } from "./api.js";
import { state } from "./state.js";

const PAUSES = [1, 2, 5, 10, 20];

export class Tail {
  constructor({ onEntry, onHello, onStatus }) {
    Object.assign(this, { onEntry, onHello, onStatus, source: null, noticed: false, lastEventId: "", failures: 0, timer: 0, generation: 0 });
  }

  start() {
    this.stop();
    this.lastEventId = "";
    this.failures = 0;
    this.connect();
  }

  stop() {
    this.generation += 1;
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  async connect() {
    const generation = this.generation;
    this.onStatus("connecting");
    let ticket;
    try {
      ticket = await send("POST", "tail", {}, { organisation: state.organisation, query: state.query, levels: state.levels.join(",") });
    } catch (problem) {
      if (generation === this.generation) this.failed(problem);
      return;
    }
    if (generation !== this.generation) return;
    const url = this.lastEventId ? `${ticket.url}&last_event_id=${encodeURIComponent(this.lastEventId)}` : ticket.url;
    const resumed = this.lastEventId !== "";
    this.source = new EventSource(url);
    this.source.addEventListener("hello", (event) => { this.heard(event); this.failures = 0; this.onStatus("live"); this.onHello(resumed); });
    this.source.addEventListener("message", (event) => { this.heard(event); if (this.noticed) { this.noticed = false; this.onStatus("live"); } this.onEntry(JSON.parse(event.data)); });
    this.source.addEventListener("notice", (event) => { this.heard(event); this.noticed = true; this.onStatus("notice", JSON.parse(event.data).detail); });
    this.source.onerror = () => { this.source?.close(); this.failed(); };
  }

  heard(event) {
    if (event.lastEventId) this.lastEventId = event.lastEventId;
  }

  // The ticket is used up by now, so the browser's own way to reconnect cannot work.
  failed(problem) {
    this.source = null;
    if (problem && [400, 403, 404].includes(problem.status)) { this.onStatus("refused", problem.message); return; }
    this.onStatus("lost");
    this.timer = setTimeout(() => this.connect(), PAUSES[Math.min(this.failures++, PAUSES.length - 1)] * 1000);
  }
}
