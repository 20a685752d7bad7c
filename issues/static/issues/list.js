// The list of errors by keyboard: j and k go, x ticks, Enter opens; Shift R resolves, Shift I ignores, m merges what is ticked.

import { isOff } from "../console/shortcuts.js";

const links = [...document.querySelectorAll(".ll-what a")];
const boxes = [...document.querySelectorAll("[name=number]")];
const all = document.querySelector("[data-all]");
const chosen = document.querySelector(".ll-chosen");
const howMany = document.querySelector(".ll-how-many");

// The decisions are there as long as something is ticked; without this script, always.
function tell() {
  const ticked = boxes.filter((box) => box.checked).length;
  chosen.hidden = !ticked;
  howMany.textContent = ticked ? `${ticked} ticked` : "";
  all.checked = ticked === boxes.length;
  all.indeterminate = ticked > 0 && !all.checked;
}

if (chosen) {
  all.closest(".ll-all").hidden = false;
  all.addEventListener("change", () => { for (const box of boxes) box.checked = all.checked; });
  document.addEventListener("change", tell);
  addEventListener("pageshow", tell);
  tell();
}

function go(by) {
  const at = links.findIndex((link) => link.closest("tr").contains(document.activeElement));
  links[Math.max(0, Math.min(links.length - 1, at < 0 ? 0 : at + by))]?.focus();
}

const own = () => document.activeElement.closest("tr")?.querySelector("[name=number]");

// Of what is ticked or, if nothing is, of the group that has the focus.
function decide(action) {
  if (!boxes.some((box) => box.checked)) own()?.click();
  if (boxes.some((box) => box.checked)) chosen?.querySelector(`[value=${action}]`)?.click();
}

const KEYS = {
  j: () => go(1),
  k: () => go(-1),
  x: () => own()?.click(),
  m: () => decide("merge"),
  R: () => decide("resolve"),
  I: () => decide("ignore"),
};

document.addEventListener("keydown", (event) => {
  const isTyping = event.target instanceof Element && event.target.closest("input:not([type=checkbox]), textarea, select");
  if (event.ctrlKey || event.metaKey || event.altKey || isOff() || isTyping || document.querySelector("dialog[open]")) return;
  if (!Object.hasOwn(KEYS, event.key)) return;
  event.preventDefault();
  KEYS[event.key]();
});
