// One image: number keys choose the class, "Predictions" leads back to the list as it was left.

const LABELS = { 1: "benign", 2: "malignant", 3: "normal" };

const form = document.querySelector("form[data-verdict]");
const list = sessionStorage.getItem("sonotriage-list");
if (list?.startsWith("/")) document.querySelector("[data-back]").href = list;

function choose(label) {
  const agrees = form.dataset.label === label;
  const verdict = form.querySelector(`input[name=verdict][value=${agrees ? "agree" : "disagree"}]`);
  if (!verdict) return;
  verdict.checked = true;
  for (const choice of form.querySelectorAll("input[name=label]")) choice.checked = !agrees && choice.value === label;
  form.querySelector("input:checked").focus();
}

if (form) {
  document.addEventListener("keydown", (event) => {
    const isOff = localStorage.getItem("sonotriage-keys") === "off";
    const isTyping = event.target.matches("textarea, select, input:not([type=radio])");
    if (isOff || isTyping || event.ctrlKey || event.metaKey || event.altKey || !(event.key in LABELS)) return;
    choose(LABELS[event.key]);
    event.preventDefault();
  });
  // A right class says "disagree"; "agree" needs no right class.
  form.addEventListener("change", (event) => {
    if (event.target.name === "label") form.querySelector("input[name=verdict][value=disagree]").checked = true;
    if (event.target.value === "agree") {
      for (const choice of form.querySelectorAll("input[name=label]")) choice.checked = false;
    }
  });
}

for (const summary of document.querySelectorAll("[data-error-summary]")) summary.focus();
