// What every page does for its reader: times in the zone of the browser, and menus that
// close. All of it works without this, with times in UTC.
"use strict";
(() => {
  const root = document.documentElement;
  const full = new Intl.DateTimeFormat(root.lang, { dateStyle: "medium", timeStyle: "medium" });
  const narrow = "\u202f";

  const span = (seconds) => {
    const s = Math.abs(seconds);
    if (s < 59.5) return Math.round(s) + narrow + "s";
    if (s < 3570) return Math.round(s / 60) + narrow + "min";
    if (s < 172800) return Math.round(s / 3600) + narrow + "h";
    return Math.round(s / 86400) + narrow + root.dataset.days;
  };

  // times writes those below an element anew; the text of one changes only if it must.
  const times = (within) => {
    for (const t of within.querySelectorAll("time")) {
      const at = new Date(t.dateTime);
      if (isNaN(at)) continue;
      const far = (Date.now() - at) / 1000;
      const text = t.className === "ago"
        ? (far >= 0 ? root.dataset.ago : root.dataset.in).replace("{0}", span(far))
        : full.format(at);
      if (t.textContent !== text) t.textContent = text;
      if (t.className === "ago") t.title = full.format(at);
    }
  };
  times(document);
  setInterval(() => { if (!document.hidden) times(document); }, 5000);
  document.addEventListener("fresh", (e) => times(e.target)); // who adds elements says so

  // Where a picture can not be had, the letter is behind it.
  const spoilt = (img) => { if (img.matches && img.matches(".icon > img")) img.remove(); };
  document.addEventListener("error", (e) => spoilt(e.target), true);
  for (const img of document.images) if (img.complete && !img.naturalWidth) spoilt(img);

  const zone = document.getElementById("zone");
  if (zone) zone.textContent = zone.dataset.local.replace("{0}", Intl.DateTimeFormat().resolvedOptions().timeZone);

  const menus = () => document.querySelectorAll("details.menu[open]");
  document.addEventListener("click", (e) => {
    for (const m of menus()) if (!m.contains(e.target)) m.open = false;
  });
  document.addEventListener("keydown", (e) => {
    if (e.key !== "Escape") return;
    for (const m of menus()) { m.open = false; m.querySelector("summary").focus(); }
  });
})();
