// What nobody may do; and nobody hears anything of it.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { admin, api, connect, direct, history, open, person, signIn } from "./shop.mjs";

const all = [];
const kept = (ear) => (all.push(ear), ear);
after(() => all.forEach((one) => one.close()));

for (const [what, options, code] of [
  ["no token", {}, "unauthenticated"],
  ["a token that is none", { token: "abc" }, "unauthenticated"],
  ["a forged token", { token: "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0." }, "unauthenticated"],
  ["no token, in the other namespace", { namespace: "/chat" }, "unauthenticated"],
]) {
  for (const transport of ["websocket", "polling"]) {
    test(`${what} lets nobody in over ${transport}`, async () => {
      const ear = kept(open({ transports: [transport], ...options }));
      const error = await ear.next("!connect_error");
      assert.equal(error.data.code, code);
      assert.ok(error.message.length > 5, error.message);
      assert.equal(ear.socket.connected, false);
      assert.equal(ear.socket.active, false, "it does not try again by itself");
      assert.deepEqual(ear.names(), []);
    });
  }
}

test("there is no other namespace", async () => {
  const ana = await person("customer", "Ana");
  const ear = kept(open({ token: ana.token, namespace: "/admin" }));
  assert.equal((await ear.next("!connect_error")).message, "Invalid namespace");
});

test("the token may stand in the header, or in the cookie of a page of the shop's", async () => {
  const ana = await person("customer", "Ana");
  kept(await connect({}, { extraHeaders: { Authorization: `Bearer ${ana.token}` } }));
  const cookie = `jwt=${ana.token}`;
  kept(await connect({}, { extraHeaders: { Cookie: cookie, Origin: "https://shop.example" } }));
  for (const transports of [["websocket"], ["polling"]]) {
    const foreign = kept(open({ transports, extraHeaders: { Cookie: cookie, Origin: "https://evil.example" } }));
    await foreign.next("!connect_error");
    assert.equal(foreign.socket.connected, false);
    foreign.close();
  }
});

test("strangers and forgers are refused, and nobody hears of it", async () => {
  const [ana, leo, eve] = [await person("customer", "Ana"), await person("agent", "Leo"), await person("agent", "Eve")];
  const conversation = await direct(ana, leo);
  const hers = await direct(ana, eve);
  const [atAna, atLeo] = [kept(await connect(ana)), kept(await connect(leo))];
  const atEve = kept(await connect(eve));
  const mine = await atLeo.ask("sendMessage", { conversation, content: "between us" });
  await atAna.next("message");

  // She says that she is somebody else, in every way that there is.
  for (const name of ["join", "online", "addUser"]) await atEve.ask(name, leo.id);

  // A conversation of others is answered like one that does not exist.
  for (const event of ["joinConversation", "join_conversation", "joinRoom", "join-room"]) {
    const foreign = await atEve.ask(event, conversation);
    const absent = await atEve.ask(event, `${conversation.slice(0, -1)}${conversation.endsWith("0") ? "1" : "0"}`);
    const senseless = await atEve.ask(event, { conversationId: "nowhere" });
    assert.equal(foreign.code, "not_found");
    assert.deepEqual(foreign, absent);
    assert.deepEqual(foreign, senseless);
  }
  for (const [event, body] of [
    ["sendMessage", { conversation, content: "forged" }],
    ["send_message", { conversationId: conversation, content: "forged" }],
    ["message_send", { conversationId: conversation, content: "forged" }],
    ["sendMessage", { ...mine }],
    ["typing", { conversationId: conversation, userId: leo.id }],
    ["stopTyping", { conversationId: conversation, userId: leo.id }],
    ["markRead", { conversationId: conversation }],
    ["editMessage", { conversationId: conversation, messageId: mine._id, content: "forged" }],
    ["deleteMessage", { conversationId: conversation, messageId: mine._id }],
  ]) {
    const refused = await atEve.ask(event, { ...body, sender: undefined });
    assert.equal(refused.code, "not_found", `${event}: ${JSON.stringify(refused)}`);
  }
  // In her own conversation as somebody else.
  for (const claim of [{ sender: leo.id }, { senderId: ana.id }, { userId: leo.id }, { sender: { _id: ana.id } }, { sender: 7 }]) {
    const refused = await atEve.ask("sendMessage", { conversation: hers, content: "forged", ...claim });
    assert.equal(refused.code, "forbidden", JSON.stringify(claim));
    assert.equal(typeof refused.error, "string");
  }
  // Without an answer she is told by an event.
  atEve.emit("sendMessage", { conversation: hers, content: "forged", sender: leo.id });
  const error = await atEve.next("error");
  assert.deepEqual([error.code, error.event], ["forbidden", "sendMessage"]);
  // What is another's stays as it is, though the conversation is hers too.
  const anas = await atAna.ask("sendMessage", { conversation: hers, content: "mine" });
  for (const event of ["editMessage", "deleteMessage"]) {
    const refused = await atEve.ask(event, { conversationId: hers, messageId: anas._id, content: "forged" });
    assert.equal(refused.code, "forbidden");
  }

  // The witnesses have heard what was true, and nothing else.
  await atEve.ask("sendMessage", { conversation: hers, content: "true" });
  await atAna.next("message", ({ content }) => content === "true");
  await atLeo.ask("sendMessage", { conversation, content: "the end" });
  await atAna.next("message", ({ content }) => content === "the end");
  assert.deepEqual(atAna.all("message").map(({ content }) => content), ["between us", "mine", "true", "the end"]);
  assert.deepEqual(atLeo.all("message").map(({ content }) => content), ["between us", "the end"]);
  for (const witness of [atAna, atLeo]) {
    const names = new Set(witness.names());
    assert.deepEqual([...names].filter((name) => /typing|edited|deleted|read/i.test(name)), []);
  }
  assert.ok(!atEve.heard.some(({ args }) => JSON.stringify(args).includes("between us")));
  assert.ok(!atEve.all("onlineUsers").flat().includes(leo.id), "they share no conversation");
  assert.deepEqual((await history(ana, conversation)).map(({ content }) => content), ["between us", "the end"]);
});

test("what is senseless is answered, and the connection stays", async () => {
  const [ana, leo] = [await person("customer", "Ana"), await person("agent", "Leo")];
  const conversation = await direct(ana, leo);
  const ear = kept(await connect(ana));
  for (const [event, ...args] of [
    ["no such event"],
    ["sendMessage"],
    ["sendMessage", null],
    ["sendMessage", 7],
    ["sendMessage", { conversation }],
    ["sendMessage", { conversation, content: "" }],
    ["sendMessage", { conversation, content: "  " }],
    ["sendMessage", { conversation, content: { $gt: "" } }],
    ["sendMessage", { conversation: { $ne: null }, content: "x" }],
    ["sendMessage", { conversation, content: "x", clientId: "a b" }],
    ["sendMessage", { conversation, content: "x".repeat(20_000) }],
    ["sendMessage", { conversation, content: "x", attachment: "/uploads/a.png" }],
    ["sendMessage", { conversation, content: "x", attachments: [{}] }],
    ["sendMessage", { conversation, attachmentId: "att_01kay8m2r3f9vvk1a2b3c4d5e6" }],
    ["typing"],
    ["editMessage", { conversationId: conversation }],
    ["editMessage", { conversationId: conversation, messageId: "nothing", content: "x" }],
    ["auth", { token: "none" }],
  ]) {
    const refused = await ear.ask(event, ...args);
    assert.equal(typeof refused.error, "string", `${event} ${JSON.stringify(args).slice(0, 80)}: ${JSON.stringify(refused)}`);
    assert.ok(refused.status >= 400 && refused.status < 500);
  }
  const binary = await ear.ask("sendMessage", { conversation, content: Buffer.from("binary") });
  assert.equal(binary.code, "unsupported");
  assert.match(binary.error, /POST \/api\/v1\/attachments/);
  assert.equal((await ear.ask("sendMessage", { conversation, content: "still here" })).content, "still here");
  assert.ok(!ear.heard.some(({ name }) => name === "!disconnect"));
  assert.equal((await history(ana, conversation)).length, 1);
});

test("a session that ends ends its sockets at once, and they do not come back", async () => {
  for (const [transports, end] of [
    [["websocket"], (who) => api.post("/v1/auth/logout", {}, who.auth)],
    [["polling"], (who) => api.get("/auth/logout", who.auth)],
    [["websocket"], (who) => api.post(`/v1/users/${who.id}/disable`, {}, admin.auth)],
    [["websocket"], (who) => api.patch(`/v1/users/${who.id}`, { role: "designer" }, admin.auth)],
  ]) {
    const bo = await person("agent", "Bo");
    const ear = kept(await connect(bo, { transports }));
    await end(bo);
    assert.equal(await ear.next("!disconnect"), "io server disconnect");
    assert.equal(ear.all("error").at(-1).code, "token_revoked");
    assert.equal(ear.socket.active, false);
    const again = kept(open({ token: bo.token }));
    assert.equal((await again.next("!connect_error")).data.code, "token_revoked");
  }
});

test("another token for the same person renews the socket, another person's does not", async () => {
  const [ana, leo] = [await person("customer", "Ana"), await person("agent", "Leo")];
  const ear = kept(await connect(ana));
  const again = await signIn(ana.email);
  assert.equal((await ear.ask("auth", { token: leo.token })).code, "forbidden");
  assert.equal((await ear.ask("auth", { token: again.token })).ok, true);
  await api.post("/v1/auth/logout", {}, ana.auth);
  assert.equal((await ear.ask("join", ana.id)).ok, true, "it lives with the new session");
});
