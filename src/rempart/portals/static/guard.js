// Comfort only: the guard's pages work without this file. Keeps a page that refreshes itself from
// running unseen and from losing one's place, says when it is old, and gives each decision a key.
"use strict";

const live = () => document.querySelectorAll("[data-live]");

// Nobody looks: nothing is asked. The page asks again as soon as it is seen.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.target.matches("[data-live]")) event.preventDefault();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) for (const part of live()) window.htmx.trigger(part, "refresh");
});

// What is open, ticked or scrolled stays so; htmx itself keeps the focus.
let kept = null;
document.addEventListener("htmx:beforeSwap", (event) => {
  const within = event.detail.target;
  kept = {
    open: [...within.querySelectorAll("details[open][id]")].map((one) => one.id),
    ticked: [...within.querySelectorAll("input[type=checkbox][id]:checked")].map((one) => one.id),
    scrolled: [...within.querySelectorAll(".scroll[id]")].map((one) => [one.id, one.scrollLeft, one.scrollTop]),
  };
});
document.addEventListener("htmx:afterSwap", () => {
  if (!kept) return;
  for (const id of kept.open) document.getElementById(id)?.setAttribute("open", "");
  for (const id of kept.ticked) {
    const box = document.getElementById(id);
    if (box) box.checked = true;
  }
  for (const [id, left, top] of kept.scrolled) document.getElementById(id)?.scrollTo(left, top);
  kept = null;
  tell();
});

// Said aloud when it changes, not at each refresh.
function tell() {
  const place = document.getElementById("guard-news");
  const part = document.querySelector("[data-news]");
  if (place && part && place.textContent !== part.dataset.news) place.textContent = part.dataset.news;
}

for (const trouble of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(trouble, () => {
    for (const note of document.querySelectorAll("[data-stale]")) note.hidden = false;
  });
}

// ---------------------------------------------------------------- one key, one decision

const queue = document.querySelector("[data-queue]");
const toggle = document.querySelector("[data-shortcuts]");
let keysWork = true;

function move(step) {
  const links = [...queue.querySelectorAll("[data-row] [data-open]")];
  if (!links.length) return;
  const row = document.activeElement.closest("[data-row]");
  const here = row ? links.indexOf(row.querySelector("[data-open]")) : -1;
  const next = here < 0 ? 0 : Math.min(Math.max(here + step, 0), links.length - 1);
  links[next].focus();
  links[next].scrollIntoView({ block: "nearest" });
}

if (queue && toggle) {
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    keysWork = !keysWork;
    toggle.setAttribute("aria-pressed", String(keysWork));
    toggle.textContent = keysWork ? toggle.dataset.on : toggle.dataset.off;
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input:not([type=checkbox]), select, textarea");
    if (!keysWork || typing || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "j" || event.key === "k") {
      event.preventDefault();
      move(event.key === "j" ? 1 : -1);
      return;
    }
    // A key acts on the row that has the focus, and on no other.
    const row = document.activeElement.closest("[data-row]");
    const control = row && /^[orsx]$/.test(event.key) && row.querySelector(`[data-key="${event.key}"]`);
    if (!control) return;
    event.preventDefault();
    control.click();
  });
  if (queue.hasAttribute("data-focus-first")) move(0);
}
