// Columns between level and message: any field, by the name that a query calls it.

import { leaf, text } from "./json.js";

export const DEFAULT = ["project"];
const METADATA = "metadata.";
const OWN = ["environment", "project", "trace_id", "span_id", "parent_span_id", "edge", "received_at", "id", "size_bytes", "privacy_mode", "level", "message", "timestamp"];
export const OFFERED = ["project", "environment", "error.type", "error.message", "trace_id", "span_id", "edge", "received_at", "size_bytes"];

// As they stand in an address: between commas, those of names behind backslashes. No column at all is a comma.
export const write = (columns) => columns.map((name) => name.replace(/[\\,]/g, "\\$&")).join(",") || ",";
export function read(written) {
  const names = written.match(/(?:\\[^]|[^\\,])+/gu) ?? [];
  return [...new Set(names.map((name) => name.replace(/\\([^])/gu, "$1")))];
}
export const isDefault = (columns) => write(columns) === write(DEFAULT);

// What an entry has there, as text; nothing where it has no such field.
export function cell(entry, name) {
  const value = valueOf(entry, name);
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : text(value);
}

function valueOf(entry, name) {
  if (OWN.includes(name)) return entry[name];
  if (name.startsWith(METADATA)) return leaf(entry.metadata, name.slice(METADATA.length));
  const own = leaf(entry.metadata, name);
  if (own !== undefined || !name.startsWith("error.")) return own;
  return leaf(entry.error, name.slice("error.".length));
}

// --- Widths, in characters: this browser's alone ---------------------------------------------------------------------
const KEY = "explorer.widths";
export const [NARROWEST, WIDEST] = [4, 120];
const USUAL = { project: 14 };
let widths = {};
try { widths = JSON.parse(localStorage.getItem(KEY)) || {}; } catch { /* of another version, or not allowed */ }

export const width = (name) => (Object.hasOwn(widths, name) && Number(widths[name])) || USUAL[name] || 18;
export function resize(name, characters) {
  widths = { ...widths, [name]: Math.min(WIDEST, Math.max(NARROWEST, Math.round(characters))) };
  try { localStorage.setItem(KEY, JSON.stringify(widths)); } catch { /* not allowed: until the page is left */ }
}
