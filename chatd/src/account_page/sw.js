// Shows what is pushed to this browser; see docs/notifications.md for what that is.
self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("push", (event) => {
  const told = read(event.data);
  const several = told.count === 1 ? "1 new message" : `${told.count} new messages`;
  const newest = told.from && told.text ? `${told.from}: ${told.text}` : several;
  const body = told.conversations > 1 ? `${several} in ${told.conversations} conversations\n${newest}` : newest;
  const data = { conversation: told.conversation, link: told.link };
  const options = { body, tag: told.conversation || "messages", renotify: true, data };
  event.waitUntil(self.registration.showNotification(told.title || "New messages", options));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data ?? {}));
});

// Something has to be shown for each push, whatever is in it.
function read(data) {
  let told = null;
  try {
    told = data?.json();
  } catch {
    // What is no JSON is not of this server.
  }
  const text = (value) => (typeof value === "string" ? value : "");
  const count = (value) => (Number.isSafeInteger(value) && value > 0 ? value : 1);
  return {
    title: text(told?.title),
    from: text(told?.from),
    text: text(told?.text),
    conversation: /^conv_[0-9a-z]+$/.test(text(told?.conversation)) ? told.conversation : "",
    link: /^https?:\/\//.test(text(told?.link)) ? told.link : "",
    count: count(told?.count),
    conversations: count(told?.conversations),
  };
}

// The same link that stands in mails; it is told where the shop has a page of its own.
async function open({ conversation, link }) {
  const own = conversation ? `/c/${conversation}` : "/account";
  const url = new URL(link || own, self.location.origin).href;
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = windows.find((one) => one.url === url);
  return there ? there.focus() : self.clients.openWindow(url);
}
