// The one way to markup: Preact's elements by htm, behind a guard. Data of strangers only ever becomes a text node or the
// value of a harmless attribute; nothing here can parse markup, run text, or load from elsewhere.

import htm from "../vendor/htm.js";
import { h, render } from "../vendor/preact.js";

const HARMLESS = /^(aria-[a-z]+|data-[a-z-]+|autocapitalize|autocomplete|checked|class|colspan|datetime|disabled|for|hidden|id|key|label|list|max|maxlength|min|name|open|placeholder|popover|popovertarget|readonly|ref|required|role|rows|scope|selected|spellcheck|step|tabindex|title|type|value|x|y|width|height|cx|cy|r|x1|x2|y1|y2|viewBox|preserveAspectRatio|text-anchor|transform|d|points)$/;
const DANGEROUS = /^(script|iframe|object|embed|base|meta|link|style|foreignobject|template|noscript|form)$/i;
const SAFE_ADDRESS = /^(https?:\/\/|[/?#](?!\/))/i;

function check(name, value) {
  if (/^on[a-z]+$/i.test(name)) {
    if (typeof value !== "function" && value !== undefined && value !== null && value !== false) throw new Error(`handler ${name} is no function`);
  } else if (name === "style") {
    if (typeof value !== "object") throw new Error("style is no object");
  } else if (name === "href") {
    if (!SAFE_ADDRESS.test(String(value))) throw new Error("an address of an unknown kind");
  } else if (name !== "children" && !HARMLESS.test(name)) throw new Error(`attribute ${name}`);
}

function guarded(type, attributes, ...children) {
  if (typeof type === "string") {
    if (DANGEROUS.test(type)) throw new Error(`element ${type}`);
    for (const [name, value] of Object.entries(attributes || {})) check(name, value);
  }
  return h(type, attributes, ...children);
}

export const html = htm.bind(guarded);
export { render };

// One of `vendor/icons.svg`; its name is ours, never data.
const SPRITE = new URL("../vendor/icons.svg", import.meta.url).pathname;
export function icon(name) {
  if (!/^[a-z0-9-]+$/.test(name)) throw new Error(`icon ${name}`);
  return h("svg", { class: "ll-icon", "aria-hidden": "true" }, h("use", { href: `${SPRITE}#${name}` }));
}
