// Talks to the service. Errors come as `ApiError`, whose `message` is a sentence for a person: what was wrong, what to do next.
// Nothing has to be done against forged requests: the cookie goes to this origin only, and the service refuses other sites' writes.

import { t } from "./texts.js";

export const BASE = "/api/v1";

/** `status` is the answer's, 0 where there was none; `hint` says what to do next; `errors` what is wrong with each part. */
export class ApiError extends Error {
  constructor(status, message, { hint = null, errors = null } = {}) {
    super(message);
    this.status = status;
    this.hint = hint;
    this.errors = errors;
  }

  /** Whole, for a person. */
  get sentence() {
    const parts = (this.errors ?? []).map((each) => `${each.at}: ${each.what}`);
    const what = [this.message, ...parts].join(" · ");
    return this.hint ? `${capital(what)} (${this.hint})` : capital(what);
  }
}

/** Tells of what concerns the whole page: `login` (a key is needed now), `down`, `up` (the service does not answer, answers again). */
export const news = new EventTarget();

let down = false;

/** Tells the page whether the service answers; feeds and uploads say so too. */
export function reached(yes) {
  if (down !== yes) return;
  down = !yes;
  news.dispatchEvent(new Event(yes ? "up" : "down"));
}

const early = globalThis.videoscanEarly ?? new Map();
const EARLY = 10_000;

/** The answer to a question that was asked before the modules were here, or null (see early.js). Each is taken once, none is kept for long. */
function asked(method, path, headers) {
  if (method !== "GET" || !early.has(path) || Object.keys(headers).length || performance.now() > EARLY) return null;
  const answer = early.get(path);
  early.delete(path);
  return answer;
}

/**
 * A request. `body` is sent as JSON unless it is a Blob; `signal` aborts it. Answers the `Response` for any status below 400 and for 304.
 * Throws `ApiError`, and `AbortError` where `signal` said so.
 */
export async function request(method, path, { body, headers = {}, signal } = {}) {
  const options = { method, headers: { Accept: "application/json", ...headers }, signal, credentials: "same-origin", cache: "no-store" };
  if (body !== undefined) {
    options.body = body instanceof Blob ? body : JSON.stringify(body);
    if (!(body instanceof Blob)) options.headers["Content-Type"] = "application/json";
  }
  let answer;
  try {
    answer = (await asked(method, path, headers)) ?? (await fetch(path.startsWith("/") ? path : `${BASE}/${path}`, options));
  } catch (fault) {
    if (signal?.aborted) throw fault;
    reached(false);
    throw new ApiError(0, t("problem.unreachable"));
  }
  reached(true);
  if (answer.ok || answer.status === 304) return answer;
  const problem = await told(answer);
  if (answer.status === 401 && !path.endsWith("login")) news.dispatchEvent(new Event("login"));
  throw problem;
}

async function told(answer) {
  let document = {};
  try { document = await answer.json(); } catch { /* a proxy's page, or nothing */ }
  return new ApiError(answer.status, document.detail ?? document.title ?? t("problem.other", { status: String(answer.status) }), document);
}

/** JSON of a GET. */
export async function get(path, options) {
  return (await request("GET", path, options)).json();
}

/** JSON of a GET where it is new: `{ value, etag }`; `null` where `etag` still stands. */
export async function getIfNew(path, etag, options = {}) {
  const answer = await request("GET", path, { ...options, headers: etag ? { "If-None-Match": etag } : {} });
  return answer.status === 304 ? null : { value: await answer.json(), etag: answer.headers.get("ETag") };
}

/** JSON of a POST, `null` where the answer has no body. */
export async function post(path, body, options = {}) {
  return read(await request("POST", path, { ...options, body }));
}

/** JSON of a PATCH. */
export async function patch(path, body, options = {}) {
  return read(await request("PATCH", path, { ...options, body }));
}

/** A DELETE. */
export async function remove(path, options) {
  await request("DELETE", path, options);
}

async function read(answer) {
  return answer.status === 204 ? null : answer.json();
}

/** A query string of what is not empty; a list gives its name once for each. */
export function query(values) {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== null && each !== undefined && each !== "") parts.append(name, each);
    }
  }
  const text = parts.toString();
  return text ? `?${text}` : "";
}

/** What to tell a person of anything that was thrown; `null` for what was only aborted. */
export function sentence(fault) {
  if (fault?.name === "AbortError") return null;
  return fault instanceof ApiError ? fault.sentence : String(fault?.message ?? fault);
}

function capital(text) {
  return text ? text[0].toUpperCase() + text.slice(1) : text;
}
