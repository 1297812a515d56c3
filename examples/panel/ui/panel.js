// Everything that this page knows and does goes through the bridge.
const page = await jackfield.connect();
const configuration = document.getElementById("configuration");
const greet = document.getElementById("try");
const said = document.getElementById("said");

const show = (theme) => { document.documentElement.dataset.theme = theme; };
show(page.theme);
jackfield.on("theme", show);
document.documentElement.lang = page.locale;

let config = await jackfield.ask("config.get");
configuration.salutation.value = config.values.salutation ?? "Hello";
for (const field of configuration.elements) field.disabled = !page.may.configure;
greet.querySelector("button").disabled = !page.may.call;

configuration.addEventListener("submit", async (event) => {
  event.preventDefault();
  const values = { ...config.values, salutation: configuration.salutation.value };
  try {
    config = await jackfield.ask("config.set", { values, revision: config.revision });
    said.textContent = "Saved.";
  } catch (refused) {
    said.textContent = refused.code === "canceled" ? "Not saved." : refused.message;
  }
});

greet.addEventListener("submit", async (event) => {
  event.preventDefault();
  const payload = { name: greet.elements.name.value };
  try {
    const answer = await jackfield.ask("types.call", { type: "examples.panel.GreetRequest", payload });
    said.textContent = answer.code === "ok" ? answer.payload.greeting : answer.message;
  } catch (refused) {
    said.textContent = refused.message;
  }
});

jackfield.fit();
