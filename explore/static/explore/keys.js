// The keyboard: / j k Enter Esc t c l p r ?

import { isOff } from "../console/shortcuts.js";
import { byId } from "./dom.js";
import { state } from "./state.js";

const isTyping = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;

export function wireKeys({ input, list, run, toggleLive, pause, closeDrawer, showTrace, showContext }) {
  const onSelected = (action) => () => { const node = list().selected; if (node) action(node.entry); };
  const actions = {
    "/": () => { input.focus(); input.select(); },
    j: () => list().move(1),
    k: () => list().move(-1),
    Enter: onSelected((entry) => list().toggle(entry.id)),
    o: onSelected((entry) => list().toggle(entry.id)),
    t: onSelected(showTrace),
    c: onSelected(showContext),
    l: toggleLive,
    p: pause,
    r: run,
    "?": () => byId("ex-help").togglePopover(),
    Escape: () => {
      if (state.view) closeDrawer();
      else for (const node of document.querySelectorAll("#ex-list > .ex-open")) list().toggle(node.entry.id, false);
    },
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTyping(event.target)) return;
    if (isOff() && event.key.length === 1) return;
    if (event.key === "Enter" && event.target.closest("button, a, summary")) return;
    const action = actions[event.key];
    if (!action || (event.key === "Escape" && document.querySelector(":popover-open"))) return;
    event.preventDefault();
    action();
  });
}
