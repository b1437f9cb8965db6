"use strict";
(() => {
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const map = document.getElementById("map");
  const rows = document.getElementById("rows");
  const tip = document.getElementById("tip");
  document.documentElement.classList.add("script");
  map.classList.add("script");

  // Explanations: the titles of the drawings, shown at once and in a box of their own.
  for (const title of all("#map title, #rows title")) {
    const owner = title.parentNode;
    owner.setAttribute("data-tip", title.textContent);
    owner.setAttribute("aria-label", title.textContent);
    title.remove();
  }
  const place = (event) => {
    const wide = tip.offsetWidth, high = tip.offsetHeight;
    const x = event.clientX + 14 + wide > innerWidth ? event.clientX - 14 - wide : event.clientX + 14;
    const y = event.clientY + 14 + high > innerHeight ? event.clientY - 14 - high : event.clientY + 14;
    tip.style.left = Math.max(4, x) + "px";
    tip.style.top = Math.max(4, y) + "px";
  };
  const light = (id) => {
    for (const other of all(".lit")) other.classList.remove("lit");
    if (id) for (const mark of all("[data-v]")) if (mark.dataset.v === id) mark.classList.add("lit");
  };
  document.addEventListener("pointerover", (event) => {
    const told = event.target.closest("[data-tip]");
    const visit = event.target.closest("[data-v]");
    light(visit && visit.dataset.v);
    tip.hidden = !told;
    if (told) {
      tip.textContent = told.dataset.tip;
      place(event);
    }
  });
  document.addEventListener("pointermove", (event) => { if (!tip.hidden) place(event); });
  document.documentElement.addEventListener("pointerleave", () => { tip.hidden = true; light(null); });

  // One executive alone.
  let alone = null;
  const show = (id) => {
    alone = id;
    for (const part of [map, rows]) part.classList.toggle("alone", id !== null);
    for (const mark of all("[data-e]")) mark.classList.toggle("on", mark.dataset.e === id);
    for (const button of all(".legend button")) button.setAttribute("aria-pressed", String(button.dataset.e === id));
  };
  for (const button of all(".legend button")) {
    button.addEventListener("click", () => show(alone === button.dataset.e ? null : button.dataset.e));
  }
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") { show(null); tip.hidden = true; } });

  // The map: wheel and drag, two fingers, buttons, keys. Marks keep their size.
  const world = map.querySelector(".world");
  const [, , width, height] = map.getAttribute("viewBox").split(" ").map(Number);
  const perKm = Number(map.dataset.perKm);
  const bar = document.getElementById("scale-bar"), words = document.getElementById("scale-words");
  const most = 64;
  let zoom = 1, left = 0, top = 0;
  const draw = () => {
    zoom = Math.min(most, Math.max(1, zoom));
    left = Math.min(0, Math.max(width * (1 - zoom), left));
    top = Math.min(0, Math.max(height * (1 - zoom), top));
    const ui = Math.max(1, 0.72 * width / Math.max(map.clientWidth, 200));
    world.setAttribute("transform", `translate(${left} ${top}) scale(${zoom})`);
    map.style.setProperty("--k", String(ui / zoom));
    map.classList.toggle("zoomed", zoom > 1);
    for (const near of [2, 4, 8]) map.classList.toggle("near" + near, zoom >= near);
    const sizes = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500];
    const km = sizes.filter((size) => size * perKm * zoom <= 0.2 * width).pop() || sizes[0];
    bar.style.width = (100 * km * perKm * zoom / width).toFixed(2) + "%";
    words.textContent = km >= 1 ? km + " km" : km * 1000 + " m";
  };
  const at = (event) => {
    const box = map.getBoundingClientRect();
    return [(event.clientX - box.left) * width / box.width, (event.clientY - box.top) * height / box.height];
  };
  const zoomAt = (factor, x, y) => {
    const before = zoom;
    zoom = Math.min(most, Math.max(1, zoom * factor));
    left = x - (x - left) * zoom / before;
    top = y - (y - top) * zoom / before;
    draw();
  };
  map.addEventListener("wheel", (event) => {
    if (event.deltaY > 0 && zoom === 1) return; // nothing farther out: the page scrolls on
    event.preventDefault();
    zoomAt(Math.exp(-Math.max(-60, Math.min(60, event.deltaY)) / 200), ...at(event));
  }, { passive: false });
  const held = new Map();
  map.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    held.set(event.pointerId, at(event));
    map.classList.add("held");
  });
  addEventListener("pointermove", (event) => {
    const before = held.get(event.pointerId);
    if (!before) return;
    const now = at(event);
    held.set(event.pointerId, now);
    const other = Array.from(held).find(([id]) => id !== event.pointerId);
    if (other) {
      const [x, y] = other[1];
      zoomAt(Math.hypot(now[0] - x, now[1] - y) / Math.max(1, Math.hypot(before[0] - x, before[1] - y)), x, y);
    } else {
      left += now[0] - before[0];
      top += now[1] - before[1];
      draw();
    }
  });
  for (const end of ["pointerup", "pointercancel"]) {
    addEventListener(end, (event) => { held.delete(event.pointerId); if (!held.size) map.classList.remove("held"); });
  }
  const zooms = { in: 1.6, out: 1 / 1.6, all: 0 };
  for (const button of all("[data-zoom]")) {
    button.addEventListener("click", () => zoomAt(zooms[button.dataset.zoom], width / 2, height / 2));
  }
  map.setAttribute("tabindex", "0");
  map.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
    const step = steps[event.key];
    if (event.key === "+" || event.key === "=") zoomAt(1.6, width / 2, height / 2);
    else if (event.key === "-") zoomAt(1 / 1.6, width / 2, height / 2);
    else if (event.key === "0") zoomAt(0, width / 2, height / 2);
    else if (step && zoom > 1) { left += step[0]; top += step[1]; draw(); }
    else return;
    event.preventDefault();
  });
  addEventListener("resize", draw);
  draw();

  // Rosters: fold, and print one alone.
  const rosters = all("details.roster");
  for (const button of all("[data-fold]")) {
    button.addEventListener("click", () => { for (const roster of rosters) roster.open = button.dataset.fold === "open"; });
  }
  for (const link of all("a.who")) {
    link.addEventListener("click", () => {
      const roster = document.getElementById(link.hash.slice(1));
      if (roster && roster.matches("details")) roster.open = true;
    });
  }
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = rosters.filter((roster) => !roster.open);
    for (const roster of folded) roster.open = true;
  });
  addEventListener("afterprint", () => {
    for (const roster of folded) roster.open = false;
    document.documentElement.classList.remove("one-roster");
    for (const roster of rosters) roster.classList.remove("chosen");
  });
  for (const button of all("[data-print]")) {
    button.addEventListener("click", () => {
      document.documentElement.classList.add("one-roster");
      button.closest("details").classList.add("chosen");
      print();
    });
  }
})();
