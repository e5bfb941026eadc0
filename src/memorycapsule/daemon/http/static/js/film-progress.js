// How far films are, told while they are being made; the page need not be loaded again.

const LOOK_MS = 2000;
const UNFINISHED = new Set(["queued", "rendering"]);

const news = document.querySelector("#film-news");
const shownFor = (id) => [...document.querySelectorAll(`[data-film="${id}"]`)];
const isWaiting = () =>
  [...document.querySelectorAll("[data-film]")].some((one) => UNFINISHED.has(one.dataset.state));

function tell(place, film) {
  const say = place.querySelector(".say");
  if (say && film.say && say.textContent !== film.say) say.textContent = film.say;
  const thread = place.querySelector(".thread");
  if (!thread) return;
  thread.setAttribute("aria-valuenow", film.percent);
  thread.querySelector(".sewn").setAttribute("x2", film.percent);
}

async function renewList() {
  const page = await (await fetch(location.href)).text();
  const fresh = new DOMParser().parseFromString(page, "text/html").querySelector("#films");
  const list = document.querySelector("#films");
  if (fresh && list) list.replaceWith(fresh);
}

async function look() {
  const answer = await fetch(news.dataset.url);
  if (!answer.ok) return;
  let isListOld = false;
  for (const film of (await answer.json()).films) {
    for (const place of shownFor(film.id)) {
      if (place.dataset.state === film.state || UNFINISHED.has(film.state)) {
        place.dataset.state = film.state;
        tell(place, film);
      } else if (place.dataset.isShown) {
        location.reload();
        return;
      } else {
        isListOld = true;
        news.textContent = film.say || news.dataset.ready;
      }
    }
  }
  if (isListOld) await renewList();
}

async function keepLooking() {
  while (isWaiting()) {
    await new Promise((done) => setTimeout(done, LOOK_MS));
    if (document.hidden) continue;
    // The house may be out of reach for a moment; the next look tells.
    await look().catch(() => {});
  }
}

if (news) keepLooking();
