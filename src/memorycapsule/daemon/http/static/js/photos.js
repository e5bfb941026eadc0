// The photo page, livelier: photos open full screen, with what was written, and cards open on a double tap.
// Without this every photo is a link to its large form, and cards turn all the same.
const album = document.getElementById("album").dataset;
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

// As many places as there are photos; those that nobody has come near to yet are empty.
const slides = [];
const asked = new Map();
// How many places before somebody gets there the photos are asked for.
const NEAR = 20;

// The photos around one of them (`photo`) or around a place (`place`), asked for once.
function slidesAround(what, value) {
  const key = `${what}=${value}`;
  if (!asked.has(key)) {
    const answered = fetch(`${album.album}${album.album.includes("?") ? "&" : "?"}${key}`, { credentials: "same-origin" }).then(async (answer) => {
      if (!answer.ok) throw new Error(`the photos cannot be listed: ${answer.status}`);
      const { count, first, photos } = await answer.json();
      slides.length = count;
      photos.forEach((photo, number) => { slides[first + number] ??= sized(asSlide(photo)); });
      return { first, last: first + photos.length - 1 };
    });
    answered.catch(() => asked.delete(key));
    asked.set(key, answered);
  }
  return asked.get(key);
}

const placeOf = (id) => slides.findIndex((slide) => slide?.id === id);

async function foundPlace(id) {
  if (placeOf(id) < 0) await slidesAround("photo", id);
  return placeOf(id);
}

// The viewer goes round: behind the last photo comes the first one.
function askAhead(viewer) {
  for (const step of [0, 1, -1, NEAR, -NEAR]) {
    const place = (((viewer.currIndex + step) % slides.length) + slides.length) % slides.length;
    if (slides[place]) continue;
    slidesAround("place", place).then(({ first, last }) => {
      if (shown !== viewer) return;
      for (let arrived = first; arrived <= last; arrived += 1) {
        // Beside an open photo, the empty places are seen; others are only remembered as empty.
        const isBeside = Math.abs(arrived - viewer.currIndex) % (slides.length - 1) <= 1;
        if (isBeside && viewer.opener.isOpen) viewer.refreshSlideContent(arrived);
        else viewer.contentLoader.removeByIndex(arrived);
      }
    }).catch(() => {});
  }
}

function asSlide(photo) {
  if (photo.kind === "clip") return { ...photo, type: "clip" };
  return { ...photo, msrc: photo.small, alt: photo.what, w: photo.width, h: photo.height };
}

// How large the large form is: at most 2560 pixels on its long side, as it was prepared.
function sized(slide) {
  const shrunk = Math.min(1, 2560 / Math.max(slide.width, slide.height));
  return { ...slide, w: Math.round(slide.width * shrunk), h: Math.round(slide.height * shrunk), width: undefined, height: undefined };
}

function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  if (text) made.textContent = text;
  return made;
}

const SVG = "http://www.w3.org/2000/svg";
function keepIcon() {
  const icon = document.createElementNS(SVG, "svg");
  icon.setAttribute("class", "i");
  icon.setAttribute("viewBox", "0 0 24 24");
  icon.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", "M12 4v11M7 10.500l5 5 5-5M5 20h14");
  icon.append(path);
  return icon;
}

// Every photo has an address: that of the page with the photo's name behind it. The one open viewer follows it.
const addressOf = (id) => `#photo-${id}`;
const photoInAddress = () => /^#photo-([0-9a-f-]+)$/.exec(location.hash)?.[1];
// What an entry of the history says whose entry below is this page without the viewer.
const ABOVE_PAGE = { viewer: true };
let shown;
// Whether the browser's own Back closes the viewer, and whether the viewer is going back to the page below.
let isByHistory = false;
let isLeaving = false;

async function open(id) {
  const [{ default: PhotoSwipe }, index] = await Promise.all([import(album.photoswipe), foundPlace(id)]);
  // Whoever went back meanwhile does not want it any more.
  if (shown || photoInAddress() !== id) return;
  if (index < 0) {
    history.back();
    return;
  }
  const opener = document.activeElement;
  const viewer = new PhotoSwipe({
    dataSource: slides,
    index,
    mainClass: `pswp--${album.theme}`,
    bgOpacity: 1,
    showHideAnimationType: still ? "none" : "fade",
    zoomAnimationDuration: still ? false : 333,
    // Small and old pictures may grow, as far as that still does them good.
    initialZoomLevel: ({ panAreaSize, elementSize }) => Math.min(1.8, panAreaSize.x / elementSize.x, panAreaSize.y / elementSize.y),
    secondaryZoomLevel: 2.5,
    paddingFn: (size) => ({ top: 64, bottom: Math.round(Math.min(150, size.y * 0.2)), left: 0, right: 0 }),
    closeTitle: album.close,
    zoomTitle: album.zoom,
    arrowPrevTitle: album.before,
    arrowNextTitle: album.next,
    errorMsg: album.failed,
    returnFocus: false,
  });
  viewer.on("contentLoad", (event) => {
    const { content } = event;
    if (content.type !== "clip") return;
    event.preventDefault();
    content.element = element("div", "pswp__clip");
    const video = document.createElement("video");
    Object.assign(video, { controls: true, playsInline: true, preload: "metadata", poster: content.data.src, src: content.data.clip });
    video.setAttribute("aria-label", content.data.what);
    content.element.append(video);
    content.onLoaded();
  });
  viewer.on("contentDeactivate", ({ content }) => content.element?.querySelector?.("video")?.pause());
  // A finger on the controls of a clip is not a swipe.
  viewer.on("pointerDown", (event) => {
    if (event.originalEvent.target.closest("video, .pswp__caption")) event.preventDefault();
  });
  viewer.on("uiRegister", () => {
    viewer.ui.registerElement({
      name: "keep",
      order: 8,
      isButton: true,
      tagName: "a",
      title: album.keep,
      onInit: (link) => {
        link.append(keepIcon());
        link.setAttribute("download", "");
        viewer.on("change", () => link.setAttribute("href", viewer.currSlide.data.original ?? "#"));
      },
    });
    viewer.ui.registerElement({
      name: "caption",
      order: 9,
      isButton: false,
      appendTo: "root",
      onInit: (caption) => {
        caption.classList.add("pswp__caption");
        caption.setAttribute("role", "group");
        caption.setAttribute("aria-label", album.words);
        caption.setAttribute("aria-live", "polite");
        caption.tabIndex = 0;
        viewer.on("change", () => {
          const { title, text, by, missing = [] } = viewer.currSlide.data;
          const lines = [...(text ? [element("p", "", text)] : []), ...[by, ...missing].map((line) => element("p", "by", line))];
          caption.replaceChildren(element("b", "", title), ...lines);
          caption.scrollTop = 0;
        });
      },
    });
  });
  viewer.on("change", () => {
    for (const holder of viewer.mainScroll.itemHolders) {
      const slide = holder.slide;
      if (slide) holder.el.setAttribute("aria-label", `${slide.index + 1} / ${viewer.getNumItems()}: ${slide.data.what ?? ""}`);
    }
  });
  viewer.on("firstUpdate", () => {
    viewer.element.setAttribute("aria-label", album.viewer);
    viewer.element.setAttribute("aria-modal", "true");
    viewer.scrollWrap.setAttribute("aria-label", album.viewer);
  });
  // PhotoSwipe listens to keys once it is open; those that were pressed before come after.
  const early = [];
  const remember = (event) => {
    if (!["ArrowLeft", "ArrowRight", "Escape"].includes(event.key)) return;
    event.preventDefault();
    early.push(event.key);
  };
  document.addEventListener("keydown", remember);
  viewer.on("bindEvents", () => {
    document.removeEventListener("keydown", remember);
    for (const key of early) document.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true }));
  });
  shown = viewer;
  isByHistory = isLeaving = false;
  viewer.on("change", () => {
    const { id: current } = viewer.currSlide.data;
    if (current && photoInAddress()) history.replaceState(history.state, "", addressOf(current));
    askAhead(viewer);
  });
  // Nothing closes PhotoSwipe while it opens: whoever went back then is heard now.
  viewer.on("openingAnimationEnd", () => { if (!photoInAddress()) viewer.close(); });
  viewer.on("close", () => {
    shown = undefined;
    isLeaving = Boolean(photoInAddress());
    if (isLeaving) history.back();
  });
  // Back keeps the place. Whoever closes the viewer on another photo comes to that one, if it is on the page.
  viewer.on("destroy", () => {
    const last = viewer.currSlide.data.id;
    const place = isByHistory || !last || last === id ? null : document.querySelector(`#p-${CSS.escape(last)} a[data-medium]`);
    (place ?? opener).focus({ preventScroll: true });
    place?.scrollIntoView({ block: "center", behavior: still ? "auto" : "smooth" });
  });
  viewer.init();
}

addEventListener("popstate", () => {
  const id = photoInAddress();
  if (isLeaving) {
    // Below may lie photos whose addresses somebody typed.
    if (id) history.back();
    isLeaving = Boolean(id);
  } else if (!id) {
    isByHistory = Boolean(shown);
    shown?.close();
  } else if (shown) {
    foundPlace(id).then((place) => shown?.goTo(Math.max(0, place))).catch(() => {});
  } else openFromAddress(id);
});

function openFromAddress(id) {
  if (!history.state?.viewer) history.replaceState(ABOVE_PAGE, "");
  open(id).catch(() => history.back());
}

// Whoever comes by the address of a photo finds the page below it, as everybody else does.
if (photoInAddress()) {
  const { hash, pathname, search } = location;
  if (!history.state?.viewer) {
    history.replaceState(null, "", pathname + search);
    history.pushState(ABOVE_PAGE, "", hash);
  }
  openFromAddress(photoInAddress());
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-medium]");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  if (photoInAddress()) return;
  link.focus({ preventScroll: true });
  history.pushState(ABOVE_PAGE, "", addressOf(link.dataset.medium));
  open(link.dataset.medium).catch(() => location.replace(link.href));
});

document.addEventListener("dblclick", (event) => {
  const link = event.target.closest(".pcard")?.querySelector("a[data-medium]");
  if (link && event.target.closest("input, .words")) link.click();
});

// A finger or the focus comes near: then there is time to ask, and those who only look around ask for nothing.
for (const nearing of ["pointerover", "focusin"]) {
  document.addEventListener(nearing, (event) => {
    const near = event.target.closest("a[data-medium], .pcard");
    const link = near?.matches("a") ? near : near?.querySelector("a[data-medium]");
    if (link) foundPlace(link.dataset.medium).catch(() => {});
  });
}
