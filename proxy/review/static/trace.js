// Judging by keyboard: the finding at hand, verdicts, what was missed. The forms do all of it without this too.

import { field, selected } from "./marks.js";

const find = (selector) => document.querySelector(selector);
const findings = () => [...document.querySelectorAll(".finding")];
const form = find("#verdict");
const said = find("#said");
let marked = [];

function tell(words) {
  if (said) said.textContent = words;
}

// --- the finding at hand

const chosen = (row) => row.querySelector("input[type=radio]:checked");
const open = () => findings().filter((row) => !chosen(row) && !row.querySelector(".mine"));
let hand = null;

function take(row, shown = true) {
  hand = row;
  for (const each of findings()) each.classList.toggle("at-hand", each === row);
  find("#of-trace")?.classList.toggle("at-hand", row === null);
  if (shown) row?.scrollIntoView({ block: "nearest" });
  light(row);
}

function light(row) {
  for (const mark of document.querySelectorAll(".hit.lit")) mark.classList.remove("lit");
  const number = row?.dataset.number;
  if (!number) return;
  for (const mark of document.querySelectorAll(".hit[data-of]")) {
    if (mark.dataset.of.split(" ").includes(number)) mark.classList.add("lit");
  }
}

function step(by) {
  const rows = findings();
  if (!rows.length) return;
  const here = rows.indexOf(hand);
  take(rows[Math.min(Math.max(here < 0 ? (by > 0 ? 0 : rows.length - 1) : here + by, 0), rows.length - 1)]);
  const number = hand.dataset.number;
  document.getElementById(`mark-${number}`)?.scrollIntoView({ block: "center" });
  tell(`Finding ${number}`);
}

// --- verdicts

function verdict(key) {
  const inTrace = document.activeElement?.closest?.("#of-trace");
  const row = inTrace ? null : (document.activeElement?.closest?.(".finding") ?? hand);
  const input = document.getElementById(`v-${row ? row.dataset.number : "trace"}-${key}`);
  if (!input) return false;
  input.checked = true;
  input.dispatchEvent(new Event("change", { bubbles: true }));
  tell(`${row ? `Finding ${row.dataset.number}` : "Trace"}: ${input.parentElement.textContent.trim()}`);
  if (row) take(open()[0] ?? null);
  return true;
}

function submit() {
  const button = form?.querySelector("button[value=next]");
  if (button) form.requestSubmit(button);
}

// --- what was missed

function miss() {
  const place = selected();
  const list = find("#missed-places");
  if (!place || !list) {
    tell("Select the text that was missed in the conversation first, in one message.");
    return;
  }
  find("#missed").open = true;
  const item = document.createElement("li");
  const hidden = Object.assign(document.createElement("input"), { type: "hidden", name: "missed" });
  const kind = find("#missed-entity").cloneNode();
  kind.removeAttribute("name");
  kind.id = "";
  kind.setAttribute("aria-label", "Kind of what was missed");
  const words = document.createElement("code");
  words.textContent = place.words.length > 60 ? `${place.words.slice(0, 60)}…` : place.words;
  const gone = Object.assign(document.createElement("button"), { type: "button", className: "quiet small", textContent: "Remove" });
  const write = () => (hidden.value = field(place, kind.value));
  kind.addEventListener("input", write);
  gone.addEventListener("click", () => {
    item.remove();
    marked = marked.filter((range) => range !== place.range);
    paint();
    find("#missed summary").focus();
  });
  write();
  item.append(hidden, words, kind, gone);
  list.append(item);
  marked.push(place.range);
  paint();
  document.getSelection().removeAllRanges();
  tell(`Marked as missed: ${place.words.slice(0, 60)}`);
}

function paint() {
  if (!window.Highlight) return;
  CSS.highlights.set("missed", new Highlight(...marked));
}

// --- keys: keys.js says which one was pressed, when keys are on and nobody types

document.addEventListener("single-key", (event) => {
  const { key, target } = event.detail;
  const own = {
    1: () => verdict("1"),
    2: () => verdict("2"),
    3: () => verdict("3"),
    4: () => miss(),
    5: () => verdict("5"),
    f: () => step(1),
    F: () => step(-1),
    s: () => submit(),
  };
  if (key === "Enter") {
    // On a link, a button or a summary, Enter is theirs.
    if (!form || target.closest("a, button, summary")) return;
    own.Enter = submit;
  }
  if (key === "g") own.g = () => promote();
  if (!form || !Object.hasOwn(own, key)) return;
  event.preventDefault();
  own[key]();
});

function promote() {
  const place = find("#promote");
  if (!place) return tell("This trace cannot be promoted here.");
  const details = place.matches("details") ? place : place.closest("details");
  if (details) details.open = true;
  (place.querySelector("select, input:not([type=hidden]), textarea, button, summary") ?? place).focus();
}

document.addEventListener("pointerover", (event) => {
  const row = event.target.closest?.(".finding");
  light(row ?? hand);
});
document.addEventListener("focusin", (event) => {
  const row = event.target.closest?.(".finding");
  // What is pressed by pointer must not move away under it: the click would get lost.
  if (row) take(row, event.target.matches(":focus-visible"));
});

if (form) {
  const button = find("#mark-missed");
  button.hidden = false;
  // Pressing it must not take the selection away before it is read.
  button.addEventListener("pointerdown", (event) => event.preventDefault());
  button.addEventListener("click", miss);
  take(open()[0] ?? null);
}

// A row that was saved has been put in the place of the old one: the finding at hand is the next.
document.addEventListener("htmx:afterSwap", () => {
  if (hand && !hand.isConnected) take(open()[0] ?? null);
});
