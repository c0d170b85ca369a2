// Zoom, pan and layer strength of a picture. Buttons, wheel with Ctrl or on a focused picture, drag, two fingers, keys.

const LARGEST = 8;
const STEP = 1.25;
const NUDGE = 60;

export class Viewer {
  constructor(root) {
    this.root = root;
    this.stage = root.querySelector("[data-stage]");
    this.plane = root.querySelector("[data-plane]");
    this.value = root.querySelector("[data-zoom-value]");
    this.pointers = new Map();
    this.fit();
    this.prepareStage();
    this.listen();
  }

  prepareStage() {
    this.stage.tabIndex = 0;
    this.stage.setAttribute("role", "group");
    this.stage.setAttribute("aria-label", "Picture. Plus and minus zoom, arrow keys move, 0 fits it.");
  }

  listen() {
    for (const button of this.root.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => this.press(button.dataset.zoom));
    }
    const strength = this.root.querySelector("[data-opacity]");
    strength?.addEventListener("input", () => this.setStrength(strength.value / 100));
    this.stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.stage.addEventListener("keydown", (event) => this.key(event));
    this.stage.addEventListener("pointerdown", (event) => this.down(event));
    this.stage.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) {
      this.stage.addEventListener(name, (event) => this.up(event));
    }
    this.stage.addEventListener("dblclick", (event) => {
      if (this.zoom > 1) this.fit();
      else this.zoomAt(2.5, ...this.pointOf(event));
    });
    new ResizeObserver(() => this.draw()).observe(this.stage);
  }

  press(what) {
    if (what === "fit") this.fit();
    else this.zoomAt(what === "in" ? STEP : 1 / STEP);
  }

  fit() {
    this.zoom = 1;
    this.left = 0;
    this.top = 0;
    this.draw();
  }

  setStrength(share) {
    for (const layer of this.root.querySelectorAll("[data-layer]")) layer.style.opacity = share;
  }

  /** Zoom by a factor and keep the given point of the stage (its middle by default) in place. */
  zoomAt(factor, x = this.stage.clientWidth / 2, y = this.stage.clientHeight / 2) {
    const zoom = Math.min(LARGEST, Math.max(1, this.zoom * factor));
    this.left = x - ((x - this.left) / this.zoom) * zoom;
    this.top = y - ((y - this.top) / this.zoom) * zoom;
    this.zoom = zoom;
    this.draw();
  }

  pan(across, down) {
    this.left += across;
    this.top += down;
    this.draw();
  }

  /** Put the plane where it belongs; no edge of the picture comes inside the stage. */
  draw() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    this.left = Math.min(0, Math.max(width * (1 - this.zoom), this.left));
    this.top = Math.min(0, Math.max(height * (1 - this.zoom), this.top));
    this.plane.style.transform = `translate(${this.left}px, ${this.top}px) scale(${this.zoom})`;
    this.stage.classList.toggle("is-zoomed", this.zoom > 1);
    if (this.value) this.value.textContent = `${Math.round(this.zoom * 100)}%`;
    for (const button of this.root.querySelectorAll("[data-zoom]")) {
      button.disabled = button.dataset.zoom === "in" ? this.zoom >= LARGEST : this.zoom <= 1;
    }
  }

  /** The wheel scrolls the page until the picture is focused, zoomed, or Ctrl is held (also: two fingers on a pad). */
  wheel(event) {
    if (!event.ctrlKey && this.zoom === 1 && document.activeElement !== this.stage) return;
    event.preventDefault();
    this.zoomAt(Math.exp(-event.deltaY / 400), ...this.pointOf(event));
  }

  key(event) {
    const acts = {
      "+": () => this.zoomAt(STEP),
      "=": () => this.zoomAt(STEP),
      "-": () => this.zoomAt(1 / STEP),
      0: () => this.fit(),
    };
    if (this.zoom > 1) {
      acts.ArrowLeft = () => this.pan(NUDGE, 0);
      acts.ArrowRight = () => this.pan(-NUDGE, 0);
      acts.ArrowUp = () => this.pan(0, NUDGE);
      acts.ArrowDown = () => this.pan(0, -NUDGE);
    }
    if (!(event.key in acts) || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    acts[event.key]();
  }

  down(event) {
    if (event.button !== 0) return;
    this.pointers.set(event.pointerId, this.pointOf(event));
    if (this.zoom > 1 || this.pointers.size > 1) this.stage.setPointerCapture(event.pointerId);
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = this.pointOf(event);
    this.pointers.set(event.pointerId, now);
    if (this.pointers.size === 2) this.pinch(event.pointerId, before, now);
    else if (this.zoom > 1) {
      this.stage.classList.add("is-dragged");
      this.pan(now[0] - before[0], now[1] - before[1]);
    }
  }

  pinch(id, before, now) {
    const other = [...this.pointers].find(([key]) => key !== id)[1];
    const distance = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]);
    const middle = [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2];
    this.zoomAt(distance(now) / Math.max(1, distance(before)), ...middle);
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    this.stage.classList.remove("is-dragged");
  }

  pointOf(event) {
    const box = this.stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }
}

for (const root of document.querySelectorAll("[data-viewer]")) new Viewer(root);
