// Mails that the server has put into the folder CHAT_MAILS.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { poll } from "./browser.mjs";

const { CHAT_MAILS: FOLDER } = process.env;

function all() {
  try {
    return readdirSync(FOLDER).filter((name) => name.endsWith(".eml")).map((name) => readFileSync(join(FOLDER, name), "latin1"));
  } catch {
    return [];
  }
}

// Quoted-printable, as far as links go.
const readable = (mail) => mail.replace(/=\r?\n/g, "").replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));

// The path, with what stands behind it, of a link to this page in a mail to this address; one that is none of `known`.
export function link(to, page, known = []) {
  const found = () => {
    const links = all().filter((mail) => mail.includes(`To: ${to}\r\n`)).map((mail) => readable(mail).match(new RegExp(`https?://[^/\\s]+(/${page}\\S*)`))?.[1]);
    return links.find((path) => path && !known.includes(path));
  };
  return poll(`a mail to ${to} that leads to ${page}`, found);
}
