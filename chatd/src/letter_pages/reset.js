// Sets a new password. Whoever has no link, or one that is over, gets one by mail.
import { forget, send } from "/account/server.js";
import { at, doing, say } from "/account/parts.js";
import * as letter from "./letter.js";
import * as password from "./password.js";

async function set(token) {
  await send("POST", "/auth/password/reset", { body: { token, password: password.chosen() } });
  // All sessions of the account have ended; what this tab keeps may be of one of them.
  forget();
  at("ask").hidden = true;
  letter.lead("Sign in");
  return "Your password is set, and you are signed out everywhere. Sign in with the new one.";
}

async function ask() {
  await send("POST", "/auth/password/forgot", { body: { email: at("email").value } });
  return "If there is an account with this address, a mail is on its way to it. Its link is good for an hour.";
}

function nothing() {
  say("said", "Set a new password by a link that we send to you by mail.", "none");
  at("ask").hidden = false;
  letter.lead("Sign in");
}

at("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  doing(at("ask").querySelector("button"), "asked", ask);
});
password.begin();
letter.begin({ work: set, nothing, spent: () => (at("ask").hidden = false) });
