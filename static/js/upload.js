// The upload page: drop, paste, preview, progress. Without this script the form works as a plain form.

import "./place.js";

const SHOWN = new Set(["image/png", "image/jpeg", "image/webp", "image/bmp", "image/gif"]);
const OF_ONE_PICTURE = new Set(["PNG", "JPEG", "BMP", "WEBP", "HEIC", "HEIF", "AVIF", "JP2", "J2K", "JLS"]); // mostly
const KINDS = { dcm: "DICOM", tif: "TIFF", tiff: "TIFF", jpg: "JPEG", jpeg: "JPEG" };

const form = document.querySelector("[data-upload]");
const drop = form.querySelector("[data-drop]");
const inputs = [...form.querySelectorAll("input[type=file]")];
const [picker] = inputs;
const preview = form.querySelector("[data-preview]");
const emptyPreview = preview.innerHTML;
const frameField = form.querySelector("[data-frame-field]");
const frameInput = frameField.querySelector("input");
const isFrameAsked = frameInput.defaultValue !== ""; // by the address: a result leads here
const problemPlace = document.querySelector("[data-problem]");
const sending = form.querySelector("[data-sending]");
const maxMb = Number(form.dataset.maxMb);
let chosen = null;
let shownAddress = null;

for (const input of inputs) input.required = false; // the file may come by drop or paste: send() checks

function kindOf(file) {
  const ending = file.name.includes(".") ? file.name.split(".").pop().toLowerCase() : "";
  return KINDS[ending] ?? (ending.toUpperCase().slice(0, 5) || "File");
}

function sizeOf(file) {
  return file.size < 1e6 ? `${Math.max(1, Math.round(file.size / 1e3))} kB` : `${(file.size / 1e6).toFixed(1)} MB`;
}

function choose(file) {
  clearProblem();
  chosen = file;
  const kind = kindOf(file);
  form.querySelector("[data-name]").textContent = file.name || "Pasted picture";
  form.querySelector("[data-facts]").textContent = `${kind}, ${sizeOf(file)}`;
  const hasFrames = isFrameAsked || !OF_ONE_PICTURE.has(kind);
  frameField.classList.toggle("is-shown", hasFrames);
  if (!hasFrames) frameInput.value = ""; // of the file before
  showPreview(file, kind);
  showChosen(true);
  if (file.size > maxMb * 1e6) tell({ message: `A picture may have at most ${maxMb} MB; this one has ${sizeOf(file)}.` });
}

function showPreview(file, kind) {
  if (shownAddress) URL.revokeObjectURL(shownAddress);
  shownAddress = null;
  preview.innerHTML = emptyPreview;
  if (!SHOWN.has(file.type)) return;
  shownAddress = URL.createObjectURL(file);
  const image = new Image();
  image.alt = `Preview of the chosen picture (${kind})`;
  image.onload = () => {
    preview.replaceChildren(image);
    form.querySelector("[data-facts]").textContent =
      `${kind}, ${sizeOf(file)}, ${image.naturalWidth} × ${image.naturalHeight} pixels`;
  };
  image.src = shownAddress;
}

function showChosen(is) {
  form.querySelector("[data-empty]").hidden = is;
  form.querySelector("[data-chosen]").hidden = !is;
  drop.classList.toggle("is-chosen", is);
  if (is) form.querySelector("[data-send]").focus({ preventScroll: true });
}

function unchoose() {
  chosen = null;
  for (const input of inputs) input.value = "";
  frameField.classList.toggle("is-shown", isFrameAsked);
  showChosen(false);
  clearProblem();
  picker.focus();
}

function clearProblem() {
  problemPlace.replaceChildren();
}

function tell({ message, field = "picture" }) {
  const box = document.querySelector("#problem-template").content.cloneNode(true);
  const link = box.querySelector("a");
  link.textContent = message;
  link.href = field === "picture" && chosen ? "#another" : `#${field}`; // a chosen picture hides the file field
  problemPlace.replaceChildren(box);
  problemPlace.firstElementChild.focus();
}

function chooseFrom(list) {
  const files = [...list];
  if (files.length > 1) tell({ message: "Send one picture at a time." });
  else if (files.length === 1) choose(files[0]);
}

// ---- Ways in ----

for (const input of inputs) input.addEventListener("change", () => input.files.length && chooseFrom(input.files));

let depth = 0; // enter and leave fire for every child
const isFile = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
document.addEventListener("dragenter", (event) => {
  if (isFile(event)) drop.classList.toggle("is-over", ++depth > 0);
});
document.addEventListener("dragleave", (event) => {
  if (isFile(event)) drop.classList.toggle("is-over", --depth > 0);
});
document.addEventListener("dragover", (event) => isFile(event) && event.preventDefault());
document.addEventListener("drop", (event) => {
  if (!isFile(event)) return;
  event.preventDefault(); // anywhere on the page: a missed drop zone must not leave the page
  depth = 0;
  drop.classList.remove("is-over");
  chooseFrom(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => {
  const files = event.clipboardData?.files ?? [];
  if (files.length) {
    event.preventDefault();
    chooseFrom(files);
  }
});
form.querySelector("[data-remove]").addEventListener("click", unchoose);

// ---- Sending ----

function setSending(is) {
  sending.hidden = !is;
  form.querySelector("[data-send]").disabled = is;
  form.querySelector("[data-remove]").disabled = is;
}

function progress(event) {
  const bar = sending.querySelector("progress");
  const words = sending.querySelector("[data-sending-words]");
  if (!event.lengthComputable) return bar.removeAttribute("value");
  const percent = Math.round((event.loaded / event.total) * 100);
  bar.value = percent;
  words.textContent = percent < 100 ? `Sending the picture: ${percent}%` : "Checking the picture…";
}

/** A page that was open for hours holds an expired token: take a new one, so that the picture needs no choosing again. */
async function renewToken() {
  const page = new DOMParser().parseFromString(await (await fetch(location.pathname)).text(), "text/html");
  form.elements.csrf_token.value = page.querySelector("[data-upload] [name=csrf_token]").value;
}

function brokenOff() {
  setSending(false);
  tell({ message: "The connection broke off. Try again: a picture that did arrive is not kept twice." });
}

function ended(request, isSecondTry) {
  const answer = request.response ?? {};
  if (request.status === 201 && answer.address) return location.assign(answer.address);
  if (answer.code === "form_expired" && !isSecondTry) {
    return renewToken().then(() => send(true), brokenOff);
  }
  setSending(false);
  tell({ message: answer.message ?? `The server did not take the picture (${request.status}). Try again.`, field: answer.field });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!chosen) return tell({ message: "Choose an ultrasound picture first." });
  if (chosen.size > maxMb * 1e6) return tell({ message: `A picture may have at most ${maxMb} MB.` });
  send(false);
});

function send(isSecondTry) {
  clearProblem();
  const fields = new FormData(form);
  fields.delete("picture");
  fields.append("picture", chosen, chosen.name || "pasted.png");
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.responseType = "json";
  request.setRequestHeader("Accept", "application/json");
  request.upload.addEventListener("progress", progress);
  request.addEventListener("load", () => ended(request, isSecondTry));
  request.addEventListener("error", brokenOff);
  setSending(true);
  request.send(fields);
}

window.addEventListener("pageshow", () => setSending(false)); // back from the result
