// The dashboard on this page: what was answered about it, and the range and values of its address.

import { configuration, get, newLook } from "../api.js";

export const RANGES = [["15m", "last 15 minutes"], ["1h", "last hour"], ["6h", "last 6 hours"], ["24h", "last 24 hours"], ["3d", "last 3 days"], ["7d", "last 7 days"], ["30d", "last 30 days"]];
// Requests of one look have one access record; after so long they have another.
const LOOK_LASTS_MS = 600_000;
const OWN = /^var\./;

export const board = { name: configuration.dashboard, shown: null, range: "", from: "", to: "", chosen: {}, look: "", lookedAt: 0, isEdited: false };

export const organisation = () => new URLSearchParams(location.search).get("organisation") || configuration.organisation;
export const path = (rest = "") => `dashboards/${board.name}${rest}`;
export const panels = () => board.shown.document.panels;
// Project and environment are there always.
export const variables = () => ["project", "environment", ...board.shown.document.variables.map((one) => one.name)];
export const fieldOf = (name) => board.shown.document.variables.find((one) => one.name === name)?.field ?? name;

export function readAddress() {
  const given = new URLSearchParams(location.search);
  Object.assign(board, { range: given.get("range") || "", from: given.get("from") || "", to: given.get("to") || "", chosen: {} });
  for (const name of new Set(given.keys())) {
    if (OWN.test(name)) board.chosen[name.slice(4)] = given.getAll(name).filter(Boolean);
  }
}

const spanned = () => (board.from ? { from: board.from, to: board.to } : { range: board.range || board.shown?.document.range || "24h" });
const narrowed = () => Object.entries(board.chosen).filter(([name, values]) => values.length && (!board.shown || variables().includes(name))).map(([name, values]) => [`var.${name}`, values]);

export function writeAddress(changes, isPushed = true) {
  Object.assign(board, changes);
  const parameters = new URLSearchParams({ organisation: organisation() });
  if (board.from) { parameters.set("from", board.from); parameters.set("to", board.to); } else if (board.range) parameters.set("range", board.range);
  for (const [name, values] of narrowed()) for (const value of values) parameters.append(name, value);
  history[isPushed ? "pushState" : "replaceState"](null, "", `${location.pathname}?${parameters}`);
  board.look = "";
}

export const asked = () => ({ organisation: organisation(), ...spanned(), ...Object.fromEntries(narrowed()) });
// For a panel that is not kept: the server knows project and environment only.
export const askedOfTrial = () => Object.fromEntries(Object.entries(asked()).filter(([name]) => !OWN.test(name) || ["var.project", "var.environment"].includes(name)));

export function look() {
  if (!board.look || Date.now() - board.lookedAt > LOOK_LASTS_MS) Object.assign(board, { look: newLook(), lookedAt: Date.now() });
  return board.look;
}

export async function load() {
  board.shown = await get(path(), { organisation: organisation() });
}
