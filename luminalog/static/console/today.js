// Today stays today: its cards are asked for anew every few seconds, while somebody looks and does nothing with them.

const PERIOD_MS = 5000;
const cards = () => document.querySelector("[data-today]");

// XMLHttpRequest reads a page into a document of its own, in which nothing runs: no text becomes markup here.
function ask() {
  const asking = new XMLHttpRequest();
  asking.open("GET", location.href);
  asking.responseType = "document";
  asking.addEventListener("load", () => { if (asking.status === 200) draw(asking.response); });
  asking.send();
}

function draw(page) {
  const fresh = page?.querySelector("[data-today]");
  const asOf = page?.querySelector("[data-as-of]");
  if (!fresh || !asOf || cards().contains(document.activeElement) || String(getSelection())) return;
  document.querySelector("[data-as-of]").textContent = asOf.textContent;
  if (fresh.textContent !== cards().textContent) cards().replaceWith(document.adoptNode(fresh));
}

setInterval(() => { if (!document.hidden) ask(); }, PERIOD_MS);
document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
