// What a query looks for, found again in what is shown. What the query excludes is not looked for.

import { el } from "./dom.js";
import { read, splitWord } from "./language.js";

const WORD = /(?:\\[^]|"(?:\\[^]|[^"\\])*"?|[^\s()"\\])+/gu;
const JOINTS = new Set(["AND", "OR", "TO", "&&", "||"]);
// Longer texts are not looked through.
const MOST = 20_000;

// By the name of a field, the texts that are looked for in it; those of the message under "message".
export function sought(query) {
  const found = new Map();
  let isExcluded = false;
  for (const [word] of query.matchAll(WORD)) {
    if (JOINTS.has(word)) continue;
    if (word === "NOT") { isExcluded = true; continue; }
    const [, signs, text] = /^([-+!]*)([^]*)$/u.exec(word);
    const [name, value] = splitWord(text);
    const wanted = value.startsWith('"') ? read(value.replace(/^"|"$/g, "")) : /^[<>[\]]/.test(value) ? "" : read(value.replace(/\*+$/, ""));
    if (wanted.trim() && !isExcluded && !/[-!]/.test(signs)) {
      const field = name === null ? "message" : read(name);
      found.set(field, [...(found.get(field) ?? []), wanted]);
    }
    isExcluded = false;
  }
  return found;
}

export function patterns(query) {
  const pattern = (texts) => new RegExp(`(${texts.map((text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|")})`, "iu");
  return new Map([...sought(query)].map(([name, texts]) => [name, pattern(texts)]));
}

// A text as nodes, its hits marked.
export function marked(text, pattern) {
  if (!pattern || text.length > MOST) return [text];
  return text.split(pattern).map((part, index) => (index % 2 ? el("mark", {}, part) : part)).filter((part) => part !== "");
}
