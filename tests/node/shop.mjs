// What the tests of the front ends' own libraries have in common. The server is CHAT_URL.
import axios from "axios";
import { io } from "socket.io-client";

const { CHAT_URL: URL, CHAT_ADMIN_TOKEN: ADMIN, CHAT_PASSWORD: PASSWORD } = process.env;

// When a test gives up waiting; far longer than anything takes.
const DEADLINE = 20_000;

// The paths of the replaced backend, and for what it has not those of the server's own.
export const api = axios.create({ baseURL: `${URL}/api` });

const as = (token) => ({ headers: { Authorization: `Bearer ${token}` } });

let people = 0;

// Somebody who has signed up, or to whom an admin gave an account.
export async function person(role, name) {
  const email = `${name.toLowerCase()}.${process.pid}.${++people}@shop.test`;
  const account = { email, name, password: PASSWORD };
  if (role === "customer") {
    const { data } = await api.post("/auth/register", account);
    return { id: data.data._id, name, email, token: data.token, auth: as(data.token) };
  }
  await api.post("/v1/users", { ...account, role }, as(ADMIN));
  return signIn(email);
}

export async function signIn(email) {
  const { data } = await api.post("/auth/login", { email, password: PASSWORD });
  return { id: data.data._id, name: data.data.name, email, token: data.token, auth: as(data.token) };
}

export async function direct(one, other) {
  return (await api.get(`/chat/conversation/${other.id}`, one.auth)).data.data._id;
}

export async function history(one, conversation) {
  return (await api.get(`/chat/conversations/${conversation}/messages`, one.auth)).data.data.messages;
}

export const admin = { auth: as(ADMIN) };

// A socket that remembers what it hears.
export class Ear {
  constructor(socket) {
    this.socket = socket;
    this.heard = [];
    this.waiting = new Set();
    const note = (name, ...args) => {
      this.heard.push({ name, args });
      for (const look of this.waiting) look();
    };
    socket.onAny(note);
    for (const name of ["connect", "connect_error", "disconnect"]) {
      socket.on(name, (...args) => note(`!${name}`, ...args));
    }
  }

  // The names of what was heard, or their first arguments.
  names() {
    return this.heard.map(({ name }) => name).filter((name) => !name.startsWith("!"));
  }

  all(name) {
    return this.heard.filter((one) => one.name === name).map(({ args }) => args[0]);
  }

  // Waits for an event that was not waited for before; what came before it is passed over.
  async next(name, like = () => true) {
    const passed = (this.passed ??= new Map());
    const found = () => {
      const from = passed.get(name) ?? 0;
      const at = this.heard.findIndex((one, i) => i >= from && one.name === name && like(one.args[0]));
      if (at < 0) return undefined;
      passed.set(name, at + 1);
      return { argument: this.heard[at].args[0] };
    };
    return (await this.until(`${name}`, found)).argument;
  }

  async until(what, look) {
    const seen = look();
    if (seen) return seen;
    return new Promise((resolve, reject) => {
      const again = () => {
        const seen = look();
        if (!seen) return;
        clearTimeout(timer);
        this.waiting.delete(again);
        resolve(seen);
      };
      const timer = setTimeout(() => {
        this.waiting.delete(again);
        reject(new Error(`waited in vain for ${what}; heard ${JSON.stringify(this.heard)}`));
      }, DEADLINE);
      this.waiting.add(again);
    });
  }

  emit(name, ...args) {
    this.socket.emit(name, ...args);
  }

  // Sends an event and waits for its answer.
  ask(name, ...args) {
    return this.socket.timeout(DEADLINE).emitWithAck(name, ...args);
  }

  close() {
    this.socket.disconnect();
  }
}

// A socket that may not come to anything.
export function open({ token, namespace = "", ...options } = {}) {
  const auth = token === undefined ? undefined : { token };
  return new Ear(io(`${URL}${namespace}`, { auth, forceNew: true, reconnectionDelay: 50, ...options }));
}

export async function connect(who, options = {}) {
  const ear = open({ token: who.token, ...options });
  await ear.next("!connect");
  return ear;
}
