// Between two turns of a large deletion: goes on by itself, after a moment in which "Stop here" can be chosen.

const PAUSE_MS = 1500;

const form = document.querySelector("[data-turns]");

form.querySelector("[data-going]").hidden = false;
const next = setTimeout(() => form.requestSubmit(), PAUSE_MS);
form.querySelector("a").addEventListener("click", () => clearTimeout(next));
form.addEventListener("submit", () => clearTimeout(next));
