// The page: who is signed in, and the parts that they see then.
import * as address from "./address.js";
import * as muted from "./muted.js";
import * as push from "./push.js";
import * as server from "./server.js";
import * as sessions from "./sessions.js";
import * as wishes from "./wishes.js";
import { at, doing, say } from "./parts.js";

const PARTS = [address, wishes, push, sessions, muted];

function showSignIn() {
  at("account").hidden = true;
  at("who").hidden = true;
  at("sign-in").hidden = false;
  at("password").value = "";
}

async function showAccount() {
  const person = await server.call("GET", "/me");
  await Promise.all(PARTS.map((part) => part.load(person)));
  at("name").textContent = person.name;
  at("sign-in").hidden = true;
  at("who").hidden = false;
  at("account").hidden = false;
}

async function signIn() {
  await server.signIn(at("email").value, at("password").value);
  at("password").value = "";
  await showAccount();
  at("said").focus();
  return "You are signed in.";
}

async function signOut() {
  await push.forget().catch(() => {});
  try {
    await server.signOut();
  } finally {
    showSignIn();
    at("email").focus();
  }
  return "You are signed out.";
}

server.onSignedOut(() => {
  showSignIn();
  say("said", "You were signed out: the session has ended. Sign in again.", "bad");
  at("email").focus();
});

at("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  doing(at("sign-in").querySelector("button"), "said", signIn);
});
at("sign-out").addEventListener("click", () => doing(at("sign-out"), "said", signOut));
for (const part of PARTS) part.begin();

if (server.mayBeSignedIn()) {
  try {
    await showAccount();
  } catch (error) {
    if (at("sign-in").hidden) {
      showSignIn();
      say("said", error.message, "bad");
    }
  }
} else {
  showSignIn();
}
