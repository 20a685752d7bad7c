// Draws series over time: lines, or bars that stand on each other. The table beside it says the same in words.

import { el, svg } from "./dom.js";
import { clock, day, moment } from "./time.js";

const [USUAL, BELOW, ABOVE] = [180, 18, 16];
const COLOURS = 7;
const DASHES = ["", "", "", "", "6 3", "2 3", "8 3 2 3"];

export const colourOf = (at) => (at < 0 ? "ex-series-others" : `ex-series-${(at % COLOURS) + 1}`);

// `series`: label, class and points [time, value] each; all have the same times.
export function drawSeries(place, series, { isStacked, text, height = USUAL + BELOW }) {
  const tall = height - BELOW;
  const width = place.clientWidth || 600;
  const times = series[0].points.map(([at]) => Date.parse(at));
  const step = times.length > 1 ? times[1] - times[0] : 1;
  const [first, last] = [times[0], times.at(-1) + step];
  const sums = times.map((_, at) => series.reduce((sum, one) => sum + Math.max(0, one.points[at][1] ?? 0), 0));
  const values = isStacked ? sums : series.flatMap((one) => one.points.map(([, value]) => value ?? 0));
  const most = Math.max(...values, 0) || 1;
  const least = isStacked ? 0 : Math.min(...values, 0);
  const x = (at) => ((at - first) / (last - first)) * width;
  const y = (value) => tall - ((value - least) / (most - least)) * (tall - ABOVE);
  const drawn = isStacked ? bars(series, times, step, { x, y }) : series.flatMap((one, at) => lines(one, at, times, step, { x, y }));
  const ticks = [0.1, 0.5, 0.9].map((share) => {
    const date = new Date(first + share * (last - first));
    return svg("text", { class: "ex-tick", x: share * width, y: tall + 14, "text-anchor": "middle" }, last - first > 86_400_000 ? `${day(date).slice(5)} ${clock(date, 0)}` : clock(date, 0));
  });
  const tip = el("div", { class: "ex-tip", "aria-hidden": "true", hidden: true });
  place.replaceChildren(
    svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height: height, role: "img", "aria-label": `${series.length} series over time, at most ${text(most)}: the table says the same` },
      svg("line", { class: "ex-base", x1: 0, x2: width, y1: y(Math.max(0, least)), y2: y(Math.max(0, least)) }), drawn, ticks),
    el("span", { class: "ex-peak", title: "The highest value" }, text(most)), tip);
  place.onpointerleave = () => { tip.hidden = true; };
  place.onpointermove = (event) => {
    const at = Math.floor(((event.clientX - place.getBoundingClientRect().left) / width) * times.length);
    if (!(at in times)) return;
    tip.replaceChildren(el("strong", {}, moment(new Date(times[at]))), ...series.filter((one) => one.points[at][1]).slice(0, 12).map((one) => el("span", { class: `ex-tip-series ${one.class}` }, `${one.label} ${text(one.points[at][1])}`)));
    tip.hidden = false;
    tip.style.left = `${Math.max(0, Math.min(width - tip.offsetWidth, x(times[at]) + 12))}px`;
  };
}

function bars(series, times, step, { x, y }) {
  return times.flatMap((time, at) => {
    let below = 0;
    return series.filter((one) => one.points[at][1] > 0).map((one) => {
      const from = below;
      below += one.points[at][1];
      const width = Math.max(1, x(time + step) - x(time) - 1);
      return svg("rect", { class: `ex-series-bar ${one.class}`, x: x(time), y: y(below), width, height: Math.max(0.5, y(from) - y(below)) });
    });
  });
}

// A gap where there is nothing; a value alone between two gaps is a dot.
function lines(one, at, times, step, { x, y }) {
  const runs = [[]];
  one.points.forEach(([, value], index) => (value === null ? runs.push([]) : runs.at(-1).push(`${x(times[index] + step / 2).toFixed(1)} ${y(value).toFixed(1)}`)));
  return runs.filter((run) => run.length).map((run) => {
    const path = svg("path", { class: `ex-series-line ${one.class}`, d: `M${run.join("L")}${run.length === 1 ? "h1" : ""}` });
    path.style.strokeDasharray = DASHES[at % COLOURS];
    return path;
  });
}
