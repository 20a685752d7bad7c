// Turns a field and a value into a term of the search language, and joins it to the query.

import { change, state } from "./state.js";

const name = (field) => field.replace(/[^\p{L}\p{N}_.]/gu, (character) => `\\${character}`);

export function term(field, value) {
  if (typeof value === "string") return `${name(field)}:"${value.replace(/[\\"]/g, "\\$&")}"`;
  return `${name(field)}:${String(value)}`;
}

export function filter(field, value, keep) {
  const query = state.query.trim();
  const added = (keep ? "" : "-") + term(field, value);
  if (` ${query} `.includes(` ${added} `)) return;
  const kept = /(^|\s)OR(\s|$)/.test(query) ? `(${query})` : query;
  change({ query: kept ? `${kept} ${added}` : added });
}
