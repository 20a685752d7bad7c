// What opens over the page: where it stands, and the choice of a time range.

import { button, byId } from "./dom.js";
import { change } from "./state.js";
import { QUICK, fromInput, rangeWords } from "./time.js";

const [WIDEST, EDGE] = [360, 8];

// Each stands below what opens it.
export function wirePopovers() {
  for (const node of document.querySelectorAll(".ex [popover]")) {
    node.addEventListener("beforetoggle", (event) => {
      if (event.newState !== "open" || ["ex-help", "ex-adding"].includes(node.id)) return;
      const trigger = (document.querySelector(`[popovertarget=${node.id}]`) ?? byId(`${node.id}-button`)).getBoundingClientRect();
      const width = Math.min(WIDEST, innerWidth - 2 * EDGE);
      node.style.width = `${width}px`;
      node.style.left = `${Math.max(EDGE, Math.min(trigger.left, innerWidth - width - EDGE))}px`;
      node.style.top = `${trigger.bottom + 4}px`;
    });
  }
}

export function wireRange() {
  byId("ex-quick").append(...QUICK.map((each) => button(rangeWords(each), () => {
    byId("ex-range").hidePopover();
    change({ range: each, from: "", to: "" });
  }, { "data-range": each })));
  byId("ex-absolute").addEventListener("submit", (event) => {
    event.preventDefault();
    const [from, to] = [byId("ex-from").value, byId("ex-to").value];
    const isOrdered = from && to && fromInput(from) < fromInput(to);
    byId("ex-to").setCustomValidity(isOrdered ? "" : "This must be later than the beginning.");
    if (!event.target.reportValidity()) return;
    byId("ex-range").hidePopover();
    change({ from: fromInput(from), to: fromInput(to), live: false });
  });
  byId("ex-to").addEventListener("input", (event) => event.target.setCustomValidity(""));
}
