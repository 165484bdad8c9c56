// What happens, as the server tells it: its event stream, read with `fetch`, and taken up again where it broke off.
import { open } from "/account/server.js";
import { say } from "/account/parts.js";

// The server says something every 25 seconds; after this long the connection is dead, though nobody has said so.
const SILENCE_MS = 60_000;
const LONGEST_WAIT_MS = 30_000;
// A page that nobody looks at lets go: whoever is connected counts as being here, and would get no mails. And browsers have
// six connections to a server over HTTP/1.1, for all tabs together.
const HIDDEN_MS = 5_000;
// An event is far smaller; what is longer is none.
const MOST_CHARACTERS = 4 << 20;

let following = null;

export function begin() {
  let timer;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (!document.hidden) following?.wake();
    else timer = setTimeout(() => following?.pause(), HIDDEN_MS);
  });
  addEventListener("online", () => following?.wake());
}

export function stop() {
  following?.stop();
  following = null;
  say("live", "");
}

// `hear` gets each event after `from`; `again` is called when nobody can say any more what came after it.
export function follow({ from, hear, again }) {
  stop();
  following = new Following(from, hear, again);
  following.run();
}

class Following {
  constructor(cursor, hear, again) {
    Object.assign(this, { cursor, hear, again, over: false, paused: false, failed: 0, retry: 1_000 });
  }

  async run() {
    while (!this.over) {
      try {
        if (!this.paused) await this.listen();
      } catch (error) {
        if (this.over || error.status === 401) return;
        this.failed += 1;
        this.retry = Math.max(this.retry, (error.wait ?? 0) * 1_000);
        if (!this.paused) say("live", "Not connected. What is written meanwhile is shown as soon as it is again.", "bad");
      }
      if (!this.over) await this.rest();
    }
  }

  // Longer with each failure, and not all at the same time.
  rest() {
    const longer = Math.min(1_000 * 2 ** this.failed, LONGEST_WAIT_MS);
    const wait = Math.max(this.retry, this.failed ? longer : 0) * (1 + Math.random() / 2);
    return new Promise((resolve) => {
      this.rested = resolve;
      if (!this.paused) setTimeout(resolve, wait);
    });
  }

  async listen() {
    this.connection = new AbortController();
    const headers = { "Last-Event-ID": this.cursor };
    const answer = await open("/events/stream", { headers, signal: this.connection.signal });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    try {
      for (;;) {
        const { done, value } = await this.orSilence(reader.read());
        if (done || this.over) return;
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop();
        if (rest.length > MOST_CHARACTERS) throw new Error("This is no event.");
        for (const block of blocks) this.take(block);
      }
    } finally {
      this.connection.abort();
    }
  }

  async orSilence(reading) {
    const timer = setTimeout(() => this.connection.abort(), SILENCE_MS);
    try {
      return await reading;
    } finally {
      clearTimeout(timer);
    }
  }

  take(block) {
    if (this.over) return;
    const fields = new Map(block.split("\n").map((line) => /^(\w*): ?(.*)$/.exec(line)?.slice(1) ?? []));
    if (fields.has("retry")) this.retry = Number(fields.get("retry")) || 1_000;
    const name = fields.get("event");
    if (name === "welcome") this.connected();
    if (name === "ev") this.hear(JSON.parse(fields.get("data")));
    if (name === "reset") return this.again().catch(() => this.connection.abort());
    // Only now is it shown what this stands for.
    if (fields.get("id")) this.cursor = fields.get("id");
  }

  connected() {
    this.failed = 0;
    this.retry = 1_000;
    say("live", "");
  }

  pause() {
    this.paused = true;
    this.connection?.abort();
  }

  wake() {
    this.paused = false;
    this.failed = 0;
    this.rested?.();
  }

  stop() {
    this.over = true;
    this.connection?.abort();
    this.rested?.();
  }
}
