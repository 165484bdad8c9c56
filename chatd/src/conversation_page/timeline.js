// The messages that are shown, oldest first.
import { call } from "/account/server.js";
import { at, doing, element } from "/account/parts.js";
import { day, row } from "./message.js";
import * as seen from "./seen.js";

export const A_PAGE = 50;
// With more than this, the oldest make room for what is written now.
const MOST = 1_000;
// So far from the end somebody reads along, pixels.
const NEAR = 120;

let held = new Map();
let rows = new Map();
let path = "";
let me = null;
// The first that was not read when the page was opened.
let firstNew = Infinity;

export function begin() {
  at("earlier").addEventListener("click", () => doing(at("earlier"), "earlier-said", earlier));
  at("newer").addEventListener("click", () => {
    toEnd();
    at("text").focus({ preventScroll: true });
  });
  addEventListener("scroll", () => isNearEnd() && (at("newer").hidden = true), { passive: true });
}

export function fill({ path: where, me: who, history, read }) {
  clear();
  [path, me] = [where, who];
  firstNew = history.items.find(({ seq, author }) => seq > read && author.id !== me)?.seq ?? Infinity;
  quietly(() => history.items.forEach(put));
  at("earlier").hidden = !history.more_before;
  const mark = rows.get(firstNew);
  if (mark) mark.scrollIntoView({ block: "start" });
  else toEnd();
}

export function clear() {
  [held, rows, firstNew] = [new Map(), new Map(), Infinity];
  at("messages").replaceChildren();
  at("newer").hidden = true;
}

// A message as it is now. Of those that are not shown, only newer ones are.
export function apply(message) {
  const known = held.get(message.seq);
  if (known ? known.version >= message.version : held.size > 0 && message.seq < Math.min(...held.keys())) return;
  const follows = isNearEnd() || message.author.id === me;
  put(message);
  if (known) return;
  if (held.size > MOST) drop(Math.min(...held.keys()));
  if (follows) toEnd();
  else at("newer").hidden = false;
}

async function earlier() {
  const before = Math.min(...held.keys());
  const history = await call("GET", `${path}/messages?before=${before}&limit=${A_PAGE}`);
  // What somebody looks at stays where it is, though there is more above it.
  const first = rows.get(before);
  const top = first.getBoundingClientRect().top;
  quietly(() => history.items.forEach(put));
  scrollBy(0, first.getBoundingClientRect().top - top);
  at("earlier").hidden = !history.more_before;
  if (at("earlier").hidden) at("title").focus({ preventScroll: true });
  return `${history.items.length} earlier messages`;
}

function put(message) {
  const { seq } = message;
  const made = row(message, me);
  const old = rows.get(seq);
  held.set(seq, message);
  rows.set(seq, made);
  if (old) old.replaceWith(made);
  else at("messages").insertBefore(made, rows.get(after(seq)) ?? null);
  seen.watch(made, seq);
  head(seq);
  head(after(seq));
}

// Numbers have no hole, but between what is shown and what was just told there can be one for a moment.
function after(seq) {
  if (rows.has(seq + 1)) return seq + 1;
  const later = [...rows.keys()].filter((other) => other > seq);
  return later.length ? Math.min(...later) : undefined;
}

function drop(seq) {
  rows.get(seq).remove();
  rows.delete(seq);
  held.delete(seq);
  head(Math.min(...rows.keys()));
  at("earlier").hidden = false;
}

// What stands above a message: its day, where that is another one than of the message before, and where news begin.
function head(seq) {
  const shown = rows.get(seq);
  if (!shown) return;
  for (const old of shown.querySelectorAll(".day, .new")) old.remove();
  const before = held.get(seq - 1);
  const today = day(held.get(seq).created_at);
  if (seq === firstNew) shown.prepend(element("p", { text: "New", kind: "new" }));
  if (!before || day(before.created_at) !== today) shown.prepend(element("p", { text: today, kind: "day" }));
}

// What was written long ago is not read out.
function quietly(work) {
  at("log").setAttribute("aria-live", "off");
  work();
  requestAnimationFrame(() => at("log").removeAttribute("aria-live"));
}

export const isNearEnd = () => innerHeight + scrollY >= document.documentElement.scrollHeight - NEAR;

export function toEnd() {
  scrollTo(0, document.documentElement.scrollHeight);
  at("newer").hidden = true;
}
