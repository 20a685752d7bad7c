// Times: ranges as people name them, and how a moment is written.

import { state } from "./state.js";

const UNITS = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };
const WORDS = { s: "second", m: "minute", h: "hour", d: "day", w: "week" };
export const QUICK = ["5m", "15m", "1h", "6h", "24h", "3d", "7d", "30d", "all"];
// What the API takes for the beginning and the end of time; a range that ends there includes it.
export const ALWAYS = { from: "0001-01-01T00:00:00.000Z", to: "9999-12-31T23:59:59.999999Z" };

// A moment as the API takes it: JavaScript's years go further.
export function iso(milliseconds) {
  if (milliseconds <= Date.parse(ALWAYS.from)) return ALWAYS.from;
  return milliseconds > Date.parse(ALWAYS.to) ? ALWAYS.to : new Date(milliseconds).toISOString();
}

export function seconds(range) {
  if (range === "all") return Infinity;
  const found = /^(\d{1,4})([smhdw])$/.exec(range);
  return found ? found[1] * UNITS[found[2]] : 3600;
}

export function rangeWords(range) {
  if (range === "all") return "all time";
  const found = /^(\d{1,4})([smhdw])$/.exec(range);
  if (!found) return "last hour";
  return found[1] === "1" ? `last ${WORDS[found[2]]}` : `last ${found[1]} ${WORDS[found[2]]}s`;
}

export function resolve() {
  if (state.from) return { from: state.from, to: state.to || new Date().toISOString() };
  if (state.range === "all") return ALWAYS;
  const now = Date.now();
  return { from: new Date(now - seconds(state.range) * 1000).toISOString(), to: new Date(now).toISOString() };
}

const pad = (number, length = 2) => String(number).padStart(length, "0");

// How far the zone's clocks are ahead of UTC at a moment. Zones change at quarters of an hour at the earliest.
const QUARTER_MS = 900_000;
const offsets = new Map();
const writers = new Map();

export function offset(milliseconds, zone = state.zone) {
  if (zone === "UTC") return 0;
  const quarter = Math.floor(milliseconds / QUARTER_MS) * QUARTER_MS;
  const key = `${zone} ${quarter}`;
  if (!offsets.has(key)) offsets.set(key, wall(quarter, zone) - quarter);
  return offsets.get(key);
}

function wall(milliseconds, zone) {
  if (!writers.has(zone)) {
    writers.set(zone, new Intl.DateTimeFormat("en", { timeZone: zone, hourCycle: "h23", era: "short", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" }));
  }
  const found = Object.fromEntries(writers.get(zone).formatToParts(milliseconds).map(({ type, value }) => [type, value]));
  const date = new Date(0);
  date.setUTCFullYear(found.era === "AD" || found.era === "A" ? Number(found.year) : 1 - Number(found.year), found.month - 1, found.day);
  return date.setUTCHours(found.hour, found.minute, found.second);
}

const part = (date, name) => new Date(date.getTime() + offset(date.getTime()))[`getUTC${name}`]();

// The zone as people write it: Berlin, New York.
export const zoneWord = (zone = state.zone) => zone.split("/").at(-1).replaceAll("_", " ");

export function day(date) {
  return `${pad(part(date, "FullYear"), 4)}-${pad(part(date, "Month") + 1)}-${pad(part(date, "Date"))}`;
}

// A day of this year without the year.
export function shortDay(date) {
  const text = day(date);
  return text.startsWith(day(new Date()).slice(0, 5)) ? text.slice(5) : text;
}

export function clock(date, precision = 3) {
  const text = `${pad(part(date, "Hours"))}:${pad(part(date, "Minutes"))}`;
  if (precision < 1) return text;
  const withSeconds = `${text}:${pad(part(date, "Seconds"))}`;
  return precision < 3 ? withSeconds : `${withSeconds}.${pad(date.getUTCMilliseconds(), 3)}`;
}

export function moment(text) {
  const date = new Date(text);
  return `${day(date)} ${clock(date, date.getUTCMilliseconds() ? 3 : 2)}`;
}

export function rangeLabel() {
  return state.from ? `${moment(state.from)} – ${state.to ? moment(state.to) : "now"}` : rangeWords(state.range);
}

// What <input type="datetime-local"> shows and gives back, in the zone chosen.
export const toInput = (text) => { const date = new Date(text); return `${day(date)}T${clock(date, 2)}`; };
export function fromInput(text) {
  const there = Date.parse(`${text}Z`);
  return new Date(there - offset(there - offset(there))).toISOString();
}

export function duration(milliseconds) {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(2)} s`;
  if (milliseconds < 3_600_000) return `${Math.round(milliseconds / 60_000)} min`;
  if (milliseconds < 172_800_000) return `${Math.round(milliseconds / 3_600_000)} h`;
  return `${Math.round(milliseconds / 86_400_000)} days`;
}
