// Files with messages: sent as the front ends send them, shown, and had by nobody else.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, test } from "node:test";
import axios from "axios";
import { api, connect, direct, history, person } from "./shop.mjs";

const SERVER = process.env.CHAT_URL;
const open = [];
const ear = async (...args) => {
  const made = await connect(...args);
  open.push(made);
  return made;
};
after(() => open.forEach((one) => one.close()));

// So large that it comes in many pieces.
const catalogue = Buffer.from(randomBytes(3 << 19).toString("hex"));
const note = Buffer.from("The mug is blue.\n");

// What is at an address, as bytes.
const got = async (path, headers = {}) => {
  const { data, status } = await axios.get(`${SERVER}${path}`, {
    headers, responseType: "arraybuffer", validateStatus: () => true,
  });
  return { status, bytes: Buffer.from(data) };
};
const whole = async (path, bytes, headers) => {
  const answer = await got(path, headers);
  assert.equal(answer.status, 200, path);
  assert.ok(answer.bytes.equals(bytes), "byte by byte");
};

const upload = async (who, name, bytes) =>
  (await api.post(`/v1/attachments?name=${name}`, bytes, {
    headers: { ...who.auth.headers, "Content-Type": "application/octet-stream" },
  })).data.id;

test("a form with a file is a message with a file", async () => {
  const [ana, leo, eve] = [await person("customer", "Ana"), await person("agent", "Leo"), await person("agent", "Eve")];
  const conversation = await direct(ana, leo);
  const [atAna, atLeo] = [await ear(ana), await ear(leo)];
  const form = new FormData();
  form.append("attachment", new Blob([catalogue], { type: "text/plain" }), "catalogue.txt");
  form.append("conversation", conversation);
  form.append("content", "");
  const { data: answered, status } = await api.post("/chat/messages", form, ana.auth);
  assert.equal(status, 201);
  const sent = answered.data;
  assert.ok(sent.attachment.startsWith("/uploads/") && sent.attachment.endsWith("/catalogue.txt"), sent.attachment);
  await whole(sent.attachment, catalogue);

  // Everybody in it sees it, live and in the list.
  const heard = await atLeo.next("message");
  const [listed] = await history(leo, conversation);
  for (const message of [heard, listed]) {
    const [file] = message.attachments;
    assert.equal(message.attachment, file.url);
    assert.deepEqual(
      { _id: file._id, name: file.name, type: file.type, size: file.size, thumbnailUrl: file.thumbnailUrl },
      { _id: file.id, name: "catalogue.txt", type: "text/plain", size: catalogue.length, thumbnailUrl: null },
    );
    await whole(file.url, catalogue);
    await whole(`/uploads/${file._id}`, catalogue, leo.auth.headers);
    await whole(`/uploads/${file._id}`, catalogue, { Cookie: `jwt=${leo.token}` });
  }
  assert.equal((await atAna.next("messageSent")).attachments.length, 1);

  // Nobody else, by no way that there is.
  const id = listed.attachments[0]._id;
  const seal = listed.attachment.split("/")[3];
  for (const headers of [{}, eve.auth.headers, { Cookie: `jwt=${eve.token}` }]) {
    for (const path of [`/uploads/${id}`, `/uploads/${id}/x/catalogue.txt`, `/uploads/${id}/${seal.slice(0, -2)}/catalogue.txt`]) {
      const { status, bytes } = await got(path, headers);
      assert.ok([401, 404].includes(status), `${path}: ${status}`);
      assert.ok(bytes.length < 1_000);
    }
  }
  const theft = new FormData();
  theft.append("conversation", conversation);
  theft.append("file", new Blob([note]), "note.txt");
  const refused = await api.post("/chat/messages", theft, { ...eve.auth, validateStatus: () => true });
  assert.deepEqual([refused.status, refused.data.status, refused.data.code], [404, "fail", "not_found"]);
  assert.equal((await history(ana, conversation)).length, 1);
});

test("a program that is named a picture is refused in words", async () => {
  const [ana, leo] = [await person("customer", "Ana"), await person("agent", "Leo")];
  const conversation = await direct(ana, leo);
  const form = new FormData();
  form.append("conversation", conversation);
  form.append("image", new Blob(["<svg xmlns='http://www.w3.org/2000/svg'/>"], { type: "image/png" }), "a.png");
  const { status, data } = await api.post("/chat/messages", form, { ...ana.auth, validateStatus: () => true });
  assert.deepEqual([status, data.status, data.code], [415, "fail", "unsupported_media_type"]);
  assert.match(data.message, /\.$/);
  assert.deepEqual(await history(ana, conversation), []);
});

test("what was uploaded before is sent over the socket, in each way of naming it", async () => {
  const [ana, leo] = [await person("customer", "Ana"), await person("agent", "Leo")];
  const conversation = await direct(ana, leo);
  const [atAna, atLeo] = [await ear(ana), await ear(leo)];
  for (const named of [
    (id) => ({ attachments: [id] }),
    (id) => ({ attachments: [{ _id: id }], content: "Look" }),
    (id) => ({ attachment: id }),
    (id) => ({ attachmentId: id, content: "" }),
  ]) {
    const id = await upload(ana, "note.txt", note);
    const stored = await atAna.ask("sendMessage", { conversation, ...named(id) });
    assert.equal(stored.attachments?.[0]._id, id, JSON.stringify(stored));
    const heard = await atLeo.next("message");
    assert.equal(heard._id, stored._id);
    await whole(heard.attachment, note);
    // It has gone with this message, and goes with no other.
    assert.equal((await atAna.ask("sendMessage", { conversation, attachment: id })).code, "conflict");
  }
  const another = await upload(leo, "note.txt", note);
  assert.equal((await atAna.ask("sendMessage", { conversation, attachment: another })).code, "invalid");
  assert.equal((await history(ana, conversation)).length, 4);
});

test("siblings send and are shown files too", async () => {
  const [ana, leo] = [await person("customer", "Ana"), await person("agent", "Leo")];
  const conversation = await direct(ana, leo);
  const atAna = await ear(ana, { query: { dialect: "oechristophers" } });
  const atLeo = await ear(leo, { query: { dialect: "tgodmuna" } });
  const id = await upload(ana, "note.txt", note);
  const stored = await atAna.ask("send_message", { conversationId: conversation, content: "Look", attachments: [id] });
  assert.equal(stored.message?.attachments?.[0]._id, id, JSON.stringify(stored));
  assert.equal((await atAna.next("message:new")).message.attachments[0].name, "note.txt");
  const heard = await atLeo.next("message_new");
  assert.deepEqual([heard.text, heard.sender.name, heard.attachments.length], ["Look", "Ana", 1]);
  await whole(heard.attachments[0].url, note);
  await whole(heard.attachment, note);
});

// A picture of one point.
const dot = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");

test("a profile form with a picture is a picture beside one's name", async () => {
  const [ana, leo] = [await person("customer", "Ana"), await person("agent", "Leo")];
  const conversation = await direct(ana, leo);
  const form = new FormData();
  form.append("name", "Ana Ruiz");
  form.append("avatar", new Blob([dot], { type: "image/png" }), "me.png");
  form.append("notificationPreferences", JSON.stringify({ email: true, push: true }));
  const { data: changed } = await api.put("/users/profile", form, ana.auth);
  assert.equal(changed.data.name, "Ana Ruiz");
  const mine = await got(changed.data.avatar);
  assert.equal(mine.status, 200);
  await api.post("/chat/messages", { conversation, content: "Hello" }, ana.auth);
  const [message] = await history(leo, conversation);
  assert.ok(message.sender.avatar.startsWith(`/uploads/${ana.id}/`), message.sender.avatar);
  await whole(message.sender.avatar, mine.bytes);

  const page = new FormData();
  page.append("name", "Changed");
  page.append("avatar", new Blob(["<svg xmlns='http://www.w3.org/2000/svg'/>"], { type: "image/png" }), "me.png");
  const refused = await api.put("/users/profile", page, { ...ana.auth, validateStatus: () => true });
  assert.equal(refused.status, 415);
  const { data: kept } = await api.get("/auth/profile", ana.auth);
  assert.equal(kept.data.name, "Ana Ruiz");
  await whole(kept.data.avatar, mine.bytes);
});
