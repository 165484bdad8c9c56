// Where somebody is signed in.
import { call } from "./server.js";
import { at, device, doing, fill, leave, moment, row, say } from "./parts.js";

export function begin() {
  at("end-others").addEventListener("click", () => doing(at("end-others"), "sessions-said", endOthers));
}

export async function load() {
  say("sessions-said", "");
  await list();
}

async function endOthers() {
  await call("DELETE", "/me/sessions");
  await list();
  return "You are signed in here only.";
}

async function list() {
  const { items } = await call("GET", "/me/sessions");
  fill(at("sessions"), items.toReversed().map(shown), "");
}

function shown(session) {
  const from = session.address ? `from ${session.address}, ` : "";
  const end = async (gone) => {
    await call("DELETE", `/me/sessions/${session.id}`);
    leave(gone, "sessions-title", "");
    return "That session has ended.";
  };
  return row({
    title: device(session.device) ?? "A program that does not say what it is",
    note: `${from}last used ${moment(session.last_used_at)}`,
    mark: session.current ? "this one" : null,
    action: session.current ? null : { label: "Sign out", place: "sessions-said", work: end },
  });
}
