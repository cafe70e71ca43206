// <lease-beat url="/review/items/ID" token="..." claim="..." seconds="20"> keeps a claim while its page is open.
// It tells when the claim is lost, and touches nothing that was typed. When the page is left, the claim ends soon after;
// a page that is only loaded again keeps it with its first beat.

class LeaseBeat extends HTMLElement {
  connectedCallback() {
    this.setAttribute("role", "status");
    this.timer = setInterval(() => this.beat(), 1000 * Number(this.getAttribute("seconds") || 20));
    this.onVisible = () => { if (document.visibilityState === "visible") this.beat(); };
    // Also when the page comes back as it was left, with what was sent from it.
    this.onShow = (event) => { if (event.persisted) { this.sent = false; this.beat(); } };
    this.onLeave = () => this.leave();
    document.addEventListener("visibilitychange", this.onVisible);
    window.addEventListener("pagehide", this.onLeave);
    window.addEventListener("pageshow", this.onShow);
    // A page that was only loaded again comes within the time for which its claim is held; who is quick needs no sign.
    this.first = setTimeout(() => this.beat(), 2000);
    this.form = document.getElementById("verdict");
    this.onSend = () => { this.sent = true; };
    this.form?.addEventListener("submit", this.onSend);
  }

  disconnectedCallback() {
    clearInterval(this.timer);
    clearTimeout(this.first);
    this.form?.removeEventListener("submit", this.onSend);
    document.removeEventListener("visibilitychange", this.onVisible);
    window.removeEventListener("pagehide", this.onLeave);
    window.removeEventListener("pageshow", this.onShow);
  }

  body() {
    return new URLSearchParams({ token: this.getAttribute("token"), claim: this.getAttribute("claim") });
  }

  async beat() {
    if (this.lost) return;
    try {
      const answer = await fetch(`${this.getAttribute("url")}/beat`, { method: "POST", body: this.body(), redirect: "error" });
      if (answer.status === 409) this.end((await answer.json()).message);
      else if (answer.status === 401 || answer.status === 403) this.end("You may not review this any more, or are signed out.");
      else if (answer.ok) this.say("");
    } catch {
      this.say("The proxy does not answer. Your claim holds for five minutes; what you typed stays here.");
    }
  }

  end(why) {
    this.lost = true;
    clearInterval(this.timer);
    this.say(`${why} What you typed stays here, but is not taken for the queue.`);
    this.dispatchEvent(new CustomEvent("lease-lost", { bubbles: true, detail: why }));
  }

  say(text) {
    this.replaceChildren();
    if (!text) return;
    const told = document.createElement("span");
    told.className = "lost";
    told.textContent = text;
    this.append(told);
  }

  leave() {
    // What is handed in need not be given back.
    if (this.lost || this.sent) return;
    const body = this.body();
    body.set("leaving", "1");
    navigator.sendBeacon(`${this.getAttribute("url")}/release`, body);
  }
}

customElements.define("lease-beat", LeaseBeat);
