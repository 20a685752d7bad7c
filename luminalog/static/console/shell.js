// The shell of every page: theme, menu, organisation, the zone of the browser, `g` and a letter, the palette when it is asked for.

import { nameDjangosBoxes } from "./django-boxes.js";
import { isOff } from "./shortcuts.js";
import { drawThemes } from "./theme.js";

const YEAR = 31_536_000;
const remember = (name, value) => { document.cookie = `${name}=${encodeURIComponent(value)}; path=/admin/; max-age=${YEAR}; samesite=lax`; };

// The server writes times in this zone for whoever has chosen no other.
remember("zone", Intl.DateTimeFormat().resolvedOptions().timeZone);
for (const place of document.querySelectorAll("[data-themes]")) drawThemes(place);

// A page that can change its organisation by itself says so by preventing the default.
const switcher = document.querySelector("select[data-organisation]");
if (switcher) remember("organisation", switcher.value);
switcher?.addEventListener("change", () => {
  const slug = switcher.value;
  remember("organisation", slug);
  const isLeftToUs = document.dispatchEvent(new CustomEvent("organisation", { cancelable: true, detail: slug }));
  if (isLeftToUs) location.assign(`${location.pathname}?${new URLSearchParams({ organisation: slug })}`);
});

const menu = document.querySelector(".ll-menu");
document.querySelector("[data-menu]")?.addEventListener("click", () => menu.showModal());

if (document.querySelector("select.admin-autocomplete, select.selectfilter")) nameDjangosBoxes();

// --- Palette --------------------------------------------------------------------------------------------------------
const opener = document.querySelector("[data-palette]");

// What is typed while it is on its way is not lost.
async function openPalette() {
  const typed = [];
  const keep = (event) => {
    if (event.key.length > 1 || event.ctrlKey || event.metaKey) return;
    typed.push(event.key);
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  window.addEventListener("keydown", keep, { capture: true });
  const { palette } = await import("./palette.js");
  palette().open(typed);
  window.removeEventListener("keydown", keep, { capture: true });
}

if (opener) {
  opener.hidden = false;
  opener.addEventListener("click", openPalette);
}

// --- Keys -----------------------------------------------------------------------------------------------------------
const SECOND_KEY_MS = 1200;
let goes = -Infinity;
const isTyping = (target) => target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k" && opener) {
    event.preventDefault();
    openPalette();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isOff() || isTyping(event.target) || document.querySelector("dialog[open]")) return;
  const place = performance.now() - goes < SECOND_KEY_MS && document.querySelector(`.ll-bar-places [data-key="${CSS.escape(event.key)}"]`);
  goes = event.key === "g" ? performance.now() : -Infinity;
  if (!place) return;
  event.preventDefault();
  event.stopImmediatePropagation(); // the page has the letter for something else
  place.click();
}, { capture: true });
