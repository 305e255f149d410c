"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const stepOf = (box) => byId(box.getAttribute("href").slice(1));
  const groups = all(".group");

  // What is on the page is narrowed down: clusters by name, steps by kind and by whether they do anything.
  const tools = byId("tools");
  const which = byId("which");
  const done = byId("done");
  const kinds = all("[name=kind]", tools);

  const narrow = () => {
    const name = which ? which.value.trim().toLowerCase() : "";
    const shownKinds = new Set(kinds.filter((kind) => kind.checked).map((kind) => kind.value));
    const isShown = (item) => shownKinds.has(item.dataset.kind) && !(done?.checked && item.classList.contains("still"));
    const isNamed = (group) => group.querySelector("h3").textContent.toLowerCase().includes(name);
    const isNarrow = shownKinds.size < kinds.length || Boolean(done?.checked);
    const named = new Set();
    let [steps, clusters] = [0, 0];
    for (const group of groups.filter((group) => !group.dataset.of)) {
      if (isNamed(group)) named.add(group.id.slice(1));
    }
    for (const group of groups) {
      const of = group.dataset.of?.split(" ");
      const isConcerned = of ? name === "" || isNamed(group) || of.some((id) => named.has(id)) : named.has(group.id.slice(1));
      let here = 0;
      for (const item of all("[data-kind]", group)) {
        item.hidden = !isShown(item);
        here += item.hidden ? 0 : 1;
      }
      group.hidden = !isConcerned || (isNarrow && here === 0);
      steps += group.hidden ? 0 : here;
      clusters += group.hidden || of ? 0 : 1;
    }
    for (const box of all(".map a")) {
      const item = stepOf(box).closest("[data-kind]");
      box.classList.toggle("off", item.hidden || item.closest(".group").hidden);
    }
    byId("shown").textContent = `${steps} step${steps === 1 ? "" : "s"}, ${clusters} cluster${clusters === 1 ? "" : "s"}`;
  };

  const foldAll = (open) => {
    for (const fold of all(".group:not([hidden]), .group:not([hidden]) li:not([hidden]) > details")) fold.open = open;
  };

  tools.hidden = false;
  tools.addEventListener("input", narrow);
  byId("unfold").addEventListener("click", () => foldAll(true));
  byId("fold").addEventListener("click", () => foldAll(false));
  narrow();

  // A link to a step unfolds the way there, also where it is narrowed away or the browser would not do it.
  const arrive = () => {
    const goal = /^#[sg]\d+$/.test(location.hash) && byId(location.hash.slice(1));
    if (!goal) return;
    if (goal.closest("[hidden]")) {
      if (which) which.value = "";
      if (done) done.checked = false;
      for (const kind of kinds) kind.checked = true;
      narrow();
    }
    for (let fold = goal.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    goal.scrollIntoView({ block: "center" });
    goal.tabIndex = -1;
    goal.focus({ preventScroll: true });
  };
  window.addEventListener("hashchange", arrive);
  arrive();

  // A step's before and after, beside its box in the graph.
  const peek = byId("peek");
  let pointed = null;
  let leaving = 0;

  const leave = () => {
    clearTimeout(leaving);
    for (const lit of all(".map .on")) lit.classList.remove("on");
    peek.hidden = true;
    pointed = null;
  };

  const leaveSoon = () => {
    clearTimeout(leaving);
    leaving = setTimeout(leave, 150);
  };

  const point = (box) => {
    clearTimeout(leaving);
    if (pointed === box) return;
    leave();
    pointed = box;
    const step = stepOf(box);
    const number = box.getAttribute("href").slice(2);
    for (const line of all("path", box.closest("svg"))) {
      const ends = line.dataset.ends.split(" ");
      if (!ends.includes(number)) continue;
      line.classList.add("on");
      for (const end of ends) all(`a[href="#s${end}"]`, box.closest("svg")).forEach((other) => other.classList.add("on"));
    }
    const title = document.createElement("h4");
    title.append(...[...step.previousElementSibling.childNodes].map((node) => node.cloneNode(true)));
    peek.replaceChildren(title, ...all(":scope > :not(.near)", step).map((node) => node.cloneNode(true)));
    peek.hidden = false;
    const [at, size] = [box.getBoundingClientRect(), peek.getBoundingClientRect()];
    const room = { right: innerWidth - at.right - 12, left: at.left - 12, below: innerHeight - at.bottom - 12 };
    const isBeside = Math.max(room.right, room.left) >= size.width + 8;
    const left = !isBeside ? at.left : room.right >= size.width + 8 ? at.right + 12 : at.left - 12 - size.width;
    const top = isBeside ? at.top : room.below >= size.height ? at.bottom + 8 : at.top - 8 - size.height;
    const within = (value, most) => Math.max(8, Math.min(value, most - 8));
    peek.style.left = `${within(left, innerWidth - size.width)}px`;
    peek.style.top = `${within(top, innerHeight - size.height)}px`;
  };

  const boxOf = (event) => event.target.closest?.(".map a");
  document.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    const box = boxOf(event);
    if (box) point(box);
    else if (peek.contains(event.target)) clearTimeout(leaving);
    else if (pointed && pointed !== document.activeElement) leaveSoon();
  });
  document.addEventListener("focusin", (event) => {
    const box = boxOf(event);
    if (box?.matches(":focus-visible")) point(box);
    else if (pointed) leave();
  });
  document.addEventListener("focusout", leaveSoon);
  document.addEventListener("click", (event) => boxOf(event) && leave());

  // Arrow keys go to the nearest box that way; Escape puts the step away.
  const ways = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
  const middle = (box) => {
    const { left, right, top, bottom } = box.getBoundingClientRect();
    return [(left + right) / 2, (top + bottom) / 2];
  };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && pointed) leave();
    const [way, box] = [ways[event.key], boxOf(event)];
    if (!way || !box) return;
    event.preventDefault();
    const from = middle(box);
    const distances = all("a", box.closest("svg")).map((other) => {
      const [x, y] = middle(other).map((at, axis) => at - from[axis]);
      const [along, aside] = [x * way[0] + y * way[1], Math.abs(x * way[1]) + Math.abs(y * way[0])];
      return [along > 1 ? along + 3 * aside : Infinity, other];
    });
    const [distance, nearest] = distances.reduce((least, other) => (other[0] < least[0] ? other : least));
    if (distance < Infinity) nearest.focus();
  });
})();
