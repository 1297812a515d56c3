// Keeps the overview as things are: takes what the host says has changed and puts it in
// place of what is shown. What a reader has opened stays open, what they have ticked
// stays ticked, and the focus stays where it is. The server has escaped everything;
// nothing here makes HTML from text of its own.
"use strict";
(() => {
  const live = document.getElementById("live");
  if (!live || !window.EventSource) return;
  const stale = document.getElementById("stale");
  const parser = document.createElement("template");
  let heard = Date.now();

  const made = (html) => {
    parser.innerHTML = html;
    return parser.content.firstElementChild;
  };
  const byId = (within) => {
    const all = new Map();
    if (within) for (const e of within.querySelectorAll("[data-id]")) all.set(e.dataset.id, e);
    return all;
  };

  // replace puts fresh in the place of old, with what the reader has done to it.
  const able = "a, button, input, summary, pre";
  const replace = (old, fresh) => {
    old.querySelectorAll("details").forEach((d, i) => {
      const now = fresh.querySelectorAll("details")[i];
      if (now) now.open = d.open;
    });
    old.querySelectorAll("input[type=checkbox]").forEach((box, i) => {
      const now = fresh.querySelectorAll("input[type=checkbox]")[i];
      if (now) now.checked = box.checked;
    });
    const place = Array.from(old.querySelectorAll(able)).indexOf(document.activeElement);
    old.replaceWith(fresh);
    if (place >= 0) {
      const all = fresh.querySelectorAll(able);
      const next = all[Math.min(place, all.length - 1)];
      if (next) next.focus({ preventScroll: true });
    }
    fresh.dispatchEvent(new Event("fresh", { bubbles: true }));
  };

  // arrange has exactly the elements of order in box, in that order: the fresh ones made
  // from html, those that are not named removed.
  const arrange = (box, order, html) => {
    const shown = byId(box);
    for (const [id, text] of Object.entries(html)) {
      if (!order.includes(id)) continue;
      const fresh = made(text);
      if (shown.has(id)) replace(shown.get(id), fresh);
      else {
        // Before the first of those that follow it and are there.
        const next = order.slice(order.indexOf(id) + 1).map((n) => shown.get(n)).find(Boolean);
        const last = box.querySelector(":scope > p:last-child");
        box.insertBefore(fresh, next || last || null);
        fresh.dispatchEvent(new Event("fresh", { bubbles: true }));
      }
      shown.set(id, fresh);
    }
    for (const [id, e] of shown) if (!order.includes(id)) e.remove();
  };

  const onChange = (c) => {
    // Without a list there is nothing to put rows into, and with the first or the last
    // row the page is another one.
    const rows = document.getElementById("rows");
    const entries = document.getElementById("entries");
    if (!entries || (c.order && (!rows || c.order.length === 0))) return location.reload();
    if (c.panel) {
      const panel = document.getElementById("panel");
      const summary = document.getElementById("summary");
      const fresh = made("<div>" + c.panel + "</div>");
      const words = fresh.querySelector("#summary");
      if (summary.textContent !== words.textContent) summary.textContent = words.textContent;
      words.replaceWith(summary); // the same element: its change is announced once
      const focus = panel.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      panel.replaceChildren(...fresh.childNodes);
      if (focus) {
        const again = Array.from(panel.querySelectorAll("a")).find((a) => a.getAttribute("href") === focus) || panel.querySelector("a");
        if (again) again.focus({ preventScroll: true });
      }
    }
    if (rows) arrange(rows, c.order || Array.from(byId(rows).keys()), c.rows || {});
    for (const [name, ids] of Object.entries(c.groups || {})) {
      const box = entries.querySelector(`[data-group="${name}"]`);
      box.hidden = ids.length === 0;
      arrange(box, ids, c.entries || {});
    }
  };

  const onMeasures = (all) => {
    const rows = byId(document.getElementById("rows"));
    for (const [id, values] of Object.entries(all)) {
      const row = rows.get(id);
      if (!row) continue;
      const cells = row.querySelectorAll(".m");
      const path = cells[0].querySelector("path");
      if (path.getAttribute("d") !== values[5]) path.setAttribute("d", values[5]);
      cells.forEach((cell, i) => {
        const target = i === 0 ? cell.querySelector("b") : cell;
        if (target.textContent !== values[i]) target.textContent = values[i];
      });
      cells[1].classList.toggle("high", values[6]);
    }
  };

  const alive = () => {
    heard = Date.now();
    if (!stale.hidden) stale.hidden = true;
  };
  let source = null;
  const connect = () => {
    const query = live.dataset.query ? live.dataset.query + "&" : "";
    source = new EventSource("/admin/events?" + query + "version=" + encodeURIComponent(live.dataset.version));
    const on = (name, act) => source.addEventListener(name, (e) => {
      alive();
      live.dataset.version = e.lastEventId;
      act(JSON.parse(e.data));
    });
    on("hello", () => {});
    on("change", onChange);
    on("measures", onMeasures);
    source.onerror = () => {
      // The browser tries again by itself, unless it was told not to: signed out, or
      // the host is gone for good.
      if (source.readyState === EventSource.CLOSED) setTimeout(again, 3000);
    };
  };
  const again = async () => {
    try {
      const answer = await fetch("/admin/", { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(5000) });
      if (answer.redirected) return location.reload(); // signed out
    } catch { /* still away */ }
    connect();
  };
  // A page that nobody looks at follows nothing.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { source.close(); source = null; } else if (!source) { heard = Date.now(); connect(); }
  });
  setInterval(() => {
    if (document.hidden || Date.now() - heard < 15000) return;
    if (stale.hidden) {
      const time = document.createElement("time");
      time.className = "ago";
      time.dateTime = new Date(heard).toISOString();
      const [before, after] = stale.dataset.say.split("{0}");
      stale.replaceChildren(before, time, after);
      stale.hidden = false;
      stale.dispatchEvent(new Event("fresh", { bubbles: true }));
    }
  }, 1000);
  window.addEventListener("pagehide", () => source && source.close());
  if (!document.hidden) connect();
})();
