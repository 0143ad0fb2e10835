// Joins allauth's passkey functions to the buttons marked `data-passkey`, and says a failure in words.

const forms = window.allauth?.webauthn?.forms ?? {};
const BUTTON = { addForm: "add", authenticateForm: "authenticate", loginForm: "login" };

for (const button of document.querySelectorAll("[data-passkey]")) {
  const kind = button.dataset.passkey;
  const { form } = button;
  const credential = form.querySelector('[name="credential"]');
  const ids = { [BUTTON[kind]]: button.id, credential: credential.id, data: "js_data" };
  const passwordless = form.querySelector('[name="passwordless"]');
  if (passwordless) ids.passwordless = passwordless.id;
  forms[kind]?.({ ids });
  // The functions send the form themselves once there is a credential; Enter in a field asks for one first.
  if (kind === "addForm") form.addEventListener("submit", (event) => { event.preventDefault(); button.click(); });
}

document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  const problem = document.getElementById("passkey-problem");
  if (!problem) return;
  problem.hidden = true;
  requestAnimationFrame(() => { problem.hidden = false; }); // shown anew, so that it is told anew
});
