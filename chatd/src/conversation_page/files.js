// Files that were sent with a message. A link to one needs no token and is good for minutes, so each is asked for when it
// is needed.
import { call } from "/account/server.js";
import { element, say } from "/account/parts.js";

const link = async (id, what = "") => (await call("GET", `/attachments/${id}/link${what}`)).url;

// Small pictures are loaded when somebody comes to them.
const coming = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    coming.unobserve(target);
    link(target.dataset.attachment, "?thumbnail=true").then((url) => (target.src = url), () => {});
  }
}, { rootMargin: "200px" });

export function file({ id, name, size, thumbnail }) {
  const button = element("button", { kind: thumbnail ? "file picture" : "file" });
  button.type = "button";
  if (thumbnail) button.append(picture(id, name, thumbnail));
  button.append(element("bdi", { text: name }), " ", element("small", { text: bytes(size) }));
  button.addEventListener("click", () => open(id, Boolean(thumbnail)));
  return element("li", {}, button);
}

function picture(id, name, { width, height }) {
  const made = new Image(width, height);
  // Its name stands beside it.
  made.alt = "";
  made.dataset.attachment = id;
  coming.observe(made);
  return made;
}

// Pictures are shown in a tab of their own, which browsers let one open in the moment of the click alone.
async function open(id, shows) {
  const tab = shows ? window.open("", "_blank") : null;
  try {
    const url = await link(id);
    if (tab) tab.location.replace(new URL(url, location.origin));
    else location.assign(url);
  } catch (error) {
    tab?.close();
    say("reply-said", error.message, "bad");
  }
}

function bytes(size) {
  const [unit, by] = size < 1e6 ? ["kilobyte", 1e3] : ["megabyte", 1e6];
  const options = { style: "unit", unit, maximumSignificantDigits: 2 };
  return new Intl.NumberFormat(undefined, options).format(Math.max(size / by, 0.1));
}
