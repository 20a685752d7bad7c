// JSON as text and as coloured elements; integers beyond a number's precision are BigInt.

import { el } from "./dom.js";

export function text(value, indent = 0) {
  const raw = [];
  const marked = JSON.stringify(value, (_, item) => {
    if (typeof item !== "bigint") return item;
    return `\u0001${raw.push(item.toString()) - 1}\u0001`;
  }, indent);
  return marked === undefined ? "" : marked.replace(/"\\u0001(\d+)\\u0001"/g, (_, index) => raw[index]);
}

const scalar = (value) => el("span", { class: `ex-json-${value === null ? "null" : typeof value}` }, text(value));

export function tree(value, depth = 0) {
  if (value === null || typeof value !== "object") return scalar(value);
  const isList = Array.isArray(value);
  const items = Object.entries(value);
  if (!items.length) return el("span", {}, isList ? "[]" : "{}");
  const inside = "  ".repeat(depth + 1);
  const node = el("span", {}, isList ? "[\n" : "{\n");
  items.forEach(([key, item], index) => {
    node.append(inside);
    if (!isList) node.append(el("span", { class: "ex-json-key" }, JSON.stringify(key)), ": ");
    node.append(tree(item, depth + 1), index < items.length - 1 ? ",\n" : "\n");
  });
  node.append("  ".repeat(depth), isList ? "]" : "}");
  return node;
}

// By name, numbers in names as people count.
const inOrder = new Intl.Collator("en", { numeric: true }).compare;

// A document's leaves by dotted name, in the same order for whatever order a client wrote them in. A list of scalars gives
// one leaf an item; other lists stay whole.
export function leaves(document, prefix = "", depth = 0) {
  return Object.entries(document).sort(([a], [b]) => inOrder(a, b)).flatMap(([key, value]) => {
    const name = prefix + key;
    if (value !== null && typeof value === "object" && !Array.isArray(value) && depth < 6 && Object.keys(value).length) {
      return leaves(value, `${name}.`, depth + 1);
    }
    const isFlat = Array.isArray(value) && value.length && value.length <= 20 && value.every((item) => item === null || typeof item !== "object");
    return isFlat ? value.map((item) => [name, item]) : [[name, value]];
  });
}

// What a dotted name leads to, wherever keys hold dots themselves.
export function leaf(document, name) {
  if (document === null || typeof document !== "object") return undefined;
  if (Object.hasOwn(document, name)) return document[name];
  for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
    const head = name.slice(0, dot);
    const found = Object.hasOwn(document, head) ? leaf(document[head], name.slice(dot + 1)) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}
