// The siblings' dialects: each is told what happens under the names that it listens to.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { connect, direct, person } from "./shop.mjs";

const open = [];
const ear = async (...args) => {
  const made = await connect(...args);
  open.push(made);
  return made;
};
after(() => open.forEach((one) => one.close()));

async function pair() {
  const [ana, leo] = [await person("customer", "Ana"), await person("agent", "Leo")];
  return [ana, leo, await direct(ana, leo)];
}

test("oechristophers", async () => {
  const [ana, leo, conversation] = await pair();
  const [atAna, atLeo] = [await ear(ana), await ear(leo)];
  for (const one of [atAna, atLeo]) {
    one.emit("join_conversation", conversation);
    await one.ask("mark_read", { conversationId: conversation });
  }
  atAna.emit("typing", { conversationId: conversation, typing: true });
  const typing = await atLeo.next("typing");
  assert.deepEqual([typing.conversationId, typing.userId, typing.typing], [conversation, ana.id, true]);
  atAna.emit("typing", { conversationId: conversation, typing: false });
  assert.equal((await atLeo.next("typing")).typing, false);
  atAna.emit("send_message", { conversationId: conversation, content: "hello" });
  const { message } = await atLeo.next("message:new");
  assert.deepEqual([message.content, message.sender, message.conversation], ["hello", ana.id, conversation]);
  const unread = await atLeo.next("unread:update");
  assert.deepEqual(unread, { conversationId: conversation, userId: leo.id, unreadDelta: 1 });
  atLeo.emit("mark_read", { conversationId: conversation });
  const read = await atAna.next("message:read", ({ userId }) => userId === leo.id);
  assert.equal(read.conversationId, conversation);
  const none = await atLeo.next("unread:update");
  assert.deepEqual(none, { conversationId: conversation, userId: leo.id, unreadCount: 0 });
  assert.ok(!atLeo.names().includes("message") && !atLeo.names().includes("stopTyping"));
});

test("tgodmuna", async () => {
  const [ana, leo, conversation] = await pair();
  const [atAna, atLeo] = [await ear(ana), await ear(leo)];
  // What is said first could be another dialect's as well; then it is told under the names of both.
  await atLeo.ask("join_conversation", conversation);
  atAna.emit("message_send", { conversationId: conversation, content: "hello" });
  const message = await atLeo.next("message_new");
  assert.deepEqual([message.content, message.sender.id, message.conversation], ["hello", ana.id, conversation]);
  atAna.emit("typing", conversation);
  assert.equal((await atLeo.next("typing")).userId, ana.id);
  await atLeo.ask("message_send", { conversationId: conversation, content: "hi" });
  atAna.emit("typing", conversation);
  atAna.emit("stop_typing", conversation);
  assert.equal((await atLeo.next("stop_typing")).userId, ana.id);
  atAna.emit("leave_conversation", conversation);
  await atAna.next("message_new", ({ content }) => content === "hi");
});

test("nwike-badger", async () => {
  const [ana, leo, conversation] = await pair();
  const [atAna, atLeo] = [await ear(ana), await ear(leo)];
  await atLeo.ask("joinConversation", conversation);
  const stored = await atAna.ask("sendMessage", { conversationId: conversation, text: "hello" });
  assert.deepEqual([stored.text, stored.sender._id], ["hello", ana.id]);
  const message = await atLeo.next("newMessage");
  assert.deepEqual([message._id, message.text, message.sender.name], [stored._id, "hello", "Ana"]);
  const refused = await atAna.ask("sendMessage", { conversationId: conversation, text: " " });
  assert.equal(typeof refused.error, "string");
  atAna.emit("typing", { conversationId: conversation });
  const typing = await atLeo.next("typing");
  assert.deepEqual([typing.user._id, typing.conversationId], [ana.id, conversation]);
  atAna.emit("stopTyping", { conversationId: conversation });
  await atLeo.next("stopTyping");
  const named = await ear(leo, { query: { dialect: "nwike-badger" } });
  const people = await named.next("onlineUsers", (people) => people.length === 2);
  assert.deepEqual(people.map(({ name }) => name).sort(), ["Ana", "Leo"]);
  assert.ok(people.every((one) => !("email" in one)));
});

test("adedayospindles, in a namespace of its own", async () => {
  const [ana, leo, conversation] = await pair();
  const namespace = "/chat";
  const [atAna, atLeo] = [await ear(ana, { namespace }), await ear(leo, { namespace })];
  assert.deepEqual(await atAna.next("connected"), { userId: ana.id });
  atAna.emit("joinRoom", { conversationId: conversation });
  assert.equal((await atAna.next("joined")).conversationId, conversation);
  atAna.emit("sendMessage", { conversationId: conversation, body: "hello" });
  const message = await atLeo.next("message");
  assert.deepEqual([message.body, message.sender], ["hello", ana.id]);
  atAna.emit("typing", { conversationId: conversation, isTyping: true });
  const typing = await atLeo.next("typing");
  assert.deepEqual([typing.userId, typing.isTyping], [ana.id, true]);
  atAna.emit("typing", { conversationId: conversation, isTyping: false });
  assert.equal((await atLeo.next("typing")).isTyping, false);
  // To join is to read.
  atLeo.emit("joinRoom", { conversationId: conversation });
  const read = await atAna.next("read", ({ userId }) => userId === leo.id);
  assert.equal(read.conversationId, conversation);
  atAna.emit("joinRoom", { conversationId: "nowhere" });
  assert.equal(typeof (await atAna.next("error")).message, "string");
  atAna.emit("markRead", { conversationId: conversation });
});

test("oluyemi29", async () => {
  const [ana, leo, conversation] = await pair();
  const [atAna, atLeo] = [await ear(ana), await ear(leo)];
  for (const [one, who] of [[atAna, ana], [atLeo, leo]]) await one.ask("addUser", who.id);
  await atLeo.next("getOnlineUsers", (ids) => ids.includes(ana.id));
  atAna.emit("sendMessage", { conversationId: conversation, senderId: ana.id, text: "hello" });
  const message = await atLeo.next("newMessage");
  assert.deepEqual([message.text, message.senderId, message.conversationId], ["hello", ana.id, conversation]);
  const named = { conversationId: conversation, messageId: message._id, senderId: ana.id };
  atAna.emit("editMessage", { ...named, newText: "hello there" });
  const edited = await atLeo.next("messageEdited");
  assert.deepEqual([edited._id, edited.text, edited.edited], [message._id, "hello there", true]);
  atAna.emit("typing", { isTyping: true, userName: "Somebody else", conversationId: conversation });
  const typing = await atLeo.next("typing");
  assert.deepEqual([typing.isTyping, typing.userName], [true, "Ana"]);
  atAna.emit("typing", { isTyping: false, userName: "Ana", conversationId: conversation });
  assert.equal((await atLeo.next("typing")).isTyping, false);
  atAna.emit("deleteMessage", named);
  const deleted = await atLeo.next("messageDeleted");
  assert.deepEqual([deleted._id, deleted.deleted], [message._id, true]);
});

test("promise24o", async () => {
  const [ana, leo, conversation] = await pair();
  const [atAna, atLeo] = [await ear(ana), await ear(leo)];
  await atLeo.ask("joinConversation", conversation);
  await atLeo.ask("sendMessage", { conversationId: conversation, content: "hi", senderId: leo.id });
  atAna.emit("sendMessage", { conversationId: conversation, content: "hello", senderId: ana.id });
  const message = await atLeo.next("newMessage", ({ content }) => content === "hello");
  assert.deepEqual([message.content, message.sender, message.conversationId], ["hello", ana.id, conversation]);
  atAna.emit("typing", { conversationId: conversation, userId: ana.id });
  assert.equal((await atLeo.next("typing")).userId, ana.id);
});
