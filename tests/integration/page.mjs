// The explorer's own modules with as much of a browser as they need. For each line of JSON on standard input, what the
// page writes into its query: {filters: [[field, shown value, keep, query]], names: [[name, query]], values: [[name, value, query]]}.

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [folder, configuration] = process.argv.slice(2);

class Element {
  constructor(tag) { Object.assign(this, { tag, children: [], on: {}, attributes: {} }); }
  append(...more) { this.children.push(...more); }
  setAttribute(name, value) { this.attributes[name] = value; }
  addEventListener(name, run) { this.on[name] = run; }
  querySelectorAll() { return []; }
  get all() { return [this, ...this.children.flatMap((one) => (one instanceof Element ? one.all : []))]; }
  get text() { return this.children.map((one) => (one instanceof Element ? one.text : String(one))).join(""); }
}

const answers = [];
Object.assign(globalThis, {
  document: {
    createElement: (tag) => new Element(tag),
    createElementNS: (_, tag) => new Element(tag),
    getElementById: (id) => (id === "configuration" ? { textContent: configuration } : new Element("div")),
  },
  location: { search: "", hash: "", origin: "", pathname: "" },
  localStorage: { getItem: () => null, setItem() {} },
  history: { pushState() {}, replaceState() {} },
  window: { addEventListener() {} },
  fetch: async () => ({ ok: true, status: 200, text: async () => answers.shift() }),
});

const load = (name) => import(pathToFileURL(`${folder}/${name}.js`));
const [{ get }, { Completion }, { details }, { state, change }] = await Promise.all(["api", "completion", "entry", "state"].map(load));

function pressed(entry) {
  const rows = details(entry).all.filter((one) => one.tag === "tr");
  return rows.flatMap((row) => {
    const cell = (tag) => row.all.find((one) => one.tag === tag).text;
    const buttons = row.all.filter((one) => /^Filter (for|out)/.test(one.attributes.title ?? ""));
    return buttons.map((one) => {
      change({ query: "" });
      one.on.click();
      return [entry.id, cell("th"), cell("td"), one.attributes.title.startsWith("Filter for"), state.query];
    });
  });
}

function completed(fields) {
  const input = Object.assign(new Element("input"), { value: "" });
  const completion = new Completion(input, new Element("ul"), { onRun() {}, rows: () => [] });
  const word = (text) => { Object.assign(input, { value: text, selectionStart: text.length }); return completion.word(); };
  const taken = (text, { insert }) => text.slice(0, word(text).start) + insert;
  const before = 'x "a b" -';
  const names = fields.flatMap((field) => {
    const choice = completion.names(word(before), fields).find(({ label }) => label === field.name);
    return choice ? [[field.name, taken(before, choice)]] : [];
  });
  const values = names.flatMap(([name, text]) => completion.values(word(text), fields).map((choice) => [name, choice.label, taken(text, choice).slice(before.length)]));
  const has = completion.values(word("has:"), fields).map((choice) => [choice.label, taken("has:", choice)]);
  return { names: names.map(([name, text]) => [name, `${text.slice(before.length)}*`]), values, has };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { search, fields } = JSON.parse(line);
  answers.push(search, fields);
  const { logs } = await get("search");
  const found = await get("fields");
  console.log(JSON.stringify({ filters: logs.flatMap(pressed), ...completed(found.fields) }));
}
