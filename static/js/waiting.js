// Asks how far the picture is, moves the bar, and opens the result when it is there.

const PAUSE_MS = 600;
const LONGEST_PAUSE_MS = 5000;
const SLOW_MS = 30000;

const page = document.querySelector("[data-waiting]");
const bar = page.querySelector("[data-progress]");
const steps = [...page.querySelectorAll("[data-steps] li")];
const spoken = page.querySelector("[data-spoken]");
const slow = page.querySelector("[data-slow]");
const started = Date.now();
let pause = PAUSE_MS;

function show(state) {
  if (Number(bar.value) === state.done) return;
  bar.value = state.done;
  steps.forEach((step, number) => {
    const now = number < state.done ? "done" : number === state.done ? "now" : "next";
    step.className = `step is-${now}`;
    step.querySelector(".step-state").textContent =
      { done: "(done)", now: "(under way)", next: "(still to come)" }[now];
  });
  spoken.textContent = `${state.done} of ${state.of} steps done.`;
}

async function ask() {
  try {
    const answer = await fetch(page.dataset.waiting, { headers: { Accept: "application/json" } });
    if (answer.status === 404) return location.reload();
    if (answer.ok) {
      const state = await answer.json();
      show(state);
      if (state.is_finished) return location.reload();
      pause = PAUSE_MS;
    } else {
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  } catch {
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS); // the server restarts, or the connection is gone: ask on
  }
  if (Date.now() - started > SLOW_MS) {
    slow.hidden = false;
    pause = Math.max(pause, 2000);
  }
  setTimeout(ask, pause);
}

setTimeout(ask, PAUSE_MS / 2);
