// Keeps the page that works without a network, and nothing else: no answer of the gateway, no document, no session.
// The server puts the list of files and its digest in front of this file.
const CACHE = `rempart-offline-${self.REMPART_OFFLINE.version}`;
const { shell, files } = self.REMPART_OFFLINE;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll([shell, ...files])).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = (name) => name.startsWith("rempart-offline-") && name !== CACHE;
  event.waitUntil(caches.keys().then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name)))).then(() => self.clients.claim()));
});

async function freshest(request) {
  const cache = await caches.open(CACHE);
  try {
    const reply = await fetch(request);
    if (reply.ok) await cache.put(shell, reply.clone());
    if (reply.ok) return reply;
  } catch {
    // No network: the copy below.
  }
  return (await cache.match(shell)) || Response.error();
}

self.addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  if (event.request.method !== "GET" || address.origin !== self.location.origin) return;
  if (address.pathname === shell) event.respondWith(freshest(event.request));
  else if (files.includes(address.pathname + address.search)) {
    event.respondWith(caches.match(event.request).then((kept) => kept || fetch(event.request)));
  }
});
