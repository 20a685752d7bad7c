// Send logs: one agent's lines at a time, the secret put into them in this page only, and the wait for the first entry.

const PERIOD_MS = 2000;
const LONGEST_PERIOD_MS = 15000;
const HELP_AFTER = 8;
const guides = [...document.querySelectorAll(".ll-guide")];
const links = [...document.querySelectorAll("[data-guide]")];

function show(name) {
  const shown = guides.find((one) => one.id === name) || guides[0];
  for (const one of guides) one.hidden = one !== shown;
  for (const link of links) {
    if (link.dataset.guide === shown?.id) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

for (const link of links) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    history.replaceState(null, "", `#${link.dataset.guide}`);
    show(link.dataset.guide);
  });
}
window.addEventListener("hashchange", () => show(location.hash.slice(1)));
show(location.hash.slice(1));

const form = document.querySelector("[data-key-form]");
form?.querySelector("select").addEventListener("change", () => form.submit());

const secret = document.querySelector("[data-secret-input]");
for (const place of document.querySelectorAll("[data-secret]")) {
  const before = place.textContent;
  secret?.addEventListener("input", () => { place.textContent = secret.value.trim() || before; });
}

const wait = document.querySelector("[data-wait]");
const says = wait.querySelector("[data-wait-says]");
let received = 0;
let asked = 0;
let period = PERIOD_MS;

const number = (count, one, many) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

function inWords(seconds) {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

function write(text) {
  if (says.textContent !== text) says.textContent = text;
}

function draw(found) {
  const troubles = [
    ...found.refused.map(([code, count]) => `${number(count, "request", "requests")} refused: ${code}. ${found.says[code] || ""}`),
    ...found.dropped.map(([code, count]) => `${number(count, "entry", "entries")} not kept: ${code}.`),
  ];
  if (found.entries) {
    received = Date.now() - (found.ago_seconds ?? 0) * 1000;
    wait.dataset.hasCome = number(found.entries, "entry", "entries");
    const open = wait.querySelector("[data-wait-open]");
    open.href = `${wait.dataset.explorer}&range=15m${found.first_entry_id ? `&entry=${found.first_entry_id}` : ""}`;
    open.hidden = false;
    wait.querySelector("[data-wait-help]").hidden = true;
    tick();
  } else if (found.is_waiting) write("Kept: it waits to be stored.");
  else if (troubles.length) write(troubles.join(" "));
  else if (asked >= HELP_AFTER) wait.querySelector("[data-wait-help]").hidden = false;
}

function tick() {
  write(`${wait.dataset.hasCome} stored, the first received ${inWords((Date.now() - received) / 1000)} ago.`);
}

async function ask() {
  if (document.hidden) return PERIOD_MS;
  asked += 1;
  period = Math.min(period * (asked > 30 ? 1.2 : 1), LONGEST_PERIOD_MS);
  try {
    const answer = await fetch(`${wait.dataset.wait}?since=${encodeURIComponent(wait.dataset.since)}`, { redirect: "error" });
    if (answer.status >= 400 && answer.status < 500) {
      write("This page waits no longer. Load it again.");
      return 0;
    }
    if (answer.ok) draw(await answer.json());
  } catch {
    write("The server did not answer; this page asks again.");
  }
  return received ? 0 : period;
}

async function goOn() {
  const next = await ask();
  if (next) setTimeout(goOn, next);
  else if (received) setInterval(tick, 1000);
}
setTimeout(goOn, PERIOD_MS);
