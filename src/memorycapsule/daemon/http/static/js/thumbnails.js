// Pictures for the tiles, straight from the telephone: small ones, one after the other, so that 300 of them fit.

const SIDE = 280;
let last = Promise.resolve();

/** Draw a small picture of a file into its tile; a sign for what this browser cannot show. */
export function draw(file, tile, icon) {
  const sign = file.type.startsWith("audio/") ? "voice" : file.type.startsWith("video/") ? "film" : "photo";
  tile.prepend(icon(sign));
  if (sign === "photo") last = last.then(() => drawPhoto(file, tile)).catch(() => {}); // HEIC; the sign stays
}

async function drawPhoto(file, tile) {
  const picture = await createImageBitmap(file, { resizeWidth: SIDE, resizeQuality: "medium", imageOrientation: "from-image" });
  const canvas = document.createElement("canvas");
  canvas.width = picture.width;
  canvas.height = picture.height;
  canvas.getContext("2d").drawImage(picture, 0, 0);
  picture.close();
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", file.name);
  if (tile.classList.contains("refused")) return;
  tile.querySelectorAll(".name, :scope > .i").forEach((one) => one.remove());
  tile.prepend(canvas);
}
