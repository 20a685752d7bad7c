// The list of dashboards: a new one, one from a file, and deleting.

import { configuration, send } from "../api.js";
import { byId } from "../dom.js";

const MOST_BYTES = 60_000;
const problem = byId("ex-board-problem");
const organisation = { organisation: document.querySelector("[data-organisation-of]")?.dataset.organisationOf ?? configuration.organisation };

async function guarded(work) {
  problem.hidden = true;
  try {
    await work();
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
  }
}

const make = async (made) => { location.assign((await send("POST", "dashboards", organisation, { document: made })).url); };

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("This file is not JSON. Export a dashboard to see what one looks like.");
  }
}

byId("ex-board-new")?.addEventListener("submit", (event) => {
  event.preventDefault();
  guarded(() => make({ title: event.target.elements.title.value.trim(), panels: [] }));
});
byId("ex-board-import")?.addEventListener("change", (event) => {
  const [file] = event.target.files;
  if (!file) return;
  guarded(async () => {
    if (file.size > MOST_BYTES) throw new Error("This file is too large for a dashboard: it may have 32 KiB.");
    await make(parsed(await file.text()));
  });
  event.target.value = "";
});
for (const node of document.querySelectorAll("[data-delete]")) {
  node.addEventListener("click", () => {
    byId("ex-board-delete-title").textContent = node.dataset.title;
    byId("ex-board-delete").showModal();
    byId("ex-board-delete-form").onsubmit = (event) => {
      event.preventDefault();
      byId("ex-board-delete").close();
      guarded(async () => { await send("DELETE", `dashboards/${node.dataset.delete}`, organisation); location.reload(); });
    };
  });
}
for (const node of document.querySelectorAll("[data-closes]")) node.addEventListener("click", () => node.closest("dialog").close());
