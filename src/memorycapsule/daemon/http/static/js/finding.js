// Lists that are searched while somebody types; without a script the form asks for the page with what was found.
for (const field of document.querySelectorAll("[data-finds]")) {
  const rows = [...document.getElementById(field.dataset.finds).children];
  const none = document.getElementById(`${field.dataset.finds}-none`);
  field.form.querySelector("button").hidden = true;
  field.form.addEventListener("submit", (event) => event.preventDefault());
  field.addEventListener("input", () => {
    const wanted = field.value.trim().toLocaleLowerCase();
    for (const row of rows) row.hidden = !row.querySelector(".who").textContent.toLocaleLowerCase().includes(wanted);
    none.hidden = rows.some((row) => !row.hidden);
  });
}
