// A group's page: its chart, whose data is in the page, and its keys. Numbers are an organisation's own: who chooses another is led to its list.

import { Chart, countText } from "../console/chart.js";
import { isOff } from "../console/shortcuts.js";

const { zone, times, series } = JSON.parse(document.getElementById("events").textContent);
new Chart(document.querySelector("[data-chart]"), { times, zone, text: countText, series });

document.addEventListener("organisation", (event) => {
  event.preventDefault();
  location.assign(`../?${new URLSearchParams({ organisation: event.detail })}`);
});

const link = document.querySelector("[data-link]");
if (link && navigator.clipboard) {
  link.hidden = false;
  link.addEventListener("click", async () => {
    await navigator.clipboard.writeText(new URL(link.dataset.link, location.href).href);
    link.textContent = "Copied";
  });
}

const press = (place) => () => document.querySelector(place)?.click();
const KEYS = {
  R: press("[name=action][value=resolve]"),
  I: press("[name=action][value=ignore]"),
  m: press("[data-merge]"),
  n: press("[data-newer]"),
  o: press("[data-older]"),
};

document.addEventListener("keydown", (event) => {
  const isTyping = event.target instanceof Element && event.target.closest("input, textarea, select");
  if (event.ctrlKey || event.metaKey || event.altKey || isOff() || isTyping || document.querySelector("dialog[open]")) return;
  if (!Object.hasOwn(KEYS, event.key)) return;
  event.preventDefault();
  KEYS[event.key]();
});
