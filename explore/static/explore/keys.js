// The keyboard. Single letters can be switched off in the preferences.

import { isOff } from "../console/shortcuts.js";
import { byId } from "./dom.js";
import { state } from "./state.js";

const isTyping = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;
const isControl = (target) => target.closest("button, a, summary") !== null;

// A value's own actions, while the focus is in its line.
function act(target, name) {
  target.closest("[data-field]")?.querySelector(`[data-act=${name}]`)?.click();
}

export function wireKeys({ input, list, mainList, actions: own }) {
  const onSelected = (action) => () => { const entry = list().selected; if (entry) action(entry); };
  const toggle = onSelected((entry) => list().toggle(entry.id));
  // From the details back to the list, then they close; the drawer before all else.
  const escape = (event) => {
    if (state.view) own.closeDrawer();
    else if (event.target.closest(".ex-opened")) mainList.focus();
    else if (mainList.selected && mainList.open.has(mainList.selectedId)) mainList.toggle(mainList.selectedId, false);
    else mainList.closeAll();
  };
  const actions = {
    "/": () => { input.focus(); input.select(); },
    j: () => list().move(1),
    k: () => list().move(-1),
    Enter: toggle,
    o: toggle,
    t: onSelected(own.showTrace),
    c: onSelected(own.showContext),
    y: onSelected(own.copyLink),
    l: own.toggleLive,
    p: own.pause,
    r: own.run,
    s: own.toggleOrder,
    w: own.toggleWrap,
    h: own.foldChart,
    "[": () => own.shift(-1),
    "]": () => own.shift(1),
    z: own.zoomOut,
    "+": (event) => act(event.target, "plus"),
    "-": (event) => act(event.target, "minus"),
    "?": () => byId("ex-help").togglePopover(),
    Escape: escape,
  };
  const inGrid = { ArrowDown: () => list().move(1), ArrowUp: () => list().move(-1), " ": toggle, Home: () => list().move(-Infinity), End: () => list().move(Infinity) };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTyping(event.target)) return;
    const isGrid = event.target.getAttribute("role") === "treegrid";
    if (isOff() && event.key.length === 1 && !isGrid) return;
    if (["Enter", " "].includes(event.key) && isControl(event.target)) return;
    if (event.key === "Tab" && !event.shiftKey && isGrid && intoDetails(list())) { event.preventDefault(); return; }
    const action = (isGrid && inGrid[event.key]) || actions[event.key];
    if (!action || (event.key === "Escape" && document.querySelector(":popover-open"))) return;
    event.preventDefault();
    action(event);
  });
}

// From the list, Tab leads into what is open of the selected entry.
function intoDetails(list) {
  const first = list.open.get(list.selectedId)?.querySelector("button, a, summary, [tabindex='0']");
  first?.focus();
  return Boolean(first);
}
