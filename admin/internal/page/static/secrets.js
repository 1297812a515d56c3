// Buttons that copy a field, and that suggest a password. Without this they are not there.
"use strict";
(() => {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const label = button.textContent, field = document.getElementById(button.dataset.copy);
    button.hidden = false;
    button.addEventListener("click", async () => {
      field.select();
      try {
        await navigator.clipboard.writeText(field.value);
      } catch { // not over plain HTTP from elsewhere
        document.execCommand("copy");
      }
      button.textContent = button.dataset.done;
      setTimeout(() => { button.textContent = label; }, 3000);
    });
  }
  // 100 bits in letters and digits that are not mistaken for each other, in groups of five.
  const suggestion = () => {
    const letters = "abcdefghijkmnpqrstuvwxyz23456789";
    const bytes = crypto.getRandomValues(new Uint8Array(20));
    return Array.from(bytes, (b, i) => (i && i % 5 === 0 ? "-" : "") + letters[b % 32]).join("");
  };
  for (const button of document.querySelectorAll("button[data-suggest]")) {
    const field = document.getElementById(button.dataset.suggest);
    button.parentElement.hidden = false;
    button.addEventListener("click", () => {
      field.type = "text";
      field.value = suggestion();
      field.select();
    });
  }
})();
