// Who is asking, and what they may do.

import { get, post } from "./api.js";

let who = { open: false, name: null, scopes: [] };

/** Asks the service who we are. */
export async function learn() {
  who = await get("me");
  return who;
}

/** What is known: `open` (no key is needed), `name` of the key, `scopes`. */
export function me() {
  return who;
}

/** Whether we may do what needs `scope` (`read`, `submit` or `admin`). */
export function may(scope) {
  return who.scopes.includes("admin") || who.scopes.includes(scope) || (scope === "read" && who.scopes.includes("submit"));
}

/** Signs in; throws `ApiError` 401 for a key that is not known. */
export async function signIn(key) {
  who = await post("login", { key });
}

/** Signs out. */
export async function signOut() {
  await post("logout");
  who = { open: false, name: null, scopes: [] };
}
