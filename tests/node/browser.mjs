// Chromium without a window, steered over a pipe by the DevTools protocol.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// When a test gives up waiting; far longer than anything takes.
const DEADLINE = 60_000;

const OPTIONS = [
  "--headless=new",
  "--remote-debugging-pipe",
  "--no-first-run",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-component-update",
  "--disable-background-networking",
  "--lang=en-GB",
  // Nothing is asked of any other host, so a push service cannot be reached either.
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
  // Who is root has no sandbox.
  ...(process.getuid() === 0 ? ["--no-sandbox"] : []),
];

const KEYS = {
  Tab: { code: "Tab", windowsVirtualKeyCode: 9 },
  Enter: { code: "Enter", windowsVirtualKeyCode: 13, text: "\r" },
  " ": { code: "Space", windowsVirtualKeyCode: 32, text: " " },
  ArrowDown: { code: "ArrowDown", windowsVirtualKeyCode: 40 },
};

function program() {
  const names = [process.env.CHROMIUM, "chromium", "chromium-browser", "google-chrome"].filter(Boolean);
  const found = names.find((name) => spawnSync(name, ["--version"]).status === 0);
  if (!found) {
    throw new Error(
      "Chromium is needed for these tests and was not found: install it (on Debian: apt-get install chromium), " +
        "or name it in CHROMIUM",
    );
  }
  return found;
}

export async function poll(what, look) {
  const until = Date.now() + DEADLINE;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > until) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export class Browser {
  #program = program();
  #folder = mkdtempSync(join(tmpdir(), "chat-browser-"));
  #waiting = new Map();
  #ears = [];
  #last = 0;

  constructor() {
    const options = [...OPTIONS, `--user-data-dir=${this.#folder}`, "about:blank"];
    const env = { ...process.env, TZ: "Europe/Berlin" };
    this.child = spawn(this.#program, options, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"], env });
    let rest = "";
    this.child.stdio[4].setEncoding("utf8").on("data", (text) => {
      const frames = (rest + text).split("\0");
      rest = frames.pop();
      for (const frame of frames) this.#hear(JSON.parse(frame));
    });
    this.child.stdio[3].on("error", () => {});
    this.child.on("exit", (code) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the browser ended with ${code}`));
    });
  }

  #hear(frame) {
    const waiting = this.#waiting.get(frame.id);
    if (waiting) {
      this.#waiting.delete(frame.id);
      if (frame.error) waiting.reject(new Error(`${waiting.method}: ${frame.error.message}`));
      else waiting.resolve(frame.result);
    }
    for (const ear of this.#ears) if (frame.method) ear(frame);
  }

  onEvent(ear) {
    this.#ears.push(ear);
  }

  ask(method, params = {}, sessionId = undefined) {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { method, resolve, reject });
      this.child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  async page(url, shown = url) {
    const { targetId } = await this.ask("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.ask("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, sessionId, targetId);
    for (const domain of ["Page", "Runtime", "Log", "ServiceWorker"]) await page.ask(`${domain}.enable`);
    await page.open(url, shown);
    return page;
  }

  // What asks a service worker that runs.
  async worker(url) {
    const { targetInfos } = await this.ask("Target.getTargets", { filter: [{ type: "service_worker" }] });
    const found = targetInfos.find((target) => target.url === url);
    const { sessionId } = await this.ask("Target.attachToTarget", { targetId: found.targetId, flatten: true });
    return async (expression) => {
      const options = { expression, awaitPromise: true, returnByValue: true };
      const { result, exceptionDetails } = await this.ask("Runtime.evaluate", options, sessionId);
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value;
    };
  }

  async close() {
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.ask("Browser.close").catch(() => {});
    await ended;
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

class Page {
  constructor(browser, session, target) {
    this.browser = browser;
    this.session = session;
    this.target = target;
    // What the console shows as a fault, but for answers of the server that are no 2xx.
    this.faults = [];
    this.registrations = [];
    browser.onEvent(({ method, params, sessionId }) => {
      if (sessionId !== session) return;
      if (method === "Runtime.exceptionThrown") this.faults.push(params.exceptionDetails);
      if (method === "Runtime.consoleAPICalled" && params.type === "error") this.faults.push(params.args);
      if (method === "Log.entryAdded" && ["error", "warning"].includes(params.entry.level)) {
        if (params.entry.source !== "network") this.faults.push(params.entry);
      }
      if (method === "ServiceWorker.workerRegistrationUpdated") this.registrations.push(...params.registrations);
    });
  }

  ask(method, params) {
    return this.browser.ask(method, params, this.session);
  }

  // `shown`: what stands in the address bar then.
  async open(url, shown = url) {
    await this.ask("Page.navigate", { url });
    await this.until("the page", `location.href === ${JSON.stringify(shown)} && document.readyState === "complete"`);
  }

  // Answers requests to what matches this in the server's place, as `answer` says, once `once` is there; `null`
  // lets one through.
  async answering(urlPattern, answer) {
    this.browser.onEvent(async ({ method, params, sessionId }) => {
      if (method !== "Fetch.requestPaused" || sessionId !== this.session) return;
      const { requestId, request } = params;
      const { status, body, headers = {}, fails, once } = answer(request) ?? {};
      await once;
      const done = fails
        ? this.ask("Fetch.failRequest", { requestId, errorReason: "ConnectionFailed" })
        : status === undefined
          ? this.ask("Fetch.continueRequest", { requestId })
          : this.ask("Fetch.fulfillRequest", {
              requestId,
              responseCode: status,
              responseHeaders: Object.entries(headers).map(([name, value]) => ({ name, value })),
              body: Buffer.from(JSON.stringify(body)).toString("base64"),
            });
      done.catch(() => {});
    });
    await this.ask("Fetch.enable", { patterns: [{ urlPattern }] });
  }

  // For people to look at: CHAT_PICTURES names a folder.
  async pictures(name, narrow = 320) {
    for (const [kind, width, scheme] of [["light", 900, "light"], ["dark", 900, "dark"], ["narrow", narrow, "light"]]) {
      await this.ask("Emulation.setDeviceMetricsOverride", { width, height: 800, deviceScaleFactor: 1, mobile: true });
      await this.ask("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
      const { data } = await this.ask("Page.captureScreenshot", { captureBeyondViewport: true });
      writeFileSync(`${process.env.CHAT_PICTURES}/${name}-${kind}.png`, data, "base64");
    }
  }

  // A page that follows what happens holds one of the few connections that a browser has to a server.
  close() {
    return this.browser.ask("Target.closeTarget", { targetId: this.target });
  }

  async reload() {
    await this.run("window.isOld = true");
    await this.ask("Page.reload");
    await this.until("the page anew", `!window.isOld && document.readyState === "complete"`);
  }

  // What a piece of JavaScript in the page comes to.
  async run(expression, userGesture = true) {
    const options = { expression, awaitPromise: true, returnByValue: true, userGesture };
    const { result, exceptionDetails } = await this.ask("Runtime.evaluate", options);
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  // A page that is being loaded has nothing to ask.
  until(what, expression) {
    return poll(what, () => this.run(expression).catch(() => null));
  }

  shows(id, text) {
    return this.until(
      `${JSON.stringify(text)} in ${id}`,
      `document.getElementById("${id}").checkVisibility() && ` +
        `document.getElementById("${id}").innerText.includes(${JSON.stringify(text)})`,
    );
  }

  async press(key, modifiers = 0) {
    const params = { key, modifiers, ...KEYS[key] };
    await this.ask("Input.dispatchKeyEvent", { type: "keyDown", ...params });
    await this.ask("Input.dispatchKeyEvent", { type: "keyUp", ...params, text: undefined });
  }

  write(text) {
    return this.ask("Input.insertText", { text });
  }

  focused() {
    return this.run("document.activeElement.id || document.activeElement.tagName");
  }

  // Goes on by the tab key until it stands on this.
  async tabTo(id) {
    for (let steps = 0; steps < 80; steps += 1) {
      if ((await this.focused()) === id) return;
      await this.press("Tab");
    }
    throw new Error(`the tab key does not lead to ${id}`);
  }
}
