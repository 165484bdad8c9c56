// The dialect of the replaced backend, over each transport.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { api, connect, direct, history, person } from "./shop.mjs";

const open = [];
const ear = async (...args) => {
  const made = await connect(...args);
  open.push(made);
  return made;
};
after(() => open.forEach((one) => one.close()));

for (const transports of [["websocket"], ["polling"], ["polling", "websocket"]]) {
  test(`two people talk over ${transports.join(" and then ")}`, async () => {
    const [ana, leo] = [await person("customer", "Ana"), await person("agent", "Leo")];
    const conversation = await direct(ana, leo);
    const [atAna, atLeo] = [await ear(ana, { transports }), await ear(leo, { transports })];
    if (transports.length > 1) {
      await atAna.until("the upgrade", () => atAna.socket.io.engine.transport.name === "websocket" || undefined).catch(
        () => assert.fail("it stayed at polling"),
      );
    } else {
      assert.equal(atAna.socket.io.engine.transport.name, transports[0]);
    }

    // They say who they are, which nobody believes, and join.
    atAna.emit("join", leo.id);
    atAna.emit("online", leo.id);
    assert.equal((await atAna.ask("joinConversation", conversation)).ok, true);
    atLeo.emit("online", leo.id);
    await atLeo.next("onlineUsers", (ids) => ids.includes(ana.id) && ids.includes(leo.id));

    // Writing, with an answer.
    atAna.emit("typing", { conversationId: conversation, userId: atAna.socket.id });
    const typing = await atLeo.next("typing");
    assert.deepEqual(
      { conversationId: typing.conversationId, userId: typing.userId, userName: typing.userName },
      { conversationId: conversation, userId: ana.id, userName: "Ana" },
    );
    atAna.emit("stopTyping", { conversationId: conversation, userId: ana.id });
    assert.equal((await atLeo.next("stopTyping")).userId, ana.id);
    const said = { conversation, sender: ana.id, content: "Where is my order?", clientId: "c1", tempId: "c1" };
    const stored = await atAna.ask("sendMessage", said);
    assert.equal(stored.content, said.content);
    assert.equal(stored.sender, ana.id);
    assert.equal(stored.conversation, conversation);
    const heard = await atLeo.next("message");
    const { clientId, tempId, ...others } = stored;
    assert.deepEqual([clientId, tempId], ["c1", "c1"]);
    assert.deepEqual(heard, others, "the stored message, but for what its author calls it");
    for (const name of ["message", "messageSent"]) {
      const echo = await atAna.next(name);
      assert.deepEqual([echo._id, echo.clientId, echo.tempId], [stored._id, "c1", "c1"]);
    }

    // Sent again it is the same.
    assert.equal((await atAna.ask("sendMessage", said))._id, stored._id);

    // Without an answer.
    atLeo.emit("sendMessage", { conversation, content: "It left today." });
    const answer = await atAna.next("message", ({ content }) => content === "It left today.");
    assert.equal(answer.sender, leo.id);

    // Read, edited, deleted.
    await atAna.ask("markRead", { conversationId: conversation });
    assert.deepEqual(
      (({ conversationId, userId }) => ({ conversationId, userId }))(await atLeo.next("messageRead")),
      { conversationId: conversation, userId: ana.id },
    );
    await atAna.ask("editMessage", { conversationId: conversation, messageId: stored._id, content: "Where is it?" });
    assert.equal((await atLeo.next("messageEdited")).content, "Where is it?");
    await atAna.ask("deleteMessage", { conversationId: conversation, messageId: stored._id });
    const deleted = await atLeo.next("messageDeleted");
    assert.deepEqual([deleted._id, deleted.content, deleted.deleted], [stored._id, "", true]);

    assert.deepEqual((await history(ana, conversation)).map(({ content }) => content), ["", "It left today."]);
    const { data } = await api.get("/chat/conversations", leo.auth);
    assert.equal(data.data[0].lastMessage.content, "It left today.");
    assert.ok(!atLeo.names().includes("newMessage"), "it is not told twice");
  });
}

test("what is sent over REST reaches sockets, and saying it again there does not store it twice", async () => {
  const [ana, leo] = [await person("customer", "Ana"), await person("agent", "Leo")];
  const conversation = await direct(ana, leo);
  const [atAna, atLeo] = [await ear(ana), await ear(leo)];
  const { data: answered } = await api.post("/chat/messages", { conversation, content: "By REST" }, ana.auth);
  const posted = answered.data;
  const heard = await atLeo.next("message");
  assert.deepEqual([heard._id, heard.content, heard.sender], [posted._id, "By REST", ana.id]);
  assert.equal((await atAna.next("messageSent"))._id, posted._id);

  // The front end says again what it was answered.
  assert.equal((await atAna.ask("sendMessage", posted))._id, posted._id);
  atAna.emit("sendMessage", { ...posted, sender: { _id: ana.id, name: "Ana" } });
  assert.equal((await atAna.next("messageSent"))._id, posted._id);
  // Another's message is not one's own to say again.
  const refused = await atLeo.ask("sendMessage", { ...heard, sender: undefined });
  assert.equal(refused.code, "forbidden");
  await atLeo.ask("sendMessage", { conversation, content: "the end" });
  await atLeo.next("message", ({ content }) => content === "the end");
  assert.deepEqual(atLeo.all("message").map(({ content }) => content), ["By REST", "the end"]);
  assert.equal((await history(ana, conversation)).length, 2);
});

test("whoever closes one of two tabs is still there", async () => {
  const [ana, leo] = [await person("customer", "Ana"), await person("agent", "Leo")];
  const conversation = await direct(ana, leo);
  const atLeo = await ear(leo);
  const [one, two] = [await ear(ana), await ear(ana)];
  await atLeo.next("onlineUsers", (ids) => ids.includes(ana.id));
  one.close();
  await two.ask("sendMessage", { conversation, content: "still here" });
  await atLeo.next("message");
  two.close();
  const gone = await atLeo.next("onlineUsers", (ids) => !ids.includes(ana.id));
  assert.deepEqual(gone, [leo.id], "and of strangers nobody is told");
  assert.equal(atLeo.all("onlineUsers").filter((ids) => !ids.includes(ana.id)).length, 2, "alone at first and at last");
});
