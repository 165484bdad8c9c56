// The pages to which links in letters lead, in a browser. The server is CHAT_URL; its mails lie in CHAT_MAILS.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Browser } from "./browser.mjs";
import { link } from "./mails.mjs";
import { admin, api, person } from "./shop.mjs";

const { CHAT_URL: URL, CHAT_PASSWORD: PASSWORD } = process.env;

const browser = new Browser();
after(() => browser.close());

const NEW = "a-wholly-new-mug-of-tea";
const HOSTILE = `<img src=x onerror="window.hit=1"> & "Mia`;

const v1 = async (who, method, path, data) => (await api.request({ method, url: `/v1${path}`, data, ...who.auth })).data;
const nobody = { auth: {} };
const login = (email, password) => v1(nobody, "POST", "/auth/login", { email, password });

// The page of a link, which is in neither the address bar nor the history then.
async function opened(path) {
  const shown = `${URL}${path.split("#")[0]}`;
  const page = await browser.page(`${URL}${path}`, shown);
  await page.until("the form", `document.getElementById("letter").checkVisibility()`);
  const { entries } = await page.ask("Page.getNavigationHistory");
  assert.deepEqual(entries.map(({ url }) => url), ["about:blank", shown]);
  return page;
}

async function typed(page, fields) {
  for (const [id, text] of Object.entries(fields)) {
    await page.tabTo(id);
    await page.run("document.activeElement.select()");
    await page.write(text);
  }
  await page.press("Enter");
}

function isClean(page) {
  assert.deepEqual(page.faults, []);
}

test("a forgotten password is set anew, with the keyboard alone", async () => {
  const ana = await person("customer", "Ana");
  const first = await browser.page(`${URL}/reset-password`);
  await typed(first, { email: ana.email });
  await first.shows("asked", "a mail is on its way");
  const path = await link(ana.email, "reset-password");
  const page = await opened(path);
  // What the server refuses, and what cannot be: told in words, and nothing that was typed is lost.
  await typed(page, { password: "short", again: "short" });
  await page.shows("said", "at least 8 characters");
  assert.equal(await page.focused(), "password");
  await typed(page, { password: "password1234", again: "password1234" });
  await page.shows("said", "everybody tries first");
  await typed(page, { password: NEW, again: `${NEW}!` });
  await page.shows("said", "not the same");
  assert.equal(await page.focused(), "again");
  assert.equal(await page.run(`document.getElementById("password").value`), NEW);
  await typed(page, { again: NEW });
  await page.shows("said", "Your password is set");
  assert.equal(await page.focused(), "said");
  assert.equal(await page.run(`document.getElementById("letter").checkVisibility() || document.getElementById("password").value`), "");
  await assert.rejects(login(ana.email, PASSWORD), ({ response }) => response.status === 401);
  await login(ana.email, NEW);
  // From there one comes to where one signs in.
  await page.tabTo("next-link");
  await page.press("Enter");
  await page.until("the account", `location.pathname === "/account"`);
  isClean(first);
  isClean(page);
  // The link is good once; another one is asked for in the same place.
  const again = await opened(path);
  await typed(again, { password: `${NEW}2`, again: `${NEW}2` });
  await again.shows("said", "used before, or its time is over");
  await typed(again, { email: ana.email });
  await again.shows("asked", "a mail is on its way");
  const next = await link(ana.email, "reset-password", [path]);
  // Followed in the tab that shows the page already.
  await again.run(`location.href = ${JSON.stringify(next)}`);
  await again.until("the link is taken", `location.hash === ""`);
  await typed(again, { password: `${NEW}2`, again: `${NEW}2` });
  await again.shows("said", "Your password is set");
  isClean(again);
});

test("every refusal is told in words, and what was typed stays", async () => {
  const page = await opened("/accept-invitation#it_made-up");
  const answers = {
    "Try again in 40 s.": { status: 429, code: "rate_limited", headers: { "Retry-After": "40" } },
    "Try again in 15 minutes.": { status: 429, code: "rate_limited", headers: { "Retry-After": "900" } },
    "Your password is hers. Take another password.": { status: 422, code: "weak_password", detail: "Your password is hers." },
    "A name has 1 to 100": { status: 400, code: "invalid", at: "/name" },
    "sign in to it": { status: 409, code: "email_taken" },
    "was disabled": { status: 403, code: "forbidden" },
    "Try again in 2 s.": { status: 503, code: "unavailable", headers: { "Retry-After": "2" } },
    "cannot do this right now": { status: 507, code: "storage_full" },
    "Nothing was changed.": { status: 503, code: "read_only" },
    "went wrong at the server": { status: 500, code: "internal" },
    "A word of a newer server.": { status: 418, code: "teapot", detail: "A word of a newer server." },
    "cannot be reached": { fails: true },
  };
  let answer;
  await page.answering("*/api/v1/auth/invitation", () => answer);
  const fields = { name: "Mia", password: NEW, again: NEW };
  for (const [words, { status, code, detail, at, headers, fails }] of Object.entries(answers)) {
    const problems = at ? [{ pointer: at, code, detail: "" }] : [];
    answer = { status, headers, fails, body: { code, detail: detail ?? "Not in words.", fields: problems } };
    await typed(page, fields);
    await page.shows("said", words);
    const kept = await page.run(`["name", "password", "again"].map((id) => document.getElementById(id).value)`);
    assert.deepEqual(kept, Object.values(fields), words);
  }
  answer = null;
  await typed(page, fields);
  await page.shows("said", "used before, or its time is over");
  isClean(page);
});

test("an address is verified by a click, and not by looking", async () => {
  const ana = await person("customer", "Ana");
  const isVerified = async () => (await v1(ana, "GET", "/me")).email_verified;
  const path = await link(ana.email, "verify-email");
  const looked = await opened(path);
  await looked.open("about:blank");
  const page = await opened(path);
  assert.equal(await isVerified(), false);
  await page.tabTo("verify");
  await page.press(" ");
  await page.shows("said", "Your address is verified.");
  assert.equal(await isVerified(), true);
  assert.equal(await page.focused(), "said");
  isClean(page);
  const again = await opened(path);
  await again.tabTo("verify");
  await again.press("Enter");
  await again.shows("said", "used before, or its time is over");
  await again.shows("next", "Sign in");
  isClean(again);
});

test("whoever has not verified their address gets another mail from the account page", async () => {
  const ana = await person("customer", "Ana");
  const first = await link(ana.email, "verify-email");
  const page = await browser.page(`${URL}/account`);
  await typed(page, { email: ana.email, password: PASSWORD });
  await page.shows("address", ana.email);
  await page.tabTo("address-verify");
  await page.press("Enter");
  await page.shows("address-said", "A mail is on its way");
  const second = await link(ana.email, "verify-email", [first]);
  await v1(nobody, "POST", "/auth/verify-email", { token: second.split("#")[1] });
  await page.reload();
  await page.shows("name", "Ana");
  assert.equal(await page.run(`document.getElementById("unverified").checkVisibility()`), false);
  isClean(page);
});

test("an invitation is accepted, and one is signed in", async () => {
  const email = `mia.${process.pid}@shop.test`;
  await v1(admin, "POST", "/invitations", { email, role: "agent" });
  const path = await link(email, "accept-invitation");
  const page = await opened(path);
  await typed(page, { name: HOSTILE, password: NEW, again: NEW });
  await page.shows("said", `Welcome, ${HOSTILE}.`);
  assert.equal(await page.run("window.hit ?? document.images.length"), 0);
  const { user } = await login(email, NEW);
  assert.deepEqual([user.name, user.role], [HOSTILE, "agent"]);
  await page.tabTo("next-link");
  await page.press("Enter");
  await page.shows("name", HOSTILE);
  isClean(page);
  const again = await opened(path);
  await typed(again, { name: "Mia", password: NEW, again: NEW });
  await again.shows("said", "used before, or its time is over");
  await again.shows("next", "Sign in");
  isClean(again);
});

test("without a link the pages say where it is", async () => {
  for (const [name, words] of [["reset-password", "Set a new password"], ["verify-email", "the link in the mail"], ["accept-invitation", "the link in the mail"]]) {
    const page = await browser.page(`${URL}/${name}`);
    await page.shows("said", words);
    assert.equal(await page.run(`document.getElementById("letter").checkVisibility()`), false);
    await page.ask("Emulation.setDeviceMetricsOverride", { width: 320, height: 640, deviceScaleFactor: 1, mobile: true });
    await page.until("the narrow screen", "innerWidth === 320");
    assert.equal(await page.run("document.documentElement.scrollWidth"), 320);
    isClean(page);
  }
});

test("pictures", { skip: !process.env.CHAT_PICTURES }, async () => {
  for (const name of ["reset-password", "verify-email", "accept-invitation"]) {
    const page = await opened(`/${name}#made-up`);
    await page.pictures(name, 360);
    await page.run(`document.querySelector("#letter button").click()`);
  }
  const page = await browser.page(`${URL}/reset-password`);
  await page.pictures("reset-password-without", 360);
});
