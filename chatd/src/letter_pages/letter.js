// What the pages of letters have in common: the token of the link, and why it was not taken.
import { at, doing, say } from "/account/parts.js";

export const LENGTH = "A password has at least 8 characters, and not more than 256.";

let token = "";

// The token stands behind the #. It is taken out of the address and the history at once, where others could find it, and
// is kept in memory alone: loading the page anew, one comes by the link of the mail again.
function take() {
  if (location.hash.length > 1) token = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
}

// `work` gets the token. What it answers is said, in place of the form.
export function begin({ work, nothing, spent }) {
  const form = at("letter");
  const show = () => {
    take();
    form.hidden = token === "";
    if (token === "") nothing();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    doing(form.querySelector("button"), "said", async () => {
      try {
        const done = await work(token);
        token = "";
        form.reset();
        form.hidden = true;
        at("said").focus();
        return done;
      } catch (error) {
        if (isSpent(error)) spent();
        // What was typed stays, and whoever has to change it stands there.
        at(concerned(error) ?? "said").focus();
        throw new Error(told(error));
      }
    });
  });
  // Following a link to the page that is open already does not load it anew.
  addEventListener("hashchange", () => {
    say("said", "");
    lead();
    show();
  });
  show();
}

// Where to go from here; nowhere without an address.
export function lead(text = "", href = "/account") {
  at("next").hidden = text === "";
  at("next-link").textContent = text;
  at("next-link").href = href;
}

const isAt = (error, pointer) => error.fields?.some((field) => field.pointer === pointer) ?? false;
const isSpent = (error) => error.code === "invalid" && isAt(error, "/token");

// The field that has to be changed.
function concerned(error) {
  if (error.field) return error.field;
  return ["password", "name"].find((name) => isAt(error, `/${name}`));
}

const NOT_NOW = "The server cannot do this right now. Nothing was changed.";

function told(error) {
  if (isSpent(error)) return "This link was used before, or its time is over.";
  const wait = error.wait ? ` Try again in ${error.wait > 90 ? `${Math.ceil(error.wait / 60)} minutes` : `${error.wait} s`}.` : "";
  switch (error.code) {
    case "invalid":
      if (isAt(error, "/password")) return LENGTH;
      if (isAt(error, "/name")) return "A name has 1 to 100 characters, none of them invisible.";
      return error.message;
    case "weak_password":
      return `${error.detail} Take another password.`;
    case "email_taken":
      return "There is an account with this address already: sign in to it.";
    case "forbidden":
      return "This account was disabled. Ask the shop.";
    case "rate_limited":
      return `There were too many attempts.${wait}`;
    case "unavailable":
    case "draining":
    case "read_only":
    case "storage_full":
      return NOT_NOW + wait;
    case "internal":
      return `Something went wrong at the server.${wait || " Try again in a moment."}`;
    default:
      return error.message;
  }
}
