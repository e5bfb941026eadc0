// The page where photos and words are put in: a queue of files, a tile for each, drafts that survive a reload.
import { send, tell as askAfter, Unwanted } from "./sending.js";
import { draw } from "./thumbnails.js";
import { listen } from "./voice.js";

const AT_ONCE = 3;
const SAVED_AFTER = 1500;
const ASKED_AFTER = 15_000;

const form = document.getElementById("adding");
const words = JSON.parse(document.getElementById("words").textContent);
const { capsule, member, uploads, media, thanks } = form.dataset;
const picker = document.getElementById("files");
const tiles = document.getElementById("tiles");
const show = (id, is = true) => { document.getElementById(id).hidden = !is; };
const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const icon = (name) => document.getElementById(`icon-${name}`).content.cloneNode(true);

// What this device remembers of this page: the story, the words, and where each file was going.
const KEY = `capsule-adding:${capsule}:${member}`;
const memory = (() => {
  let kept = {};
  try { kept = JSON.parse(localStorage.getItem(KEY)) || {}; } catch { /* none, or not allowed to remember */ }
  return {
    // `drafts` are words that are not saved yet, with the marks of what they are to replace; `waiting` the names of
    // files that were chosen and are not in.
    ...{ story: "", drafts: {}, files: {}, waiting: {} }, ...kept,
    keep() {
      const { story, drafts, files, waiting } = this;
      try { localStorage.setItem(KEY, JSON.stringify({ story, drafts, files, waiting })); } catch { /* goes on without */ }
    },
    forget() { try { localStorage.removeItem(KEY); } catch { /* nothing was kept */ } },
  };
})();
const identity = (file) => `${file.name}|${file.size}|${file.lastModified}`;

form.classList.add("scripted");
let story = form.elements.story.value;
if (!story && memory.story) {
  // Back on the page without its story in the address: go on with it, unless it is gone or out of reach.
  const there = withStory(location.href, memory.story);
  fetch(there, { method: "HEAD" }).then((answer) => {
    if (answer.ok && !answer.redirected) location.replace(there);
    else if (answer.status === 404) { Object.assign(memory, { story: "", files: {}, waiting: {} }); memory.keep(); }
  }).catch(() => {});
} else if (memory.story !== story && story) {
  Object.assign(memory, { story, drafts: {}, files: {}, waiting: {} });
  memory.keep();
}

function withStory(address, id) {
  const url = new URL(address, location.href);
  url.searchParams.set("story", id);
  url.searchParams.delete("again");
  return url.href;
}

// Words: kept on this device at every stroke, and sent when there is a pause.
const { title, text } = form.elements;
const saved = document.getElementById("saved");
// What is saved of each field as far as this page knows, and its mark; only what differs from it is sent.
const known = {};
for (const field of [title, text]) {
  known[field.name] = { value: field.value, mark: form.elements[`seen-${field.name}`].value };
  const draft = memory.drafts[field.name];
  if (!draft || draft.value === field.value) continue;
  known[field.name].mark = draft.mark;
  field.value = draft.value;
}
const isChanged = (field) => field.value !== known[field.name].value;
let saving = Promise.resolve();
let pauseInTyping = 0;
let isOver = false;
let isLeaving = false;

for (const field of [title, text]) {
  field.addEventListener("input", () => {
    memory.drafts[field.name] = { value: field.value, mark: known[field.name].mark };
    memory.keep();
    clearTimeout(pauseInTyping);
    pauseInTyping = setTimeout(() => { save().catch(() => { saved.textContent = words.savedHere; }); }, SAVED_AFTER);
  });
}

/** Send the words; the first time this makes the story. One after the other, so that there is one story only. */
function save() {
  clearTimeout(pauseInTyping);
  saving = saving.catch(() => {}).then(async () => {
    const sent = [title, text].filter(isChanged).map((field) => [field, field.value]);
    if (story && !sent.length) return;
    const body = new FormData();
    body.set("story", story);
    for (const [field, value] of sent) {
      body.set(field.name, value);
      body.set(`seen-${field.name}`, known[field.name].mark);
    }
    const answer = await fetch(form.action, { method: "POST", body, headers: { accept: "application/json" } });
    if (answer.status === 409) { showBoth(await answer.json()); throw new Elsewhere(); }
    if (!answer.ok) throw new Unwanted(answer.status);
    const done = await answer.json();
    ({ story } = done);
    for (const [field, value] of sent) {
      known[field.name] = { value, mark: done.seen[field.name] };
      if (field.value === value) delete memory.drafts[field.name];
      else memory.drafts[field.name].mark = done.seen[field.name];
      document.getElementById(`elsewhere-${field.name}`)?.remove();
    }
    form.elements.story.value = story;
    if (memory.story !== story) {
      memory.story = story;
      history.replaceState(null, "", withStory(location.href, story));
    }
    memory.keep();
    if (title.value || text.value) saved.textContent = words.saved;
  });
  return saving;
}

/** Somebody has saved other words since this page knew them; both are shown. */
class Elsewhere extends Error {}

/** Show what was saved elsewhere below the fields; what stands in them takes its place with the next save. */
function showBoth({ elsewhere, seen }) {
  for (const field of [title, text]) {
    if (!(field.name in elsewhere)) continue;
    const other = elsewhere[field.name];
    known[field.name] = { value: other, mark: seen[field.name] };
    memory.drafts[field.name] = { value: field.value, mark: seen[field.name] };
    memory.keep();
    document.getElementById(`elsewhere-${field.name}`)?.remove();
    const note = document.getElementById("elsewhere").content.firstElementChild.cloneNode(true);
    note.id = `elsewhere-${field.name}`;
    note.querySelector("q").textContent = other;
    note.querySelector("button").addEventListener("click", () => {
      field.value = other;
      delete memory.drafts[field.name];
      memory.keep();
      note.remove();
      field.focus();
    });
    field.after(note);
  }
  saved.textContent = "";
}

// Files.
const jobs = [];
let position = Number(form.dataset.position);
let began = 0;

function add(files) {
  const there = new Set(jobs.filter((job) => job.state !== "refused").map((job) => job.identity));
  for (const file of files) {
    if (there.has(identity(file))) continue;
    const job = { file, identity: identity(file), position: position++, sent: 0, state: "waiting" };
    jobs.push(job);
    memory.waiting[job.identity] = file.name;
    missing.delete(job.identity);
    job.tile = tileFor(job);
    tiles.append(job.tile);
    if (file.size) draw(file, job.tile, icon);
  }
  // On a narrow screen many tiles scroll by themselves, and the words below stay near.
  if (tiles.children.length > 12) tiles.tabIndex = 0;
  memory.keep();
  tellMissing();
  show("empty", false);
  began = began || performance.now();
  show("awake", jobs.some(isGoing));
  // From here on the main thing is to be done with it.
  document.querySelector(".pick .btn").className = "btn side wide";
  document.querySelector(".pick .btn span").textContent = words.more;
  document.getElementById("done").className = "btn main wide";
  goOn();
  tell();
}

const isGoing = (job) => job.state === "waiting" || job.state === "sending";

function tileFor(job) {
  const tile = document.getElementById("tile").content.firstElementChild.cloneNode(true);
  const name = document.createElement("span");
  name.className = "name";
  name.textContent = job.file.name;
  tile.prepend(name);
  say(tile, "waiting", icon("wait"), words.waiting);
  return tile;
}

function say(tile, state, ...what) {
  tile.className = `tile ${state}`;
  tile.querySelector(".state").replaceChildren(...what);
}

function saySending(job) {
  const percent = job.file.size ? Math.floor((100 * job.sent) / job.file.size) : 0;
  if (job.told === percent && job.wasBroken === job.isBroken) return;
  Object.assign(job, { told: percent, wasBroken: job.isBroken });
  const bar = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  bar.setAttribute("class", "bar");
  bar.setAttribute("aria-hidden", "true");
  for (const width of ["100%", `${percent}%`]) {
    const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [key, value] of Object.entries({ width, height: 6, rx: 3 })) rect.setAttribute(key, value);
    bar.append(rect);
  }
  const line = job.isBroken ? words.retrying : percent === 100 ? words.looking : `${percent}%`;
  say(job.tile, "sending", line, bar);
}

/** Note that nothing more of a file is to come from here. */
function release(job) {
  delete memory.waiting[job.identity];
  memory.keep();
}

function refuse(job, reason, again = false) {
  job.state = "refused";
  if (!again) release(job);
  const known = again ? null : [...tiles.querySelectorAll("[data-reason]")].find((one) => one.dataset.reason === reason);
  if (known && known !== job.tile) return joinRefused(known, job);
  const name = document.createElement("b");
  name.textContent = job.file.name;
  const why = document.createElement("span");
  why.textContent = reason;
  job.tile.querySelectorAll("canvas, img, .name, :scope > .i").forEach((one) => one.remove());
  const parts = [icon("warn"), name, why];
  if (again) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = words.again;
    button.addEventListener("click", () => {
      job.tile.replaceWith((job.tile = tileFor(job)));
      draw(job.file, job.tile, icon);
      Object.assign(job, { state: "waiting", sent: 0 });
      goOn();
      tell();
    });
    parts.push(button);
  } else {
    job.tile.dataset.reason = reason;
  }
  say(job.tile, "refused", ...parts);
}

/** One tile says a reason once, for all the files that it goes for. */
function joinRefused(tile, job) {
  job.tile.remove();
  job.tile = tile;
  const names = [tile.querySelector("b"), ...tile.querySelectorAll("li")].map((one) => one.textContent);
  if (names.includes(job.file.name)) return;
  let list = tile.querySelector("details ul");
  if (!list) {
    const details = document.createElement("details");
    list = document.createElement("ul");
    details.append(document.createElement("summary"), list);
    tile.querySelector(".state").append(details);
  }
  const item = document.createElement("li");
  item.textContent = job.file.name;
  list.append(item);
  tile.querySelector("summary").textContent = filled(words.andMore, { count: list.children.length });
}

const REASONS = { 413: words.tooLarge, 403: words.tooLate, 404: words.notKnown };

async function run(job) {
  job.state = "sending";
  saySending(job);
  try {
    while (!story) {
      try {
        await save();
      } catch (error) {
        if (error instanceof Unwanted && (error.status < 500 || error.status === 507) && error.status !== 429) throw error;
        job.isBroken = true;
        saySending(job);
        await new Promise((resolve) => setTimeout(resolve, 3000));
      }
    }
    const done = await send(job.file, {
      uploads, story, position: job.position, address: memory.files[job.identity],
      begun(address) { memory.files[job.identity] = address; memory.keep(); },
      sent(bytes) { job.sent = bytes; saySending(job); tell(); },
      broken(is) { job.isBroken = is; saySending(job); tell(); },
    });
    await settle(job, done);
  } catch (error) {
    const reason = error instanceof Unwanted ? (error.status === 413 && error.sentence) || REASONS[error.status] : null;
    const isFull = error instanceof Unwanted && error.status === 507;
    refuse(job, reason || (isFull ? words.full : words.failed), !reason);
  }
  job.sent = job.file.size;
  goOn();
  tell();
}

/** Say on its tile what became of a file that is all there. */
async function settle(job, done) {
  if (done.stage === "postponed") {
    job.state = "later";
    release(job);
    say(job.tile, "waiting", icon("wait"), words.postponed);
    setTimeout(askAgain, ASKED_AFTER, job);
  } else if (done.stage === "refused") {
    delete memory.files[job.identity];
    refuse(job, done.reason, done.code === "not_read_here");
  } else {
    job.state = "in";
    release(job);
    if (!job.tile.querySelector("canvas") && done.medium) await showThumbnail(job, done.medium);
    const line = done.missing.map((what) => words.missing[what]).join(" ");
    say(job.tile, "kept", icon("tick"), line || (done.stage === "duplicate" ? words.duplicate : words.in));
  }
}

/** A file that the other side could not read yet: it tries again by itself, and we ask now and then. */
async function askAgain(job) {
  let done = { stage: "postponed" };
  try { done = (await askAfter(memory.files[job.identity])) || done; } catch { /* the connection; later */ }
  await settle(job, done.stage === "waiting" ? { stage: "postponed" } : done);
  tell();
}

/** For what this browser cannot draw itself, HEIC mostly: show what has been made of it. */
function showThumbnail(job, medium) {
  return new Promise((resolve) => {
    const picture = new Image();
    picture.onload = () => {
      picture.alt = job.file.name;
      job.tile.querySelectorAll(".name, :scope > .i").forEach((one) => one.remove());
      job.tile.prepend(picture);
      resolve();
    };
    picture.onerror = resolve;
    const [path, query] = media.split("?");
    picture.src = `${path}/${medium}/thumbnail${query ? `?${query}` : ""}`;
  });
}

function goOn() {
  let free = AT_ONCE - jobs.filter((job) => job.state === "sending").length;
  for (const job of jobs) if (free > 0 && job.state === "waiting") { free -= 1; run(job); }
  stayAwake(jobs.some(isGoing));
}

// The docked line: how many, how long still.
const thread = document.querySelector("#dock .thread");
function tell() {
  const wanted = jobs.filter((job) => job.state !== "refused");
  const refused = jobs.length - wanted.length;
  const all = wanted.reduce((sum, job) => sum + job.file.size, 0);
  const sent = wanted.reduce((sum, job) => sum + job.sent, 0);
  const isBusy = jobs.some(isGoing);
  const percent = all ? Math.round((100 * sent) / all) : 100;
  show("going", jobs.length > 0);
  const count = filled(words.count, { all: wanted.length, done: wanted.filter((job) => job.state === "in").length });
  const line = document.getElementById("count");
  if (line.textContent !== count) line.textContent = count;
  const seconds = (performance.now() - began) / 1000;
  const minutes = Math.ceil((((all - sent) / Math.max(sent, 1)) * seconds) / 60);
  const rest = !isBusy ? "" : isLeaving ? words.then : seconds < 4 ? "" : minutes > 1 ? filled(words.minutes, { minutes }) : words.soon;
  // Files fail one by one; there is no connection when none of those on their way has one.
  const onTheirWay = jobs.filter((job) => job.state === "sending");
  const isOffline = isBusy && (!navigator.onLine || (onTheirWay.length > 0 && onTheirWay.every((job) => job.isBroken)));
  const offline = document.getElementById("offline");
  const gone = isOffline ? words.offline : "";
  if (offline.textContent !== gone) offline.textContent = gone;
  const left = [refused ? filled(words.leftOut, { count: refused }) : "", isOffline ? "" : rest];
  document.getElementById("left").textContent = left.filter(Boolean).join(" · ");
  thread.setAttribute("aria-valuenow", percent);
  thread.querySelector(".sewn").setAttribute("x2", percent);
  if (!isBusy) {
    show("awake", false);
    began = 0;
    if (isLeaving) leave();
  }
}
for (const change of ["online", "offline"]) addEventListener(change, () => tell());

/** Go on to the thank-you page once the words are saved, or say why not yet. */
async function leave() {
  isLeaving = false;
  const button = document.getElementById("done");
  button.disabled = true;
  try {
    if (story || isChanged(title) || isChanged(text)) await save();
    if (!story) { sayEmpty(); return; }
    isOver = true;
    memory.forget();
    location.assign(withStory(thanks, story));
  } catch (error) {
    if (error instanceof Elsewhere) document.querySelector(".elsewhere")?.scrollIntoView({ block: "center" });
    else saved.textContent = words.savedHere;
  } finally {
    button.disabled = false;
  }
}

function sayEmpty() {
  show("empty");
  document.getElementById("empty").scrollIntoView({ block: "center" });
  picker.focus({ preventScroll: true });
}

// Choosing: telephones prepare what was chosen, and say nothing meanwhile.
const preparesLong = /iPhone|iPad|iPod/.test(navigator.userAgent) || (navigator.maxTouchPoints > 1 && /Macintosh/.test(navigator.userAgent));
picker.addEventListener("click", () => {
  if (preparesLong) addEventListener("focus", () => setTimeout(() => show("preparing"), 300), { once: true });
});
picker.addEventListener("cancel", () => show("preparing", false));
picker.addEventListener("change", () => {
  setTimeout(() => show("preparing", false), 350);
  add([...picker.files]);
  picker.value = "";
});
const pick = document.querySelector(".pick");
addEventListener("dragover", (event) => { event.preventDefault(); pick.classList.add("dropping"); });
addEventListener("dragleave", () => pick.classList.remove("dropping"));
addEventListener("drop", (event) => {
  event.preventDefault();
  pick.classList.remove("dropping");
  if (event.dataTransfer.files.length) add([...event.dataTransfer.files]);
});

// A screen that stays on, where the browser lets us.
let lock = null;
async function stayAwake(is) {
  if (!is && lock) { lock.release(); lock = null; }
  if (is && !lock && navigator.wakeLock && document.visibilityState === "visible") {
    try {
      lock = await navigator.wakeLock.request("screen");
      lock.addEventListener("release", () => { lock = null; });
    } catch { /* low battery: it sends all the same */ }
  }
}
document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") stayAwake(jobs.some(isGoing)); });

addEventListener("beforeunload", (event) => { if (!isOver && jobs.some(isGoing)) event.preventDefault(); });

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!jobs.some(isGoing)) { leave(); return; }
  // The story may still be on its way, and so may files: the last of them leads on.
  isLeaving = true;
  tell();
});

listen({ words, filled, add: (file) => add([file]), choose: () => picker.click() });

// What an earlier visit did not bring all the way in, by the identities of the files: their names.
const missing = new Map();
const MOST_NAMES = 12;

function tellMissing() {
  show("unfinished", missing.size > 0);
  const names = [...missing.values()];
  document.querySelector("#unfinished p").textContent = filled(words.unfinished, { count: names.length });
  const shown = names.slice(0, MOST_NAMES);
  if (names.length > MOST_NAMES) shown.push(filled(words.andMore, { count: names.length - MOST_NAMES }));
  document.querySelector("#unfinished .names").replaceChildren(...shown.map((name) => {
    const item = document.createElement("li");
    item.textContent = name;
    return item;
  }));
}
document.querySelector("#unfinished button").addEventListener("click", () => picker.click());

/** Find out which files of an earlier visit are not in: those that were never begun, and those that were cut off. */
async function recall() {
  for (const [key, name] of Object.entries(memory.waiting)) {
    let isMissing = true;
    if (memory.files[key]) {
      try {
        const answer = await fetch(memory.files[key], { headers: { accept: "application/json" } });
        isMissing = !answer.ok || (await answer.json()).stage === "arriving";
      } catch { /* the file tells for itself when it is chosen again */ }
    }
    if (jobs.some((job) => job.identity === key)) continue;
    if (isMissing) missing.set(key, name);
    else delete memory.waiting[key];
  }
  memory.keep();
  tellMissing();
}
recall();
// What was typed and not saved when the page was left.
if (story && (isChanged(title) || isChanged(text))) save().catch(() => { saved.textContent = words.savedHere; });
