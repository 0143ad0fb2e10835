// Saves what is typed, field by field, while somebody types: on change, every 10 s, and before leaving (HTMX sends it).
// What could not be saved stays on the page and in this browser, and is sent again. Keys are never in these forms.
// The server says what stands beside the fields; see onboarding/saving.py for how two pages merge.

const WRITER = (crypto.randomUUID?.() ?? String(Math.random()).slice(2)) + "";
const MARK = "ava.typed.";
const SUBMITTED = "ava.submitted";
const forms = new Map();
let sequence = 0;

const cookie = (name) => document.cookie.split("; ").find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1);

class Form {
  constructor(element) {
    this.element = element;
    this.key = MARK + element.dataset.key;
    this.dirty = new Map(); // field → number of the change that made it so
    this.held = new Set(); // fields with a conflict wait for a choice
    this.sent = new Map();
    this.restore();
  }

  get fields() {
    return new Set([...this.element.querySelectorAll('input[name="fields"]')].map((one) => one.value));
  }

  controls(name) {
    return [...this.element.querySelectorAll(`[name="${CSS.escape(name)}"]`)].filter((one) => one.type !== "hidden" && one.tagName !== "BUTTON");
  }

  base(name) {
    return this.element.querySelector(`input[name="${CSS.escape(`base-${name}`)}"]`);
  }

  values(name) {
    const controls = this.controls(name);
    return controls.filter((one) => !["checkbox", "radio"].includes(one.type) || one.checked).map((one) => one.value);
  }

  put(name, values) {
    for (const one of this.controls(name)) {
      if (["checkbox", "radio"].includes(one.type)) one.checked = values.includes(one.value);
      else one.value = values[0] ?? "";
    }
  }

  touch(name) {
    if (!this.fields.has(name)) return;
    this.dirty.set(name, ++sequence);
    this.keep();
  }

  get pending() {
    return [...this.dirty.keys()].filter((name) => !this.held.has(name));
  }

  /** In this browser, until the server has it. */
  keep() {
    try {
      const typed = Object.fromEntries([...this.dirty.keys()].map((name) => [name, { values: this.values(name), base: this.base(name)?.value ?? "" }]));
      if (this.dirty.size) localStorage.setItem(this.key, JSON.stringify(typed));
      else localStorage.removeItem(this.key);
    } catch { /* no storage: the page itself still has it */ }
  }

  restore() {
    let typed = {};
    try { typed = JSON.parse(localStorage.getItem(this.key) ?? "{}"); } catch { /* not ours */ }
    for (const [name, { values, base }] of Object.entries(typed)) {
      if (!this.fields.has(name) || JSON.stringify(values) === JSON.stringify(this.values(name))) continue;
      this.put(name, values);
      if (this.base(name)) this.base(name).value = base;
      this.dirty.set(name, ++sequence);
    }
    this.keep();
  }

  /** The fields that changed, and what each was before. */
  fill(data, names) {
    for (const key of [...data.keys()]) data.delete(key);
    data.append("organization", this.element.elements.organization?.value ?? "");
    data.append("writer", WRITER);
    data.append("sequence", String(++sequence));
    for (const name of names) {
      data.append("fields", name);
      data.append(`base-${name}`, this.base(name)?.value ?? "");
      for (const value of this.values(name)) data.append(name, value);
    }
    return data;
  }

  settle(saved, conflicts) {
    for (const name of conflicts) this.held.add(name);
    for (const [name, change] of this.sent) {
      if (saved.includes(name) || !conflicts.includes(name)) {
        if (this.dirty.get(name) === change) this.dirty.delete(name);
      }
    }
    this.sent.clear();
    this.keep();
  }

  choose(box, takesTheirs) {
    const name = box.dataset.conflict;
    if (this.base(name)) this.base(name).value = box.dataset.version;
    if (takesTheirs) {
      this.put(name, [...box.querySelectorAll("[data-theirs]")].map((one) => one.value));
      this.dirty.delete(name);
    } else {
      this.dirty.set(name, ++sequence);
    }
    this.held.delete(name);
    this.keep();
    const place = box.parentElement;
    box.remove();
    this.controls(name)[0]?.focus();
    place.classList.remove("glow");
    if (this.pending.length) htmx.trigger(this.element, "ava-save");
    else say(this.held.size ? "conflict" : "saved");
  }

  /** When there is no time to wait for an answer. */
  flush() {
    const names = this.pending;
    if (!names.length) return;
    const body = new URLSearchParams(this.fill(new FormData(), names));
    fetch(this.element.dataset.autosave, { method: "POST", body, keepalive: true, credentials: "same-origin", headers: { "X-CSRFToken": token(this.element) } }).catch(() => {});
  }
}

// Signing in again changes the token; the cookie has the one that holds now.
const token = (element) => cookie("csrftoken") ?? element.elements.csrfmiddlewaretoken?.value ?? "";

function say(state) {
  const place = document.getElementById("save-state");
  if (!place || place.dataset.state === state) return;
  place.dataset.state = state;
  place.querySelector("[data-words]").textContent = place.dataset[state.replace(/-(\w)/g, (_all, letter) => letter.toUpperCase())];
  place.querySelector("a").hidden = state !== "signed-out";
}

const failure = (status) => ({ 401: "signed-out", 403: "forbidden", 409: "elsewhere" })[status] ?? (navigator.onLine ? "failed" : "offline");

function start() {
  for (const element of document.querySelectorAll("form[data-autosave]")) forms.set(element, new Form(element));
  forgetSubmitted();
  for (const [element, form] of forms) if (form.pending.length) setTimeout(() => htmx.trigger(element, "ava-save"));
}

/** A form that was sent as a whole has arrived if another page of the wizard answered. */
function forgetSubmitted() {
  try {
    const submitted = sessionStorage.getItem(SUBMITTED);
    if (!submitted || [...forms.values()].some((form) => form.key === submitted)) return;
    localStorage.removeItem(submitted);
    sessionStorage.removeItem(SUBMITTED);
  } catch { /* no storage */ }
}

for (const kind of ["input", "change"]) {
  document.addEventListener(kind, (event) => forms.get(event.target.form)?.touch(event.target.name));
}

document.addEventListener("htmx:configRequest", (event) => {
  const form = forms.get(event.target);
  if (!form) return;
  const names = form.pending;
  if (!names.length) return event.preventDefault();
  form.sent = new Map(names.map((name) => [name, form.dirty.get(name)]));
  form.fill(event.detail.formData, names);
  event.detail.headers["X-CSRFToken"] = token(form.element);
  say("saving");
});

document.addEventListener("ava-saved", (event) => {
  const form = forms.get(event.target);
  if (!form) return;
  form.settle(event.detail.saved, event.detail.conflicts);
  const all = [...forms.values()];
  say(all.some((one) => one.held.size) ? "conflict" : all.some((one) => one.pending.length) ? "saving" : "saved");
});

document.addEventListener("htmx:responseError", (event) => forms.has(event.target) && say(failure(event.detail.xhr.status)));
document.addEventListener("htmx:sendError", (event) => forms.has(event.target) && say(navigator.onLine ? "failed" : "offline"));
document.addEventListener("htmx:timeout", (event) => forms.has(event.target) && say("failed"));

document.addEventListener("click", (event) => {
  const button = event.target.closest?.('button[name="keep"], button[name="take"]');
  const form = button && forms.get(button.form);
  if (!form) return;
  event.preventDefault();
  form.choose(button.closest("[data-conflict]"), button.name === "take");
});

document.addEventListener("submit", (event) => {
  const form = forms.get(event.target);
  if (!form) return;
  try { sessionStorage.setItem(SUBMITTED, form.key); } catch { /* no storage */ }
  form.leaving = true; // the form itself carries everything now
});

const flushAll = () => { for (const form of forms.values()) if (!form.leaving) form.flush(); };
addEventListener("pagehide", flushAll);
document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") flushAll(); });
addEventListener("online", () => { for (const [element, form] of forms) if (form.pending.length) htmx.trigger(element, "ava-save"); });
addEventListener("offline", () => say("offline"));
addEventListener("pageshow", (event) => { if (event.persisted) for (const form of forms.values()) form.leaving = false; });

start();
