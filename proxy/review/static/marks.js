// Which place of the stored text is selected: side, pointer, within, and offsets in code points.
//
// The page writes one character for each code point of the stored text, whatever marks and boxes stand around them,
// so what comes before a place in an element's text content counts as it does in the store.

const POINTS = (text) => {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
};

function textOf(node) {
  const element = node?.nodeType === Node.TEXT_NODE ? node.parentElement : node;
  return element?.closest?.("[data-pointer]") ?? null;
}

function before(text, node, offset) {
  const range = document.createRange();
  range.selectNodeContents(text);
  range.setEnd(node, offset);
  return range.toString();
}

// Half of a surrogate pair is never a place: it goes to the outside of its character.
const startAt = (text) => (/[\ud800-\udbff]$/.test(text) ? text.slice(0, -1) : text);
const endAt = (text, whole) =>
  /[\ud800-\udbff]$/.test(text) && /^[\udc00-\udfff]/.test(whole.slice(text.length)) ? whole.slice(0, text.length + 1) : text;

// What is selected, if it lies in one text that can be named; otherwise null.
export function selected(selection = document.getSelection()) {
  if (!selection || selection.rangeCount === 0 || selection.isCollapsed) return null;
  const range = selection.getRangeAt(0);
  const text = textOf(range.startContainer);
  if (!text) return null;
  // A selection by three clicks ends at the beginning of what follows: it means the end of this text.
  const beyond = !text.contains(range.endContainer);
  if (beyond && textOf(range.endContainer) && range.endOffset !== 0) return null;
  const whole = text.textContent;
  const from = startAt(before(text, range.startContainer, range.startOffset));
  const to = beyond ? whole : endAt(before(text, range.endContainer, range.endOffset), whole);
  const [start, end] = [POINTS(from), POINTS(to)];
  if (start >= end) return null;
  const { side, pointer, within } = text.dataset;
  return { side, pointer, within, start, end, words: whole.slice(from.length, to.length), range: range.cloneRange() };
}

// A missed place as its form field holds it.
export function field(place, entity) {
  const parts = [place.side, place.pointer, place.within, String(place.start), String(place.end), entity];
  return parts.map(encodeURIComponent).join("|");
}
