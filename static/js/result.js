// Buttons of a result: print, and copy the address.

const COPIED_MS = 3000;

document.querySelector("[data-print]")?.addEventListener("click", () => window.print());

for (const button of document.querySelectorAll("[data-copy]")) {
  const words = button.querySelector("[data-copy-words]");
  const before = words.textContent;
  button.addEventListener("click", async () => {
    words.textContent = (await copied(button.dataset.copy)) ? "Copied" : button.dataset.copy;
    setTimeout(() => (words.textContent = before), COPIED_MS);
  });
}

/** True when the text reached the clipboard; over plain HTTP browsers offer only the older way. */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}

// What is folded stays off the paper, but an address that names a folded part opens it.
const named = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
if (named instanceof HTMLDetailsElement) named.open = true;
