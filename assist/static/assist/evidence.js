// A group's evidence comes after its page, which does not wait for it: what was gathered last is shown at once.

const card = document.querySelector("[data-evidence]");
const DEADLINE_MS = 20_000;

// XMLHttpRequest reads a page into a document of its own, in which nothing runs: no text becomes markup here.
function gather(address) {
  const asking = new XMLHttpRequest();
  asking.open("GET", address);
  asking.responseType = "document";
  asking.timeout = DEADLINE_MS;
  asking.addEventListener("loadend", () => draw(asking.response?.querySelector("[data-evidence-of]"), address));
  card.setAttribute("aria-busy", "true");
  const waiting = card.querySelector("[data-waiting]");
  if (waiting) {
    waiting.hidden = false;
    card.querySelector("[data-unread]").hidden = true;
  }
  asking.send();
}

function draw(found, address) {
  card.removeAttribute("aria-busy");
  if (found) {
    const open = [...card.querySelectorAll("details[open]")].map((one) => one.className);
    const held = card.contains(document.activeElement) || (card.contains(getSelection().anchorNode) && String(getSelection()));
    if (held && !address.includes("refresh=")) return;
    card.replaceChildren(...[...found.childNodes].map((one) => document.adoptNode(one)));
    for (const one of card.querySelectorAll("details")) one.open = open.includes(one.className);
    return;
  }
  const unread = card.querySelector("[data-unread]");
  if (unread) {
    card.querySelector("[data-waiting]").hidden = true;
    unread.hidden = false;
    unread.setAttribute("role", "alert");
    unread.prepend("It could not be gathered. ");
  }
}

card.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-anew]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  gather(link.getAttribute("href"));
});

if (!("isFresh" in card.dataset)) gather(card.dataset.evidence);
