// A conversation, as a mail leads to it: whoever is signed in and in it reads along, and answers.
import * as entrance from "/account/entrance.js";
import { call } from "/account/server.js";
import { at, say } from "/account/parts.js";
import * as live from "./live.js";
import * as reply from "./reply.js";
import * as seen from "./seen.js";
import * as timeline from "./timeline.js";

const NOT_FOUND = "There is no such conversation, or you are not in it.";

const id = location.pathname.split("/")[2];
const path = `/conversations/${id}`;

let me = null;

function show(person) {
  me = person.id;
  live.stop();
  return open();
}

// That it is not there and that it is not theirs is the same, as everywhere.
async function open() {
  if (!/^conv_[0-9a-z]+$/.test(id)) return gone();
  try {
    await load();
  } catch (error) {
    if (error.status !== 404) throw error;
    gone();
  }
}

async function load() {
  const conversation = await call("GET", path);
  const history = await call("GET", `${path}/messages?limit=${timeline.A_PAGE}`);
  describe(conversation);
  reply.open(path, me);
  // What is not shown has no height, and one could not go to where somebody left off.
  inside(true);
  timeline.fill({ path, me, history, read: conversation.read_seq });
  seen.open(path, conversation.read_seq);
  live.follow({ from: conversation.as_of, hear, again: open });
}

function describe({ subject, participants, participant_count: count }) {
  const others = participants.filter((person) => person.id !== me).map(({ name }) => name);
  const title = subject || others.join(", ") || "Conversation";
  at("title").textContent = title;
  document.title = title;
  at("people").textContent = subject || count > 2 ? `With ${others.join(", ")}` : "";
}

function hear({ e, conv, d }) {
  if (conv !== id) return;
  if (e === "access.revoked") gone();
  else if (e.startsWith("message.") || e === "reaction.changed") {
    reply.settle(d.client_id);
    timeline.apply(d);
  } else if (e.startsWith("participant.") || e === "access.granted") {
    call("GET", path).then(describe, () => {});
  }
}

function inside(is) {
  at("conversation").hidden = !is;
  at("skip").hidden = !is;
}

function gone() {
  close();
  at("title").textContent = "Not found";
  say("said", NOT_FOUND, "bad");
  at("said").focus();
}

function close() {
  inside(false);
  live.stop();
  seen.close();
  timeline.clear();
  at("title").textContent = "Conversation";
  document.title = "Conversation";
}

timeline.begin();
seen.begin();
reply.begin();
live.begin();

await entrance.begin({
  inside: "conversation",
  show,
  shown() {
    if (at("conversation").hidden) throw new Error(NOT_FOUND);
    at("title").focus({ preventScroll: true });
    return "You are signed in.";
  },
  leaving: async () => reply.forget(),
  left: close,
});
