// The list of errors by keyboard: j and k go, x ticks, Enter opens; one box ticks all of the page.

import { isOff } from "../console/shortcuts.js";

const links = [...document.querySelectorAll(".ll-what a")];
const boxes = [...document.querySelectorAll("[name=number]")];
const all = document.querySelector("[data-all]");

if (all) {
  all.closest("label").hidden = false;
  all.addEventListener("change", () => { for (const box of boxes) box.checked = all.checked; });
}

function go(by) {
  const at = links.findIndex((link) => link.closest("tr").contains(document.activeElement));
  links[Math.max(0, Math.min(links.length - 1, at < 0 ? 0 : at + by))]?.focus();
}

const KEYS = {
  j: () => go(1),
  k: () => go(-1),
  x: () => document.activeElement.closest("tr")?.querySelector("[name=number]")?.click(),
};

document.addEventListener("keydown", (event) => {
  const isTyping = event.target instanceof Element && event.target.closest("input:not([type=checkbox]), textarea, select");
  if (event.ctrlKey || event.metaKey || event.altKey || isOff() || isTyping || document.querySelector("dialog[open]")) return;
  if (!Object.hasOwn(KEYS, event.key)) return;
  event.preventDefault();
  KEYS[event.key]();
});
