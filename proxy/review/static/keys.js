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

// What an element says it is for: `data-key` on a link, a button or a field. Links and buttons are pressed, fields
// get the focus.
function press(key) {
  const element = [...document.querySelectorAll("[data-key]")].find((each) => each.dataset.key === key);
  if (!element) return false;
  const holder = element.closest("details");
  if (holder && element.closest("summary")?.parentElement !== holder) holder.open = true;
  if (element.matches("input, textarea, select, summary")) element.focus();
  else element.click();
  return true;
}

const actions = {
  j: () => move(1),
  k: () => move(-1),
  q: () => find("#up")?.click(),
  n: () => find("#note")?.focus(),
  "/": () => find("#filter")?.focus(),
  "?": () => dialog?.showModal(),
};
// On the page of a trace `u` undoes, and nothing else.
if (!find("#verdict")) actions.u = actions.q;

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || dialog?.open) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target === find("#note")) {
    event.preventDefault();
    const button = find("#verdict button.main");
    find("#verdict").requestSubmit(button);
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || off() || typing(event.target)) return;
  // A screen's own script may have a use for it first.
  const detail = { key: event.key, target: event.target };
  const told = new CustomEvent("single-key", { detail, cancelable: true });
  if (!document.dispatchEvent(told) || press(event.key)) {
    event.preventDefault();
    return;
  }
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
