// The frame's half of the bridge between the pages of an extension and the admin page of
// its host. The host puts this file beside the pages: <script src="jackfield.js"></script>.
//
//   const page = await jackfield.connect();
//   page.extension.id, page.locale, page.theme, page.may.configure, page.may.call
//   const config = await jackfield.ask("config.get");
//   await jackfield.ask("config.set", { values, revision: config.revision });
//   const answer = await jackfield.ask("types.call", { type, payload });
//   jackfield.on("theme", (theme) => { … });
//   jackfield.fit();
//
// What is refused rejects with an Error that has code, and errors where values break a
// schema.
"use strict";
globalThis.jackfield = (() => {
  const waiting = new Map(); // id → [resolve, reject]
  const listeners = new Map(); // event → functions
  let port = null;
  let last = 0;

  const receive = ({ data }) => {
    if (data.event) {
      for (const listener of listeners.get(data.event) || []) listener(data.data);
      return;
    }
    const [resolve, reject] = waiting.get(data.id) || [];
    if (!resolve) return;
    waiting.delete(data.id);
    if (data.error) reject(Object.assign(new Error(data.error.message), data.error));
    else resolve(data.result);
  };

  const connected = new Promise((resolve) => {
    addEventListener("message", ({ source, origin, data, ports }) => {
      // The page around has the origin that this page was loaded from.
      if (port || source !== parent || origin !== new URL(location.href).origin) return;
      if (data?.jackfield !== 1 || ports.length !== 1) return;
      port = ports[0];
      port.onmessage = receive;
      resolve(data.page);
    });
  });

  const ask = async (method, params) => {
    await connected;
    return new Promise((resolve, reject) => {
      const id = ++last;
      waiting.set(id, [resolve, reject]);
      port.postMessage({ id, method, params });
    });
  };

  const on = (event, listener) => {
    listeners.set(event, [...(listeners.get(event) || []), listener]);
  };

  // fit keeps the frame as high as what is in it.
  const fit = () => {
    new ResizeObserver(() => {
      ask("resize", { height: Math.ceil(document.body.getBoundingClientRect().bottom + scrollY) });
    }).observe(document.body);
  };

  return Object.freeze({ connect: () => connected, ask, on, fit });
})();
