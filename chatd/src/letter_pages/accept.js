// Makes the account of somebody who was invited, and signs them in.
import { acceptInvitation } from "/account/server.js";
import { at, say } from "/account/parts.js";
import * as letter from "./letter.js";
import * as password from "./password.js";

async function accept(token) {
  const { name } = await acceptInvitation({ token, name: at("name").value, password: password.chosen() });
  letter.lead("My notifications and devices");
  return `Welcome, ${name}. Your account is made, and you are signed in in this tab.`;
}

function nothing() {
  say("said", "An invitation is accepted by the link in the mail that was sent to you.", "none");
  letter.lead("Sign in");
}

// Somebody who has accepted already signs in.
function spent() {
  letter.lead("Sign in, if you have accepted it before");
}

password.begin();
letter.begin({ work: accept, nothing, spent });
