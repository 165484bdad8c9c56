// Says when it is connected and why not any more; the server goes down and comes back meanwhile.
import { createInterface } from "node:readline";
import { direct, open, person } from "./shop.mjs";

const [ana, leo] = [await person("customer", "Ana"), await person("agent", "Leo")];
const conversation = await direct(ana, leo);
const ears = ["websocket", "polling"].map((transport) => {
  const ear = open({ token: ana.token, transports: [transport] });
  ear.socket.on("connect", () => console.log(`${transport} connected`));
  ear.socket.on("disconnect", (reason) => console.log(`${transport} disconnected: ${reason}`));
  return ear;
});
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "say") {
    const stored = await ears[0].ask("sendMessage", { conversation, content: "back again" });
    for (const ear of ears) await ear.next("message", ({ _id }) => _id === stored._id);
    console.log("said");
  }
  if (line === "stop") break;
}
ears.forEach((ear) => ear.close());
process.exit(0);
