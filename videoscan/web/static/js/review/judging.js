// A person's word on events, as the screen has it said: sent, told of with a way back, and what is to be done when it is refused.

import { sentence } from "../api.js";
import { may } from "../session.js";
import { toast } from "../talk.js";
import { t } from "../texts.js";
import { stamp } from "../times.js";

export class Judging {
  /**
   * `current()` is the event that is shown, `choose(event, how)` shows another; `added()` is called when one was added, `gone()` when the one
   * that is shown is no more.
   */
  constructor(record, { current, choose, added, gone }) {
    Object.assign(this, { record, current, choose, announced: added, gone });
  }

  /** Whether corrections are taken now, and from whoever looks. */
  may() { return this.record.settled && may("submit"); }

  /** Why they are not. */
  whyNot() { return t(may("submit") ? "review.not.settled" : "review.not.allowed"); }

  /** Whether it was taken. */
  async correct(event, action, { changes = null, comment = null } = {}) {
    if (!event) return false;
    if (!this.may()) { toast(this.whyNot()); return false; }
    const already = { accepted: "accept", rejected: "reject" }[event.review?.state];
    if (already === action) return this.undo({ only: event });
    try {
      await this.record.correct(event.id, action, { changes, comment });
    } catch (fault) {
      this.refused(fault, () => this.correct(this.record.event(event.id), action, { changes, comment }));
      return false;
    }
    toast(t(`review.done.${action}`, { title: shortened(event.title) }), { action: { label: t("do.undo"), run: () => this.undo() }, stay: 4000, matter: "judged" });
    return true;
  }

  /** Adds an event. Whether it was taken. */
  async add(changes, comment) {
    try {
      const event = await this.record.add(changes, comment);
      this.announced();
      this.choose(event);
      toast(t("review.done.add", { title: shortened(event.title) }), { action: { label: t("do.undo"), run: () => this.undo() }, stay: 4000, matter: "judged" });
      return true;
    } catch (fault) {
      this.refused(fault, () => this.add(changes, comment));
      return false;
    }
  }

  /** Takes the last correction back; with `only`, the last word on that event. Whether there was one. */
  async undo({ only = null } = {}) {
    if (!this.may()) { toast(this.whyNot()); return false; }
    try {
      if (only) {
        await this.record.correct(only.id, "undo");
        toast(t("review.done.undo", { title: shortened(only.title) }), { stay: 3000, matter: "judged" });
        return true;
      }
      const last = await this.record.undo();
      if (!last) { toast(t("review.undo.none"), { stay: 3000 }); return false; }
      const event = this.record.event(last.id);
      if (event) this.choose(event, { seek: event.id !== this.current()?.id });
      else if (this.current()?.id === last.id) this.gone();
      toast(t("review.done.undo", { title: shortened(last.title) }), { stay: 3000, matter: "judged" });
      return true;
    } catch (fault) {
      this.refused(fault, null);
      return false;
    }
  }

  refused(fault, again) {
    const told = sentence(fault);
    if (!told) return;
    if (fault.status === 409 && again) this.record.refresh();
    const label = fault.status === 409 ? t("review.anyway") : t("app.again");
    toast(fault.status === 0 ? t("review.unsaved") : told, { action: again && (fault.status === 409 || fault.status === 0 || fault.status >= 500) ? { label, run: again } : null, stay: 12_000 });
  }

  /** Copies the address of an event's moment; shows it where that is not allowed. */
  async link(event) {
    const address = `${location.origin}${location.pathname}#/jobs/${this.record.id}?t=${stamp(event.start)}&event=${encodeURIComponent(event.id)}`;
    try {
      await navigator.clipboard.writeText(address);
      toast(t("review.link.copied"), { stay: 3000 });
    } catch {
      toast(address);
    }
  }
}

const shortened = (title) => (title.length > 48 ? `${title.slice(0, 47)}…` : title);
