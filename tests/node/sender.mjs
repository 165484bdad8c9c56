// Sends until it is told to stop, and again under the same name whatever was not answered. Says what was.
import { createInterface } from "node:readline";
import { direct, open, person } from "./shop.mjs";

const AT_ONCE = 8;
// The server may be killed between a message and its answer.
const PATIENCE = 1_000;

const [ana, leo] = [await person("customer", "Ana"), await person("agent", "Leo")];
const conversation = await direct(ana, leo);
console.log(`conversation ${conversation} ${ana.token}`);

let stopped = false;
createInterface({ input: process.stdin }).on("line", (line) => (stopped ||= line === "stop"));

async function send(socket, clientId) {
  for (;;) {
    try {
      const body = { conversation, sender: ana.id, content: `I am ${clientId}`, clientId };
      const stored = await socket.timeout(PATIENCE).emitWithAck("sendMessage", body);
      if (stored.error) throw new Error(stored.error);
      return console.log(`acked ${clientId} ${stored._id}`);
    } catch (error) {
      // Not while it is still coming back, which would only fill its buffer.
      if (!socket.connected) await new Promise((resolve) => socket.once("connect", resolve));
    }
  }
}

await Promise.all(
  ["websocket", "polling"].map(async (transport) => {
    const { socket } = open({ token: ana.token, transports: [transport], reconnectionDelayMax: 200 });
    await new Promise((resolve) => socket.once("connect", resolve));
    let next = 0;
    const line = async () => {
      while (!stopped) await send(socket, `${transport}-${++next}`);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, line));
    socket.disconnect();
  }),
);
console.log("done");
process.exit(0);
