// The page's icons: strokes on a grid of 16, in the colour of the text beside them. They are decoration; a button says in words what it does.

import { svg } from "./dom.js";

const PATHS = {
  accept: "M3 8.5l3.2 3.2L13 4.8",
  add: "M8 3v10M3 8h10",
  alert: "M8 2.2l6.2 11H1.8zM8 6.5v3M8 11.6v.1",
  back: "M9.5 3.5L5 8l4.5 4.5",
  camera: "M1.8 4.5h8.4v7H1.8zM10.2 7l4-2v6l-4-2",
  close: "M4 4l8 8M12 4l-8 8",
  copy: "M5.5 5.5h8v8h-8zM3 10.5h-.5v-8h8V3",
  down: "M3.5 6L8 10.5 12.5 6",
  download: "M8 2.5v7.5M4.8 7L8 10.2 11.2 7M2.5 13.5h11",
  edit: "M10.5 3l2.5 2.5-7.5 7.5H3v-2.5z",
  file: "M4 1.8h5l3.2 3.2v9.2H4zM9 1.8V5h3.2",
  film: "M1.8 3h12.4v10H1.8zM4.8 3v10M11.2 3v10M1.8 8h12.4",
  filter: "M2 3.5h12M4.5 8h7M6.5 12.5h3",
  folder: "M1.8 3.5h4.4l1.4 1.7h6.6v7.6H1.8z",
  forward: "M6.5 3.5L11 8l-4.5 4.5",
  globe: "M8 1.8a6.2 6.2 0 100 12.4A6.2 6.2 0 008 1.8zM1.8 8h12.4M8 1.8c-4 4-4 8.400 0 12.4c4-4 4-8.400 0-12.4",
  key: "M9.800 9.200a3.600 3.600 0 10-3-3L1.800 11.200v3h3v-2h2v-2zM11 5v.1",
  link: "M6.800 9.200l2.400-2.400M7.500 4.800l1.700-1.700a2.600 2.600 0 013.700 3.700l-1.700 1.700M8.500 11.200l-1.700 1.700a2.600 2.600 0 01-3.700-3.700l1.700-1.700",
  lock: "M3.500 7.500h9v6h-9zM5.500 7.500V5a2.500 2.500 0 015 0v2.500",
  menu: "M2.500 4h11M2.500 8h11M2.500 12h11",
  more: "M3.500 8v.1M8 8v.1M12.500 8v.1",
  pause: "M5 3v10M11 3v10",
  play: "M4.500 2.800l8.500 5.200-8.500 5.200z",
  reject: "M4 4l8 8M12 4l-8 8",
  retry: "M13 8a5 5 0 11-1.600-3.700M13 2.200v3h-3",
  search: "M7 2.200a4.800 4.800 0 100 9.600 4.800 4.800 0 000-9.600zM10.500 10.500l3.300 3.300",
  settings: "M2 4.500h6M12 4.500h2M2 11.500h2M8 11.500h6M10 2.800v3.400M6 9.800v3.400",
  stop: "M3.800 3.800h8.400v8.400H3.800z",
  trash: "M2.500 4.200h11M6 4.200V2.500h4v1.700M4 4.200l.6 9.300h6.800l.6-9.300",
  all: "M2.5 5.500v-3h3M10.500 2.500h3v3M13.500 10.500v3h-3M5.500 13.500h-3v-3",
  mute: "M2.500 6h2.500L8.500 3v10L5 10H2.500zM11 6.200l3.600 3.600M14.600 6.200L11 9.800",
  region: "M2.500 5V2.500H5M11 2.500h2.500V5M13.500 11v2.500H11M5 13.500H2.500V11M5.500 5.500h5v5h-5z",
  sound: "M2.500 6h2.500L8.500 3v10L5 10H2.500zM11 5.500a3.600 3.600 0 010 5M12.800 3.600a6.200 6.200 0 010 8.800",
  undo: "M3 6.500h6.500a3.500 3.500 0 010 7H6M5.800 3.500l-3 3 3 3",
  up: "M3.500 10L8 5.500 12.500 10",
  upload: "M8 10V2.500M4.800 5.700L8 2.500l3.200 3.200M2.500 13.500h11",
};

/** An icon by name. */
export function icon(name) {
  return svg("svg", { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: PATHS[name] }));
}

/** The sign of the house. */
export function sign() {
  const bars = [["6", "8", "9"], ["17", "14", "5"], ["9", "20", "15"]];
  return svg(
    "svg",
    { viewBox: "0 0 32 32", "aria-hidden": "true" },
    svg("rect", { width: 32, height: 32, rx: 7, fill: "#0a6c7c" }),
    bars.map(([x, y, width]) => svg("rect", { x, y, width, height: 4, rx: 1, fill: "#fff" })),
  );
}
