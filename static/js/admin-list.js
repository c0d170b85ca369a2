// The triage list by keyboard: j and k move, Enter opens, x ticks, 1 2 3 give a verdict. Ticks are counted.

const LABELS = { 1: "benign", 2: "malignant", 3: "normal" };
const SWITCH = "sonotriage-keys";
const LIST = "sonotriage-list";

const rows = [...document.querySelectorAll("[data-row]")];
const ticks = [...document.querySelectorAll("[data-tick]")];
const tickAll = document.querySelector("[data-tick-all]");
const exportLabel = document.querySelector("[data-export-label]");
const keySwitch = document.querySelector("[data-shortcuts]");
let pending = null; // { row, label } while a verdict waits for Enter

sessionStorage.setItem(LIST, location.pathname + location.search); // where "Predictions" on an image leads back to

function countTicks() {
  const count = ticks.filter((tick) => tick.checked).length;
  exportLabel.textContent = count ? `Export ${count} ticked as CSV` : "Export as CSV";
  if (!tickAll) return;
  tickAll.checked = count > 0 && count === ticks.length;
  tickAll.indeterminate = count > 0 && count < ticks.length;
}

function currentRow() {
  return document.activeElement?.closest("[data-row]") ?? null;
}

function move(step) {
  const current = currentRow();
  const next = current ? rows[rows.indexOf(current) + step] : rows[step > 0 ? 0 : rows.length - 1];
  next?.querySelector("[data-open]").focus();
}

function say(row, text) {
  row.querySelector("[data-verdict-note]").textContent = text;
}

function propose(row, label) {
  forget();
  if (!("finished" in row.dataset)) return say(row, "It is still being read.");
  pending = { row, label };
  say(row, `Right class: ${label}. Enter records it, Esc does not.`);
}

function forget() {
  if (pending) say(pending.row, "");
  pending = null;
}

/** Fill in the verdict form of the image's own page and send it, so that both ways obey the same rules. */
async function record({ row, label }) {
  say(row, "Recording …");
  try {
    const page = parsed(await (await fetch(row.dataset.address)).text());
    const form = page.querySelector("form[data-verdict]");
    if (!form) return say(row, "It can't be judged now. Open it to see why.");
    const fields = new FormData(form);
    const agrees = form.dataset.label === label;
    fields.set("verdict", agrees ? "agree" : "disagree");
    fields.delete("label");
    if (!agrees) fields.set("label", label);
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body: new URLSearchParams(fields) });
    if (!answer.ok) return say(row, refusal(parsed(await answer.text())));
    row.classList.add("is-reviewed");
    say(row, `Recorded: ${agrees ? "agrees" : "disagrees"}, ${label}.`);
  } catch {
    say(row, "The server can't be reached. Nothing was recorded.");
  }
}

function parsed(text) {
  return new DOMParser().parseFromString(text, "text/html");
}

function refusal(page) {
  return page.querySelector(".error-summary li")?.textContent.trim() ?? "It was refused. Open it to see why.";
}

function isTyping(target) {
  return target.matches("input:not([type=checkbox]), select, textarea, [contenteditable]");
}

function onKey(event) {
  if (!keySwitch?.checked || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const row = currentRow();
  if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
  else if (event.key === "Escape" && pending) forget();
  else if (event.key === "Enter" && pending && row === pending.row) {
    const chosen = pending;
    pending = null;
    record(chosen);
  } else if (row && event.key === "x") row.querySelector("[data-tick]").click();
  else if (row && event.key in LABELS) propose(row, LABELS[event.key]);
  else return;
  event.preventDefault();
}

for (const image of document.querySelectorAll(".cell-picture img")) {
  const mark = () => {
    image.closest("td").classList.add("is-broken");
    image.replaceWith("Image missing");
  };
  if (image.complete && image.naturalWidth === 0 && image.currentSrc && image.loading === "eager") mark();
  else image.addEventListener("error", mark, { once: true });
}

for (const tick of ticks) tick.addEventListener("change", countTicks);
if (tickAll) {
  tickAll.disabled = false;
  tickAll.addEventListener("change", () => {
    for (const tick of ticks) tick.checked = tickAll.checked;
    countTicks();
  });
}
if (keySwitch) {
  keySwitch.checked = localStorage.getItem(SWITCH) !== "off";
  keySwitch.addEventListener("change", () => localStorage.setItem(SWITCH, keySwitch.checked ? "on" : "off"));
}
document.addEventListener("keydown", onKey);
document.addEventListener("focusin", () => pending && currentRow() !== pending.row && forget());
countTicks();
