// Our own controls for the film, in the place of the browser's. Without this module those stay.

const SEEK_SECONDS = 5;
const AWAKE_MS = 2600;

const clock = (seconds) => {
  const whole = Math.max(0, Math.floor(seconds || 0));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
};

function enhance(player) {
  const video = player.querySelector("video");
  const controls = player.querySelector(".controls");
  const [go, toggle, full] = [".go", ".toggle", ".full"].map((name) => player.querySelector(name));
  const sound = player.querySelector(".sound");
  const captions = player.querySelector(".captions");
  const spoken = player.querySelector(".spoken");
  const place = player.querySelector("input[type=range]");
  const ticks = player.querySelector(".ticks");
  const chapters = [...document.querySelectorAll(".chapters a")].map((link) => ({
    link,
    seconds: Number(link.dataset.seconds),
    title: link.lastChild.textContent.trim(),
  }));
  const chapterAt = (seconds) => chapters.filter((one) => one.seconds <= seconds + 0.05).at(-1);
  let sleep = 0;

  video.controls = false;
  controls.hidden = false;

  const play = () => {
    if (video.paused) video.play();
    else video.pause();
  };
  // Whoever came by a button that said so need not press another one; where the browser minds, ours is there.
  if (location.hash === "#play") video.play().catch(() => {});
  const seek = (seconds) => {
    video.currentTime = Math.min(Math.max(seconds, 0), video.duration || 0);
  };
  const wake = () => {
    player.classList.add("awake");
    clearTimeout(sleep);
    sleep = setTimeout(() => player.classList.remove("awake"), AWAKE_MS);
  };
  const tell = () => {
    const length = video.duration || 0;
    const share = length ? (100 * video.currentTime) / length : 0;
    place.max = length || 100;
    place.value = video.currentTime;
    place.style.setProperty("--at", `${share}%`);
    const said = player.dataset.place.replace("{at}", clock(video.currentTime)).replace("{length}", clock(length));
    const chapter = chapterAt(video.currentTime);
    place.setAttribute("aria-valuetext", chapter ? `${said}, ${chapter.title}` : said);
    player.querySelector(".time").textContent = length ? `${clock(video.currentTime)} / ${clock(length)}` : "0:00";
    player.querySelector(".chapter-now").textContent = video.currentTime > 0 && chapter ? chapter.title : "";
  };
  const state = () => {
    player.classList.toggle("playing", !video.paused && !video.ended);
    toggle.setAttribute("aria-label", video.paused ? player.dataset.play : player.dataset.pause);
    wake();
  };

  go.addEventListener("click", () => {
    play();
    toggle.focus({ preventScroll: true });
  });
  toggle.addEventListener("click", play);
  video.addEventListener("click", play);
  place.addEventListener("input", () => seek(Number(place.value)));
  ["play", "pause", "ended"].forEach((name) => video.addEventListener(name, state));
  ["timeupdate", "durationchange", "seeked", "loadedmetadata"].forEach((name) => video.addEventListener(name, tell));
  ["pointermove", "pointerdown", "keydown"].forEach((name) => player.addEventListener(name, wake));

  const marks = () => {
    if (!video.duration) return;
    ticks.replaceChildren(
      ...chapters
        .filter((one) => one.seconds > 0.5)
        .map((one) => {
          const tick = document.createElement("i");
          tick.style.left = `${(100 * one.seconds) / video.duration}%`;
          return tick;
        }),
    );
  };
  video.addEventListener("loadedmetadata", marks);
  marks();

  // The title of the chapter under the pointer.
  const bubble = document.createElement("b");
  place.addEventListener("pointermove", (event) => {
    const box = place.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    const chapter = chapterAt(share * (video.duration || 0));
    if (!chapter) return;
    bubble.textContent = `${clock(share * video.duration)}  ${chapter.title}`;
    bubble.style.left = `${Math.min(Math.max(share, 0.12), 0.88) * 100}%`;
    ticks.append(bubble);
  });
  place.addEventListener("pointerleave", () => bubble.remove());

  chapters.forEach((one) =>
    one.link.addEventListener("click", (event) => {
      event.preventDefault();
      seek(one.seconds);
      video.play();
      player.scrollIntoView({ block: "nearest" });
    }),
  );

  const track = [...video.textTracks].find((one) => one.kind === "captions");
  const showCaption = () => {
    const text = [...(track.activeCues || [])].map((cue) => cue.text).join("\n");
    // A cue is markup; what people wrote in it is escaped, and only text comes out again.
    const plain = new DOMParser().parseFromString(text, "text/html").body.textContent;
    const words = document.createElement("span");
    words.textContent = plain;
    spoken.replaceChildren(words);
    spoken.hidden = !plain || captions.getAttribute("aria-pressed") !== "true";
  };
  const switchCaptions = () => {
    const isOn = captions.getAttribute("aria-pressed") !== "true";
    captions.setAttribute("aria-pressed", String(isOn));
    player.classList.toggle("captioned", isOn);
    track.mode = "hidden";
    showCaption();
  };
  if (captions && track) {
    captions.addEventListener("click", switchCaptions);
    track.addEventListener("cuechange", showCaption);
    // On iPhones the system plays the film in full screen, and shows captions by itself.
    video.addEventListener("webkitbeginfullscreen", () => {
      track.mode = captions.getAttribute("aria-pressed") === "true" ? "showing" : "disabled";
    });
    video.addEventListener("webkitendfullscreen", () => {
      track.mode = "hidden";
    });
  }

  const switchSound = () => {
    video.muted = !video.muted;
  };
  sound.addEventListener("click", switchSound);
  video.addEventListener("volumechange", () => sound.setAttribute("aria-pressed", String(!video.muted)));

  const switchFull = () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (player.requestFullscreen) player.requestFullscreen();
    else if (video.webkitEnterFullscreen) video.webkitEnterFullscreen();
  };
  full.addEventListener("click", switchFull);

  const keys = {
    ArrowLeft: () => seek(video.currentTime - SEEK_SECONDS),
    ArrowRight: () => seek(video.currentTime + SEEK_SECONDS),
    Home: () => seek(0),
    End: () => seek(video.duration),
    k: play,
    f: switchFull,
    m: switchSound,
    c: () => captions && track && switchCaptions(),
  };
  player.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    // A button is pressed by space itself.
    const key = event.key === " " && event.target === place ? "k" : event.key;
    if (!keys[key]) return;
    event.preventDefault();
    keys[key]();
  });
  tell();
}

document.querySelectorAll(".player").forEach(enhance);
