// Ticking traces with the keyboard: x ticks the row in focus, a assigns what is ticked. Without it, boxes and buttons do.

const boxes = [...document.querySelectorAll('input[name="trace"][form="pick"]')];
const all = document.querySelector("#all");
const told = document.querySelector("#ticked");
const assign = document.querySelector("#assign");

function tell() {
  const count = boxes.filter((box) => box.checked).length;
  told.textContent = count ? `${count} ticked` : "Tick traces to judge them together.";
  all.checked = count === boxes.length;
  all.indeterminate = count > 0 && count < boxes.length;
}

function off() {
  try {
    return localStorage.getItem("guardhouse-keys-off") === "1";
  } catch {
    return false; // Storage may be closed to us.
  }
}

function typing(target) {
  return target instanceof HTMLElement && target.matches("input:not([type=checkbox]):not([type=radio]), textarea, select");
}

function tick() {
  const row = document.activeElement?.closest("tr");
  const box = row?.querySelector('input[name="trace"]');
  if (!box) return;
  box.checked = !box.checked;
  tell();
}

if (boxes.length && all) {
  all.closest("label").hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    tell();
  });
  for (const box of boxes) box.addEventListener("change", tell);
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
    if (event.ctrlKey || event.metaKey || event.altKey || off() || typing(event.target)) return;
    if (event.key === "x") tick();
    else if (event.key === "a" && boxes.some((box) => box.checked)) assign.click();
    else return;
    event.preventDefault();
  });
  tell();
}
