// Shows the document of the API. Tokens are kept in memory only: leaving the page forgets them.
const night = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", night.matches);
night.addEventListener("change", follow);
follow();

const place = document.getElementById("api");

window.SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  // Its links would stand inside its buttons.
  deepLinking: false,
  persistAuthorization: false,
  // Otherwise a badge is fetched from somebody else's server.
  validatorUrl: null,
  defaultModelsExpandDepth: 0,
  supportedSubmitMethods: ["get", "head", "post", "put", "patch", "delete"],
  // Its headings leave a level out, and what it says first stands in no landmark.
  onComplete() {
    const words = place.querySelector(".information-container");
    words.setAttribute("role", "region");
    words.setAttribute("aria-label", document.title);
    for (const heading of place.querySelectorAll("h3, h4")) heading.setAttribute("aria-level", "2");
  },
});
