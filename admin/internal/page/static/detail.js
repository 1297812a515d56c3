// Keeps the page of an extension as things are, and follows its log. The server has
// escaped everything: what comes as HTML is a page of ours, and lines of a log become
// text and nothing else.
"use strict";
(() => {
  // Regions that change: the page is asked for again, and those that are otherwise are
  // replaced. What a reader has opened stays open, and the focus stays where it is.
  const name = (e) => [e.tagName, e.id, e.name, e.getAttribute("href"), e.tagName === "PRE" ? "" : e.textContent].join("\n");
  const able = "a, button, input, select, textarea, summary, pre, [tabindex]";
  const replace = (old, fresh) => {
    old.querySelectorAll("details").forEach((d, i) => {
      const now = fresh.querySelectorAll("details")[i];
      if (now) now.open = d.open;
    });
    const scrolled = Array.from(old.querySelectorAll(".scroll, pre"), (e) => [e.scrollTop, e.scrollLeft]);
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    const sameKind = (within, e) => Array.from(within.querySelectorAll(able)).filter((o) => name(o) === name(e));
    const place = focused ? sameKind(old, focused).indexOf(focused) : -1;
    old.replaceWith(fresh);
    fresh.querySelectorAll(".scroll, pre").forEach((e, i) => { if (scrolled[i]) [e.scrollTop, e.scrollLeft] = scrolled[i]; });
    const next = focused && sameKind(fresh, focused)[place];
    if (next) next.focus({ preventScroll: true });
    fresh.dispatchEvent(new Event("fresh", { bubbles: true }));
  };

  const regions = () => document.querySelectorAll("[data-live]");
  const shown = new Map(Array.from(regions(), (e) => [e.dataset.live, e.outerHTML]));
  const refresh = async () => {
    let answer;
    try {
      answer = await fetch(location.href, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(10000) });
    } catch { return; }
    if (answer.redirected || answer.status === 404) return location.reload(); // signed out, or removed
    if (!answer.ok || !getSelection().isCollapsed) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const old of regions()) {
      const fresh = page.querySelector(`[data-live="${old.dataset.live}"]`);
      if (!fresh) { location.reload(); return; }
      const html = fresh.outerHTML;
      if (shown.get(old.dataset.live) === html) continue;
      shown.set(old.dataset.live, html);
      replace(old, document.adoptNode(fresh));
    }
  };
  // Where only the line on top changes, a page is not asked for as often: it may be long.
  const timed = document.querySelector("[data-every]");
  const pause = timed ? Math.min(60, Math.max(5, Number(timed.dataset.every))) * 1000 : 15000;
  const loop = async () => {
    if (!document.hidden) await refresh();
    setTimeout(loop, pause);
  };
  if (shown.size) setTimeout(loop, pause);

  // What was wrong with a form is where the reader goes on.
  const wrong = document.querySelector("section.errors");
  if (wrong) wrong.focus();

  // The log.
  const log = document.getElementById("log");
  const button = document.getElementById("follow");
  if (!log || !button || !window.EventSource) return;
  const most = 5000; // lines that are kept
  const list = log.querySelector("ol");
  const state = document.getElementById("follow-state");
  const newest = document.getElementById("newest");
  let source = null;
  let last = "";

  const made = (tag, name, text) => {
    const e = document.createElement(tag);
    if (name) e.className = name;
    e.textContent = text;
    return e;
  };
  const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  const toEnd = () => { log.scrollTop = log.scrollHeight; newest.hidden = true; };
  const add = (item) => {
    const follow = atEnd();
    if (log.hidden) {
      log.hidden = false;
      document.getElementById("no-lines").remove();
    }
    list.append(item);
    while (list.children.length > most) list.firstElementChild.remove();
    item.dispatchEvent(new Event("fresh", { bubbles: true }));
    if (follow) toEnd(); else newest.hidden = false;
  };
  const onLine = (e) => {
    last = e.lastEventId || last;
    const line = JSON.parse(e.data);
    const item = made("li", "l-" + line.level, "");
    const known = !line.time.startsWith("0001-"); // what is not the host's line has no time
    const time = made(known ? "time" : "span", known ? "at" : "", known ? line.time : "–");
    if (known) time.dateTime = line.time;
    const message = made("span", "m", line.message);
    message.dir = "auto";
    item.append(time, " ", made("b", "", line.level), " ", message);
    for (const a of line.attrs) {
      const attr = made("span", "a", "");
      attr.dir = "ltr";
      attr.append(made("i", "", a.key), "=" + a.value);
      item.append(" ", attr);
    }
    add(item);
  };
  const say = (text) => { if (state.textContent !== text) state.textContent = text; };
  const start = () => {
    const url = new URL(log.dataset.follow, location.href);
    if (last) url.searchParams.set("after", last);
    source = new EventSource(url);
    source.addEventListener("line", onLine);
    source.addEventListener("missed", (e) => add(made("li", "missed", e.data === "-1" ? state.dataset.some : state.dataset.missed.replace("{0}", e.data))));
    source.onopen = () => say(state.dataset.following);
    source.onerror = () => {
      say(state.dataset.lost);
      if (source && source.readyState === EventSource.CLOSED) setTimeout(() => { if (source) { source.close(); start(); } }, 3000);
    };
    button.setAttribute("aria-pressed", "true");
    button.textContent = button.dataset.on;
    toEnd();
  };
  const stop = () => {
    source.close();
    source = null;
    button.setAttribute("aria-pressed", "false");
    button.textContent = button.dataset.off;
    say(state.dataset.paused);
  };
  button.addEventListener("click", () => (source ? stop() : start()));
  newest.querySelector("button").addEventListener("click", () => { toEnd(); log.focus(); });
  log.addEventListener("scroll", () => { if (atEnd()) newest.hidden = true; });
  window.addEventListener("pagehide", () => source && source.close());
  button.hidden = false;
  toEnd();
})();
