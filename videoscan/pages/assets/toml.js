// TOML: writes the regions as a profile takes them, and reads that small form back. Everything else is refused in a sentence.
const numbers = (corners) => corners.map(([x, y], i) => `${i === 0 ? "" : i % 2 ? ", " : ",\n   "}[${x.toFixed(DIGITS)}, ${y.toFixed(DIGITS)}]`).join("");
const list = (key, regions) => {
  const lines = regions.map((r) => `  [${numbers(r.corners)}],\n`).join("");
  return `${key} = [${lines ? `\n${lines}` : ""}]\n`;
};
function written(regions, blackOut, camera) {
  const of = (kind) => regions.filter((r) => r.kind === kind);
  // All three keys, always: a table that is laid over another one replaces it only key by key.
  const table = list("include", of("include")) + list("exclude", of("exclude")) + `black_out = ${blackOut && regions.length > 0}\n`;
  if (!camera) return `[regions]\n${table}`;
  const name = camera.name ? `name = ${JSON.stringify(camera.name)}\n` : "";
  return `[[cameras]]\nmatch = ${JSON.stringify(camera.match)}\n${name}\n[cameras.regions]\n${table}`;
}

class Refusal extends Error {}

class Reader {
  constructor(text) {
    this.text = text.replace(/\r\n/g, "\n").replace(/^\uFEFF/, "");
    this.at = 0;
  }
  get line() { return this.text.slice(0, this.at).split("\n").length; }
  refuse(why) { throw new Refusal(`line ${this.line}: ${why}`); }
  take(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at += found[0].length;
    return found;
  }
  blank() { this.take(/(?:[ \t\n]|#[^\n]*)*/y); }
  space() { this.take(/[ \t]*/y); }
  get ended() { return this.at >= this.text.length; }
  endOfLine() {
    this.space();
    if (!this.take(/(?:#[^\n]*)?(?:\n|$)/y)) this.refuse("something stands behind the value");
  }
  key() {
    const path = [];
    do {
      this.space();
      const found = this.take(/[A-Za-z0-9_-]+/y) || this.take(/"([^"\\\n]*)"|'([^'\n]*)'/y);
      if (!found) this.refuse("a key is expected");
      path.push(found[1] ?? found[2] ?? found[0]);
      this.space();
    } while (this.take(/\./y));
    return path;
  }
  value() {
    let found;
    if ((found = this.take(/true|false/y))) return found[0] === "true";
    if ((found = this.take(/[+-]?(?:\d[\d_]*)(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?/y))) return Number(found[0].replaceAll("_", ""));
    if ((found = this.take(/'([^'\n]*)'/y))) return found[1];
    if ((found = this.take(/"(?:[^"\\\n]|\\.)*"/y))) {
      try { return JSON.parse(found[0]); } catch { return this.refuse(`${found[0]} is no text`); }
    }
    if (this.take(/\[/y)) return this.items();
    if (this.take(/\{/y)) return this.inline();
    return this.refuse("a number, a text, true, false or a list is expected");
  }
  items() {
    const items = [];
    for (;;) {
      this.blank();
      if (this.take(/\]/y)) return items;
      items.push(this.value());
      this.blank();
      if (this.take(/,/y)) continue;
      if (this.take(/\]/y)) return items;
      this.refuse("a comma or ] is missing");
    }
  }
  inline() {
    const table = {};
    this.space();
    if (this.take(/\}/y)) return table;
    for (;;) {
      const path = this.key();
      if (!this.take(/=/y)) this.refuse(`${path.join(".")} has no value`);
      this.space();
      table[path.join(".")] = this.value();
      this.space();
      if (this.take(/\}/y)) return table;
      if (!this.take(/,/y)) this.refuse("a comma or } is missing");
    }
  }
}

// {regions, blackOut, camera: {match, name} | null}. Throws Refusal.
function read(text) {
  const reader = new Reader(text), found = {};
  let where = "", camera = null, any = false;
  const put = (path, value) => {
    const key = path.join(".");
    if (!/^regions\.(include|exclude|black_out)$/.test(key)) {
      if (camera && (key === "match" || key === "name")) {
        if (typeof value !== "string" || !value) reader.refuse(`${key} is a text`);
        camera[key] = value;
        return;
      }
      reader.refuse(`${key} does not belong to regions: paste a [regions] table alone`);
    }
    if (key in found) reader.refuse(`${path[1]} stands twice`);
    found[key] = checked(path[1], value, reader);
    any = true;
  };
  for (reader.blank(); !reader.ended; reader.blank()) {
    if (reader.take(/\[\[/y)) {
      const path = reader.key().join(".");
      if (path !== "cameras" || !reader.take(/\]\]/y)) reader.refuse("only [[cameras]] is a list of tables");
      if (camera) reader.refuse("there is a second camera: one at a time");
      if (any || where) reader.refuse("a [regions] table and a camera’s rule are two things: paste one of them");
      camera = {};
      where = "";
      reader.endOfLine();
    } else if (reader.take(/\[/y)) {
      const path = reader.key().join(".");
      if (!reader.take(/\]/y)) reader.refuse("] is missing");
      if (path !== (camera ? "cameras.regions" : "regions")) reader.refuse(`[${path}] is another table: paste a [regions] table alone`);
      if (where) reader.refuse(`[${path}] stands twice`);
      where = "regions";
      any = true;
      reader.endOfLine();
    } else {
      const path = reader.key();
      if (!reader.take(/=/y)) reader.refuse(`${path.join(".")} has no value`);
      reader.space();
      const value = reader.value();
      if (!where && path.join(".") === "regions" && value !== null && typeof value === "object" && !Array.isArray(value)) {
        for (const [key, each] of Object.entries(value)) put(["regions", ...key.split(".")], each);
        any = true;
      } else put(where ? [where, ...path] : path, value);
      reader.endOfLine();
    }
  }
  if (camera && !camera.match) throw new Refusal("the camera’s rule has no match");
  if (!any) throw new Refusal("there is no [regions] table in it");
  const regions = ofTable({ include: found["regions.include"], exclude: found["regions.exclude"] });
  const blackOut = found["regions.black_out"] ?? false;
  if (blackOut && !regions.length) throw new Refusal("black_out = true needs polygons: without any, nothing would be black");
  return { regions, blackOut, camera };
}
function checked(key, value, reader) {
  if (key === "black_out") return typeof value === "boolean" ? value : reader.refuse("black_out is true or false");
  if (!Array.isArray(value)) reader.refuse(`${key} is a list of polygons`);
  if (value.length > LIMITS.polygons) reader.refuse(`${key} has more than ${LIMITS.polygons} polygons`);
  value.forEach((corners, i) => {
    const isCorner = (c) => Array.isArray(c) && c.length === 2 && c.every((x) => typeof x === "number" && x >= 0 && x <= 1);
    if (!Array.isArray(corners)) reader.refuse(`${key}[${i}] is a list of corners`);
    const bad = corners.findIndex((c) => !isCorner(c));
    if (bad >= 0) reader.refuse(`${key}[${i}][${bad}] is no corner: two numbers from 0 to 1 are expected`);
    const fault = wrong({ corners });
    if (fault) reader.refuse(`${key}[${i}] ${fault}`);
  });
  return value;
}
