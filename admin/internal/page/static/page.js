// Keeps the list of extensions fresh: asks for the page again and puts the new list
// in place of the old one, with what the reader has opened left open. The server has
// escaped everything; nothing here makes HTML from text.
"use strict";
(() => {
  const every = 3000;
  let last = new Date();
  let shown = document.getElementById("extensions").outerHTML;

  // A reader's place: which parts are open, and what has the focus.
  const opened = (list) =>
    Array.from(list.querySelectorAll("tbody"), (body) => [
      body.dataset.id,
      Array.from(body.querySelectorAll("details"), (d) => d.open),
    ]);

  const replace = (fresh) => {
    const list = document.getElementById("extensions");
    const open = new Map(opened(list));
    for (const body of fresh.querySelectorAll("tbody")) {
      const state = open.get(body.dataset.id) || [];
      body.querySelectorAll("details").forEach((d, i) => { d.open = Boolean(state[i]); });
    }
    const focused = list.contains(document.activeElement) ? document.activeElement : null;
    const selector = "summary, pre, button";
    const body = focused && focused.closest("tbody");
    const index = body ? Array.from(body.querySelectorAll(selector)).indexOf(focused) : -1;
    const id = body ? body.dataset.id : "";
    list.replaceWith(document.adoptNode(fresh));
    if (index >= 0) {
      for (const b of fresh.querySelectorAll("tbody")) {
        if (b.dataset.id === id) {
          const again = b.querySelectorAll(selector)[index];
          if (again) again.focus({ preventScroll: true });
        }
      }
    }
  };

  const refresh = async () => {
    const stale = document.getElementById("stale");
    try {
      const answer = await fetch("/admin/", { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(every) });
      if (answer.redirected) return location.reload(); // signed out
      if (!answer.ok) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("extensions");
      const selecting = !getSelection().isCollapsed;
      if (fresh && fresh.outerHTML !== shown && !selecting) {
        shown = fresh.outerHTML;
        replace(fresh);
      }
      const summary = document.getElementById("summary");
      const words = page.getElementById("summary").textContent;
      if (summary.textContent !== words) summary.textContent = words;
      last = new Date();
      stale.hidden = true;
    } catch {
      stale.querySelector("span").textContent = "at " + last.toLocaleTimeString();
      stale.hidden = false;
    }
  };

  const loop = async () => {
    if (!document.hidden) await refresh();
    setTimeout(loop, every);
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
  setTimeout(loop, every);
})();
