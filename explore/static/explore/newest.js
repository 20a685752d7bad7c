// Where an organisation's entries begin and end, whatever they hold: two looks into an index.

import { get } from "./api.js";
import { state } from "./state.js";
import { ALWAYS, iso } from "./time.js";

async function outermost(order, signal) {
  const page = await get("search", { organisation: state.organisation, ...ALWAYS, order, limit: 1 }, signal);
  return page.logs[0]?.timestamp;
}

export const newest = (signal) => outermost("desc", signal);

// The range of all entries, or of all time when there is none. Its end is excluded, as that of any range.
export async function span(signal) {
  const [first, last] = await Promise.all([outermost("asc", signal), newest(signal)]);
  return first ? { from: first, to: justAfter(last) } : ALWAYS;
}

export const justAfter = (text) => iso(Date.parse(text) + 1);
