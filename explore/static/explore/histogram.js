// Entries over time, stacked by level; drag to zoom, click a bar to go into it. By keyboard, and as a table, too.

import { byId, el, svg } from "./dom.js";
import { state } from "./state.js";
import { clock, day, moment, offset, zoneWord } from "./time.js";

const HEIGHT = 84;
// Above the highest bar, for its figure.
const ABOVE = 16;
// A shorter one, in pixels, is a click.
const LEAST_DRAG = 5;
const AXIS = 16;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;
// 1970-01-05.
const MONDAY = 4 * DAY;
const TICKS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];
const WORST_FIRST = ["panic", "fatal", "error", "warn", "info", "debug"];

export class Histogram {
  constructor(place, onZoom) {
    this.place = place;
    this.onZoom = onZoom;
    this.tip = el("div", { class: "ex-tip", "aria-hidden": "true", hidden: true });
    this.said = el("p", { class: "visually-hidden", role: "status" });
    this.table = el("div", { class: "ex-chart-table", id: "ex-chart-table", tabindex: "0", role: "region", "aria-label": "Entries over time, as a table", hidden: true });
    place.after(this.said, this.table);
    place.addEventListener("keydown", (event) => this.key(event));
    place.addEventListener("blur", () => this.mark(null));
    new ResizeObserver(() => this.draw()).observe(place);
    place.addEventListener("pointerdown", (event) => this.press(event));
    place.addEventListener("pointermove", (event) => this.hover(event));
    place.addEventListener("pointerleave", () => { this.tip.hidden = true; });
  }

  show(histogram, range) {
    this.histogram = histogram;
    this.range = { from: Date.parse(range.from), to: Date.parse(range.to) };
    this.mark(null);
    this.draw();
  }

  get shown() {
    return state.levels.length ? WORST_FIRST.filter((level) => state.levels.includes(level)) : WORST_FIRST;
  }

  count(bucket) {
    return this.shown.reduce((sum, level) => sum + bucket.counts[level], 0);
  }

  x(time) {
    return ((time - this.range.from) / (this.range.to - this.range.from)) * this.width;
  }

  timeAt(x) {
    const inside = Math.min(this.width, Math.max(0, x));
    return this.range.from + (inside / this.width) * (this.range.to - this.range.from);
  }

  draw() {
    this.width = this.place.clientWidth;
    if (!this.histogram || !this.width) return;
    const { buckets } = this.histogram;
    const most = Math.max(1, ...buckets.map((bucket) => this.count(bucket)));
    const total = buckets.reduce((sum, bucket) => sum + this.count(bucket), 0);
    this.selection = svg("rect", { class: "ex-selection", x: 0, y: 0, width: 0, height: HEIGHT });
    const picture = svg("svg", { viewBox: `0 0 ${this.width} ${HEIGHT + AXIS}`, width: this.width, height: HEIGHT + AXIS, role: "img",
      "aria-label": `${total.toLocaleString("en")} entries over time, at most ${most.toLocaleString("en")} a bar` },
      svg("line", { class: "ex-base", x1: 0, x2: this.width, y1: HEIGHT + 0.5, y2: HEIGHT + 0.5 }),
      buckets.flatMap((bucket) => this.bars(bucket, most)), this.ticks(), this.since(), this.selection);
    const peak = total > 0 && el("span", { class: "ex-peak", title: "The highest bar" }, most.toLocaleString("en"));
    this.place.replaceChildren(picture, peak || "", this.tip);
    if (!this.table.hidden) this.drawTable();
  }

  // A step ends where the next begins: not all days have 24 hours.
  ends(bucket) {
    const following = this.histogram.buckets[this.histogram.buckets.indexOf(bucket) + 1];
    return following ? Date.parse(following.start) : Date.parse(bucket.start) + this.histogram.step_seconds * 1000;
  }

  bars(bucket, most) {
    const start = Date.parse(bucket.start);
    const left = Math.max(0, this.x(start));
    const right = Math.min(this.width, this.x(this.ends(bucket)));
    let y = HEIGHT;
    return this.shown.filter((level) => bucket.counts[level]).map((level) => {
      const height = Math.max(1.5, (bucket.counts[level] / most) * (HEIGHT - ABOVE));
      y -= height;
      const gap = right - left > 4 ? 1 : 0;
      return svg("rect", { class: `ex-step level-${level}`, x: left, y, width: Math.max(1, right - left - gap), height, "data-start": bucket.start });
    });
  }

  // Round times of the zone shown, about one in 110 pixels, at least three or so.
  ticks() {
    const { from, to } = this.range;
    const least = ((to - from) / this.width) * Math.min(110, this.width / 4);
    const step = TICKS.find((seconds) => seconds * 1000 >= least) * 1000 || Math.ceil(least / (30 * DAY)) * 30 * DAY;
    const ahead = offset(from);
    const monday = step % WEEK === 0 ? MONDAY : 0;
    const first = Math.ceil((from + ahead - monday) / step) * step + monday - ahead;
    return Array.from({ length: Math.max(0, Math.floor((to - first) / step) + 1) }, (_, index) => {
      const at = first + index * step;
      // Clocks that change on the way would move the longer steps by an hour.
      const date = new Date(step > HOUR ? at + ahead - offset(at) : at);
      const x = this.x(date.getTime());
      if (x < 24 || x > this.width - 24) return null;
      const label = step >= 30 * DAY ? day(date) : step >= DAY ? day(date).slice(5) : to - from > DAY ? `${day(date).slice(5)} ${clock(date, 0)}` : clock(date, step < 60_000 ? 2 : 0);
      return svg("text", { class: "ex-tick", x, y: HEIGHT + 13, "text-anchor": "middle" }, label);
    });
  }

  // Where what is compared begins.
  since() {
    const x = state.show === "patterns" ? this.x(Date.parse(state.since)) : NaN;
    return x > 0 && x < this.width ? svg("line", { class: "ex-since", x1: x, x2: x, y1: 0, y2: HEIGHT }) : [];
  }

  press(event) {
    if (!this.histogram || event.button !== 0) return;
    const box = this.place.getBoundingClientRect();
    const from = event.clientX - box.left;
    this.place.setPointerCapture(event.pointerId);
    this.isDragged = true;
    const move = (moved) => {
      const now = Math.min(this.width, Math.max(0, moved.clientX - box.left));
      this.selection.setAttribute("x", Math.min(from, now));
      this.selection.setAttribute("width", Math.abs(now - from));
      if (Math.abs(now - from) >= LEAST_DRAG) this.tell(Math.min(from, now), Math.max(from, now));
    };
    const up = (released) => {
      this.place.removeEventListener("pointermove", move);
      this.isDragged = false;
      this.tip.hidden = true;
      this.selection.setAttribute("width", 0);
      if (released.type === "pointerup") this.zoom(from, released.clientX - box.left);
    };
    this.place.addEventListener("pointermove", move);
    this.place.addEventListener("pointerup", up, { once: true });
    this.place.addEventListener("pointercancel", up, { once: true });
  }

  zoom(from, to) {
    if (Math.abs(to - from) >= LEAST_DRAG) {
      const [start, end] = [this.timeAt(Math.min(from, to)), this.timeAt(Math.max(from, to))];
      if (end - start >= 1) this.onZoom(start, end);
      return;
    }
    const bucket = this.bucketAt(from);
    if (bucket && this.count(bucket)) {
      this.onZoom(Date.parse(bucket.start), this.ends(bucket));
    }
  }

  // Arrows choose a bar, with Shift several; Enter goes into them, T shows the table.
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.histogram) return;
    const last = this.histogram.buckets.length - 1;
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    if (event.key in steps && last >= 0) {
      const at = this.chosen ? Math.max(0, Math.min(last, this.chosen.at + steps[event.key])) : last;
      this.mark({ at, since: event.shiftKey && this.chosen ? this.chosen.since : at });
    } else if (event.key === "Enter" && this.chosen) this.onZoom(...this.span());
    else if (event.key.toLowerCase() === "t") this.toggleTable();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // Begin and end of the chosen bars.
  span() {
    const { buckets } = this.histogram;
    const [first, final] = [Math.min(this.chosen.at, this.chosen.since), Math.max(this.chosen.at, this.chosen.since)];
    return [Date.parse(buckets[first].start), this.ends(buckets[final])];
  }

  mark(chosen) {
    this.chosen = chosen;
    this.selection?.setAttribute("width", 0);
    if (!chosen) return;
    const [from, to] = this.span();
    const left = Math.max(0, this.x(from));
    this.selection.setAttribute("x", left);
    this.selection.setAttribute("width", Math.max(2, Math.min(this.width, this.x(to)) - left));
    const inside = this.histogram.buckets.slice(Math.min(chosen.at, chosen.since), Math.max(chosen.at, chosen.since) + 1);
    const counts = this.shown.map((level) => [level, inside.reduce((sum, bucket) => sum + bucket.counts[level], 0)]).filter(([, count]) => count);
    this.said.textContent = `${moment(new Date(from))} to ${moment(new Date(to))}: ${counts.map(([level, count]) => `${count.toLocaleString("en")} ${level}`).join(", ") || "nothing"}`;
  }

  toggleTable() {
    this.table.hidden = !this.table.hidden;
    byId("ex-table").setAttribute("aria-expanded", String(!this.table.hidden));
    if (!this.table.hidden) this.drawTable();
  }

  drawTable() {
    const rows = this.histogram.buckets.filter((bucket) => this.count(bucket)).toReversed();
    this.table.replaceChildren(el("table", {},
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, `From (${zoneWord()})`), this.shown.map((level) => el("th", { scope: "col" }, level)))),
      el("tbody", {}, rows.length ? rows.map((bucket) => el("tr", {}, el("th", { scope: "row" }, moment(bucket.start)),
        this.shown.map((level) => el("td", {}, bucket.counts[level].toLocaleString("en"))))) : el("tr", {}, el("td", { colspan: String(this.shown.length + 1) }, "Nothing in this range.")))));
  }

  bucketAt(x) {
    const time = this.timeAt(x);
    return this.histogram.buckets.findLast((bucket) => Date.parse(bucket.start) <= time);
  }

  // What a drag has gone over so far: of bars that it cuts, their share.
  tell(left, right) {
    const [from, to] = [this.timeAt(left), this.timeAt(right)];
    const within = (bucket) => {
      const [start, end] = [Date.parse(bucket.start), this.ends(bucket)];
      return Math.max(0, Math.min(to, end) - Math.max(from, start)) / (end - start);
    };
    const parts = this.histogram.buckets.map((bucket) => [this.count(bucket), within(bucket)]);
    const sum = Math.round(parts.reduce((all, [count, share]) => all + count * share, 0));
    const isExact = parts.every(([count, share]) => !count || share === 0 || share > 0.999);
    const [start, end] = [new Date(from), new Date(to)];
    const word = to - from < 120_000 ? 2 : 0;
    const text = day(start) === day(end) ? `${clock(start, word)} – ${clock(end, word)}` : `${day(start)} ${clock(start, word)} – ${day(end)} ${clock(end, word)}`;
    this.showTip(right, el("strong", {}, text), el("span", {}, `${isExact ? "" : "about "}${sum.toLocaleString("en")} ${sum === 1 ? "entry" : "entries"}`));
  }

  showTip(x, ...content) {
    this.tip.replaceChildren(...content);
    this.tip.hidden = false;
    const room = this.width - this.tip.offsetWidth;
    this.tip.style.left = `${Math.max(0, Math.min(room, x + 12 > room ? x - 12 - this.tip.offsetWidth : x + 12))}px`;
  }

  hover(event) {
    if (!this.histogram || this.isDragged) return;
    const x = event.clientX - this.place.getBoundingClientRect().left;
    const bucket = this.bucketAt(x);
    if (!bucket) return;
    this.showTip(x, el("strong", {}, moment(bucket.start)),
      ...this.shown.filter((level) => bucket.counts[level]).map((level) =>
        el("span", { class: `ex-tip-level level-${level}` }, `${level} ${bucket.counts[level].toLocaleString("en")}`)),
      this.count(bucket) ? "" : el("span", { class: "ex-quiet" }, "nothing"));
  }
}
