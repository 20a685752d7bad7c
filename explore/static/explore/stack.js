// Stack traces of any language laid out: one frame a line, the place set apart, libraries dimmed.

import { button, copy, el } from "./dom.js";

const LIBRARY = /node_modules|node:|site-packages|dist-packages|\/lib\/python|<frozen |\/usr\/(local\/)?(lib|go)\/|java\.(base|lang|util)|\/go\/pkg\/mod\//;
// The place is the last thing that looks like file:line, or Python's File "…", line n. No backtracking over long lines.
const PLACE = /(?:File "([^"\n]{1,500})", line (\d{1,9}))|(?:([^\s()"']{1,500}:\d{1,9}(?::\d{1,9})?))/;

function frame(line) {
  const shown = line.length > 2000 ? line.slice(0, 2000) : line;
  const found = PLACE.exec(shown);
  const isFrame = /^\s*at\s/.test(shown) || found !== null;
  const kind = !isFrame ? "ex-frame-text" : LIBRARY.test(shown) ? "ex-frame ex-frame-library" : "ex-frame";
  if (!found) return el("li", { class: kind }, line);
  const end = found.index + found[0].length;
  return el("li", { class: kind },
    line.slice(0, found.index), el("span", { class: "ex-frame-place" }, line.slice(found.index, end)), line.slice(end));
}

export function stackTrace(items) {
  const lines = items.flatMap((item) => item.split(/\r?\n/)).filter((line) => line.trim());
  const list = el("ol", { class: "ex-stack" }, lines.slice(0, 500).map(frame));
  const libraries = list.querySelectorAll(".ex-frame-library").length;
  const hide = libraries && libraries < lines.length && button(`Hide ${libraries} library frames`, (event) => {
    const hidden = list.classList.toggle("ex-stack-own");
    event.target.textContent = hidden ? `Show ${libraries} library frames` : `Hide ${libraries} library frames`;
  }, { class: "ex-button ex-small" });
  const all = items.join("\n");
  return el("div", {},
    el("div", { class: "ex-section-head" }, el("h3", {}, "Stack trace"), hide || null,
      button("Copy", () => copy(all, "Stack trace"), { class: "ex-button ex-small" })),
    list,
    lines.length > 500 ? el("p", { class: "ex-quiet" }, `and ${lines.length - 500} more lines`) : null);
}
