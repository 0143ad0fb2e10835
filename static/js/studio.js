// The studio with scripts: only the chosen provider's voices and models are in the lists (the server draws the right
// ones when the provider changes), leaving with something unsaved asks first, and a session that ended while somebody
// typed loses nothing.

const form = document.getElementById("studio-form");
const KEPT = `studio-${form.dataset.whose}`;
const UNSENT = new Set(["csrfmiddlewaretoken"]);

for (const [part, provider, list] of [["voice", "voice_provider", "voice_id"], ["model", "model_provider", "model_name"]]) {
  const chosen = form.elements[provider].selectedOptions[0]?.text;
  const isWrong = form.querySelector(`#group-${part} [aria-invalid="true"]`);
  for (const group of form.elements[list].querySelectorAll("optgroup")) {
    if (!isWrong && group.label !== chosen) group.remove();
  }
}

// --- Leaving with something unsaved -----------------------------------------------------------------------------------

let isChanged = Boolean(document.querySelector(".notice.error, .theirs"));
form.addEventListener("input", () => { isChanged = true; });
document.addEventListener("submit", () => { isChanged = false; });
window.addEventListener("beforeunload", (event) => { if (isChanged) event.preventDefault(); });

// --- A session that ended ---------------------------------------------------------------------------------------------

function typed() {
  return [...new FormData(form)].filter(([name]) => !UNSENT.has(name)).map(([name, value]) => [name, value.replaceAll("\r\n", "\n")]);
}

/** Put back what was sent and, because the session had ended, never arrived: the page still shows the same version. */
function restore() {
  const kept = sessionStorage.getItem(KEPT);
  sessionStorage.removeItem(KEPT);
  if (!kept || kept === JSON.stringify(typed())) return;
  const values = JSON.parse(kept);
  if (!values.some(([name, value]) => name === "version" && value === form.elements.version.value)) return;
  for (const control of form.elements) {
    if (!control.name || control.type === "hidden" || control.type === "submit") continue;
    const sent = values.filter(([name]) => name === control.name).map(([, value]) => value);
    if (control.type === "checkbox" || control.type === "radio") control.checked = sent.includes(control.value);
    else if (sent.length) {
      if (control.options && ![...control.options].some(({ value }) => value === sent[0])) control.add(new Option(sent[0], sent[0]));
      control.value = sent[0];
    }
  }
  form.dispatchEvent(new Event("input"));
  document.dispatchEvent(new CustomEvent("toast", { detail: { text: form.dataset.restored, level: "warning" } }));
}

form.addEventListener("submit", () => sessionStorage.setItem(KEPT, JSON.stringify(typed())));
if (!document.querySelector(".notice.error, .theirs")) restore();
else sessionStorage.removeItem(KEPT);

// The preview is not the place for the page to sign in.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (new URL(event.detail.xhr.responseURL).pathname.includes("/accounts/")) event.detail.shouldSwap = false;
});
