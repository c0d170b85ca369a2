// The staff's viewer: zoom, pan, window and level, layers, original and overlay side by side. Drawn on a canvas,
// because window and level change the grey values themselves, and because all panes share one view.

const FARTHEST = 16; // screen pixels per picture pixel
const STEP = 1.25;

const viewer = document.querySelector("[data-image-viewer]");
const panes = viewer.querySelector("[data-panes]");
const sources = Object.fromEntries([...viewer.querySelectorAll("img[data-layer]")].map((image) => [image.dataset.layer, image]));
const width = Number(viewer.dataset.width);
const height = Number(viewer.dataset.height);
const zoomValue = viewer.querySelector("[data-zoom-value]");
const windowSlider = viewer.querySelector("[data-window]");
const levelSlider = viewer.querySelector("[data-level]");
const strength = viewer.querySelector("[data-strength]");
const pairButton = viewer.querySelector("[data-pair]");

const toned = document.createElement("canvas"); // the picture with window and level applied
const view = { scale: 1, x: width / 2, y: height / 2, isFitted: true }; // picture point at the middle of a pane
let grey = null;
let canvases = [];
let isDrawPlanned = false;

start();

async function start() {
  try {
    await Promise.all(Object.values(sources).map((image) => image.decode()));
  } catch {
    panes.classList.add("is-plain"); // what can be shown is shown as it is
    document.querySelector("[data-broken]").hidden = false;
    return;
  }
  readGrey();
  setPanes(1);
  bindControls();
  new ResizeObserver(resize).observe(panes);
}

/** The picture's own pixels, and a canvas of the same size to put the toned ones on. */
function readGrey() {
  toned.width = width;
  toned.height = height;
  const context = toned.getContext("2d", { willReadFrequently: true });
  context.drawImage(sources.picture, 0, 0, width, height);
  grey = context.getImageData(0, 0, width, height);
}

function setPanes(count) {
  for (const canvas of canvases) canvas.remove();
  canvases = Array.from({ length: count }, (_, number) => makePane(number, count));
  panes.append(...canvases);
  resize();
}

function makePane(number, count) {
  const canvas = document.createElement("canvas");
  const isOriginal = count === 2 && number === 0;
  canvas.className = "pane";
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${sources.picture.alt}${isOriginal ? ", original" : ", with what is shown over it"}`);
  canvas.dataset.original = isOriginal ? "yes" : "no";
  canvas.addEventListener("wheel", onWheel, { passive: false });
  canvas.addEventListener("pointerdown", onDown);
  canvas.addEventListener("pointermove", onMove);
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, onUp);
  canvas.addEventListener("dblclick", (event) => zoomAt(canvas, event, 2));
  canvas.addEventListener("keydown", onKey);
  return canvas;
}

function resize() {
  for (const canvas of canvases) {
    const box = canvas.getBoundingClientRect();
    canvas.width = Math.max(1, Math.round(box.width * devicePixelRatio));
    canvas.height = Math.max(1, Math.round(box.height * devicePixelRatio));
  }
  if (view.isFitted) fit();
  else plan();
}

// ---- Drawing ----

function plan() {
  if (isDrawPlanned) return;
  isDrawPlanned = true;
  requestAnimationFrame(() => {
    isDrawPlanned = false;
    for (const canvas of canvases) draw(canvas);
    zoomValue.textContent = `${Math.round((view.scale / devicePixelRatio) * 100)}%`;
  });
}

function draw(canvas) {
  const context = canvas.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = view.scale < 4; // far in, the pixels themselves are looked at
  context.imageSmoothingQuality = "high";
  context.setTransform(
    view.scale, 0, 0, view.scale,
    canvas.width / 2 - view.x * view.scale, canvas.height / 2 - view.y * view.scale,
  );
  context.drawImage(toned, 0, 0, width, height);
  const layer = viewer.querySelector("input[name=layer]:checked")?.value;
  if (canvas.dataset.original === "no" && layer in sources) {
    context.globalAlpha = Number(strength.value) / 100;
    context.drawImage(sources[layer], 0, 0, width, height);
    context.globalAlpha = 1;
  }
}

/** Window and level: grey values below the window become black, above it white (DICOM PS3.3 C.11.2.1.2). */
function tone() {
  const wide = Number(windowSlider.value);
  const middle = Number(levelSlider.value);
  const table = Uint8ClampedArray.from({ length: 256 }, (_, value) => ((value - middle + 0.5) / (wide - 1) + 0.5) * 255);
  const changed = new ImageData(width, height);
  for (let at = 0; at < grey.data.length; at += 4) {
    changed.data[at] = table[grey.data[at]];
    changed.data[at + 1] = table[grey.data[at + 1]];
    changed.data[at + 2] = table[grey.data[at + 2]];
    changed.data[at + 3] = 255;
  }
  toned.getContext("2d").putImageData(changed, 0, 0);
  viewer.querySelector("[data-window-value]").textContent = wide;
  viewer.querySelector("[data-level-value]").textContent = middle;
  plan();
}

// ---- View ----

function fittedScale() {
  return Math.min(canvases[0].width / width, canvases[0].height / height);
}

function fit() {
  Object.assign(view, { scale: fittedScale(), x: width / 2, y: height / 2, isFitted: true });
  plan();
}

/** Zoom by a factor, keeping the picture point under `dx`, `dy` (device pixels from the middle) where it is. */
function zoom(factor, dx = 0, dy = 0) {
  const scale = Math.min(FARTHEST * devicePixelRatio, Math.max(fittedScale() * 0.5, view.scale * factor));
  view.x += dx / view.scale - dx / scale;
  view.y += dy / view.scale - dy / scale;
  view.scale = scale;
  view.isFitted = false;
  keepInSight();
}

function zoomAt(canvas, event, factor) {
  const [dx, dy] = fromMiddle(canvas, event);
  zoom(factor, dx, dy);
}

function pan(dx, dy) {
  view.x -= dx / view.scale;
  view.y -= dy / view.scale;
  view.isFitted = false;
  keepInSight();
}

function keepInSight() {
  view.x = Math.min(width, Math.max(0, view.x));
  view.y = Math.min(height, Math.max(0, view.y));
  plan();
}

function fromMiddle(canvas, event) {
  const box = canvas.getBoundingClientRect();
  return [
    (event.clientX - box.left - box.width / 2) * devicePixelRatio,
    (event.clientY - box.top - box.height / 2) * devicePixelRatio,
  ];
}

// ---- Hands ----

const fingers = new Map();

function onDown(event) {
  event.currentTarget.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
}

function onMove(event) {
  const before = fingers.get(event.pointerId);
  if (!before) return;
  const after = { x: event.clientX, y: event.clientY };
  const dx = (after.x - before.x) * devicePixelRatio;
  const dy = (after.y - before.y) * devicePixelRatio;
  const [other] = [...fingers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
  if (other) {
    zoomAt(event.currentTarget, { clientX: other.x, clientY: other.y }, distance(after, other) / distance(before, other));
  } else if (event.shiftKey) {
    windowSlider.value = Number(windowSlider.value) + (after.x - before.x);
    levelSlider.value = Number(levelSlider.value) + (before.y - after.y);
    tone();
  } else {
    pan(dx, dy);
  }
  fingers.set(event.pointerId, after);
}

function onUp(event) {
  fingers.delete(event.pointerId);
}

function distance(one, other) {
  return Math.max(1, Math.hypot(one.x - other.x, one.y - other.y));
}

function onWheel(event) {
  if (!event.ctrlKey && document.activeElement !== event.currentTarget) return; // the page scrolls until asked otherwise
  event.preventDefault();
  zoomAt(event.currentTarget, event, Math.exp(-event.deltaY * 0.0015));
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const far = 40 * devicePixelRatio;
  const acts = {
    ArrowLeft: () => pan(far, 0), ArrowRight: () => pan(-far, 0), ArrowUp: () => pan(0, far), ArrowDown: () => pan(0, -far),
    "+": () => zoom(STEP), "=": () => zoom(STEP), "-": () => zoom(1 / STEP), 0: fit,
  };
  if (!(event.key in acts)) return;
  acts[event.key]();
  event.preventDefault();
}

function bindControls() {
  const zooms = { in: () => zoom(STEP), out: () => zoom(1 / STEP), fit };
  for (const button of viewer.querySelectorAll("[data-zoom]")) button.addEventListener("click", zooms[button.dataset.zoom]);
  for (const choice of viewer.querySelectorAll("input[name=layer]")) choice.addEventListener("change", plan);
  for (const slider of [windowSlider, levelSlider]) slider.addEventListener("input", tone);
  strength?.addEventListener("input", plan);
  pairButton?.addEventListener("click", () => {
    const isPair = canvases.length === 1;
    pairButton.setAttribute("aria-pressed", String(isPair));
    setPanes(isPair ? 2 : 1);
  });
  viewer.querySelector("[data-reset]").addEventListener("click", () => {
    windowSlider.value = 256;
    levelSlider.value = 128;
    tone();
    fit();
  });
}
