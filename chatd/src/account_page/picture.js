// The picture that others see somebody by.
import { call } from "./server.js";
import { at, doing, element, say } from "./parts.js";

const NONE = "Others see no picture of you.";

let me = null;

export function begin() {
  at("picture-save").addEventListener("click", () => doing(at("picture-save"), "picture-said", save));
  at("picture-remove").addEventListener("click", () => doing(at("picture-remove"), "picture-said", remove));
}

export async function load(person) {
  me = person.id;
  at("picture-file").value = "";
  say("picture-said", "");
  await show(person.avatar);
}

// An `<img>` sends no token, so it is shown by a link, which is good for as long as loading it takes.
async function show(version) {
  const link = version ? await call("GET", `/users/${me}/avatar/link`) : null;
  at("picture").replaceChildren(link ? picture(link.url) : element("span", { text: NONE, kind: "none" }));
  const hadFocus = document.activeElement === at("picture-remove");
  at("picture-remove").hidden = !link;
  if (hadFocus && !link) at("picture-file").focus();
}

function picture(address) {
  const shown = element("img");
  shown.alt = "My picture, as others see it";
  shown.src = address;
  return shown;
}

async function save() {
  const [file] = at("picture-file").files;
  if (!file) throw new Error("Choose a picture first.");
  await show((await call("PUT", "/me/avatar", file)).avatar);
  at("picture-file").value = "";
  return "Others see you by this picture now.";
}

async function remove() {
  await show((await call("DELETE", "/me/avatar")).avatar);
  return "Your picture is gone.";
}
