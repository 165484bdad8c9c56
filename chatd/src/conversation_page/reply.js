// What somebody answers. It is shown at once and sent in order; each text has a name of its own (`client_id`), under which
// the server takes it once, however often it is sent. What could not be sent goes back into the box.
import { call } from "/account/server.js";
import { at, element, say } from "/account/parts.js";
import { apply, toEnd } from "./timeline.js";

// So much waits, at the most; then one waits too.
const MOST_WAITING = 20;

let path = "";
let me = null;
let waiting = [];
let sending = false;
// What stands in the box and was tried before: sent again as it is, it goes under the same name.
let tried = null;

const key = () => `chat.draft${path}`;

export function begin() {
  at("reply").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  at("text").addEventListener("keydown", (event) => {
    // While somebody puts a character together, Enter is of that.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    submit();
  });
  at("text").addEventListener("input", keep);
}

// The box has what this person left in it, in this tab; what was on its way is sent again.
export function open(where, who) {
  if (path === where && me === who) return;
  [path, me, waiting, tried] = [where, who, [], null];
  const kept = JSON.parse(sessionStorage.getItem(key()) ?? "null");
  const draft = kept?.me === me ? kept : { text: "", waiting: [] };
  at("text").value = draft.text;
  if (draft.name) tried = { name: draft.name, text: draft.text };
  waiting = draft.waiting;
  if (waiting.length && !sending) send();
  show();
}

// Whoever signs out leaves nothing behind.
export function forget() {
  sessionStorage.removeItem(key());
  at("text").value = "";
  [me, waiting, tried] = [null, [], null];
  show();
}

function keep() {
  const text = at("text").value;
  const name = tried?.text === text ? tried.name : undefined;
  if (text === "" && waiting.length === 0) sessionStorage.removeItem(key());
  else sessionStorage.setItem(key(), JSON.stringify({ me, text, name, waiting }));
}

function submit() {
  const text = at("text").value;
  if (text.trim() !== "") {
    if (waiting.length >= MOST_WAITING) return say("reply-said", "One moment: others are being sent still.", "none");
    waiting.push({ text, name: tried?.text === text ? tried.name : newName() });
    tried = null;
    at("text").value = "";
    keep();
  }
  if (!sending) send();
  show();
  if (text.trim() !== "") toEnd();
}

// Names that grow with time cost the server least.
function newName() {
  const random = crypto.getRandomValues(new Uint8Array(10));
  return `${Date.now().toString(36).padStart(9, "0")}-${[...random].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

async function send() {
  sending = true;
  say("reply-said", "");
  try {
    while (waiting.length) {
      const [{ name, text }] = waiting;
      const sent = await call("POST", `${path}/messages`, { client_id: name, text });
      settle(name);
      apply(sent);
    }
  } catch (error) {
    giveBack(error);
  } finally {
    sending = false;
    show();
  }
}

// What was refused goes back into the box. What may have been stored, since only an answer is missing, goes there if nothing
// else is in it, so that it keeps its name; else it stays where it is, and goes with the next.
function giveBack(error) {
  if (waiting.length === 0) return;
  const typed = at("text").value;
  const isRefused = error.status >= 400 && error.status < 500;
  const goesBack = isRefused || (waiting.length === 1 && typed === "");
  if (goesBack) {
    const first = waiting.shift();
    at("text").value = typed === "" ? first.text : `${first.text}\n${typed}`;
    tried = first;
    keep();
  }
  const again = waiting.length ? " Enter sends what waits." : "";
  say("reply-said", `Not sent: ${error.message}${again}`, "bad");
}

// The server has it, by its own word or by telling of it.
export function settle(name) {
  if (name === undefined) return;
  waiting = waiting.filter((one) => one.name !== name);
  if (tried?.name === name) {
    // It had been stored, only the answer was lost.
    if (at("text").value === tried.text) at("text").value = "";
    tried = null;
    say("reply-said", "");
  }
  keep();
  show();
}

function show() {
  const row = ({ text }) => {
    const words = element("p", { text, kind: "words" });
    words.dir = "auto";
    return element("li", { kind: "message mine waiting" }, words, element("small", { text: sending ? "Sending" : "Not sent" }));
  };
  at("waiting").replaceChildren(...waiting.map(row));
}
