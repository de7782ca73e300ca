// What pages do by themselves. Without it they work all the same: every key follows a link or presses a button that can be seen.
"use strict";
const $ = (selector, from = document) => from.querySelector(selector);
const all = (selector, from = document) => [...from.querySelectorAll(selector)];
const typing = (at) => at.closest?.("input:not([type=range], [type=checkbox], [type=radio]), textarea, select, [contenteditable]");

// Announces to screen readers, at most every ten seconds; the last of what was to be said counts.
let told = 0, toTell = 0;
function tell(words) {
  clearTimeout(toTell);
  toTell = setTimeout(() => { told = Date.now(); $("#told").textContent = words; }, Math.max(0, told + 10_000 - Date.now()));
}

// Keys. Up and down walk the rows that have a link, left and right follow "earlier" and "later".
function walk(step) {
  const rows = all("main a.row");
  if (!rows.length) return false;
  const at = rows.indexOf(document.activeElement);
  const from = at >= 0 ? at : rows.findIndex((row) => row.closest("[aria-current]"));
  const to = from < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, from + step));
  rows[to].focus();
  rows[to].scrollIntoView({ block: "nearest" });
  return true;
}
function press(selector) {
  const found = $(selector);
  found?.click();
  return !!found;
}
// What changes something is not done by one key: it gets the focus, and Enter does it.
function offer(selector) {
  const found = $(selector);
  if (found?.tagName === "BUTTON") found.focus(); else found?.click();
  return !!found;
}
const keys = {
  "/": () => { $("#search").focus(); $("#search").select(); return true; },
  ArrowDown: () => walk(1), j: () => walk(1), ArrowUp: () => walk(-1), k: () => walk(-1),
  ArrowLeft: () => press("a[rel=prev]"), ArrowRight: () => press("a[rel=next]"),
  c: () => press("[data-key=c]"), r: () => offer("[data-key=r]"), n: () => press("[data-key=n]"), u: () => press(".toast form button") || press("[data-key=u]"),
  "?": () => { $("#keys").togglePopover(); return true; },
  Escape: () => {
    if ($(":popover-open")) return false;
    const toast = $(".toast");
    if (toast) { toast.remove(); return true; }
    if (press("[data-key=Escape]")) return true;
    if (history.length > 1) history.back();
    return true;
  },
};
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (typing(event.target)) {
    if (event.key === "Escape" && event.target.id === "search") event.target.blur();
    return;
  }
  if (event.target.closest(".scroll[tabindex]") && ["ArrowLeft", "ArrowRight"].includes(event.key)) return;
  if (keys[event.key]?.()) event.preventDefault();
});

// What was done is told once: the address forgets it, so that loading the page again does not say it again.
addEventListener("click", (event) => {
  const close = event.target.closest("[data-close]");
  if (close) { event.preventDefault(); close.closest(".toast").remove(); $("main").focus(); }
});
const here = new URL(location);
if (here.searchParams.has("done")) { here.searchParams.delete("done"); history.replaceState(null, "", here); }

// A form is sent once.
addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "1";
  setTimeout(() => delete form.dataset.sent, 5000);
});

// The slider: lies on the line of time. Dragging says which stop is nearest, letting go goes there; arrow keys pass from stop to stop.
for (const rail of all("[data-stops]")) {
  const stops = all("a[data-at]", rail);
  if (stops.length < 2) continue;
  const range = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 100, step: .1 });
  const said = $("output", rail.closest(".time"));
  const place = (stop) => Number(stop.dataset.at);
  const shown = stops.findIndex((stop) => stop.hasAttribute("aria-current"));
  let at = Math.max(0, shown);
  const be = (to, thumb) => {
    at = to;
    if (thumb) range.value = place(stops[at]);
    const words = $("title", stops[at]).textContent;
    range.setAttribute("aria-valuetext", words);
    if (said.textContent !== words) said.textContent = words;
  };
  const go = () => { be(at, true); if (at !== shown) location.href = stops[at].href.baseVal; };
  const nearest = () => stops.reduce((best, stop, i) => (Math.abs(place(stop) - range.value) < Math.abs(place(stops[best]) - range.value) ? i : best), 0);
  range.setAttribute("aria-label", rail.dataset.stops);
  range.addEventListener("input", () => be(nearest(), false));
  range.addEventListener("change", go);
  range.addEventListener("keydown", (event) => {
    const to = { ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, PageDown: at - 5, PageUp: at + 5, Home: 0, End: stops.length - 1 }[event.key];
    if (event.key === "Enter") go(); else if (to !== undefined) be(Math.min(stops.length - 1, Math.max(0, to)), true); else return;
    event.preventDefault();
  });
  // One stop of the Tab key, not thirty.
  for (const stop of stops) stop.setAttribute("tabindex", "-1");
  rail.append(range);
  if (shown < 0) range.value = 0; else be(at, true);
}

// Follows what happens: looks again a moment after the server says that something did, at most once a second; where it cannot say so (no
// events, too many listeners, no store yet), every so often. A page that nobody sees listens to nothing.
const looks = [];
let stream;
function listen() {
  stream?.close();
  if (document.hidden || !window.EventSource) return;
  stream = new EventSource("/live");
  stream.onmessage = () => looks.forEach((look) => look.soon());
  stream.onopen = stream.onerror = () => looks.forEach((look) => look.wait());
}
function follow(every, work) {
  let timer, last = 0, busy = false;
  const at = (ms) => { clearTimeout(timer); timer = setTimeout(run, ms); };
  const look = { soon: () => at(busy ? 300 : Math.max(0, last + 1000 - Date.now())), wait: () => at(stream?.readyState === 1 ? 20_000 : every) };
  const run = async () => {
    if (busy || document.hidden) return look.wait();
    busy = true;
    try { await work(); } finally { busy = false; last = Date.now(); }
    look.wait();
  };
  looks.push(look);
  if (looks.length === 1) {
    listen();
    addEventListener("visibilitychange", () => { listen(); looks.forEach((one) => one.soon()); });
    addEventListener("pagehide", () => stream?.close());
  }
  look.wait();
}

// Live parts: elements with an id and `data-live` (seconds) are taken anew from the server while the page is seen.
const live = all("[data-live]");
if (live.length) {
  const heard = () => {
    const said = all("[data-announce]").map((part) => part.textContent.trim()).join(". ");
    if (said && said !== heard.last) { if (heard.last !== undefined) tell(said); heard.last = said; }
  };
  heard();
  follow(Math.min(...live.map((part) => part.dataset.live || 2)) * 1000, async () => {
    if ($("[data-live] :focus:not(a, button)")) return;
    try {
      const answer = await fetch(location, { headers: { "X-Live": "1" } });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of all("[data-live]")) {
        const next = fresh.getElementById(part.id);
        if (!next || next.innerHTML === part.innerHTML) continue;
        const at = document.activeElement, inside = part.contains(at) && (at.id || at.getAttribute("href") || at.value);
        part.replaceChildren(...next.childNodes);
        if (inside) all("a, button", part).find((one) => [one.id, one.getAttribute("href"), one.value].includes(inside))?.focus();
      }
      heard();
      $("#told").dataset.lost && delete $("#told").dataset.lost;
    } catch { if (!$("#told").dataset.lost) { $("#told").dataset.lost = "1"; tell(document.body.dataset.slow); } }
  });
}

// Ticks all rows of a list.
for (const box of all("input[data-all]")) {
  box.closest("label").hidden = false;
  box.addEventListener("change", () => all("input[type=checkbox]:not([data-all])", box.form).forEach((one) => { one.checked = box.checked; }));
}
