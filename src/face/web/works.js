
// How long ago, counted here: rows need not come anew because a second passed.
const spans = [["second", 60], ["minute", 60], ["hour", 24], ["day", 30], ["month", 12], ["year", Infinity]];
const relative = new Intl.RelativeTimeFormat(document.documentElement.lang, { style: "short" });
function ago(from = document) {
  for (const at of all("time[data-ago]", from)) {
    let n = (Date.now() + clock - Date.parse(at.dateTime)) / 1000, unit;
    for (const [name, many] of spans) { unit = name; if (n < many) break; n /= many; }
    const words = relative.format(-Math.max(0, Math.floor(n)), unit);
    if (at.textContent !== words) at.textContent = words;
    at.title = at.dateTime;
  }
}
// The clock of the server is what times were taken from.
const clock = document.body.dataset.now ? Date.parse(document.body.dataset.now) - Date.now() : 0;
if ($("time[data-ago]")) { ago(); setInterval(ago, 1000); }

// A choice about a field means that the document is merged.
addEventListener("change", (event) => {
  const place = event.target.dataset?.merge;
  const merge = place && $(`input[name="c${place}"][value=merge]`);
  if (merge) merge.checked = true;
});

// The board of work: it is asked which rows are other than shown; only those come.
const board = $("[data-board]");
if (board) {
  const fields = new URLSearchParams(location.search);
  const token = $("input[name=token]", board).value;
  const again = async () => {
    const rows = all("tr[data-stamp]", board);
    const form = new URLSearchParams({ token, have: rows.map((row) => `${row.id.slice(1)}:${row.dataset.stamp}`).join(" ") });
    for (const name of ["show", "find", "from", "tenant"]) if (fields.has(name)) form.set(name, fields.get(name));
    try {
      const answer = await fetch(board.dataset.board, { method: "POST", body: form });
      if (!answer.ok) throw new Error(answer.status);
      const news = await answer.json();
      const summary = $("#summary");
      if (summary.innerHTML !== news.summary) { summary.innerHTML = news.summary; tell(summary.textContent); }
      const shown = rows.map((row) => row.id.slice(1)).join();
      const acts = $("#acts");
      if (acts.innerHTML !== news.acts && !acts.contains(document.activeElement)) acts.innerHTML = news.acts;
      if (news.order.join() !== shown && !board.contains(document.activeElement)) return await whole();
      for (const [id, row] of Object.entries(news.rows)) {
        const at = document.getElementById(id);
        const focused = at.contains(document.activeElement) && document.activeElement.getAttribute("aria-label");
        at.dataset.stamp = row.stamp;
        at.innerHTML = row.cells;
        if (focused) (all("button", at).find((one) => one.getAttribute("aria-label") === focused) ?? $("button", at) ?? board).focus();
        ago(at);
      }
    } catch { tell(document.body.dataset.slow); }
  };
  // Which rows there are has changed: the page is taken anew, in its place.
  const whole = async () => {
    const text = await (await fetch(location)).text();
    const fresh = new DOMParser().parseFromString(text, "text/html");
    for (const part of ["#jobs", "#summary"]) {
      const [now, next] = [$(part), fresh.querySelector(part)];
      if (now && next) now.innerHTML = next.innerHTML;
    }
    ago(board);
    if (!fresh.querySelector("#jobs")) location.reload();
  };
  follow(1500, again);
}

for (const button of all("[data-print]")) { button.hidden = false; button.addEventListener("click", () => print()); }

// A list from a file goes into the field that is sent: small files, read here.
for (const file of all("input[data-into]")) {
  file.closest("label").hidden = false;
  file.addEventListener("change", async () => { if (file.files[0]) document.getElementById(file.dataset.into).value = await file.files[0].text(); });
}
