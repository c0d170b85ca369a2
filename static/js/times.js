// Turns every <time data-moment> from UTC into the reader's own zone, with the zone named.

const format = new Intl.DateTimeFormat(navigator.languages.find((name) => name.startsWith("en-")) ?? "en-GB", {
  day: "numeric",
  month: "long",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  timeZoneName: "short",
});

/** Localise the moments inside `root`; what can't be read stays as the server wrote it. */
export function localise(root = document) {
  for (const element of root.querySelectorAll("time[data-moment]")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    element.title = element.textContent.trim();
    element.textContent = format.format(moment);
  }
}

localise();
