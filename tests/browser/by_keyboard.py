"""A reviewer at a queue with nothing but a keyboard, and when what they asked for is on their screen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.wait import WebDriverWait

from proxy.roles import Role
from proxy.store import filling, queues
from proxy.store.queues import NewQueue
from tests.browser.looking import arrived
from tests.proxy.review import documents
from tests.proxy.review.site import PASSWORD, Site, let_in

CLOCK = """
const now = () => performance.timeOrigin + performance.now();
addEventListener("keydown", (event) => {
  if (event.key === "Enter") sessionStorage.setItem("pressed", String(now()));
}, true);
// All of the page is there, its keys work, and a frame with it was drawn.
addEventListener("DOMContentLoaded", () => requestAnimationFrame(() => setTimeout(() => { window.shown = now(); })));
"""
"""Notes when Enter was pressed, and when the page that came of it had been drawn."""
TOKEN = "EMAIL_ADDRESS_1f20c4d8e9"


def filled(pages: Site, count: int, reviews: int = 1) -> str:
    """A queue with so many traces of one finding each; its id."""
    texts = [
        f"Order {n}: write to {TOKEN} about the invoice, not to the address on it." for n in range(count)
    ]
    found = [documents.masked(100 + n, text, TOKEN) for n, text in enumerate(texts)]
    assert pages.store.write(found) == []
    row = queues.add_queue(pages.store, NewQueue("invoices", "", 1.0, reviews, True), "default", "admin")
    with pages.store.begin() as connection:
        assert filling.add_items(connection, row["id"], [each["id"] for each in found]) == count
    return str(row["id"])


def known(pages: Site, name: str, role: Role = Role.REVIEWER) -> str:
    """A person of this name who may sign in; as what they sign."""
    return let_in(pages, name, role).principal().key_id


def enter(browser: WebDriver, base: str, name: str) -> None:
    """Sign in as a person with the keyboard, at the list of queues."""
    browser.delete_all_cookies()
    browser.get(f"{base}/review/login?next=/review/queues")
    browser.find_element(By.NAME, "name").send_keys(name, Keys.TAB)
    browser.switch_to.active_element.send_keys(PASSWORD, Keys.ENTER)
    arrived(browser, "/review/queues")


def begin(browser: WebDriver) -> None:
    """From the list of queues, ours among others, to its first item: Tab as far as "Review next", and Enter."""
    for _ in range(100):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        if browser.switch_to.active_element.get_attribute("textContent") == "Review next of invoices":
            break
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    shown(browser)


def judge(browser: WebDriver, *keys: str) -> float:
    """Press keys and Enter; milliseconds from that to the page that came of it, as drawn."""
    before = browser.current_url
    for key in keys:
        browser.switch_to.active_element.send_keys(key)
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    WebDriverWait(browser, 20, 0.1).until(lambda b: b.current_url != before)
    return shown(browser)


def shown(browser: WebDriver) -> float:
    """Returns when the page is drawn: milliseconds since Enter was pressed."""
    taken = "return window.shown ? window.shown - Number(sessionStorage.getItem('pressed')) : null"
    return float(WebDriverWait(browser, 20, 0.1).until(lambda b: b.execute_script(taken)))


def at_item(browser: WebDriver) -> bool:
    """Whether an item of a queue is on the screen."""
    return "/review/traces/" in urlsplit(browser.current_url).path


@contextmanager
def clocked(browser: WebDriver) -> Iterator[None]:
    """Every page opened inside can say when it was drawn."""
    clock = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": CLOCK})
    try:
        yield
    finally:
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", clock)
