// The page around the own pages of an extension: this half of the bridge that
// docs/ui-bridge.md describes. The frame is a stranger. It has an origin that nothing else
// has, and speaks only through the port that it gets here: messages to the window are not
// listened to. What it says is checked before anything comes of it, and everything is
// asked of the host in the name, and with the rights, of who looks at this page.
"use strict";
(() => {
  const frame = document.getElementById("own-pages");
  const { id, name, version, proof } = frame.dataset;
  const may = { configure: "mayConfigure" in frame.dataset, call: "mayCall" in frame.dataset };
  const routes = "/admin/extensions/" + encodeURIComponent(id) + "/ui/";

  const most = { waiting: 8, bytes: 1 << 20, lowest: 100, highest: 5000, refused: 3, haste: 800 }; // pixels, milliseconds

  class Refusal extends Error {
    constructor(code, message, errors) {
      super(message);
      Object.assign(this, { code, errors });
    }
  }
  const invalid = (message) => new Refusal("invalid_argument", message);

  // The host's answer to a route of the bridge.
  const answered = async (request) => {
    let answer;
    try {
      answer = await request;
    } catch {
      throw new Refusal("unavailable", "the host can not be reached");
    }
    if (answer.type === "opaqueredirect") throw new Refusal("unauthenticated", "nobody is signed in any more");
    const body = await answer.json();
    if (!answer.ok) throw new Refusal(body.code, body.detail, body.errors);
    return body;
  };
  const get = (route) => answered(fetch(routes + route, { redirect: "manual", headers: { Accept: "application/json" } }));
  const post = (route, fields) => answered(fetch(routes + route, {
    method: "POST", redirect: "manual", headers: { Accept: "application/json" },
    body: new URLSearchParams({ ...fields, proof }),
  }));

  const bounded = (text, what) => {
    if (text.length > most.bytes || new Blob([text]).size > most.bytes) throw new Refusal("too_large", what + " is too large");
    return text;
  };

  // Text of a value that a frame gave: only what is JSON, and not too much of it.
  const text = (value, what) => {
    let json;
    try {
      json = JSON.stringify(value);
    } catch {
      json = undefined;
    }
    if (json === undefined) throw invalid(what + " must be JSON");
    return bounded(json, what);
  };
  const member = (params, key) => (params !== null && typeof params === "object" && Object.hasOwn(params, key) ? params[key] : undefined);

  const dialog = document.getElementById("own-pages-confirm");
  const save = dialog.querySelector("button[value=save]");
  const columns = Array.from(dialog.querySelectorAll("th"), (head) => head.textContent);
  let asking = false;
  let refused = 0; // in a row: a page that asks again and again is not listened to

  // visible is a text with what can not be seen, or turns the rest around, written out.
  const visible = (text) => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (c) => "\\u" + c.codePointAt(0).toString(16).padStart(4, "0"));

  // confirmed shows a person what a frame wants to change, and returns what they say.
  const confirmed = (diff) => new Promise((resolve) => {
    const rows = diff.map((change) => {
      const row = document.createElement("tr");
      const show = (value) => (change.secret ? "•••" : value === undefined ? "" : JSON.stringify(value));
      [change.pointer || "/", show(change.before), show(change.after)].forEach((text, i) => {
        const cell = Object.assign(document.createElement("td"), { textContent: visible(text) });
        cell.dataset.label = columns[i]; // for where it is narrow
        row.append(cell);
      });
      return row;
    });
    dialog.querySelector("tbody").replaceChildren(...rows);
    dialog.returnValue = "";
    // A frame may ask just where and when somebody is about to click. The clock of a question
    // ends with it, or it would let the next one be answered too early.
    save.disabled = true;
    const clock = setTimeout(() => { save.disabled = false; }, most.haste);
    dialog.addEventListener("close", () => {
      clearTimeout(clock);
      resolve(dialog.returnValue === "save");
    }, { once: true });
    dialog.showModal();
  });

  const setConfig = async (params) => {
    if (!may.configure) throw new Refusal("permission_denied", "you may not change the configuration of this extension");
    const values = text(member(params, "values"), "values");
    const revision = member(params, "revision") ?? -1;
    if (!Number.isSafeInteger(revision)) throw invalid("revision must be a whole number");
    if (asking) throw new Refusal("conflict", "another change waits to be confirmed");
    if (refused >= most.refused) throw new Refusal("canceled", "the change was refused too often; load the page again");
    asking = true;
    try {
      const planned = await post("config", { values, revision, dry_run: true });
      if (planned.diff.length === 0) return planned;
      if (!(await confirmed(planned.diff))) {
        refused++;
        throw new Refusal("canceled", "the change was not confirmed");
      }
      refused = 0;
      // What was shown is what is saved: a change that came meanwhile is a conflict.
      return await post("config", { values, revision: planned.revision, dry_run: false });
    } finally {
      asking = false;
    }
  };

  const call = async (params) => {
    if (!may.call) throw new Refusal("permission_denied", "you may not send requests to this extension");
    const type = member(params, "type");
    if (typeof type !== "string") throw invalid("type must be the name of a type");
    const payload = member(params, "payload");
    const media = member(params, "media_type");
    if (media !== undefined && typeof media !== "string") throw invalid("media_type must be a text");
    // A text of another media type is sent as it is, anything else as JSON.
    const plain = media !== undefined && !/json/i.test(media) && typeof payload === "string";
    return post("call", { type, media_type: media ?? "", payload: plain ? bounded(payload, "payload") : text(payload, "payload") });
  };

  const resize = (params) => {
    const height = member(params, "height");
    if (typeof height !== "number" || !Number.isFinite(height)) throw invalid("height must be a number");
    frame.height = Math.round(Math.min(Math.max(height, most.lowest), most.highest));
    return null;
  };

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => document.documentElement.dataset.theme || (dark.matches ? "dark" : "light");
  const locale = () => document.documentElement.lang;

  const methods = new Map([
    ["config.get", () => get("config")], ["config.set", setConfig], ["types.call", call],
    ["theme", theme], ["locale", locale], ["resize", resize],
  ]);

  // One port for each document in the frame.
  let port = null;
  const serve = (own) => {
    let waiting = 0;
    own.onmessage = async ({ data }) => {
      const said = member(data, "id");
      if (typeof said !== "number" && typeof said !== "string") return; // nobody waits for an answer
      let answer;
      try {
        if (waiting >= most.waiting) throw new Refusal("exhausted", "too many requests wait for an answer");
        waiting++;
        try {
          const method = methods.get(member(data, "method"));
          if (!method) throw new Refusal("unimplemented", "there is no such method");
          answer = { id: said, result: await method(member(data, "params")) };
        } finally {
          waiting--;
        }
      } catch (fault) {
        const known = fault instanceof Refusal;
        answer = { id: said, error: { code: known ? fault.code : "internal", message: known ? fault.message : "the page failed", errors: fault.errors } };
      }
      if (own === port) own.postMessage(answer);
    };
  };
  frame.addEventListener("load", () => {
    if (port) port.close();
    const channel = new MessageChannel();
    port = channel.port1;
    serve(port);
    const page = { extension: { id, name, version }, locale: locale(), theme: theme(), may };
    // An origin that nothing else has can not be named; the frame is ours, and leads
    // nowhere but to the pages of the extension.
    frame.contentWindow.postMessage({ jackfield: 1, page }, "*", [channel.port2]);
  });
  dark.addEventListener("change", () => port?.postMessage({ event: "theme", data: theme() }));
  frame.src = frame.dataset.src;
})();
