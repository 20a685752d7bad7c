// The palette: places, pages, organisations, keys, saved searches and the actions of this page, by a few letters.

import { useEffect, useRef, useState } from "../vendor/hooks.js";
import { html, render } from "./html.js";

const WAIT_MS = 120;
let opened = null;

// What the page itself offers: the links above its form or list.
const ownActions = () => [...document.querySelectorAll(".object-tools a[href]")].map((link) => ({ title: link.textContent.trim(), what: "on this page", url: link.href }));

// A whole key that somebody pastes stays here: its ends are enough to find it, and addresses are written down.
const withoutKeys = (text) => text.replace(/(ll_[0-9a-f]{4})[0-9a-f]{10,}([0-9a-f]{4})/g, "$1…$2");

async function ask(text, signal) {
  const answer = await fetch(`/admin/palette/?${new URLSearchParams({ q: withoutKeys(text) })}`, { signal, headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(answer.status === 403 ? "Your session has ended. Sign in again." : "The server did not answer.");
  return (await answer.json()).found;
}

function useFound(text) {
  const [found, setFound] = useState({ rows: [], problem: "" });
  useEffect(() => {
    const asking = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const own = ownActions().filter((action) => text && action.title.toLowerCase().includes(text.toLowerCase()));
        setFound({ rows: [...own, ...await ask(text, asking.signal)], problem: "" });
      } catch (problem) {
        if (problem.name !== "AbortError") setFound({ rows: [], problem: problem.message });
      }
    }, text ? WAIT_MS : 0);
    return () => { clearTimeout(timer); asking.abort(); };
  }, [text]);
  return found;
}

function Palette({ dialog }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const input = useRef(null);
  const { rows, problem } = useFound(text);
  opened = (typed) => { setText(typed.join("")); setAt(0); dialog.showModal(); input.current.focus(); };
  useEffect(() => setAt(0), [rows]);
  useEffect(() => document.getElementById(`ll-found-${at}`)?.scrollIntoView({ block: "nearest" }), [at]);
  const go = (row) => { if (row) location.assign(row.url); };
  const keys = {
    ArrowDown: () => setAt(Math.min(rows.length - 1, at + 1)),
    ArrowUp: () => setAt(Math.max(0, at - 1)),
    Enter: () => go(rows[at]),
  };
  const press = (event) => { if (keys[event.key]) { event.preventDefault(); keys[event.key](); } };
  return html`
    <input ref=${input} type="text" value=${text} placeholder="Go to, find, do…" autocomplete="off" autocapitalize="off" spellcheck=${false}
      role="combobox" aria-label="Go to, find, do" aria-expanded=${String(rows.length > 0)} aria-controls="ll-found" aria-autocomplete="list"
      aria-activedescendant=${rows.length ? `ll-found-${at}` : undefined} onInput=${(event) => setText(event.target.value)} onKeyDown=${press} />
    <ul id="ll-found" role="listbox" aria-label="Found" hidden=${!rows.length}>
      ${rows.map((row, index) => html`<li key=${row.url + row.title} id=${`ll-found-${index}`} role="option" aria-selected=${String(index === at)}
        onMouseMove=${() => setAt(index)} onClick=${() => go(row)}><span>${row.title}</span><small>${row.what}</small></li>`)}
    </ul>
    ${!rows.length && html`<p role="status">${problem || (text ? "Nothing is called so." : "")}</p>`}`;
}

export function palette() {
  let dialog = document.querySelector(".ll-palette");
  if (!dialog) {
    dialog = Object.assign(document.createElement("dialog"), { className: "ll-palette", ariaLabel: "Palette" });
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    document.body.append(dialog);
    render(html`<${Palette} dialog=${dialog} />`, dialog);
  }
  return { open: (typed) => opened(typed) };
}
