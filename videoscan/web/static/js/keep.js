// Keeps files over a reload of the page, in the browser's own store, so that an upload goes on without being asked for again.

const NAME = "videoscan";
const STORE = "files";
/** Larger files are not kept: the browser copies what it keeps. */
export const MOST_BYTES = 512 * 1024 * 1024;

function open() {
  return new Promise((done, failed) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
}

async function act(mode, work) {
  const database = await open();
  try {
    return await new Promise((done, failed) => {
      const transaction = database.transaction(STORE, mode);
      const request = work(transaction.objectStore(STORE));
      transaction.oncomplete = () => done(request.result);
      transaction.onabort = () => failed(transaction.error);
      transaction.onerror = () => failed(transaction.error);
    });
  } finally {
    database.close();
  }
}

/** Keeps a file; a browser that cannot (a private window, a full disk) keeps none, and nothing is lost by that. */
export async function keep(key, file) {
  if (file.size > MOST_BYTES) return false;
  try {
    await act("readwrite", (store) => store.put(file, key));
    return true;
  } catch {
    return false;
  }
}

/** The file that was kept, `null` without one. */
export async function kept(key) {
  try {
    return (await act("readonly", (store) => store.get(key))) ?? null;
  } catch {
    return null;
  }
}

/** Forgets a file. */
export async function forget(key) {
  try { await act("readwrite", (store) => store.delete(key)); } catch { /* it was not there */ }
}
