// Whether whatever has the focus looks different from how it looks without: an outline, a shadow, a colour or a border.
const element = document.activeElement;
if (!element || element === document.body) return "nothing has the focus";
const looks = (e) => [e, ...["::after", "::before"]].map((part) => {
  const style = part === e ? getComputedStyle(e) : getComputedStyle(e, part);
  return [style.outlineStyle, style.outlineWidth, style.boxShadow, style.backgroundColor, style.borderColor].join();
}).join("|") + (e.closest("tr") ? getComputedStyle(e.closest("tr")).boxShadow : "");
const box = element.getBoundingClientRect();
const name = (element.id ? "#" + element.id : element.outerHTML.slice(0, 90));
const focused = looks(element);
element.blur();
const blurred = looks(element);
element.focus({ focusVisible: true, preventScroll: true });
if (focused === blurred) return "looks the same with the focus: " + name;
if (box.width === 0 || box.height === 0) return "has no size: " + name;
return "";
