// Builds elements. Data of users only ever becomes a text node or the value of a harmless attribute.

const SVG = "http://www.w3.org/2000/svg";
const HARMLESS = /^(aria-[a-z]+|data-[a-z-]+|class|colspan|datetime|for|href|id|list|name|placeholder|role|rows|scope|spellcheck|tabindex|title|type|value|x|y|width|height|x1|x2|y1|y2|viewBox|preserveAspectRatio|text-anchor|d)$/;

function make(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (typeof value === "boolean") node[name] = value;
    else if (!HARMLESS.test(name)) throw new Error(`attribute ${name}`);
    else if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const el = (tag, attributes = {}, ...children) => make(document.createElement(tag), attributes, children);
export const svg = (tag, attributes = {}, ...children) => make(document.createElementNS(SVG, tag), attributes, children);
const ICONS = {
  copy: "M5 5V2h9v9h-3M2 5h9v9H2z",
  column: "M2 3h12v10H2zM6.5 3v10M10 3v10",
  left: "M10 3L5 8l5 5",
  right: "M6 3l5 5-5 5",
  cross: "M4 4l8 8M12 4l-8 8",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
};
export const icon = (name) => svg("svg", { class: "ex-icon", viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));

export const byId = (id) => document.getElementById(id);

export function button(label, onclick, attributes = {}) {
  return el("button", { type: "button", class: "ex-button", onclick, ...attributes }, label);
}

let toastTimer = 0;

export function toast(text) {
  const place = byId("ex-toast");
  place.textContent = text;
  place.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { place.hidden = true; }, 2500);
}

export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = el("textarea", { class: "ex-offscreen" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  toast(`${what} copied`);
}
