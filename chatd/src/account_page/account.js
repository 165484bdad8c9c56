// The page: the parts that whoever is signed in sees.
import * as address from "./address.js";
import * as entrance from "./entrance.js";
import * as muted from "./muted.js";
import * as picture from "./picture.js";
import * as push from "./push.js";
import * as sessions from "./sessions.js";
import * as wishes from "./wishes.js";
import { at } from "./parts.js";

const PARTS = [address, wishes, push, picture, sessions, muted];

for (const part of PARTS) part.begin();

await entrance.begin({
  inside: "account",
  async show(person) {
    await Promise.all(PARTS.map((part) => part.load(person)));
    at("account").hidden = false;
  },
  shown() {
    at("said").focus();
    return "You are signed in.";
  },
  leaving: push.forget,
});
