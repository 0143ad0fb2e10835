// Behaviours by attribute, for every page. Each page works without them.

const LEVELS = new Set(["success", "info", "warning", "error", "debug"]);
const SHOWN_FOR = 6000;
const BUSY_FOR = 15_000;

/** Say something in a toast; errors stay until they are closed. */
export function toast(text, level = "success") {
  const template = document.getElementById("toast");
  const region = document.getElementById("toasts");
  if (!template || !region) return;
  const box = template.content.firstElementChild.cloneNode(true);
  box.classList.add(LEVELS.has(level) ? level : "info");
  if (level === "error") box.setAttribute("role", "alert");
  box.querySelector("p").textContent = text;
  region.append(box);
  fadeLater(box);
}

function fadeLater(box) {
  if (box.classList.contains("error")) return;
  let left = setTimeout(() => box.remove(), SHOWN_FOR);
  const hold = () => clearTimeout(left);
  const release = () => { hold(); left = setTimeout(() => box.remove(), SHOWN_FOR / 2); };
  box.addEventListener("pointerenter", hold);
  box.addEventListener("focusin", hold);
  box.addEventListener("pointerleave", release);
  box.addEventListener("focusout", release);
}

/** A live region tells only what comes into it later, so the page's own messages come in again. */
function announce() {
  const region = document.getElementById("toasts");
  for (const box of [...(region?.children ?? [])]) {
    fadeLater(box);
    if (box.getAttribute("role") === "alert") continue;
    const words = box.querySelector("p");
    const text = words.textContent;
    words.textContent = "";
    setTimeout(() => { words.textContent = text; }, 60);
  }
}

async function copy(button) {
  const words = document.getElementById("toast")?.dataset ?? {};
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    toast(words.copied);
  } catch {
    toast(words.failed, "error");
  }
}

function reveal(button) {
  const input = document.getElementById(button.dataset.reveals);
  if (!input) return;
  const shown = input.type === "password";
  input.type = shown ? "text" : "password";
  button.setAttribute("aria-pressed", String(shown));
}

const ON_CLICK = {
  closes: (button) => button.closest(".toast, dialog")?.remove(),
  copy,
  opens: (button) => document.getElementById(button.dataset.opens)?.showModal(),
  reveals: reveal,
};

document.addEventListener("click", (event) => {
  for (const [name, act] of Object.entries(ON_CLICK)) {
    const button = event.target.closest?.(`[data-${name}]`);
    if (button) act(button);
  }
});

// A form that is being sent is not sent twice; its button says that it is busy.
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (event.defaultPrevented || !button?.classList.contains("button") || event.target.method === "dialog") return;
  if (button.getAttribute("aria-busy") === "true") { event.preventDefault(); return; }
  button.setAttribute("aria-busy", "true");
  setTimeout(() => button.removeAttribute("aria-busy"), BUSY_FOR); // a download leaves the page where it is
});
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return; // come back to by the back button
  for (const button of document.querySelectorAll('.button[aria-busy="true"]')) button.removeAttribute("aria-busy");
});

document.addEventListener("toast", (event) => toast(event.detail.text, event.detail.level));
document.addEventListener("htmx:sendError", () => { if (navigator.onLine) toast(document.getElementById("toast").dataset.failed, "error"); });
document.addEventListener("htmx:afterSwap", (event) => {
  const saved = event.detail.elt?.querySelector?.("[data-glow]");
  saved?.classList.add("glow");
});

function showConnection() {
  const line = document.getElementById("offline");
  if (line) line.hidden = navigator.onLine;
}
window.addEventListener("online", showConnection);
window.addEventListener("offline", showConnection);

/** What is still going on is asked for again; only the parts that changed are put in, and nothing while it is in use. */
async function refresh(main) {
  try {
    const answer = await fetch(location.href, { headers: { "X-Refresh": "1" } });
    if (answer.redirected) { location.replace(answer.url); return; }
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of page.querySelectorAll("[data-live][id]")) {
        const old = document.getElementById(part.id);
        if (old && !old.contains(document.activeElement) && old.dataset.html !== part.outerHTML) {
          part.dataset.html = part.outerHTML;
          old.replaceWith(part);
        }
      }
      if (!page.getElementById("content")?.dataset.refreshes) {
        document.dispatchEvent(new CustomEvent("settled"));
        return;
      }
    }
  } catch { /* offline for a moment: ask again */ }
  setTimeout(() => refresh(main), Number(main.dataset.refreshes) * 1000);
}

const main = document.getElementById("content");
if (main?.dataset.refreshes) {
  for (const part of document.querySelectorAll("[data-live][id]")) part.dataset.html = part.outerHTML;
  setTimeout(() => refresh(main), Number(main.dataset.refreshes) * 1000);
}
announce();
showConnection();
