// The conversations of which somebody is told nothing.
import { call } from "./server.js";
import { at, doing, fill, leave, moment, row, say } from "./parts.js";

const NONE = "No conversation is muted.";
// Each one is asked for by itself, so not all of 1,000 at once.
const AT_ONCE = 20;

let waiting = [];
let me = null;

export function begin() {
  at("more-muted").addEventListener("click", () => doing(at("more-muted"), "muted-said", more));
}

export async function load(person) {
  me = person.id;
  waiting = (await call("GET", "/me/muted")).items;
  fill(at("muted"), [], NONE);
  say("muted-said", "");
  await more();
}

async function more() {
  const rows = await Promise.all(waiting.splice(0, AT_ONCE).map(shown));
  if (rows.length > 0) {
    at("muted").querySelector(".none")?.remove();
    at("muted").append(...rows);
  }
  const hadFocus = document.activeElement === at("more-muted");
  at("more-muted").hidden = waiting.length === 0;
  if (hadFocus) rows[0]?.querySelector("button").focus();
}

async function shown({ conversation_id: id, until }) {
  const unmute = async (gone) => {
    await call("DELETE", `/conversations/${id}/mute`);
    leave(gone, "muted-title", NONE);
    return "You are told of it again.";
  };
  return row({
    title: await title(id),
    note: until ? `until ${moment(until)}` : "until you say otherwise",
    action: { label: "Unmute", place: "muted-said", work: unmute },
  });
}

async function title(id) {
  try {
    const conversation = await call("GET", `/conversations/${id}`);
    const others = conversation.participants.filter((person) => person.id !== me);
    return conversation.subject || others.map(({ name }) => name).join(", ") || id;
  } catch (error) {
    if (error.status === 401) throw error;
    return id;
  }
}
