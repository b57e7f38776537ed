// A part of the screen whose module comes when it is first wanted, or when nobody waits for anything else.

import { add, fill, h } from "../dom.js";
import { sentence } from "../api.js";

/** `place` is where it is shown; `load` makes it: an object with an `element`. */
export class Panel {
  constructor(load) {
    this.load = load;
    this.place = h("div", { class: "panel-place", hidden: true });
    this.made = null;
  }

  /** Makes it, once; asked for again where it could not be had. Resolves to `null` then. */
  async come() {
    this.coming ??= this.load();
    try {
      const made = await this.coming;
      if (!this.made) {
        this.made = made;
        made.element.hidden = false;
        fill(this.place, made.element);
      }
      return made;
    } catch (fault) {
      this.coming = null;
      this.fault = fault;
      return null;
    }
  }

  /** Does something with it once it is there; says why in its place where it cannot be had. */
  async do(act = () => {}) {
    const made = this.made ?? (await this.come());
    if (made) await act(made);
    else add(fill(this.place), h("p", { class: "note warn", role: "alert" }, sentence(this.fault)));
  }
}
