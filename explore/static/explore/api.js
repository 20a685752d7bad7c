// Talks to the explorer's endpoints: same origin, the session's cookie, problems as exceptions.

export const configuration = JSON.parse(document.getElementById("configuration").textContent);

const TRIES = 12;
const BUSY = ["overloaded", "too_many_queries"];
const AGAIN_MS = 700;

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || "The server did not answer. Is it running?");
    this.status = status;
    this.code = body.code || "unreachable";
    this.position = body.position;
    this.signedOut = body.signed_out === true;
  }
}

// Integers that a JavaScript number cannot hold stay exact where the browser tells a number's source.
function exact(_, value, context) {
  if (typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? "")) {
    return BigInt(context.source);
  }
  return value;
}

export function address(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = new URLSearchParams(given.flatMap(([name, value]) => [value].flat().map((one) => [name, one]))).toString();
  return configuration.endpoints + path + (search ? `?${search}` : "");
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// The server answers so many of an organisation's questions at a time, and refuses the others before it did anything.
async function call(url, options) {
  for (let left = TRIES; ; left -= 1) {
    try {
      return await callOnce(url, options);
    } catch (problem) {
      if (!BUSY.includes(problem.code) || left <= 1) throw problem;
      await pause(AGAIN_MS * (1 + Math.random()));
    }
  }
}

async function callOnce(url, options) {
  let response;
  try {
    response = await fetch(url, { headers: { Accept: "application/json" }, ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, {});
  }
  const text = await response.text();
  let body = {};
  try {
    body = text ? JSON.parse(text, exact) : {};
  } catch {
    throw new Problem(response.status, { detail: `The server answered ${response.status}.` });
  }
  if (!response.ok) throw new Problem(response.status, body);
  return body;
}

// What a page calls a search. Browsers make no names for pages that came by plain HTTP: each request has a record there.
export const newLook = () => crypto.randomUUID?.() ?? "";

// What belongs to one search is told by `look`: it has one access record.
export const get = (path, parameters, signal, look) => call(address(path, parameters), {
  signal, headers: { Accept: "application/json", ...(look ? { "X-Look": look } : {}) },
});

export function send(method, path, parameters, body, signal) {
  const token = document.querySelector("meta[name=csrf-token]").content;
  return call(address(path, parameters), {
    method, signal,
    headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": token },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
}
