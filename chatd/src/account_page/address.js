// Whether somebody has shown that they get what is sent to their address.
import { call } from "./server.js";
import { at, doing, say } from "./parts.js";

export function begin() {
  at("address-verify").addEventListener("click", () => doing(at("address-verify"), "address-said", ask));
}

export async function load(person) {
  at("unverified").hidden = person.email === "" || person.email_verified;
  at("address").textContent = person.email;
  say("address-said", "");
}

async function ask() {
  await call("POST", "/me/verify-email");
  return "A mail is on its way, unless several of them are good already. Its link is good for a day.";
}
