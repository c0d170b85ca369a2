// "Use my location": asks the browser only when the button is pressed, rounds to about 100 m, shows what it got.

const DECIMALS = 3;
const OPTIONS = { enableHighAccuracy: false, timeout: 10000, maximumAge: 600000 };

const REASONS = {
  1: "The browser was not allowed to tell the location. Type a place instead.",
  2: "The location could not be found. Type a place instead.",
  3: "Finding the location took too long. Type a place instead.",
};

function found(form, button, words, position) {
  const latitude = position.coords.latitude.toFixed(DECIMALS);
  const longitude = position.coords.longitude.toFixed(DECIMALS);
  for (const [name, value] of Object.entries({ latitude, longitude })) {
    const field = form.elements[name];
    field.value = value;
    field.disabled = false;
  }
  form.elements.place.value = "";
  words.textContent = `Your location: ${latitude}, ${longitude} (within about 100 m). Type a place to use that instead.`;
  button.disabled = false;
  if ("submit" in button.dataset) form.requestSubmit();
}

function locate(form, button, words) {
  if (!("geolocation" in navigator) || !window.isSecureContext) {
    words.textContent = "This browser does not tell locations to this address. Type a place instead.";
    return;
  }
  button.disabled = true;
  words.textContent = "Asking the browser for your location…";
  navigator.geolocation.getCurrentPosition(
    (position) => found(form, button, words, position),
    (error) => {
      button.disabled = false;
      words.textContent = REASONS[error.code] ?? REASONS[2];
    },
    OPTIONS,
  );
}

/** A typed place wins over coordinates that were found before. */
function forget(form, words) {
  form.elements.latitude.value = "";
  form.elements.longitude.value = "";
  words.textContent = "";
}

for (const button of document.querySelectorAll("[data-locate]")) {
  const form = button.form;
  const words = form.querySelector("[data-located]");
  button.addEventListener("click", () => locate(form, button, words));
  form.elements.place.addEventListener("input", () => forget(form, words));
}
