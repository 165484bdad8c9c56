// What the page asks the server for, and as whom.
//
// There is no cookie, so no other page can act for somebody who is signed in here. The access token is kept in memory
// alone, the refresh token in this tab's sessionStorage, so that loading the page anew does not sign anybody out.
const KEPT = "chat.account.refresh";

// Browsers wait for an answer for minutes.
const PATIENCE_MS = 30_000;
// A picture takes its time over a slow line.
const FILE_PATIENCE_MS = 300_000;
const EMPTY = [202, 204];
const UNREACHABLE = "The server cannot be reached. Nothing was changed that is not shown here.";

let access = null;
let renewing = null;
let whenSignedOut = () => {};

// Why the server refused something, in its own words.
export class Refused extends Error {
  constructor(status, problem) {
    const text = problem?.detail || problem?.title || `The server answered with ${status}.`;
    const wait = problem?.retryAfter ? ` Try again in ${problem.retryAfter} s.` : "";
    super(text + wait);
    this.status = status;
    this.code = problem?.code;
    this.detail = text;
    this.fields = problem?.fields ?? [];
    this.wait = Number(problem?.retryAfter) || 0;
  }
}

export function onSignedOut(then) {
  whenSignedOut = then;
}

export const mayBeSignedIn = () => access !== null || sessionStorage.getItem(KEPT) !== null;

export async function signIn(email, password) {
  keep(await send("POST", "/auth/login", { body: { email, password } }));
}

export async function acceptInvitation(invited) {
  const signedIn = await send("POST", "/auth/invitation", { body: invited });
  keep(signedIn);
  return signedIn.user;
}

export async function signOut() {
  try {
    await call("POST", "/auth/logout");
  } finally {
    forget();
  }
}

// Asks as whoever is signed in.
export const call = (method, path, body) => signedIn((token) => send(method, path, { body, token }));

// The same, for an answer that goes on and on; `headers` and `signal` are those of `fetch`.
export const open = (path, { headers, signal }) => signedIn((token) => start("GET", path, { headers, signal, token }));

// A token whose time is over is renewed once.
async function signedIn(ask) {
  if (access === null) await renew();
  const used = access;
  try {
    return await ask(used);
  } catch (error) {
    if (error.status !== 401) throw error;
    if (error.code !== "token_expired") return ended(error);
  }
  // Somebody else may have renewed it meanwhile.
  if (access === used) await renew();
  try {
    return await ask(access);
  } catch (error) {
    if (error.status !== 401) throw error;
    return ended(error);
  }
}

// A refresh token is good once, and showing it again ends the session: so there is never more than one who renews.
function renew() {
  renewing ??= (async () => {
    const refresh = sessionStorage.getItem(KEPT);
    try {
      if (refresh === null) throw new Refused(401, { detail: "You are not signed in." });
      keep(await send("POST", "/auth/refresh", { body: { refresh_token: refresh } }));
    } catch (error) {
      if (error.status === 401) ended(error);
      throw error;
    } finally {
      renewing = null;
    }
  })();
  return renewing;
}

function keep(signedIn) {
  access = signedIn.access_token;
  sessionStorage.setItem(KEPT, signedIn.refresh_token);
}

export function forget() {
  access = null;
  sessionStorage.removeItem(KEPT);
}

function ended(error) {
  const was = mayBeSignedIn();
  forget();
  if (was) whenSignedOut();
  throw error;
}

// Asks as nobody, or by a token.
export async function send(method, path, { body, token } = {}) {
  const patience = body instanceof Blob ? FILE_PATIENCE_MS : PATIENCE_MS;
  const answer = await start(method, path, { body, token, signal: AbortSignal.timeout?.(patience) });
  if (EMPTY.includes(answer.status)) return null;
  return answer.json().catch(() => {
    throw new Error(UNREACHABLE);
  });
}

// The beginning of an answer that is none of refusal.
async function start(method, path, { body, token, headers = {}, signal }) {
  const all = { ...headers };
  if (token) all.Authorization = `Bearer ${token}`;
  const isFile = body instanceof Blob;
  if (body !== undefined) all["Content-Type"] = isFile ? "application/octet-stream" : "application/json";
  const options = { method, headers: all, signal, credentials: "omit", cache: "no-store", redirect: "error" };
  let answer;
  try {
    answer = await fetch(`/api/v1${path}`, { ...options, body: body === undefined || isFile ? body : JSON.stringify(body) });
  } catch {
    throw new Error(UNREACHABLE);
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => null);
  throw new Refused(answer.status, { ...problem, retryAfter: answer.headers.get("Retry-After") });
}
