// Tries everything that the own pages of an extension must not be able to do, and reports
// over the bridge what came of it. An attempt's name begins with what must come of it.
const found = {};
const attempt = async (name, try_) => {
  let result;
  try {
    result = String(await Promise.race([try_(), new Promise((resolve) => setTimeout(resolve, 3000, "nothing"))]));
  } catch (refused) {
    result = "refused" + (refused.code && typeof refused.code === "string" ? " " + refused.code : "");
  }
  found[name] = result;
};
// loads reports whether an element comes to an end of its load.
const loads = (tag, members) => new Promise((resolve) => {
  const element = Object.assign(document.createElement(tag), members);
  element.onload = () => resolve("loaded");
  element.onerror = () => resolve("refused");
  document.body.append(element);
});

await jackfield.connect();
const attempts = [];

// The session and the page around.
attempts.push(attempt("null: an origin of its own", () => self.origin));
attempts.push(attempt("refused: cookies", () => document.cookie));
attempts.push(attempt("refused: storage", () => localStorage.length));
attempts.push(attempt("refused: a database", () => new Promise((resolve, reject) => {
  const open = indexedDB.open("x");
  open.onsuccess = () => resolve("open");
  open.onerror = () => reject(open.error);
})));
attempts.push(attempt("refused: a service worker", () => navigator.serviceWorker.register("own.js").then(() => "registered")));
attempts.push(attempt("refused: the document around", () => parent.document.title));
attempts.push(attempt("refused: its bridge", () => parent.frames[0].document.title && parent.fetch));
attempts.push(attempt("refused: leading the window away", () => { top.location.href = "ELSEWHERE/?top"; return "led"; }));
attempts.push(attempt("refused: a new window", () => (window.open("ELSEWHERE/?window") ? "opened" : "refused")));
attempts.push(attempt("nothing: a question by a message to the window", () => new Promise((resolve) => {
  addEventListener("message", () => resolve("answered"), { once: true });
  parent.postMessage({ id: 1, method: "config.get" }, "*");
  parent.postMessage({ jackfield: 1, page: {} }, "*", [new MessageChannel().port2]);
})));

// The admin API, the pages and other servers.
const origin = new URL(location.href).origin;
attempts.push(attempt("refused: the admin API", () => fetch(origin + "/api/v1/extensions").then((r) => r.status)));
attempts.push(attempt("refused: a page", () => fetch(origin + "/admin/", { credentials: "include" }).then((r) => r.status)));
attempts.push(attempt("refused: a route of the bridge", () => fetch(origin + "/admin/extensions/x/ui/config").then((r) => r.status)));
attempts.push(attempt("refused: another server", () => fetch("ELSEWHERE/?fetch", { mode: "no-cors" }).then(() => "sent")));
attempts.push(attempt("refused: a beacon", () => (navigator.sendBeacon("ELSEWHERE/?beacon", "x") ? "nothing" : "refused").replace("nothing", "refused")));
attempts.push(attempt("refused: a WebSocket", () => new Promise((resolve, reject) => {
  const socket = new WebSocket("ELSEWHERE".replace("http", "ws"));
  socket.onopen = () => resolve("open");
  socket.onerror = reject;
})));
attempts.push(attempt("refused: an event stream", () => new Promise((resolve, reject) => {
  const events = new EventSource("ELSEWHERE/?events");
  events.onopen = () => resolve("open");
  events.onerror = reject;
})));
attempts.push(attempt("refused: a picture elsewhere", () => loads("img", { src: "ELSEWHERE/?img" })));
attempts.push(attempt("refused: a picture of the admin page", () => loads("img", { src: origin + "/admin/static/jackfield.svg" })));
attempts.push(attempt("refused: a script elsewhere", () => loads("script", { src: "ELSEWHERE/?script" })));
attempts.push(attempt("refused: a script of the admin page", () => loads("script", { src: origin + "/admin/static/bridge.js" })));
attempts.push(attempt("refused: a style elsewhere", () => loads("link", { rel: "stylesheet", href: "ELSEWHERE/?style" })));
attempts.push(attempt("refused: an inline script", () => {
  const script = document.createElement("script");
  script.textContent = "globalThis.ran = true";
  document.body.append(script);
  return globalThis.ran ? "ran" : "refused";
}));
attempts.push(attempt("refused: eval", () => eval("'evaluated'")));
attempts.push(attempt("refused: a worker", () => new Promise((resolve, reject) => {
  const worker = new Worker(URL.createObjectURL(new Blob(["postMessage(1)"])));
  worker.onmessage = () => resolve("works");
  worker.onerror = reject;
})));
attempts.push(attempt("nothing: a frame in the frame", () => {
  document.body.append(Object.assign(document.createElement("iframe"), { src: "ELSEWHERE/?frame" }));
  return new Promise(() => {});
}));
attempts.push(attempt("nothing: a prefetch", () => {
  document.head.append(Object.assign(document.createElement("link"), { rel: "prefetch", href: "ELSEWHERE/?prefetch" }));
  return new Promise(() => {});
}));
attempts.push(attempt("nothing: a peer", async () => {
  const peer = new RTCPeerConnection({ iceServers: [{ urls: "stun:PEER" }] });
  peer.createDataChannel("x");
  await peer.setLocalDescription(await peer.createOffer());
  return new Promise(() => {});
}));

await Promise.all(attempts);

// Hostile messages over the bridge.
const ask = (method, params) => jackfield.ask(method, params).then(JSON.stringify);
const refusal = (method, params, code) => attempt("refused " + code + ": " + method + " " + (JSON.stringify(params) ?? "").slice(0, 60), () => ask(method, params));
await refusal("no.such.method", {}, "unimplemented");
await refusal("__proto__", {}, "unimplemented");
await refusal("constructor", {}, "unimplemented");
await refusal(["config.get"], {}, "unimplemented");
await refusal("types.call", { type: "org.other.Request", payload: {} }, "not_found");
await refusal("types.call", { type: { toString: "x" }, payload: {} }, "invalid_argument");
await refusal("types.call", null, "invalid_argument");
await refusal("types.call", { type: "x", payload: "x".repeat((1 << 20) + 1) }, "too_large");
await refusal("types.call", { type: "x", payload: 1n && undefined }, "invalid_argument");
await refusal("config.set", { values: "<b>no object</b>" }, "invalid_argument");
await refusal("config.set", { values: {}, revision: "4" }, "invalid_argument");
await refusal("config.set", { values: {}, revision: 3 }, "conflict");
await refusal("resize", { height: "5000; width: 1" }, "invalid_argument");
await refusal("resize", { height: Infinity }, "invalid_argument");
await attempt("null: a height beyond all bounds", () => ask("resize", { height: 1e9 }));
await attempt("no secrets: the configuration", () => ask("config.get").then((text) => (/"secrets":\[\{"pointer":"\/password","set":true\}\]/.test(text) ? "no secrets" : text)));
await attempt("one question: a change that nobody confirms, twice", () => {
  ask("config.set", { values: { salutation: "<img src=x onerror='injected=1'><b>x</b>" } }).catch(() => {});
  return ask("config.set", { values: {} }).catch((refused) => (refused.code === "conflict" ? "one question" : refused.code));
});
await attempt("bounded: a flood", async () => {
  const answers = await Promise.allSettled(Array.from({ length: 100 }, () => ask("config.get")));
  const turned = answers.filter((a) => a.reason?.code === "exhausted").length;
  return turned > 80 ? "bounded" : turned + " of 100 were turned away";
});

await jackfield.ask("types.call", { type: "REQUEST", payload: found });
