// Shows the document of the API. Tokens are kept in memory only: leaving the page forgets them.
const night = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", night.matches);
night.addEventListener("change", follow);
follow();

const place = document.getElementById("api");

window.SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  deepLinking: true,
  persistAuthorization: false,
  // Otherwise a badge is fetched from somebody else's server.
  validatorUrl: null,
  defaultModelsExpandDepth: 0,
  supportedSubmitMethods: ["get", "head", "post", "put", "patch", "delete"],
});
