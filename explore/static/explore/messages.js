// What the page says when there is nothing to show: what is wrong, and what to try.

import { configuration, Problem } from "./api.js";
import { button, byId, el } from "./dom.js";
import { justAfter, newest } from "./newest.js";
import { change, state } from "./state.js";
import { QUICK, iso, moment, rangeWords, seconds } from "./time.js";

const input = byId("ex-query");

export function clearProblem() {
  byId("ex-problem").hidden = true;
  input.removeAttribute("aria-invalid");
}

export function showProblem(problem, retry) {
  const place = byId("ex-problem");
  if (!(problem instanceof Problem)) { console.error(problem); problem = new Problem(0, { detail: "Something went wrong on this page." }); }
  const parts = [];
  if (problem.code === "invalid_query") {
    input.setAttribute("aria-invalid", "true");
    if (Number.isInteger(problem.position)) {
      parts.push(el("pre", { class: "ex-caret" }, `${state.query.replaceAll("\n", " ")}\n${" ".repeat(problem.position)}^`));
    }
  }
  parts.unshift(el("p", {}, problem.message));
  if (problem.signedOut) parts.push(el("a", { class: "ex-button", href: `${configuration.login}?next=${encodeURIComponent(location.pathname + location.search)}` }, "Sign in"));
  else if (problem.code !== "invalid_query") parts.push(button("Try again", retry));
  if (problem.code === "query_timeout") parts.push(button("Last 15 minutes only", () => change({ range: "15m", from: "", to: "" })));
  place.replaceChildren(...parts);
  place.hidden = false;
}

const inWords = (range) => (range === "all" ? "" : "the ") + rangeWords(range);

export function drawEmpty(range, signal) {
  const place = byId("ex-empty");
  const wider = QUICK.filter((each) => seconds(each) > (state.from ? (Date.parse(range.to) - Date.parse(range.from)) / 1000 : seconds(state.range)));
  const offers = [wider[0], ...["24h", "7d", "all"].filter((each) => wider.includes(each))];
  const words = state.from ? `between ${moment(range.from)} and ${moment(range.to)}` : `in ${inWords(state.range)}`;
  const isFiltered = state.query.trim() || state.levels.length;
  place.replaceChildren(el("div", {},
    el("h2", {}, isFiltered ? "No entry matches" : "No entries"),
    el("p", {}, state.live ? "Listening: new entries appear here as soon as they are stored." : `Nothing was found ${words}.`),
    el("p", { class: "ex-newest" }),
    el("p", { class: "ex-offers" },
      [...new Set(offers.filter(Boolean))].map((each) => button(`Look at ${inWords(each)}`, () => change({ range: each, from: "", to: "" }))),
      isFiltered ? button("Remove the filters", () => change({ query: "", levels: [] })) : null),
    isFiltered || !configuration.sending ? null : el("p", {}, el("a", { href: `${configuration.sending}?organisation=${encodeURIComponent(state.organisation)}` }, "Send logs"), ": what to put where, and whether it comes.")));
  place.hidden = false;
  if (!isFiltered) drawNewest(place.querySelector(".ex-newest"), signal);
}

// Where there is something to see: an hour that ends with the newest entry.
async function drawNewest(place, signal) {
  const last = await newest(signal).catch(() => undefined);
  if (!last) return;
  const show = () => change({ from: iso(Date.parse(last) - 3_600_000), to: justAfter(last), range: "", live: false });
  place.replaceChildren(`The newest entry is from ${moment(last)}. `, button("Go there", show, { class: "ex-button ex-primary" }));
}
