// Single keys for the reviewer's pages. Everything they do, a link or a form does too.

const OFF = "guardhouse-keys-off";
const find = (selector) => document.querySelector(selector);
const dialog = find("#keys");
const keysOn = find("#keys-on");

function off() {
  try {
    return localStorage.getItem(OFF) === "1";
  } catch {
    return false; // Storage may be closed to us.
  }
}

function turn(on) {
  try {
    if (on) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  } catch {
    // Then it holds for this page alone.
  }
}

function typing(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["radio", "checkbox"].includes(target.type);
  return target.matches("textarea, select") || target.isContentEditable;
}

function move(step) {
  const rows = [...document.querySelectorAll("a.open")];
  if (!rows.length) return find(step > 0 ? "a[rel=next]" : "a[rel=prev]")?.click();
  const here = rows.indexOf(document.activeElement);
  const next = here < 0 ? (step > 0 ? 0 : rows.length - 1) : here + step;
  const row = rows[Math.min(Math.max(next, 0), rows.length - 1)];
  row.focus();
  row.closest("tr").scrollIntoView({ block: "nearest" });
}

function choose(place) {
  const choice = document.querySelectorAll("input[name=verdict]")[place];
  if (!choice) return;
  choice.checked = true;
  choice.focus();
}

const actions = {
  j: () => move(1),
  k: () => move(-1),
  u: () => find("#up")?.click(),
  n: () => find("#note")?.focus(),
  "/": () => find("#filter")?.focus(),
  "?": () => dialog?.showModal(),
};
for (let place = 0; place < 5; place += 1) actions[String(place + 1)] = () => choose(place);

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || dialog?.open) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target === find("#note")) {
    event.preventDefault();
    find("#verdict").requestSubmit();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || off() || typing(event.target)) return;
  const action = Object.hasOwn(actions, event.key) && actions[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

const showKeys = find("#show-keys");
if (dialog && showKeys) {
  showKeys.hidden = false;
  showKeys.addEventListener("click", () => dialog.showModal());
  keysOn.checked = !off();
  keysOn.addEventListener("change", () => turn(keysOn.checked));
}

for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "Copied";
  });
}
