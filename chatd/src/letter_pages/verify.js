// Verifies an address, when somebody says so: what looks at links before people do spends nothing.
import { send } from "/account/server.js";
import { say } from "/account/parts.js";
import * as letter from "./letter.js";

async function verify(token) {
  await send("POST", "/auth/verify-email", { body: { token } });
  letter.lead("My notifications and devices");
  return "Your address is verified. Mails about messages that wait for you go there.";
}

function nothing() {
  say("said", "An address is verified by the link in the mail that was sent to it.", "none");
  letter.lead("Sign in, and see whether yours is");
}

letter.begin({ work: verify, nothing, spent: () => letter.lead("Sign in, and see whether your address is verified") });
