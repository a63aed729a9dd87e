// Passkeys: asks the site what to ask the authenticator, and carries its answer back.
// Without this file passkeys cannot work: the page says so. The words to show are in the page.
"use strict";

const toBytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));

const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const readKeys = (keys) => (keys || []).map((key) => ({ ...key, id: toBytes(key.id) }));

// What went wrong, by the name of the sentence that tells it.
class Told extends Error {}

async function ask(form, address, message) {
  let response;
  try {
    response = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
      body: JSON.stringify(message),
      credentials: "same-origin",
      redirect: "manual",
    });
  } catch {
    throw new Told("failed");
  }
  // Somewhere else to go first (sign in again, confirm): the page knows the way.
  if (response.type === "opaqueredirect") {
    window.location.reload();
    throw new Told("working");
  }
  const said = (response.headers.get("Content-Type") || "").startsWith("application/json") ? await response.json() : {};
  if (response.ok) return said;
  if (response.status === 429) throw new Told("tooMany");
  if (said.error === "refused") throw new Told("refused");
  throw new Told(response.status === 403 ? "expired" : "failed");
}

async function make(options) {
  const made = await navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: toBytes(options.challenge),
      user: { ...options.user, id: toBytes(options.user.id) },
      excludeCredentials: readKeys(options.excludeCredentials),
    },
  });
  return describe(made, {
    attestationObject: toText(made.response.attestationObject),
    transports: made.response.getTransports ? made.response.getTransports() : [],
  });
}

async function prove(options) {
  const proof = await navigator.credentials.get({
    publicKey: {
      ...options,
      challenge: toBytes(options.challenge),
      allowCredentials: readKeys(options.allowCredentials),
    },
  });
  return describe(proof, {
    authenticatorData: toText(proof.response.authenticatorData),
    signature: toText(proof.response.signature),
    userHandle: proof.response.userHandle ? toText(proof.response.userHandle) : null,
  });
}

function describe(credential, more) {
  return {
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    clientExtensionResults: {},
    response: { clientDataJSON: toText(credential.response.clientDataJSON), ...more },
  };
}

function nameTrouble(error) {
  if (error instanceof Told) return error.message;
  if (error.name === "InvalidStateError") return "already";
  if (error.name === "SecurityError") return "elsewhere";
  if (error.name === "NotSupportedError") return "unsupported";
  return error.name === "NotAllowedError" || error.name === "AbortError" ? "cancelled" : "failed";
}

async function run(form) {
  const typed = Object.fromEntries(new FormData(form));
  delete typed.csrfmiddlewaretoken;
  const { options } = await ask(form, form.dataset.start, typed);
  const credential = form.dataset.ceremony === "make" ? await make(options) : await prove(options);
  const { next } = await ask(form, form.dataset.finish, { ...typed, credential });
  window.location.assign(next);
}

for (const form of document.querySelectorAll("form[data-ceremony]")) {
  const told = form.querySelector("[data-told]");
  const button = form.querySelector("button[type=submit]");
  const tell = (trouble) => {
    told.hidden = trouble === "";
    told.querySelector("p").textContent = trouble === "" ? "" : told.dataset[trouble];
  };
  if (!window.PublicKeyCredential) {
    tell("unsupported");
    continue;
  }
  form.querySelector("fieldset").disabled = false;
  // What was disabled when the page asked for the focus did not get it.
  form.querySelector("[autofocus]")?.focus();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.getAttribute("aria-busy") === "true") return;
    tell("");
    button.setAttribute("aria-busy", "true");
    try {
      await run(form);
    } catch (error) {
      tell(nameTrouble(error));
      button.focus();
    }
    button.removeAttribute("aria-busy");
  });
}
