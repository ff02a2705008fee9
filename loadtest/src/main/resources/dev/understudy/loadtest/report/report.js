"use strict";
const tip = document.getElementById("tip");
for (const figure of document.querySelectorAll(".chart")) {
  const hints = JSON.parse(figure.dataset.hints);
  const svg = figure.querySelector("svg");
  const pointer = figure.querySelector(".pointer");
  if (hints.length === 0) continue;
  svg.addEventListener("pointermove", event => {
    const box = svg.getBoundingClientRect();
    const x = (event.clientX - box.left) * svg.viewBox.baseVal.width / box.width;
    let near = hints[0];
    for (const hint of hints) if (Math.abs(hint[0] - x) < Math.abs(near[0] - x)) near = hint;
    pointer.setAttribute("d", `M${near[0]} 12V240`);
    tip.textContent = near[1];
    tip.hidden = false;
    const left = event.clientX + 16 + tip.offsetWidth > innerWidth ? event.clientX - 12 - tip.offsetWidth : event.clientX + 16;
    tip.style.left = left + "px";
    tip.style.top = event.clientY + 14 + "px";
  });
  svg.addEventListener("pointerleave", () => { tip.hidden = true; pointer.setAttribute("d", ""); });
}
