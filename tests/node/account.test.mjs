// The page at /account, in a browser. The server is CHAT_URL.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Browser, poll } from "./browser.mjs";
import { api, direct, person } from "./shop.mjs";

const { CHAT_URL: URL, CHAT_PASSWORD: PASSWORD } = process.env;

const browser = new Browser();
after(() => browser.close());

// A picture of one point.
const DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

// Of RFC 8291's example.
const P256DH = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";

const HOSTILE = `<img src=x onerror="window.hit=1"> & "Mug`;

const v1 = async (who, method, path, data) => (await api.request({ method, url: `/v1${path}`, data, ...who.auth })).data;

// Somebody who has signed in on the page, with the keyboard alone.
async function signedIn(who) {
  const page = await browser.page(`${URL}/account`);
  await page.until("the form", `document.getElementById("sign-in").checkVisibility()`);
  await page.tabTo("email");
  await page.write(who.email);
  await page.press("Tab");
  await page.write(PASSWORD);
  await page.press("Enter");
  await page.shows("said", "You are signed in.");
  return page;
}

async function pressOn(page, id, key = "Enter") {
  await page.tabTo(id);
  await page.press(key);
}

// Nothing went wrong in the page that its console tells of, a breach of its policy for one.
function isClean(page) {
  assert.deepEqual(page.faults, []);
}

test("a wrong password is told in words, and one can try again", async () => {
  const ana = await person("customer", "Ana");
  const page = await browser.page(`${URL}/account`);
  await page.until("the form", `document.getElementById("sign-in").checkVisibility()`);
  await page.tabTo("email");
  await page.write(ana.email);
  await page.press("Tab");
  await page.write("not-this-one");
  await page.press("Enter");
  await page.until("a refusal", `document.getElementById("said").className === "bad"`);
  assert.equal(await page.run(`document.getElementById("account").checkVisibility()`), false);
  isClean(page);
});

test("preferences are changed with the keyboard alone, and are there after loading anew", async () => {
  const ana = await person("customer", "Ana");
  const page = await signedIn(ana);
  // Who never said anything is offered the time of their own clock.
  assert.equal(await page.run(`document.getElementById("zone").value`), "Europe/Berlin");
  await pressOn(page, "mail-messages", " ");
  await pressOn(page, "quiet", " ");
  await page.tabTo("quiet-from");
  await page.run(`document.getElementById("quiet-from").value = "21:30"`);
  await page.tabTo("wishes-save");
  await page.press("Enter");
  await page.shows("wishes-said", "Saved.");
  assert.deepEqual(await v1(ana, "GET", "/me/notifications"), {
    mail: { messages: false, mentions: true },
    push: { messages: true, mentions: true },
    digest: "off",
    quiet_hours: { from: "21:30", to: "07:00" },
    time_zone: "Europe/Berlin",
  });
  await page.reload();
  await page.shows("name", "Ana");
  const shown = `["mail-messages", "mail-mentions", "quiet"].map((id) => document.getElementById(id).checked)`;
  assert.deepEqual(await page.run(shown), [false, true, true]);
  assert.equal(await page.run(`document.getElementById("quiet-from").value`), "21:30");
  // What the server refuses is told in its words, and nothing is changed.
  await page.run(`document.getElementById("quiet-to").value = "21:30"`);
  await pressOn(page, "wishes-save");
  await page.until("a refusal", `document.getElementById("wishes-said").className === "bad"`);
  assert.equal((await v1(ana, "GET", "/me/notifications")).quiet_hours.to, "07:00");
  isClean(page);
});

test("the tab key leads through the whole page, and shows where it is", async () => {
  const ana = await person("customer", "Ana");
  const page = await signedIn(ana);
  const passed = [];
  for (let id; ; passed.push(id)) {
    await page.press("Tab");
    id = await page.focused();
    if (passed.includes(id) || id === "BODY") break;
    const [outline, name] = await page.run(`(() => {
      const { activeElement: it } = document;
      const name = it.getAttribute("aria-label") || it.labels?.[0]?.innerText || it.innerText;
      return [getComputedStyle(it).outlineStyle, name.trim()];
    })()`);
    assert.equal(outline, "solid", `${id} does not show that it has the focus`);
    assert.ok(name, `${id} has no name`);
  }
  const wishes = ["mail-mentions", "mail-messages", "push-mentions", "push-messages", "digest", "quiet", "zone"];
  assert.deepEqual(passed.slice(0, 9), ["address-verify", ...wishes, "wishes-save"]);
  assert.equal(passed.at(-1), "end-others");
  isClean(page);
});

test("sessions end, and so does the page's own", async () => {
  const ana = await person("customer", "Ana");
  const other = await v1(ana, "POST", "/auth/login", { email: ana.email, password: PASSWORD });
  const page = await signedIn(ana);
  await page.until("three sessions", `document.querySelectorAll("#sessions li").length === 3`);
  const button = `[...document.querySelectorAll("#sessions button")][0]`;
  await page.run(`${button}.focus()`);
  await page.press("Enter");
  await page.shows("sessions-said", "That session has ended.");
  assert.equal(await page.run("document.activeElement.closest('ul')?.id"), "sessions", "the focus is on the next one");
  const dead = api.get("/v1/me", { headers: { Authorization: `Bearer ${other.access_token}` } });
  await assert.rejects(dead, ({ response }) => response.status === 401);
  await pressOn(page, "end-others");
  await page.shows("sessions-said", "You are signed in here only.");
  // Ended from elsewhere, the page says so and asks anew.
  const again = await v1({ auth: {} }, "POST", "/auth/login", { email: ana.email, password: PASSWORD });
  await v1({ auth: { headers: { Authorization: `Bearer ${again.access_token}` } } }, "DELETE", "/me/sessions");
  await pressOn(page, "wishes-save");
  await page.shows("said", "You were signed out");
  assert.equal(await page.focused(), "email");
  assert.equal(await page.run("sessionStorage.length"), 0);
  isClean(page);
});

test("a token whose time is over is renewed once, and then one signs in anew", async () => {
  const page = await signedIn(await person("customer", "Ana"));
  let over = 1;
  const asked = [];
  browser.onEvent(({ method, params, sessionId }) => {
    if (method !== "Fetch.requestPaused" || sessionId !== page.session) return;
    const { requestId, request } = params;
    const isRefresh = request.url.endsWith("/refresh");
    asked.push(isRefresh ? "refresh" : "change");
    if (isRefresh || over-- <= 0) return page.ask("Fetch.continueRequest", { requestId });
    const body = Buffer.from(JSON.stringify({ code: "token_expired", detail: "It is over." })).toString("base64");
    return page.ask("Fetch.fulfillRequest", { requestId, responseCode: 401, body });
  });
  await page.ask("Fetch.enable", { patterns: [{ urlPattern: "*/me/notifications" }, { urlPattern: "*/auth/refresh" }] });
  await pressOn(page, "wishes-save");
  await page.shows("wishes-said", "Saved.");
  const renewed = ["change", "refresh", "change"];
  assert.deepEqual(asked, renewed);
  over = 2;
  await pressOn(page, "wishes-save");
  await page.shows("said", "You were signed out");
  assert.deepEqual(asked, [...renewed, ...renewed]);
  isClean(page);
});

test("a picture is chosen, shown and removed", async () => {
  const ana = await person("customer", "Ana");
  const page = await signedIn(ana);
  const choose = (text, name) => page.run(`(() => {
    const chosen = new DataTransfer();
    chosen.items.add(new File([Uint8Array.from(atob("${text}"), (c) => c.charCodeAt(0))], "${name}", { type: "image/png" }));
    document.getElementById("picture-file").files = chosen.files;
  })()`);
  const avatar = async () => (await v1(ana, "GET", "/me")).avatar;
  await pressOn(page, "picture-save");
  await page.shows("picture-said", "Choose a picture first.");
  await choose(btoa("no picture"), "me.png");
  await page.press("Enter");
  await page.until("a refusal", `document.getElementById("picture-said").className === "bad"`);
  assert.equal(await avatar(), undefined);
  await choose(DOT, "me.png");
  await page.press("Enter");
  await page.shows("picture-said", "Others see you by this picture now.");
  await page.until("the picture", `document.querySelector("#picture img")?.naturalWidth === 1`);
  assert.equal((await avatar()).length, 16);
  // It is there after loading anew.
  await page.reload();
  await page.until("the picture", `document.querySelector("#picture img")?.naturalWidth === 1`);
  await pressOn(page, "picture-remove");
  await page.shows("picture-said", "Your picture is gone.");
  assert.equal(await page.focused(), "picture-file");
  assert.equal(await avatar(), undefined);
});

test("muted conversations are shown as text, and unmuted", async () => {
  const [ana, leo] = [await person("customer", "Ana"), await person("agent", "Leo")];
  const group = await v1(leo, "POST", "/conversations", { kind: "group", subject: HOSTILE, participants: [ana.id] });
  const mug = await direct(ana, leo);
  for (const id of [group.id, mug]) await v1(ana, "PUT", `/conversations/${id}/mute`, {});
  const page = await signedIn(ana);
  await page.until("both", `document.querySelectorAll("#muted button").length === 2`);
  const text = await page.run(`document.getElementById("muted").textContent`);
  assert.ok(text.includes("<img src=x") && text.includes("Leo"), text);
  assert.equal(await page.run("window.hit ?? document.images.length"), 0);
  for (const left of [1, 0]) {
    await page.run(`document.querySelector("#muted button").focus()`);
    await page.press("Enter");
    await poll("it is unmuted", async () => (await v1(ana, "GET", "/me/muted")).items.length === left);
    await page.until("the row is gone", `document.querySelectorAll("#muted button").length === ${left}`);
  }
  await page.until("the focus at the heading", `document.activeElement.id === "muted-title"`);
  await page.shows("muted", "No conversation is muted.");
  isClean(page);
});

test("pushes are shown, and lead to their conversation", async () => {
  const ana = await person("customer", "Ana");
  await browser.ask("Browser.grantPermissions", { origin: URL, permissions: ["notifications"] });
  const page = await signedIn(ana);
  await page.shows("push-state", "You are not told here.");
  await pressOn(page, "push-on");
  // There is no push service within reach; the page says so, and leaves nothing behind.
  await page.shows("push-said", "could not reach its push service");
  assert.deepEqual((await v1(ana, "GET", "/me/push-subscriptions")).items, []);
  const { registrationId } = await poll("the worker", () => page.registrations.find((one) => !one.isDeleted));
  const worker = await browser.worker(`${URL}/account/sw.js`);
  // Waits until it is shown: who asks the browser before that for what it shows keeps it from being shown.
  const push = async (data) => {
    await worker(`(() => {
      const show = ServiceWorkerRegistration.prototype.showNotification.bind(self.registration);
      self.shown = new Promise((resolve, reject) => {
        self.registration.showNotification = (...told) => show(...told).then(resolve, reject);
      });
    })()`);
    await page.ask("ServiceWorker.deliverPushMessage", { origin: URL, registrationId, data });
    await worker("self.shown");
  };
  const shown = `navigator.serviceWorker.getRegistration("/account/")
    .then((worker) => worker.getNotifications())
    .then((all) => all.map(({ title, body, tag, data }) => ({ title, body, tag, to: data.conversation })))`;
  const told = { v: 1, title: "Order 7", count: 2, conversation: "conv_01kay8m2r3f9vvk1a2b3c4d5e6", from: "Leo", text: HOSTILE };
  await push(JSON.stringify(told));
  const first = await poll("a notification", async () => (await page.run(shown))[0]);
  assert.deepEqual(first, { title: "Order 7", body: `Leo: ${HOSTILE}`, tag: told.conversation, to: told.conversation });
  // Notices the window that a click would open, which only people may do.
  const clicked = () => worker(`(async () => {
    const opened = new Promise((resolve) => (self.clients.openWindow = async (url) => resolve(url)));
    const [notification] = await self.registration.getNotifications();
    self.dispatchEvent(new NotificationEvent("notificationclick", { notification }));
    return opened;
  })()`);
  assert.equal(await clicked(), `${URL}/c/${told.conversation}`);
  // Where the shop has a page of its own, that is told.
  for (const [link, leads] of [
    ["https://shop.example/chat/7", "https://shop.example/chat/7"],
    ["javascript:alert(1)", `${URL}/c/${told.conversation}`],
  ]) {
    await push(JSON.stringify({ ...told, link }));
    await poll("one in place of the other", async () => (await page.run(shown)).length === 1);
    assert.equal(await clicked(), leads);
  }
  // Whatever comes, something is shown: browsers want that.
  await push("no JSON");
  await poll("another one", async () => (await page.run(shown)).some(({ title }) => title === "New messages"));
  isClean(page);
});

test("a browser that has a push service is made known, listed, and forgotten with the session", async () => {
  const ana = await person("customer", "Ana");
  const page = await signedIn(ana);
  // Stands in for the push service, which no test can reach.
  await page.run(`(() => {
    const keys = { p256dh: "${P256DH}", auth: "BTBZMqHH6r4Tts7J_aSIgg" };
    const made = { toJSON: () => ({ endpoint: "https://8.8.8.8/push/1", expirationTime: null, keys }) };
    made.unsubscribe = async () => void (window.left = true);
    PushManager.prototype.subscribe = async ({ applicationServerKey: key }) => ((window.key = key), (window.made = made));
    PushManager.prototype.getSubscription = async () => window.made ?? null;
  })()`);
  await pressOn(page, "push-on");
  await page.shows("push-said", "Push is on in this browser.");
  assert.equal(await page.focused(), "push-off");
  assert.equal(await page.run("window.key"), (await v1(ana, "GET", "/server")).push_key);
  await page.shows("devices", "by 8.8.8.8");
  assert.equal((await v1(ana, "GET", "/me/push-subscriptions")).items.length, 1);
  await page.press("Enter");
  await page.shows("push-said", "Push is off in this browser.");
  assert.deepEqual((await v1(ana, "GET", "/me/push-subscriptions")).items, []);
  await page.press("Enter");
  await page.shows("push-said", "Push is on in this browser.");
  await page.run("window.left = false");
  await pressOn(page, "sign-out");
  await page.shows("said", "You are signed out.");
  assert.equal(await page.run("window.left && localStorage.length + sessionStorage.length === 0"), true);
  assert.deepEqual((await v1(ana, "GET", "/me/push-subscriptions")).items, []);
  isClean(page);
});

test("where pushes are blocked, the page says so", async () => {
  const ana = await person("customer", "Ana");
  await browser.ask("Browser.setPermission", { origin: URL, permission: { name: "notifications" }, setting: "denied" });
  const page = await signedIn(ana);
  await page.shows("push-state", "does not let this page show notifications");
  isClean(page);
});

test("nothing is wider than a narrow screen", async () => {
  const page = await signedIn(await person("customer", "Ana"));
  await page.ask("Emulation.setDeviceMetricsOverride", { width: 320, height: 640, deviceScaleFactor: 1, mobile: true });
  await page.until("the narrow screen", "innerWidth === 320");
  assert.equal(await page.run("document.documentElement.scrollWidth"), 320);
});

test("pictures", { skip: !process.env.CHAT_PICTURES }, async () => {
  const page = await signedIn(await person("customer", "Ana"));
  await page.pictures("account");
});
