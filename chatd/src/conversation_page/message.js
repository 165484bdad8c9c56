// One message. Whatever anybody wrote becomes text here, never markup.
import { element } from "/account/parts.js";
import { file } from "./files.js";

export const day = (text) => new Date(text).toLocaleDateString(undefined, { dateStyle: "full" });
const clock = (text) => new Date(text).toLocaleTimeString(undefined, { timeStyle: "short" });

export function row(message, me) {
  const made = element("li", { kind: message.author.id === me ? "message mine" : "message" });
  made.id = `message-${message.seq}`;
  made.append(about(message, me), ...said(message));
  return made;
}

function about({ author, created_at: at, edited_at: edited, deleted_at: deleted }, me) {
  const name = element("bdi", { text: author.name, kind: "author" });
  const time = element("time", { text: clock(at) });
  time.dateTime = at;
  const line = element("p", { kind: "about" }, name, " ");
  if (author.id === me) line.append(element("span", { text: "(you)" }), " ");
  if (author.bot) line.append(element("span", { text: "bot", kind: "mark" }), " ");
  line.append(time);
  if (edited && !deleted) line.append(" ", element("span", { text: `edited ${clock(edited)}` }));
  return line;
}

function said({ text, deleted_at: deleted, attachments = [], reactions = [] }) {
  if (deleted) return [element("p", { text: "This message was deleted.", kind: "none" })];
  const parts = [];
  if (text) {
    const words = element("p", { text, kind: "words" });
    // Of whichever script it is; it turns nothing around it.
    words.dir = "auto";
    parts.push(words);
  }
  if (attachments.length) parts.push(element("ul", { kind: "files" }, ...attachments.map(file)));
  if (reactions.length) {
    const shown = reactions.map(({ emoji, users }) => (users.length > 1 ? `${emoji} ${users.length}` : emoji));
    parts.push(element("p", { text: shown.join("  "), kind: "reactions" }));
  }
  return parts;
}
