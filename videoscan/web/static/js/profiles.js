// What profiles mean, in plain words: the shipped ones in the page's language, a person's own in the words of its first line.

import { get } from "./api.js";
import { known, t } from "./texts.js";
import { number } from "./times.js";

let asked = null;

/** The service and its profiles, asked once: `{ service, profiles }`. */
export function about() {
  if (asked === null) {
    asked = Promise.all([get("service"), get("profiles")]).then(([service, told]) => ({ service, profiles: told.profiles }));
    asked.catch(() => { asked = null; });
  }
  return asked;
}

/** What a person calls a profile: a name, or tables. */
export function profileName(profile) {
  if (typeof profile !== "string") return t("profile.own");
  return known(`profile.${profile}`) ? t(`profile.${profile}`) : profile;
}

/** What a profile is for. */
export function profileAbout(profile) {
  return known(`profile.${profile.name}.about`) ? t(`profile.${profile.name}.about`) : profile.about;
}

/** Where pictures go, in a sentence. */
export function whereTo(service) {
  const { kind, host, model } = service.describer;
  if (kind === "offline") return t("where.offline");
  if (kind === "local") return t("where.local");
  return model ? t("where.model", { host, model }) : t("where.host", { host });
}

/** What an hour of video comes to with a profile, in a sentence; `null` where nobody can say. */
export function perHour(profile, service) {
  const hour = profile.per_hour;
  if (hour === null) return null;
  const range = ([low, high], options = {}) => (low === high ? number(low, options) : `${number(low, options)}–${number(high, options)}`);
  if (!service.describer.sends) return t("hour.local", { pictures: range(hour.pictures) });
  const tokens = hour.tokens ? range(hour.tokens, { notation: "compact", maximumFractionDigits: 1 }) : "";
  const values = { pictures: range(hour.pictures), requests: range(hour.requests), tokens };
  if (hour.cost) return t("hour.cost", { ...values, cost: range(hour.cost, { style: "currency", currency: hour.currency }) });
  return t("hour.tokens", values);
}

/** What is usual here first, then what most people film. */
export function ordered(profiles, usual) {
  const order = [usual, "default", "surveillance", "sports", "lecture", "site-inspection", "content-moderation"];
  const rank = (profile) => (order.includes(profile.name) ? order.indexOf(profile.name) : order.length);
  return [...profiles].sort((one, other) => rank(one) - rank(other) || one.name.localeCompare(other.name));
}
