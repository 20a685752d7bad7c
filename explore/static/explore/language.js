// Writes and reads names and texts of the search language. Its names come with the page, from explore/fields.py.

import { configuration } from "./api.js";

const { own_names: OWN_NAMES, own_prefixes: OWN_PREFIXES, metadata: METADATA, characters: MOST } = configuration.language;

// Blanks other than a space, controls and what cannot be seen: a line end, say, would not survive the search box.
const UNSEEN = /(?! )[\p{Cc}\p{Cf}\p{Z}]/u;
const code = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
const isUnseen = (character) => UNSEEN.test(character) && character.length === 1;
const escape = (character) => (isUnseen(character) ? code(character) : `\\${character}`);

// The name of a metadata key: its own, unless the language has that for something else.
export function nameOfKey(key) {
  const isTaken = key === "" || OWN_NAMES.includes(key) || OWN_PREFIXES.some((prefix) => key.startsWith(prefix));
  return isTaken ? METADATA + key : key;
}

export const writeName = (name) => name.replace(/[^\p{L}\p{N}_.]/gu, escape);
export const writePhrase = (text) => `"${text.replace(/["\\]|(?! )[\p{Cc}\p{Cf}\p{Z}]/gu, escape)}"`;
export const isAskable = (written) => written.length <= MOST;

export const read = (text) => text.replace(/\\(?:u([0-9a-f]{4})|([^]))/giu, (_, hex, character) => (hex ? String.fromCharCode(parseInt(hex, 16)) : character));

// Where the last word of `text` begins: blanks and parentheses end one, unless they are quoted or escaped.
export function lastWord(text) {
  let start = 0;
  for (const part of text.matchAll(/\\[^]|"(?:\\[^]|[^"\\])*(?:"|$)|[^]/gu)) {
    if (/^[\s()]$/u.test(part[0])) start = part.index + part[0].length;
  }
  return start;
}

// The parts of a word before and after its first colon; null for the first without a colon.
export function splitWord(word) {
  const found = /^((?:\\[^]|[^\\:"])*):([^]*)$/u.exec(word);
  return found ? [found[1], found[2]] : [null, word];
}
