// A chart of columns over time: stacked, readable by keyboard, and as a table behind the key T.

import uPlot from "../vendor/uplot.js";
import { isOff } from "./shortcuts.js";

const HEIGHT = 220;
const DAY_SECONDS = 86400;
const POWERS_OF_TWO = Array.from({ length: 50 }, (_, power) => 2 ** power);
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytesText(value) {
  let [size, unit] = [value, 0];
  while (size >= 1024 && unit < UNITS.length - 1) [size, unit] = [size / 1024, unit + 1];
  return `${size.toLocaleString("en", { maximumFractionDigits: size < 10 ? 1 : 0 })} ${UNITS[unit]}`;
}

export const countText = (value) => value.toLocaleString("en", { notation: value >= 10000 ? "compact" : "standard" });

// A token may be light-dark(…), which a canvas does not understand: let an element resolve it.
function colour(token) {
  const probe = document.createElement("span");
  probe.style.color = `var(${token})`;
  document.body.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Each series is drawn from 0 to the sum of itself and those before it: first the tallest, so none hides another.
function stacked(columns) {
  let below = columns[0].map(() => 0);
  return columns.map((column) => (below = column.map((value, i) => value + below[i])));
}

export class Chart {
  // `series`: label, values, colour (a token) each; `times` in Unix seconds; `text` writes a value; `zone` by its IANA name.
  // A `threshold` is a line across; `said` tells what the picture does, where that is not the sum.
  constructor(figure, { times, series, text, zone, threshold = null, said = "" }) {
    Object.assign(this, { figure, times, series, text, zone, threshold, summed: said, at: null });
    this.moment = new Intl.DateTimeFormat("en-GB", { timeZone: zone, day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
    this.place = element("div", { class: "ll-chart-plot", tabindex: "0", role: "group", "aria-roledescription": "chart", "aria-label": this.name, "aria-describedby": this.caption.id });
    this.said = element("p", { class: "ll-chart-said", role: "status" });
    this.button = element("button", { type: "button", class: "ll-button ll-chart-switch", "aria-expanded": "false" }, "Table");
    this.button.addEventListener("click", () => this.toggleTable());
    this.caption.textContent = this.summary();
    figure.append(this.place, this.said, this.button);
    figure.addEventListener("keydown", (event) => this.press(event));
    this.draw();
    new ResizeObserver(() => this.plot.setSize(this.size)).observe(this.place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    new MutationObserver(() => this.draw()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  get name() { return this.figure.dataset.name; }
  get caption() { return this.figure.querySelector("figcaption"); }
  get size() { return { width: this.place.clientWidth, height: HEIGHT }; }

  // What the picture says, in words.
  summary() {
    if (this.summed) return this.summed;
    const sums = this.series.map((one) => one.values.reduce((sum, value) => sum + value, 0));
    const all = this.times.map((_, i) => this.series.reduce((sum, one) => sum + one.values[i], 0));
    const most = all.indexOf(Math.max(...all));
    if (!all[most]) return "Nothing in this time.";
    const parts = this.series.map((one, i) => [one.label, sums[i]]).filter(([, sum]) => sum).map(([label, sum]) => `${label.toLowerCase()} ${this.text(sum)}`);
    return `In all: ${parts.join(", ")}. Most: ${this.text(all[most])} at ${this.moment.format(this.times[most] * 1000)}.`;
  }

  draw() {
    this.plot?.destroy();
    const axis = { stroke: colour("--quiet"), font: "12px system-ui", grid: { stroke: colour("--hairline"), width: 1 }, ticks: { stroke: colour("--hairline"), width: 1 } };
    const day = new Intl.DateTimeFormat("en", { timeZone: this.zone, day: "numeric", month: "short" });
    const clock = new Intl.DateTimeFormat("en-GB", { timeZone: this.zone, hour: "2-digit", minute: "2-digit" });
    const sums = stacked(this.series.map((one) => one.values));
    const drawn = this.series.map((one, i) => ({ ...one, sum: sums[i] })).reverse();
    this.plot = new uPlot({
      ...this.size,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), this.zone === "UTC" ? "Etc/UTC" : this.zone),
      scales: { y: { range: (plot, low, high) => [0, Math.max(high, 1, this.threshold ?? 0) * 1.05] } },
      axes: [
        { ...axis, values: (plot, ticks, i, space, step) => ticks.map((tick) => (step < DAY_SECONDS ? clock : day).format(tick * 1000)) },
        { ...axis, size: 70, incrs: this.text === bytesText ? POWERS_OF_TWO : undefined, values: (plot, ticks) => ticks.map(this.text) },
      ],
      series: [
        { label: this.zone, value: (plot, seconds) => (seconds === null ? "" : this.moment.format(seconds * 1000)) },
        ...drawn.map((one) => this.bars(one)),
      ],
      legend: { live: true },
      hooks: { draw: [(plot) => this.drawThreshold(plot)] },
    }, [this.times, ...drawn.map((one) => one.sum)], this.place);
  }

  drawThreshold({ ctx, bbox, valToPos }) {
    if (this.threshold === null) return;
    const y = Math.round(valToPos(this.threshold, "y", true));
    ctx.save();
    ctx.strokeStyle = colour("--error-bar");
    ctx.lineWidth = 2;
    ctx.setLineDash([6, 4]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.restore();
  }

  bars(one) {
    const ink = colour(one.colour);
    return {
      label: one.label, stroke: ink, fill: ink, width: 0, paths: uPlot.paths.bars({ size: [0.9, 40] }), points: { show: false },
      value: (plot, value, series, index) => (index === null ? "" : this.text(one.values[index])),
    };
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key.toLowerCase() === "t" && !isOff()) { event.preventDefault(); event.stopPropagation(); this.toggleTable(); return; }
    if (event.target !== this.place) return;
    const last = this.times.length - 1;
    const steps = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity, PageUp: -24, PageDown: 24 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    this.at = Math.max(0, Math.min(last, this.at === null ? last : this.at + steps[event.key]));
    this.plot.setCursor({ left: this.plot.valToPos(this.times[this.at], "x"), top: 10 });
    const parts = this.series.filter((one) => one.values[this.at]).map((one) => `${one.label} ${this.text(one.values[this.at])}`);
    this.said.textContent = `${this.moment.format(this.times[this.at] * 1000)}: ${parts.join(", ") || "nothing"}`;
  }

  toggleTable() {
    const isOpen = this.button.getAttribute("aria-expanded") === "true";
    this.button.setAttribute("aria-expanded", String(!isOpen));
    if (isOpen) { this.table.remove(); return; }
    this.table = this.drawTable();
    this.button.after(this.table);
  }

  // Times at which there was nothing are left out.
  drawTable() {
    const head = element("tr", {}, element("th", { scope: "col" }, `Time (${this.zone})`), ...this.series.map((one) => element("th", { scope: "col" }, one.label)));
    const rows = this.times.map((time, i) => [time, this.series.map((one) => one.values[i])]).filter(([, values]) => values.some(Boolean)).reverse();
    const body = rows.map(([time, values]) => element("tr", {}, element("th", { scope: "row" }, this.moment.format(time * 1000)), ...values.map((value) => element("td", { class: "number" }, this.text(value)))));
    if (!body.length) body.push(element("tr", {}, element("td", { colspan: String(this.series.length + 1) }, "Nothing in this time.")));
    const table = element("table", { class: "plain" }, element("caption", { class: "visually-hidden" }, this.name), element("thead", {}, head), element("tbody", {}, ...body));
    return element("div", { class: "wide ll-chart-table", tabindex: "0", role: "region", "aria-label": `${this.name}, as a table` }, table);
  }
}
