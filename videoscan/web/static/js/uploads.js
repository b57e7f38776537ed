// Files on their way to the service, by tus 1.0: in pieces, from where it broke, over a reload of the page too. One at a time, as they
// share one line. Screens come and go; uploads stay.

import { ApiError, BASE, post, reached, request, sentence } from "./api.js";
import { forget, keep, kept } from "./keep.js";
import { t } from "./texts.js";

const KEPT = "videoscan.uploads";
const TUS = { "Tus-Resumable": "1.0.0" };
const PIECE = 8 * 1024 * 1024;
const LONGEST_WAIT = 15_000;

/** Tells `change` whenever something is new of any upload, `submitted` (detail: the job) when one became a job. */
export const uploadNews = new EventTarget();

const list = [];
/** Keys of the uploads that this tab has, or had. */
const mine = new Set();
let busy = false;

/**
 * What is on its way: `{ key, name, size, sent, state, error, rate }`. States: `waiting`, `sending`, `lost` (the connection broke, it
 * tries again), `paused`, `asks` (the page was loaded again: the file must be chosen once more), `failed`.
 */
export function uploads() {
  return list;
}

/** Begins to send files; `options` are the job's: profile and question. */
export function send(files, options) {
  for (const file of files) {
    const upload = {
      key: mark(), name: file.name, size: file.size, modified: file.lastModified, options, file, url: null, sent: 0, state: "waiting", error: null, rate: 0,
    };
    list.push(upload);
    hold(upload);
    keep(upload.key, file);
  }
  save();
  told();
  work();
}

/** Takes up what an earlier load of this page left. What another open tab is sending stays that tab's. */
export async function recover() {
  let left = [];
  try { left = JSON.parse(localStorage.getItem(KEPT) ?? "[]"); } catch { /* not ours */ }
  for (const each of left) {
    if (list.some((upload) => upload.key === each.key)) continue;
    const upload = { ...each, file: null, sent: each.sent ?? 0, state: "asks", error: null, rate: 0 };
    if (!(await hold(upload))) continue;
    mine.add(upload.key);
    upload.file = await kept(upload.key);
    if (upload.file) upload.state = "waiting";
    list.push(upload);
  }
  told();
  work();
}

/** Goes on with a file that was chosen again. Whether it is the one. */
export function chooseAgain(upload, file) {
  if (file.name !== upload.name || file.size !== upload.size) return false;
  upload.file = file;
  upload.state = "waiting";
  upload.error = null;
  keep(upload.key, file);
  told();
  work();
  return true;
}

/** An upload that asks for its file and that this file belongs to. */
export function wanting(file) {
  return list.find((upload) => upload.state === "asks" && upload.name === file.name && upload.size === file.size) ?? null;
}

/** Stops for now. */
export function pause(upload) {
  upload.state = "paused";
  upload.stop?.();
  told();
}

/** Goes on, after a pause or a failure. */
export function resume(upload) {
  upload.state = upload.file ? "waiting" : "asks";
  upload.error = null;
  told();
  work();
}

/** Gives an upload up, here and at the service. */
export async function giveUp(upload) {
  upload.state = "gone";
  upload.stop?.();
  drop(upload);
  if (upload.url) await request("DELETE", upload.url, { headers: TUS }).catch(() => {});
}

function drop(upload) {
  list.splice(list.indexOf(upload), 1);
  upload.release?.();
  forget(upload.key);
  save();
  told();
}

async function work() {
  if (busy) return;
  busy = true;
  try {
    for (let next = ready(); next; next = ready()) await one(next);
  } finally {
    busy = false;
  }
}

function ready() {
  return list.find((upload) => upload.state === "waiting") ?? null;
}

async function one(upload) {
  let waited = 0;
  upload.state = "sending";
  told();
  while (upload.state === "sending" || upload.state === "lost") {
    try {
      await find(upload);
      while (upload.sent < upload.size && (upload.state === "sending" || upload.state === "lost")) {
        await piece(upload);
        waited = 0;
      }
      if (upload.state !== "sending") return;
      const job = await post("jobs", { source: `upload:${upload.url.split("/").pop()}`, ...upload.options }, { headers: { "Idempotency-Key": upload.key } });
      drop(upload);
      uploadNews.dispatchEvent(new CustomEvent("submitted", { detail: job }));
      return;
    } catch (fault) {
      if (upload.state === "paused" || upload.state === "gone") return;
      const passing = !(fault instanceof ApiError) || [0, 409, 423, 429].includes(fault.status) || fault.status === 502 || fault.status === 504;
      if (!passing) {
        upload.state = "failed";
        upload.error = sentence(fault);
        told();
        return;
      }
      upload.state = "lost";
      upload.rate = 0;
      told();
      waited = Math.min(LONGEST_WAIT, waited ? waited * 2 : 500);
      await pauseFor(waited);
    }
  }
}

/** Asks how much of it is there; begins it where nothing is. */
async function find(upload) {
  if (upload.url) {
    try {
      const answer = await request("HEAD", upload.url, { headers: TUS });
      upload.sent = Number(answer.headers.get("Upload-Offset"));
      return;
    } catch (fault) {
      if (fault.status !== 404) throw fault;
      upload.url = null;
    }
  }
  const name = new TextEncoder().encode(upload.name);
  const headers = { ...TUS, "Upload-Length": String(upload.size), "Upload-Metadata": `filename ${btoa(String.fromCharCode(...name))}` };
  const answer = await request("POST", `${BASE}/uploads`, { headers });
  upload.url = new URL(answer.headers.get("Location"), location.href).pathname;
  upload.sent = 0;
  save();
}

/** Sends the next piece. `XMLHttpRequest`, as `fetch` does not tell how far it is. */
function piece(upload) {
  return new Promise((done, failed) => {
    const from = upload.sent;
    const began = performance.now();
    const call = new XMLHttpRequest();
    const end = (settle, value) => {
      upload.stop = null;
      settle(value);
    };
    call.open("PATCH", upload.url);
    for (const [name, value] of Object.entries({ ...TUS, "Upload-Offset": String(from), "Content-Type": "application/offset+octet-stream" })) {
      call.setRequestHeader(name, value);
    }
    call.upload.onprogress = (event) => {
      upload.state = "sending";
      upload.sent = from + event.loaded;
      upload.rate = event.loaded / Math.max(0.2, (performance.now() - began) / 1000);
      told();
    };
    call.onload = () => {
      reached(true);
      if (call.status === 204) {
        upload.state = upload.state === "lost" ? "sending" : upload.state;
        upload.sent = Number(call.getResponseHeader("Upload-Offset"));
        save();
        told();
        end(done);
      } else {
        end(failed, new ApiError(call.status, problem(call), {}));
      }
    };
    call.onerror = () => end(failed, new ApiError(0, t("problem.unreachable")));
    call.onabort = call.onerror;
    upload.stop = () => call.abort();
    call.send(upload.file.slice(from, from + PIECE));
  });
}

function problem(call) {
  try { return JSON.parse(call.responseText).detail; } catch { return t("problem.other", { status: String(call.status) }); }
}

function pauseFor(milliseconds) {
  return new Promise((done) => {
    const go = () => {
      clearTimeout(timer);
      removeEventListener("online", go);
      done();
    };
    const timer = setTimeout(go, milliseconds);
    addEventListener("online", go);
  });
}

/** Holds a lock as long as this tab lives, so that no other takes the same upload up. Whether it was free. */
function hold(upload) {
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((done) => {
    navigator.locks.request(`videoscan-upload-${upload.key}`, { ifAvailable: true }, (lock) => {
      done(lock !== null);
      return lock && new Promise((release) => { upload.release = release; });
    });
  });
}

function save() {
  let others = [];
  try {
    others = JSON.parse(localStorage.getItem(KEPT) ?? "[]").filter((each) => !mine.has(each.key));
    const own = list.map(({ key, name, size, modified, options, url, sent }) => ({ key, name, size, modified, options, url, sent }));
    localStorage.setItem(KEPT, JSON.stringify([...others, ...own]));
  } catch { /* then it does not survive a reload */ }
}

function mark() {
  const key = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  mine.add(key);
  return key;
}

function told() {
  uploadNews.dispatchEvent(new Event("change"));
}
