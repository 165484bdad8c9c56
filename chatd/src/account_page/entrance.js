// Who is signed in on a page. It has the form `sign-in`, `who` with `name` and `sign-out`, and `inside` for whoever is.
import * as server from "./server.js";
import { at, doing, say } from "./parts.js";

// `show` gets the account and fills what is inside; `shown` comes after it when somebody has just signed in, `leaving`
// before they are signed out, `left` when nobody is there any more.
export async function begin({ inside, show, shown, leaving = async () => {}, left = () => {} }) {
  const showSignIn = () => {
    at(inside).hidden = true;
    at("who").hidden = true;
    at("sign-in").hidden = false;
    at("password").value = "";
    left();
  };

  const enter = async () => {
    const person = await server.call("GET", "/me");
    await show(person);
    at("name").textContent = person.name;
    at("sign-in").hidden = true;
    at("who").hidden = false;
  };

  const signIn = async () => {
    await server.signIn(at("email").value, at("password").value);
    at("password").value = "";
    await enter();
    return shown();
  };

  const signOut = async () => {
    await leaving().catch(() => {});
    try {
      await server.signOut();
    } finally {
      showSignIn();
      at("email").focus();
    }
    return "You are signed out.";
  };

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

  if (!server.mayBeSignedIn()) return showSignIn();
  try {
    await enter();
  } catch (error) {
    if (!at("sign-in").hidden) return;
    showSignIn();
    say("said", error.message, "bad");
  }
}
