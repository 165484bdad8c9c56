// What several parts of the page have in common. Whatever anybody wrote becomes text here, never markup.
export const at = (id) => document.getElementById(id);

export function element(name, { text, kind } = {}, ...children) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  made.append(...children);
  return made;
}

// Says how something went, where a screen reader hears of it.
export function say(id, text, kind = "good") {
  const place = at(id);
  place.className = kind;
  place.textContent = text;
}

// Runs what a button stands for, once at a time, and says why it did not work. The button keeps the focus meanwhile.
export async function doing(button, place, work) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  say(place, "One moment.", "none");
  try {
    say(place, (await work()) ?? "");
  } catch (error) {
    say(place, error.message, "bad");
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

export function moment(text) {
  return new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

const BROWSERS = { Edg: "Edge", OPR: "Opera", Firefox: "Firefox", FxiOS: "Firefox", Chrome: "Chrome", CriOS: "Chrome", Safari: "Safari" };
const SYSTEMS = ["Android", "iPhone", "iPad", "Windows", "Mac OS X", "CrOS", "Linux"];

// What browsers say of themselves is longer than people care for; other programs are shown as they say.
export function device(text) {
  if (!text?.startsWith("Mozilla/")) return text;
  const browser = Object.keys(BROWSERS).find((name) => text.includes(`${name}/`));
  const system = SYSTEMS.find((name) => text.includes(name));
  return browser && system ? `${BROWSERS[browser]} on ${system}` : text;
}

// A row of a list: what it is, what else there is to know, and the one thing that can be done with it.
export function row({ title, note, mark, action }) {
  const about = element("div", {}, element("span", { text: title }));
  if (mark) about.append(" ", element("span", { text: mark, kind: "mark" }));
  about.append(element("small", { text: note }));
  const made = element("li", {}, about);
  if (action) {
    const button = element("button", { text: action.label });
    button.type = "button";
    button.setAttribute("aria-label", `${action.label}: ${title}, ${note}`);
    button.addEventListener("click", () => doing(button, action.place, () => action.work(made)));
    made.append(button);
  }
  return made;
}

export function fill(list, rows, nothing) {
  list.replaceChildren(...(rows.length ? rows : [element("li", { text: nothing, kind: "none" })]));
}

// Takes a row away. Who stood on it stands on the next one, or at the heading when it was the last.
export function leave(gone, heading, nothing) {
  const list = gone.parentElement;
  const next = (gone.nextElementSibling ?? gone.previousElementSibling)?.querySelector("button");
  gone.remove();
  if (list.children.length === 0) fill(list, [], nothing);
  (next ?? at(heading)).focus();
}
