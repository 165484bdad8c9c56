// What somebody wishes to be told.
import { call } from "./server.js";
import { at, doing, element, say } from "./parts.js";

const TICKS = ["mail", "push"].flatMap((channel) => ["messages", "mentions"].map((what) => [channel, what]));
const here = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

export function begin() {
  at("quiet").addEventListener("change", showQuiet);
  at("wishes").addEventListener("submit", (event) => {
    event.preventDefault();
    doing(event.submitter ?? at("wishes").querySelector("button"), "wishes-said", save);
  });
}

export async function load() {
  show(await call("GET", "/me/notifications"));
  say("wishes-said", "");
}

async function save() {
  const wishes = { mail: {}, push: {}, digest: at("digest").value, quiet_hours: null, time_zone: at("zone").value };
  for (const [channel, what] of TICKS) wishes[channel][what] = at(`${channel}-${what}`).checked;
  if (at("quiet").checked) wishes.quiet_hours = { from: at("quiet-from").value, to: at("quiet-to").value };
  show(await call("PUT", "/me/notifications", wishes), true);
  return "Saved.";
}

function show(wishes, saved = false) {
  for (const [channel, what] of TICKS) at(`${channel}-${what}`).checked = wishes[channel][what];
  at("digest").value = wishes.digest;
  at("quiet").checked = wishes.quiet_hours !== null;
  at("quiet-from").value = wishes.quiet_hours?.from ?? "22:00";
  at("quiet-to").value = wishes.quiet_hours?.to ?? "07:00";
  showQuiet();
  // Who never said anything is better off with the time on their own clock.
  const isFirst = !saved && wishes.time_zone === "UTC" && wishes.digest === "off" && wishes.quiet_hours === null;
  showZone(isFirst ? here : wishes.time_zone, wishes.time_zone);
}

function showQuiet() {
  for (const id of ["quiet-from", "quiet-to"]) at(id).disabled = !at("quiet").checked;
}

function showZone(chosen, stored) {
  const known = Intl.supportedValuesOf?.("timeZone") ?? [];
  const zones = [...new Set([...known, "UTC", here, stored])].sort();
  const option = (zone) => {
    const made = element("option", { text: zone.replaceAll("_", " ") });
    made.value = zone;
    return made;
  };
  at("zone").replaceChildren(...zones.map(option));
  at("zone").value = chosen;
  at("zone-note").textContent =
    chosen === stored ? "For quiet hours and mails that are put together." : "That of this browser; it holds once it is saved.";
}
