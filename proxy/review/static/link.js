// A link of the tour ends in `#link=…`, which no server is sent: it fills the sign-in form, and leaves the address bar.
// It is good once. Only on this machine: elsewhere a link must not choose as whom somebody signs in.
const here = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
const given = new URLSearchParams(location.hash.slice(1)).get("link");
const form = document.querySelector("form.sign-in");
if (given && here && form) {
  history.replaceState(history.state, "", location.pathname + location.search);
  form.elements.link.value = given;
  for (const field of form.querySelectorAll("input:not([type=hidden])")) field.disabled = true;
  form.querySelector("button")?.focus();
}
