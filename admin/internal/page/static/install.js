// Sending a bundle with a bar that shows how far it is, forms that are sent once, and
// installations that are followed. Without this the forms do the same, and the page of
// an installation loads itself again.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const parse = (html) => new DOMParser().parseFromString(html, "text/html");
  const fill = (form, ...texts) => form.replace(/\{(\d)\}/g, (_, n) => texts[n]);

  const bytes = (n) => {
    const french = document.documentElement.lang === "fr";
    const units = french ? ["o", "Kio", "Mio", "Gio"] : ["B", "KiB", "MiB", "GiB"];
    let i = 0;
    for (; n >= 1023.5 && i < units.length - 1; i++) n /= 1024;
    const text = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: i && n < 10 ? 1 : 0 }).format(n);
    return text + "\u202f" + units[i];
  };

  // A form that changes something is sent once, however often its button is pressed.
  for (const form of document.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", (e) => {
      if (form.dataset.sent) e.preventDefault();
      form.dataset.sent = "yes";
    });
    addEventListener("pageshow", () => delete form.dataset.sent);
  }

  const send = (form) => {
    const file = $("file"), error = $("file-error"), sending = $("sending"), bar = $("sending-bar");
    const fail = (text) => {
      sending.hidden = true;
      error.textContent = text;
      error.hidden = !text;
      file.setAttribute("aria-invalid", text ? "true" : "false");
      if (text) file.focus();
    };
    const begin = () => {
      const bundle = file.files[0], most = Number(form.dataset.max), say = form.dataset;
      fail("");
      $("problem").replaceChildren();
      if (!bundle) return fail(say.noFile);
      if (bundle.size > most) return fail(fill(say.tooLarge, bundle.name, bytes(bundle.size), bytes(most)));
      const request = new XMLHttpRequest();
      const state = (text) => { if ($("sending-state").textContent !== text) $("sending-state").textContent = text; };
      sending.hidden = false;
      state(bundle.name);
      request.upload.onprogress = (e) => {
        bar.max = e.total;
        bar.value = e.loaded;
        $("sending-text").textContent = fill(say.sending, bundle.name, bytes(e.loaded), bytes(e.total));
      };
      request.upload.onload = () => {
        bar.removeAttribute("value");
        $("sending-text").textContent = say.checking;
        state(say.checking);
      };
      request.onerror = () => fail(say.lost);
      request.onabort = () => fail(say.stopped);
      request.onload = () => {
        if (request.status < 400) return location.assign(request.responseURL);
        const problem = parse(request.responseText).querySelector("#problem > *, main > section");
        if (!problem) return fail(say.lost);
        fail("");
        $("problem").replaceChildren(document.adoptNode(problem));
        problem.tabIndex = -1;
        problem.focus();
      };
      $("sending-stop").onclick = () => request.abort();
      request.open("POST", form.action);
      request.setRequestHeader("Accept", "text/html");
      request.send(new FormData(form)); // the proof first: in the order of the page
    };
    form.addEventListener("submit", (e) => { e.preventDefault(); begin(); });
    // A file that misses the form must not open in the place of the page.
    const over = (e) => {
      if (!e.dataTransfer || !e.dataTransfer.types.includes("Files")) return;
      e.preventDefault();
      form.classList.toggle("over", e.type === "dragover");
    };
    for (const type of ["dragover", "dragleave"]) addEventListener(type, over);
    addEventListener("drop", (e) => {
      over(e);
      if (!e.dataTransfer || !e.dataTransfer.files.length || !sending.hidden) return;
      file.files = e.dataTransfer.files;
      begin();
    });
  };
  if ($("send")) send($("send"));

  // An installation is followed until it is over: the host tells when to look anew, and
  // where it can not the page looks by itself.
  const look = async () => {
    const job = $("job");
    try {
      const answer = await fetch(job.dataset.follow, { headers: { Accept: "text/html" } });
      const page = parse(await answer.text()), fresh = page.getElementById("job");
      if (!fresh || fresh.innerHTML === job.innerHTML) return;
      const held = job.contains(document.activeElement) ? document.activeElement.textContent : null;
      job.replaceWith(document.adoptNode(fresh));
      const again = held && Array.from(fresh.querySelectorAll("a, button")).find((e) => e.textContent === held);
      if (again) again.focus({ preventScroll: true });
      document.title = page.title;
      fresh.dispatchEvent(new Event("fresh", { bubbles: true }));
    } catch { /* the next look may come through */ }
  };
  const over = () => !$("job") || !$("job").dataset.follow;
  if (!over()) {
    const source = new EventSource(location.pathname + "/events");
    source.addEventListener("job", look);
    const timer = setInterval(async () => {
      if (!over() && source.readyState !== EventSource.OPEN) await look();
      if (!over()) return;
      source.close();
      clearInterval(timer);
    }, 2000);
  }
})();
