// Turns a field and a value into a term of the search language, and joins it to the query.

import { writeName, writePhrase } from "./language.js";
import { change, state } from "./state.js";

let last = {};

export const term = (name, value) => `${writeName(name)}:${typeof value === "string" ? writePhrase(value) : String(value)}`;

// Terms side by side must all hold, whatever OR stands before them.
export function filter(name, value, keep) {
  const query = state.query.replace(/(?<!\\)\s+$/, "");
  const added = (keep ? "" : "-") + term(name, value);
  if (last.query === query && last.added === added) return;  // pressed twice
  last = { query: query.trim() ? `${query} ${added}` : added, added };
  change({ query: last.query });
}
