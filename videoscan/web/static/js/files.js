// Files that a person drops or chooses: those of a folder with all that lies in it, and of those the videos.

const SUFFIXES = new Set(
  "3gp avi flv gif h264 h265 hevc 264 265 m2ts m4v mkv mov mp4 mpeg mpg mts mxf ogv ts vob webm wmv y4m".split(" "),
);

/** Whether a file is probably a video: the service looks for itself. */
export function isVideo(file) {
  return file.type.startsWith("video/") || SUFFIXES.has(file.name.split(".").pop().toLowerCase());
}

/** The files of a drop, folders opened. To be called at once: a drop's items are gone when its event is over. */
export async function dropped(transfer) {
  const entries = [...transfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const found = [];
  for (const entry of entries) await walk(entry, found);
  return found;
}

/** Whether something that is dragged holds files, and not a link or a text. */
export function holdsFiles(event) {
  return [...(event.dataTransfer?.types ?? [])].includes("Files");
}

async function walk(entry, found) {
  if (entry === null) return;
  if (entry instanceof File) found.push(entry);
  else if (entry.isFile) found.push(await new Promise((done, failed) => { entry.file(done, failed); }));
  else {
    const reader = entry.createReader();
    for (;;) {
      // A folder is read a hundred entries at a time.
      const some = await new Promise((done, failed) => { reader.readEntries(done, failed); });
      if (!some.length) break;
      for (const each of some) await walk(each, found);
    }
  }
}
