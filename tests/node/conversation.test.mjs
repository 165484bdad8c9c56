// The page at /c/CONVERSATION, in a browser. The server is CHAT_URL; its mails lie in CHAT_MAILS.
import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { after, afterEach, test } from "node:test";
import { Browser, poll } from "./browser.mjs";
import { link } from "./mails.mjs";
import { api, direct, person } from "./shop.mjs";

const { CHAT_URL: URL, CHAT_PASSWORD: PASSWORD } = process.env;

const browser = new Browser();
after(() => browser.close());

const pages = [];
afterEach(() => Promise.all(pages.splice(0).map((page) => page.close())));

const HOSTILE = `<img src=x onerror="window.hit=1"><script>window.hit=1</script> & "Mug`;
const SHIFT = 8;

// A small picture, one pixel of it.
const PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

const v1 = async (who, method, path, data) => (await api.request({ method, url: `/v1${path}`, data, ...who.auth })).data;

let names = 0;
const write = (who, conversation, text, more = {}) =>
  v1(who, "POST", `/conversations/${conversation}/messages`, { client_id: `test-${++names}`, text, ...more });

const stored = async (who, conversation) => (await v1(who, "GET", `/conversations/${conversation}/messages?limit=200`)).items;
const texts = `[...document.querySelectorAll("#messages .words")].map((words) => words.textContent)`;
const readSeq = async (who, conversation) => (await v1(who, "GET", `/conversations/${conversation}`)).read_seq;

// The conversation, by whoever signs in on its page with the keyboard alone.
async function opened(who, path, url = URL) {
  const page = await browser.page(`${url}${path}`);
  pages.push(page);
  await page.until("the form", `document.getElementById("sign-in").checkVisibility()`);
  await page.tabTo("email");
  await page.write(who.email);
  await page.press("Tab");
  await page.write(PASSWORD);
  await page.press("Enter");
  await page.shows("who", who.name);
  return page;
}

async function reply(page, text) {
  await page.tabTo("text");
  await page.write(text);
  await page.press("Enter");
}

const sees = (page, text) => page.until(text, `${texts}.includes(${JSON.stringify(text)})`);

function isClean(page) {
  assert.deepEqual(page.faults, []);
}

test("the link of a mail leads to the conversation, where one answers with the keyboard alone", async () => {
  const [ana, leo] = [await person("customer", "Ana"), await person("agent", "Leo")];
  const conversation = await direct(ana, leo);
  await write(ana, conversation, "Where is my mug?");
  const path = await link(leo.email, "c");
  assert.equal(path, `/c/${conversation}`);
  const page = await opened(leo, path);
  await page.shows("title", "Ana");
  assert.equal(await page.focused(), "title");
  assert.deepEqual(await page.run(texts), ["Where is my mug?"]);
  await page.shows("messages", "New");
  // What is on the screen has been read.
  await poll("it is read", async () => (await readSeq(leo, conversation)) === 1);
  await page.tabTo("text");
  await page.write("It left today.");
  await page.press("Enter", SHIFT);
  await page.write("\nIt comes tomorrow.");
  assert.equal((await stored(ana, conversation)).length, 1, "a new line sends nothing");
  await page.press("Enter");
  const answer = await poll("the answer", async () => (await stored(ana, conversation))[1]);
  assert.match(answer.text, /^It left today\.\n+It comes tomorrow\.$/);
  assert.equal(await page.focused(), "text");
  assert.equal(await page.run(`document.getElementById("text").value`), "");
  // Told live, shown once each, in the order of the conversation.
  await write(ana, conversation, "Thank you!");
  await sees(page, "Thank you!");
  assert.deepEqual(await page.run(texts), (await stored(ana, conversation)).map(({ text }) => text));
  assert.equal(await page.run(`document.querySelectorAll("#waiting li").length`), 0);
  isClean(page);
  // Loading it anew signs nobody out; signing out leaves nothing behind.
  await page.write("half a sentence");
  await page.reload();
  await page.shows("title", "Ana");
  assert.equal(await page.run(`document.getElementById("text").value`), "half a sentence");
  await page.tabTo("sign-out");
  await page.press("Enter");
  await page.shows("said", "You are signed out.");
  assert.equal(await page.run(`sessionStorage.length + document.querySelectorAll("#messages li").length`), 0);
  isClean(page);
});

test("what people wrote is text, whatever it says", async () => {
  const [mia, leo] = [await person("customer", "Mia"), await person("agent", "Leo")];
  await v1(mia, "PATCH", "/me", { name: HOSTILE });
  const group = await v1(leo, "POST", "/conversations", { kind: "group", subject: HOSTILE, participants: [mia.id] });
  await write(mia, group.id, HOSTILE);
  const page = await opened(leo, `/c/${group.id}`);
  await sees(page, HOSTILE);
  await page.shows("title", HOSTILE);
  await page.shows("people", HOSTILE);
  await reply(page, HOSTILE);
  await page.until("both", `${texts}.length === 2`);
  const made = `document.querySelectorAll("main img, main script").length`;
  assert.deepEqual([await page.run(made), await page.run("window.hit ?? null")], [0, null]);
  isClean(page);
});

test("the last fifty are shown, and those before them when asked for", async () => {
  const [ana, leo] = [await person("customer", "Ana"), await person("agent", "Leo")];
  const conversation = await direct(ana, leo);
  for (let n = 1; n <= 60; n += 1) await write(ana, conversation, `number ${n}`);
  await v1(leo, "POST", `/conversations/${conversation}/read`, { seq: 60 });
  const page = await opened(leo, `/c/${conversation}`);
  const number = (n) => `number ${n}`;
  assert.deepEqual(await page.run(texts), Array.from({ length: 50 }, (_, n) => number(n + 11)));
  assert.equal(await page.run("innerHeight + scrollY >= document.documentElement.scrollHeight - 2"), true);
  await page.tabTo("earlier");
  const where = `Math.round(document.getElementById("message-11").getBoundingClientRect().top)`;
  const before = await page.run(where);
  await page.press("Enter");
  await sees(page, "number 1");
  assert.deepEqual(await page.run(texts), Array.from({ length: 60 }, (_, n) => number(n + 1)));
  assert.ok(Math.abs((await page.run(where)) - before) <= 40, "what is looked at stays where it is");
  assert.equal(await page.run(`document.getElementById("earlier").checkVisibility()`), false);
  assert.equal(await page.focused(), "title");
  // Whoever reads further above is told, and not moved.
  await page.run("scrollTo(0, 0)");
  await write(ana, conversation, "number 61");
  await page.shows("newer", "New messages below");
  assert.equal(await page.run("scrollY"), 0);
  await page.run(`document.getElementById("newer").focus()`);
  await page.press("Enter");
  await page.until("the end", "innerHeight + scrollY >= document.documentElement.scrollHeight - 2");
  assert.equal(await page.focused(), "text");
  isClean(page);
});

test("changed and deleted messages are shown as such, files are shown and opened", async () => {
  const [ana, leo] = [await person("customer", "Ana"), await person("agent", "Leo")];
  const conversation = await direct(ana, leo);
  const { data: picture } = await api.post("/v1/attachments?name=mug.png", PIXEL, {
    headers: { ...ana.auth.headers, "Content-Type": "image/png" },
  });
  await write(ana, conversation, "", { attachments: [picture.id] });
  const slip = await write(ana, conversation, "It is bleu.");
  const page = await opened(leo, `/c/${conversation}`);
  await page.shows("messages", "mug.png");
  if (picture.thumbnail) await page.until("the picture", `document.querySelector(".picture img").naturalWidth > 0`);
  await v1(ana, "PATCH", `/conversations/${conversation}/messages/${slip.id}`, { text: "It is blue." });
  await sees(page, "It is blue.");
  await page.shows("messages", "edited");
  await v1(ana, "DELETE", `/conversations/${conversation}/messages/${slip.id}`);
  await page.shows("messages", "This message was deleted.");
  assert.deepEqual(await page.run(texts), []);
  await page.run(`document.querySelector(".file").focus()`);
  await page.press("Enter");
  await poll("the file in a tab", async () => {
    const { targetInfos } = await browser.ask("Target.getTargets");
    return targetInfos.some(({ url }) => url.startsWith(`${URL}/api/v1/attachments/${picture.id}?`));
  });
  isClean(page);
});

test("days stand between messages", async () => {
  const [ana, leo] = [await person("customer", "Ana"), await person("agent", "Leo")];
  const conversation = await direct(ana, leo);
  const message = await write(ana, conversation, "one");
  const page = await opened(leo, `/c/${conversation}`);
  const items = ["2024-02-29T10:00:00Z", "2024-02-29T22:59:00Z", "2024-02-29T23:01:00Z"].map((created_at, n) => ({
    ...message, created_at, seq: n + 1, text: `number ${n + 1}`,
  }));
  await page.answering("*/messages?*", () => ({ status: 200, body: { items, more_before: false, more_after: false } }));
  await page.reload();
  await sees(page, "number 3");
  const days = await page.run(`[...document.querySelectorAll(".day")].map((day) => [day.textContent, day.parentElement.id])`);
  // By the clock of the browser, which stands in Berlin.
  assert.deepEqual(days.map(([, row]) => row), ["message-1", "message-3"]);
  assert.match(days[1][0], /1 March 2024|March 1, 2024/);
  isClean(page);
});

test("what could not be sent stays, and is sent once", async () => {
  const [ana, leo] = [await person("customer", "Ana"), await person("agent", "Leo")];
  const conversation = await direct(ana, leo);
  await write(ana, conversation, "Hello?");
  const page = await opened(leo, `/c/${conversation}`);
  const asked = [];
  let answers = [];
  await page.answering("*/messages", (request) => {
    asked.push(JSON.parse(request.postData));
    return answers.shift();
  });
  const box = `document.getElementById("text").value`;
  answers = [{ fails: true }, { status: 503, body: { code: "unavailable", detail: "Not now." } }];
  await reply(page, "Here I am.");
  await page.shows("reply-said", "Not sent: The server cannot be reached.");
  assert.equal(await page.run(box), "Here I am.");
  await page.press("Enter");
  await page.shows("reply-said", "Not sent: Not now.");
  // Over a reload, too.
  await page.reload();
  await page.shows("title", "Ana");
  assert.equal(await page.run(box), "Here I am.");
  await page.tabTo("text");
  await page.press("Enter");
  await sees(page, "Here I am.");
  assert.deepEqual(new Set(asked.map(({ client_id: name }) => name)).size, 1);
  assert.equal(asked.length, 3);
  // The server has it, but its answer is lost: it is told live, and nothing is left to be sent.
  answers = [{ fails: true }];
  await reply(page, "Only once.");
  await page.until("it in the box", `${box} === "Only once."`);
  await v1(leo, "POST", `/conversations/${conversation}/messages`, asked.at(-1));
  await page.until("the box empty", `${box} === ""`);
  // Several of them wait in their order, and none of them blocks what is typed meanwhile.
  let release;
  const held = new Promise((resolve) => (release = resolve));
  answers = [{ fails: true, once: held }];
  await reply(page, "first");
  await reply(page, "second");
  await page.write("third, half");
  release();
  await page.shows("reply-said", "Enter sends what waits");
  assert.equal(await page.run(box), "third, half");
  await page.press("Enter");
  await sees(page, "third, half");
  const said = (await stored(ana, conversation)).map(({ text }) => text);
  assert.deepEqual(said, ["Hello?", "Here I am.", "Only once.", "first", "second", "third, half"]);
  assert.deepEqual(await page.run(texts), said);
  // What was on its way when the page was loaded anew.
  answers = [{ fails: true, once: new Promise(() => {}) }];
  await reply(page, "on its way");
  await page.shows("waiting", "on its way");
  await page.reload();
  await page.until("it there still", `${box} === "on its way" || ${texts}.includes("on its way")`);
  if ((await page.run(box)) !== "") {
    await page.tabTo("text");
    await page.press("Enter");
  }
  await sees(page, "on its way");
  await page.until("nothing waits", `document.querySelectorAll("#waiting li").length === 0`);
  assert.deepEqual((await stored(ana, conversation)).slice(6).map(({ text }) => text), ["on its way"]);
  // A refusal is final for what was refused: it is in the box again, to be changed.
  answers = [{ status: 413, body: { code: "too_large", detail: "It is too long." } }];
  await reply(page, "much too long");
  await page.shows("reply-said", "Not sent: It is too long.");
  assert.equal(await page.run(box), "much too long");
  isClean(page);
});

// What stands between the browser and the server, and can be cut.
async function wire() {
  const [, host, port] = /\/\/(.*):(\d+)$/.exec(URL);
  const sockets = new Set();
  let isCut = false;
  const proxy = createServer((near) => {
    if (isCut) return near.destroy();
    const far = connect(Number(port), host);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const cut = (is) => {
    isCut = is;
    if (is) for (const socket of sockets) socket.destroy();
  };
  const close = () => (cut(true), proxy.close());
  return { url: `http://127.0.0.1:${proxy.address().port}`, cut, close };
}

test("after a broken connection nothing is missing, and nothing comes twice", async () => {
  const [ana, leo] = [await person("customer", "Ana"), await person("agent", "Leo")];
  const conversation = await direct(ana, leo);
  const { url, cut, close } = await wire();
  const page = await opened(leo, `/c/${conversation}`, url);
  await write(ana, conversation, "one");
  await sees(page, "one");
  for (const round of [1, 2]) {
    cut(true);
    await page.shows("live", "Not connected.");
    for (const text of ["two", "three"]) await write(ana, conversation, `${text} ${round}`);
    cut(false);
    await sees(page, `three ${round}`);
    await page.until("it says nothing any more", `document.getElementById("live").textContent === ""`);
  }
  assert.deepEqual(await page.run(texts), ["one", "two 1", "three 1", "two 2", "three 2"]);
  isClean(page);
  close();
});

test("what nobody looks at is not read", async () => {
  const [ana, leo] = [await person("customer", "Ana"), await person("agent", "Leo")];
  const conversation = await direct(ana, leo);
  await write(ana, conversation, "one");
  const page = await opened(leo, `/c/${conversation}`);
  await poll("it is read", async () => (await readSeq(leo, conversation)) === 1);
  const hide = (is) =>
    page.run(`Object.defineProperty(document, "hidden", { value: ${is}, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"))`);
  // Notes when the page has waited to say what was seen, and what it has said.
  await page.run(`(() => {
    const [later, ask] = [setTimeout, fetch];
    Object.assign(window, { waited: 0, said: 0 });
    window.setTimeout = (work, wait) => later(() => { work(); window.waited += wait === 300; }, wait);
    window.fetch = (...asked) => { window.said += asked[0].endsWith("/read"); return ask(...asked); };
  })()`);
  await hide(true);
  await write(ana, conversation, "two");
  await sees(page, "two");
  // A frame later it is on the screen.
  await page.run("new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))");
  await page.run("window.waited = 0");
  await hide(true);
  await page.until("the page has waited", "window.waited > 0");
  assert.deepEqual([await page.run("window.said"), await readSeq(leo, conversation)], [0, 1]);
  await hide(false);
  await poll("it is read", async () => (await readSeq(leo, conversation)) === 2);
  isClean(page);
});

test("a foreign conversation is not found, nor is one that one was put out of", async () => {
  const [ana, leo, bo] = [await person("customer", "Ana"), await person("agent", "Leo"), await person("customer", "Bo")];
  const conversation = await direct(ana, leo);
  for (const path of [`/c/${conversation}`, "/c/conv_01kay8m2r3f9vvk1a2b3c4d5e6", "/c/mug", "/c/%2E%2E%2Fme"]) {
    const page = await opened(bo, path);
    await page.shows("said", "There is no such conversation, or you are not in it.");
    assert.equal(await page.run(`document.getElementById("conversation").checkVisibility()`), false, path);
    isClean(page);
  }
  const group = await v1(leo, "POST", "/conversations", { kind: "group", subject: "Mugs", participants: [bo.id] });
  await write(leo, group.id, "Hello");
  const page = await opened(bo, `/c/${group.id}`);
  await sees(page, "Hello");
  await v1(leo, "DELETE", `/conversations/${group.id}/participants/${bo.id}`);
  await page.shows("said", "There is no such conversation, or you are not in it.");
  assert.equal(await page.run(`document.querySelectorAll("#messages li").length`), 0);
  isClean(page);
});

test("the tab key leads through the whole page, and nothing is wider than a narrow screen", async () => {
  const [ana, leo] = [await person("customer", "Ana"), await person("agent", "Leo")];
  const conversation = await direct(ana, leo);
  await write(ana, conversation, `https://shop.example/${"mug".repeat(60)}`);
  const page = await opened(leo, `/c/${conversation}`);
  await page.run(`document.activeElement.blur()`);
  const passed = [];
  for (let id; id !== "send"; passed.push(id)) {
    await page.press("Tab");
    id = await page.focused();
    assert.ok(!passed.includes(id), passed);
    const outline = await page.run("getComputedStyle(document.activeElement).outlineStyle");
    assert.equal(outline, "solid", `${id} does not show that it has the focus`);
  }
  assert.deepEqual(passed.slice(-3), ["sign-out", "text", "send"]);
  await page.tabTo("skip");
  await page.press("Enter");
  assert.equal(await page.focused(), "text");
  await page.ask("Emulation.setDeviceMetricsOverride", { width: 320, height: 640, deviceScaleFactor: 1, mobile: true });
  await page.until("the narrow screen", "innerWidth === 320");
  assert.equal(await page.run("document.documentElement.scrollWidth"), 320);
  isClean(page);
});

test("pictures", { skip: !process.env.CHAT_PICTURES }, async () => {
  const [ana, leo] = [await person("customer", "Ana"), await person("agent", "Leo")];
  const conversation = await direct(ana, leo);
  const { data: picture } = await api.post("/v1/attachments?name=mug.png", PIXEL, {
    headers: { ...ana.auth.headers, "Content-Type": "image/png" },
  });
  await write(ana, conversation, "Hello! Where is my order 1001? It was to be here on Monday, and there is nobody who knows anything about it.");
  await write(leo, conversation, "Hi Ana, let me look.");
  const slip = await write(leo, conversation, "It left our house this morning and should be with you tomorrow.");
  await v1(leo, "PATCH", `/conversations/${conversation}/messages/${slip.id}`, { text: `${slip.text} Or on Friday.` });
  await v1(ana, "PUT", `/conversations/${conversation}/messages/${slip.id}/reactions/${encodeURIComponent("👍")}`);
  await v1(ana, "DELETE", `/conversations/${conversation}/messages/${(await write(ana, conversation, "x")).id}`);
  await write(ana, conversation, "This is how the box looks:", { attachments: [picture.id] });
  const page = await opened(leo, `/c/${conversation}`);
  await page.tabTo("text");
  await page.write("I am sorry to see that,\nand send you a new one.");
  await page.pictures("conversation", 360);
});
