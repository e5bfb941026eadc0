// Sending one file in parts that survive cut connections: the browser's half of tus 1.0.0.

const PART = 5_000_000;
const STALLED = 60_000;
const LONGEST_PAUSE = 30_000;

/** A file that the other side does not want, for good; `status` says why, and `sentence` where it has one. */
export class Unwanted extends Error {
  constructor(status, sentence = "") {
    super(`not taken: ${status}`);
    this.status = status;
    this.sentence = sentence;
  }
}

/** Say in base64 what is not ASCII, as Upload-Metadata wants it. */
function metadata(values) {
  const encode = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
  return Object.entries(values)
    .map(([key, value]) => `${key} ${encode(String(value))}`)
    .join(",");
}

/** One request; rejects when the connection breaks or nothing moves for a minute. */
function ask(method, address, { headers = {}, body = null, onSent = () => {} } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let watch = 0;
    const moved = () => {
      clearTimeout(watch);
      watch = setTimeout(() => request.abort(), STALLED);
    };
    request.open(method, address);
    request.setRequestHeader("Tus-Resumable", "1.0.0");
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => {
      moved();
      onSent(event.loaded);
    };
    request.onload = () => resolve(request);
    request.onerror = request.onabort = () => reject(new Error("the connection broke"));
    request.onloadend = () => clearTimeout(watch);
    moved();
    request.send(body);
  });
}

const pause = (milliseconds) =>
  new Promise((resolve) => {
    const go = () => {
      clearTimeout(timer);
      removeEventListener("online", go);
      resolve();
    };
    const timer = setTimeout(go, milliseconds);
    addEventListener("online", go);
  });

/**
 * Send a file and return what became of it: {stage, medium, reason}. One that is "postponed" is there in full, and
 * the other side tries again by itself.
 *
 * `address` is of an upload that was begun before, if any; `begun(address)` is told of a new one. `sent(bytes)` hears
 * how far it is, `broken(is)` whether it waits for the connection. Throws Unwanted.
 */
export async function send(file, { uploads, story, position, address, begun, sent, broken }) {
  let failures = 0;
  for (;;) {
    try {
      if (!address) {
        address = await begin(file, { uploads, story, position });
        begun(address);
      }
      const done = await goOn(file, address, sent, () => {
        failures = 0;
        broken(false);
      });
      if (done) return done;
      address = null; // forgotten over there: from the beginning
    } catch (error) {
      if (error instanceof Unwanted) throw error;
      failures += 1;
      broken(true);
      await pause(Math.min(LONGEST_PAUSE, 1000 * 2 ** (failures - 1)) * (0.7 + Math.random() * 0.6));
    }
  }
}

async function begin(file, { uploads, story, position }) {
  const answer = await ask("POST", uploads, {
    headers: {
      "Upload-Length": String(file.size),
      "Upload-Metadata": metadata({ filename: file.name, story, position }),
    },
  });
  if (answer.status === 201) return answer.getResponseHeader("Location");
  throw refusal(answer.status, sentenceOf(answer));
}

// A full disk is told as well: somebody has to make room, and nobody can know when.
const refusal = (status, sentence) =>
  status === 507 || (status >= 400 && status < 500 && status !== 408 && status !== 409 && status !== 429)
    ? new Unwanted(status, sentence)
    : new Error(`answered ${status}`);

/** What the other side says of a file that it does not take; nothing where something on the way refused it. */
function sentenceOf(answer) {
  if (answer.getResponseHeader("Content-Type") !== "application/problem+json") return "";
  return JSON.parse(answer.responseText).detail;
}

/** Send what is missing; return null when nothing of the file is there any more. */
async function goOn(file, address, sent, moved) {
  let state = await tell(address);
  while (state) {
    if (state.stage === "arriving") {
      const start = state.received;
      sent(start);
      const answer = await ask("PATCH", address, {
        headers: { "Upload-Offset": String(start), "Content-Type": "application/offset+octet-stream" },
        body: file.slice(start, start + PART),
        onSent: (bytes) => sent(Math.min(start + bytes, file.size)),
      });
      moved();
      if (answer.status !== 204 && answer.status !== 409) {
        if (answer.status === 404) return null;
        throw refusal(answer.status);
      }
      const offset = Number(answer.getResponseHeader("Upload-Offset"));
      // The next part follows at once; at the end, or when we were wrong, we ask.
      state = answer.status === 204 && offset < file.size ? { stage: "arriving", received: offset } : await tell(address);
    } else if (state.stage === "waiting") {
      sent(file.size);
      moved();
      await pause(1500);
      state = await tell(address);
    } else if (state.stage === "removed") {
      return null;
    } else {
      return state;
    }
  }
  return null;
}

/** Return how far a file is, and what became of it; null when nothing of it is there any more. */
export async function tell(address) {
  const answer = await ask("GET", address);
  if (answer.status === 404) return null;
  if (answer.status !== 200) throw refusal(answer.status);
  return JSON.parse(answer.responseText);
}
