// Push in this browser, and the devices that are pushed to.
import { call } from "./server.js";
import { at, device as named, doing, fill, leave, moment, row, say } from "./parts.js";

// Browsers wait for their push service for ever.
const PATIENCE_MS = 15_000;
const NONE = "No device is pushed to.";
// Who allowed push here: in a browser that several people use nobody is told for somebody else.
const OWNER = "chat.account.push-owner";

let key = null;
let me = null;

export function begin() {
  at("push-on").addEventListener("click", () => doing(at("push-on"), "push-said", allow));
  at("push-off").addEventListener("click", () => doing(at("push-off"), "push-said", stop));
}

export async function load(person) {
  me = person.id;
  key = (await call("GET", "/server")).push_key ?? null;
  say("push-said", "");
  const known = await subscription();
  if (known && key && localStorage.getItem(OWNER) === me) {
    // The device ends with the session in which it was made known, so each new session makes it known again.
    await tell(known).catch((error) => say("push-said", error.message, "bad"));
  }
  await Promise.all([show(), list()]);
}

// Why there is no push here, if there is none.
function obstacle() {
  if (!key) return "This server pushes nothing.";
  if (!window.isSecureContext) return "Browsers allow push on pages that are served by https only.";
  if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) {
    return "This browser cannot be pushed to. On iPhones and iPads, add this page to the Home Screen first.";
  }
  if (Notification.permission === "denied") {
    return "This browser does not let this page show notifications. You can change that in its settings for this page.";
  }
  return null;
}

async function show() {
  const no = obstacle();
  const on = !no && localStorage.getItem(OWNER) === me && (await subscription()) !== null;
  at("push-state").textContent = no ?? (on ? "You are told here, also while this page is closed." : "You are not told here.");
  const [shown, other] = on ? ["push-off", "push-on"] : ["push-on", "push-off"];
  const hadFocus = document.activeElement === at(other);
  at(shown).hidden = no !== null;
  at(other).hidden = true;
  if (hadFocus) (no ? at("push-title") : at(shown)).focus();
}

const registration = async () => (await navigator.serviceWorker?.getRegistration("/account/")) ?? null;
const subscription = async () => (await (await registration())?.pushManager?.getSubscription()) ?? null;

async function allow() {
  try {
    if ((await Notification.requestPermission()) !== "granted") return "You did not allow it, so nothing was changed.";
    const worker = await navigator.serviceWorker.register("/account/sw.js", { scope: "/account/", updateViaCache: "none" });
    await active(worker);
    await tell(await subscribe(worker.pushManager));
    localStorage.setItem(OWNER, me);
    await list();
    return "Push is on in this browser.";
  } finally {
    await show();
  }
}

async function subscribe(manager) {
  const known = await manager.getSubscription();
  // One that was made with another key of the server is void.
  if (known && !isOfKey(known)) await known.unsubscribe();
  const asked = manager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new DOMException("", "TimeoutError")), PATIENCE_MS);
  });
  try {
    return await Promise.race([asked, late]);
  } catch (error) {
    // What comes after all is not wanted any more.
    asked.then((subscribed) => subscribed.unsubscribe()).catch(() => {});
    throw new Error(`This browser could not reach its push service, or has none (${error.name}). You are not told here.`);
  } finally {
    clearTimeout(timer);
  }
}

function isOfKey({ options }) {
  const bytes = new Uint8Array(options?.applicationServerKey ?? []);
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "") === key;
}

function active(worker) {
  return new Promise((resolve, reject) => {
    const look = () => {
      if (worker.active) resolve();
      else if (!worker.installing && !worker.waiting) reject(new Error("This browser did not start what shows pushes."));
    };
    (worker.installing ?? worker.waiting)?.addEventListener("statechange", look);
    look();
  });
}

const tell = (known) => call("POST", "/me/push-subscriptions", known.toJSON());

async function stop() {
  const { items } = await call("GET", "/me/push-subscriptions");
  for (const device of items.filter(({ current }) => current)) await end(device);
  await forget();
  await list();
  return "Push is off in this browser.";
}

// Whoever signs out leaves nothing behind that is told for them.
export async function forget() {
  if (localStorage.getItem(OWNER) !== me) return;
  localStorage.removeItem(OWNER);
  await (await subscription())?.unsubscribe();
  await show();
}

async function end(device) {
  try {
    await call("DELETE", `/me/push-subscriptions/${device.id}`);
  } catch (error) {
    if (error.status !== 404) throw error;
  }
}

async function list() {
  const { items } = await call("GET", "/me/push-subscriptions");
  const shown = (device) => {
    const used = device.last_success_at ? `, last reached ${moment(device.last_success_at)}` : "";
    const remove = async (gone) => {
      await end(device);
      leave(gone, "devices-title", NONE);
      if (device.current) await forget();
      return "The device is told nothing more.";
    };
    return row({
      title: named(device.device) ?? "A device",
      note: `by ${device.service}, since ${moment(device.created_at)}${used}`,
      mark: device.current ? "this browser" : null,
      action: { label: "Remove", place: "devices-said", work: remove },
    });
  };
  fill(at("devices"), items.map(shown), NONE);
}
