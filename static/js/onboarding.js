// The wizard's liveliness: the greeting fills as somebody types, the browser's time zone is proposed.
// Everything here is also on the page without a script, as of its last saving.

const greeting = document.querySelector("[data-live-greeting]");

const typed = (name) => document.querySelector(`#step-form [name="${name}"]:not([type="hidden"])`)?.value.trim();

function greet() {
  if (!greeting) return;
  const own = typed("first_message");
  if (own) return (greeting.textContent = own);
  if (greeting.dataset.own) return undefined;
  const values = { name: typed("name") || greeting.dataset.name, organization: typed("organization_name") || greeting.dataset.organization };
  if (values.organization) greeting.textContent = greeting.dataset.pattern.replace(/\{(name|organization)\}/g, (_all, gap) => values[gap]);
  return undefined;
}

function showChoice(event) {
  const place = document.querySelector(`[data-live="${event.target.name}"]`);
  const label = event.target.labels?.[0]?.textContent.trim();
  if (place && label) place.textContent = label;
}

function guessTimezone() {
  const select = document.querySelector('#step-form select[data-guess="timezone"]');
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!select || ![...select.options].some((option) => option.value === zone) || select.value === zone) return;
  if (select.value && select.value !== "UTC") return;
  select.value = zone;
  select.dispatchEvent(new Event("change", { bubbles: true }));
}

function showStrategy() {
  const chosen = document.querySelector('[name="number_strategy"]:checked')?.value;
  for (const [title, strategy] of [["own-title", "own"], ["lent-title", "pool"]]) {
    const card = document.querySelector(`#number-choice [aria-labelledby="${title}"]`);
    if (card && chosen) card.hidden = chosen !== strategy;
  }
}

document.addEventListener("input", greet);
document.addEventListener("change", (event) => { showChoice(event); showStrategy(); });
greet();
guessTimezone();
showStrategy();
