// Stories are chosen by tapping them in the order in which they are to be seen.

const ASK_AFTER_MS = 200;

function enhance(form) {
  document.documentElement.classList.add("scripted");
  const boxes = new Map([...form.querySelectorAll("input[name=story]")].map((box) => [box.value, box]));
  const tag = form.querySelector("#film-length");
  const list = form.querySelector("#film-order");
  const news = form.querySelector("#film-order-news");
  const inOrder = form.dataset.order.split(" ").filter((id) => boxes.has(id));
  // After a step back, browsers remember what was ticked, but not in which order.
  const order = [...inOrder, ...[...boxes.values()].filter((box) => box.checked && !inOrder.includes(box.value)).map((box) => box.value)];
  const say = (sentence, id) =>
    sentence
      .replace("{title}", boxes.get(id).dataset.title)
      .replace("{place}", order.indexOf(id) + 1)
      .replace("{count}", order.length);

  const show = () => {
    for (const [id, box] of boxes) {
      const place = order.indexOf(id) + 1;
      box.checked = place > 0;
      box.parentElement.querySelector(".number").textContent = place || "";
      if (place) box.setAttribute("aria-label", say(form.dataset.numbered, id));
      else box.removeAttribute("aria-label");
    }
    list.replaceChildren(
      ...order.map((id) => {
        const item = document.createElement("li");
        item.textContent = boxes.get(id).dataset.title;
        return item;
      }),
    );
    ask();
  };

  let waiting = 0;
  let asked = 0;
  const ask = () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const number = ++asked;
      const query = new URLSearchParams(order.map((id) => ["story", id]));
      query.set("length", form.elements.length.value || "usual");
      const url = new URL(form.dataset.lengthUrl, location.href);
      for (const [name, value] of query) url.searchParams.append(name, value);
      try {
        const answer = await fetch(url);
        if (!answer.ok || number !== asked) return;
        tag.textContent = (await answer.json()).say;
        tag.hidden = false;
      } catch {
        tag.hidden = true;
      }
    }, ASK_AFTER_MS);
  };

  const move = (id, by) => {
    const from = order.indexOf(id);
    const to = from + by;
    if (from < 0 || to < 0 || to >= order.length) return;
    order.splice(from, 1);
    order.splice(to, 0, id);
    show();
    news.textContent = say(form.dataset.moved, id);
  };

  for (const [id, box] of boxes) {
    box.addEventListener("change", () => {
      if (box.checked) order.push(id);
      else order.splice(order.indexOf(id), 1);
      show();
      news.textContent = say(box.checked ? form.dataset.moved : form.dataset.takenOut, id);
    });
    box.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
      if (!event.altKey || !by) return;
      // Otherwise the browser would go to another page.
      event.preventDefault();
      move(id, by);
    });
  }
  form.addEventListener("change", (event) => {
    if (event.target.name === "length") ask();
  });
  // Boxes are sent as they stand on the page; the order goes along by itself.
  form.addEventListener("formdata", (event) => {
    event.formData.delete("story");
    for (const id of order) event.formData.append("story", id);
  });
  show();
  listening(form);
}

function listening(form) {
  const own = form.querySelector("#own-song");
  own.addEventListener("change", () => {
    if (own.files.length) form.querySelector("input[name=song][value=own]").checked = true;
  });
  const all = [...form.querySelectorAll("audio")];
  for (const audio of all) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "listen";
    button.innerHTML =
      '<svg class="i start" viewBox="0 0 24 24" aria-hidden="true"><path d="m8 5.500 11 6.500-11 6.500z" fill="currentColor"/></svg>' +
      '<svg class="i stop" viewBox="0 0 24 24" aria-hidden="true"><path d="M8 5v14M16 5v14" stroke-width="4"/></svg>';
    const tell = () => {
      button.setAttribute("aria-pressed", String(!audio.paused));
      button.setAttribute("aria-label", audio.paused ? audio.dataset.listen : audio.dataset.stop);
    };
    button.addEventListener("click", () => {
      all.filter((other) => other !== audio).forEach((other) => other.pause());
      if (audio.paused) audio.play();
      else audio.pause();
    });
    ["play", "pause", "ended"].forEach((name) => audio.addEventListener(name, tell));
    audio.controls = false;
    audio.hidden = true;
    audio.after(button);
    tell();
  }
}

document.querySelectorAll("#make-film").forEach(enhance);
