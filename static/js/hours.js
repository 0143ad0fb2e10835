// The weekly grid: copies a day to all days, guesses the time zone, fills a day that is switched on.
// Without it, the server copies; see telephony.forms.BusinessHoursForm.

const TIMES = ["from-1", "to-1", "from-2", "to-2"];

const inputs = (day) => [...day.querySelectorAll("input")];
const rest = (input) => input.name.replace(/^.*day-\d-/, "");
const changed = (input) => input.dispatchEvent(new Event("change", { bubbles: true }));

function put(input, source) {
  if (input.type === "checkbox") {
    if (input.checked === source.checked) return;
    input.checked = source.checked;
  } else {
    if (input.value === source.value) return;
    input.type = source.type;
    input.value = source.value;
    const folded = input.closest("details");
    if (folded && input.value) folded.open = true;
  }
  changed(input);
}

function copyToAll(day) {
  const sources = Object.fromEntries(inputs(day).map((input) => [rest(input), input]));
  const grid = day.closest("[data-hours]");
  for (const other of grid.querySelectorAll("[data-day]")) {
    if (other === day) continue;
    for (const input of inputs(other)) {
      if (sources[rest(input)]) put(input, sources[rest(input)]);
    }
  }
  grid.dispatchEvent(new CustomEvent("toast", { bubbles: true, detail: { text: grid.dataset.copied, level: "success" } }));
}

/** A day that is switched on begins with the hours of the first day that has some. */
function fill(day) {
  const mine = inputs(day).filter((input) => TIMES.includes(rest(input)));
  if (mine.some((input) => input.value)) return;
  const model = [...day.closest("[data-hours]").querySelectorAll("[data-day]")].find((other) =>
    other !== day && inputs(other).some((input) => rest(input) === "open" && input.checked) &&
    inputs(other).some((input) => TIMES.includes(rest(input)) && input.value));
  for (const input of mine) {
    const source = model && inputs(model).find((other) => rest(other) === rest(input));
    if (source) put(input, source);
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.('button[name="copy"]');
  const day = button?.closest("[data-hours] [data-day]");
  if (!day) return;
  event.preventDefault();
  copyToAll(day);
});

document.addEventListener("change", (event) => {
  const input = event.target;
  const day = input.closest?.("[data-hours] [data-day]");
  if (day && event.isTrusted && rest(input) === "open" && input.checked) fill(day);
});

/** A form that was never saved begins with the browser's time zone. */
function guess(root) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const select of root.querySelectorAll('select[data-guess="timezone"]')) {
    delete select.dataset.guess;
    if (select.value || !zone || ![...select.options].some((option) => option.value === zone)) continue;
    select.value = zone;
    changed(select);
  }
}

guess(document);
document.addEventListener("htmx:load", (event) => guess(event.detail.elt.parentElement ?? document));
