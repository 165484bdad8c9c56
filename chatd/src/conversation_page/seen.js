// How far somebody has read: what was on the screen while the page was.
import { call } from "/account/server.js";
import { at } from "/account/parts.js";

// Somebody who scrolls past a hundred messages says so once.
const PAUSE_MS = 300;
// What could not be said is said again.
const AGAIN_MS = 5_000;
// What is behind the box for the reply is not seen; it is higher than this.
const FOOT_PX = 100;

let path = "";
let told = 0;
let timer;
const onScreen = new Map();

const watching = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) onScreen.set(target, Number(target.dataset.seq));
    else onScreen.delete(target);
  }
  note();
}, { rootMargin: `0px 0px -${FOOT_PX}px 0px` });

export function begin() {
  document.addEventListener("visibilitychange", note);
}

export function open(where, read) {
  [path, told] = [where, read];
  note();
}

export function close() {
  clearTimeout(timer);
  path = "";
  onScreen.clear();
  watching.disconnect();
}

export function watch(row, seq) {
  row.dataset.seq = seq;
  watching.observe(row);
}

function note() {
  clearTimeout(timer);
  timer = setTimeout(tell, PAUSE_MS);
}

function later() {
  clearTimeout(timer);
  timer = setTimeout(tell, AGAIN_MS);
}

async function tell() {
  // Rows that were taken away are told of too, but later.
  for (const row of onScreen.keys()) if (!row.isConnected) onScreen.delete(row);
  const furthest = Math.max(...onScreen.values());
  if (path === "" || document.hidden || at("conversation").hidden || !(furthest > told)) return;
  const before = told;
  told = furthest;
  try {
    await call("POST", `${path}/read`, { seq: furthest });
  } catch {
    if (told === furthest) told = before;
    later();
  }
}
