"""The page of a trace in a real browser: what is selected is what is stored, verdicts by keys, undo."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.wait import WebDriverWait

from proxy.places import text_at
from proxy.store import reviews
from tests.browser.test_review import arrived, press
from tests.proxy.review import documents
from tests.proxy.review.site import ADMIN_KEY, Site, served, site

pytestmark = pytest.mark.browser

SAID = (
    "\U0001f600 Zoe\u0301 \U0001f469\u200d\U0001f469\u200d\U0001f467 wrote\r\nfrom \u202eEMAIL_ADDRESS_1a\u202c to \u200bB\u00f6rse "
    "\U00020000 \ufeff<b>bold</b> & \U000e0041end \0nul \U0001f600\U0001f600"
)
"""Astral characters, combining marks, joiners, bidi controls, tags, a NUL, and markup."""
SELECT = """
const [text, start, end] = [arguments[0], arguments[1], arguments[2]];
// Walks the text nodes by code points, and selects from one offset to the other.
const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
const range = document.createRange();
let at = 0;
let begun = false;
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const points = [...node.data];
  const units = (count) => points.slice(0, count).join("").length;
  if (!begun && start < at + points.length) { range.setStart(node, units(start - at)); begun = true; }
  if (end <= at + points.length) { range.setEnd(node, units(end - at)); break; }
  at += points.length;
}
getSelection().removeAllRanges();
getSelection().addRange(range);
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The pages over a store with a queue."""
    with site(tmp_path_factory.mktemp("trace")) as found:
        token = "EMAIL_ADDRESS_1a"
        odd = documents.trace(
            40,
            outcome="masked",
            action="pseudonymize",
            request={"messages": [{"role": "user", "content": SAID}]},
            findings=[documents.finding("/messages/0/content", SAID, token)],
        )
        assert found.store.write([*documents.ordinary(), odd]) == []
        yield found


@pytest.fixture(scope="module")
def base(pages: Site) -> Iterator[str]:
    """Where a real server serves them."""
    with served(pages.app) as address:
        yield address


@pytest.fixture
def signed_in(browser: WebDriver, base: str) -> WebDriver:
    """The browser, signed in."""
    browser.delete_all_cookies()
    browser.get(f"{base}/review")
    WebDriverWait(browser, 10).until(lambda b: b.find_elements(By.NAME, "key"))
    browser.find_element(By.NAME, "key").send_keys(ADMIN_KEY, Keys.ENTER)
    arrived(browser, "/review")
    return browser


def opened(browser: WebDriver, base: str, id: str, query: str = "") -> None:
    """The browser at a trace."""
    browser.get(f"{base}/review/traces/{id}{query}")
    arrived(browser, f"/review/traces/{id}")


def standing(pages: Site, id: str) -> list[tuple[str, int | None]]:
    """What stands of what was said of a trace."""
    return [
        (each["verdict"], each["finding"])
        for each in reviews.reviews(pages.store, id)
        if not each["superseded"] and each["verdict"] != "withdrawn"
    ]


ODD = documents.trace(40)["id"]


def ranges() -> list[tuple[int, int]]:
    """Each character alone, and runs across marks and boxes."""
    size = len(SAID)
    return [
        *((n, n + 1) for n in range(0, size, 5)),
        (0, size),
        (0, 1),
        (3, 20),
        (20, 45),
        (size - 2, size),
        (18, 60),
    ]


def test_offsets_are_those_of_the_stored_text(signed_in: WebDriver, base: str, pages: Site) -> None:
    """Whatever stands around and between: what the page names is what the store has there."""
    opened(signed_in, base, ODD)
    text = signed_in.find_element(By.CSS_SELECTOR, '[data-pointer="/messages/0/content"]')
    for start, end in ranges():
        signed_in.execute_script(SELECT, text, start, end)
        found = signed_in.execute_async_script(
            "const done = arguments[0];"
            "const from = document.querySelector('script[src*=\"trace.js\"]').src.replace(/trace\\.js.*/, 'marks.js');"
            "import(from).then((m) => { const p = m.selected(); done([p.start, p.end, p.side, p.pointer, p.within]); });"
        )
        assert found == [start, end, "input", "/messages/0/content", ""], (start, end)


def test_what_is_selected_is_kept_as_missed_and_shown_back(
    signed_in: WebDriver, base: str, pages: Site
) -> None:
    """Select, 4, s: the stored range holds the very characters, and the page marks them."""
    opened(signed_in, base, ODD)
    text = signed_in.find_element(By.CSS_SELECTOR, '[data-pointer="/messages/0/content"]')
    start = SAID.index("B\u00f6rse")
    signed_in.execute_script(SELECT, text, start, start + 5)
    press(signed_in, "4", "s")
    WebDriverWait(signed_in, 5, 0.03).until(lambda b: reviews.reviews(pages.store, ODD))

    [said] = reviews.reviews(pages.store, ODD)
    assert (said["verdict"], said["start"], said["end"]) == ("missed", start, start + 5)
    trace = {"request": {"messages": [{"content": SAID}]}}
    assert (text_at(trace, said["side"], said["pointer"]) or "")[said["start"] : said["end"]] == "B\u00f6rse"
    opened(signed_in, base, ODD)
    assert signed_in.find_element(By.CSS_SELECTOR, ".hit.missed").text.startswith("B\u00f6rse")


def test_a_trace_of_one_finding_takes_two_keys_and_is_undone_with_one(
    signed_in: WebDriver, base: str, pages: Site
) -> None:
    """2 and Enter: saved, the next is on screen; u takes it back and shows it again."""
    id = documents.blocked()["id"]
    opened(signed_in, base, id)
    press(signed_in, "2", Keys.ENTER)
    WebDriverWait(signed_in, 5, 0.03).until(lambda b: id not in urlsplit(b.current_url).path)
    assert standing(pages, id) == [("false_positive", 0)]

    WebDriverWait(signed_in, 5, 0.03).until(lambda b: b.find_elements(By.CSS_SELECTOR, ".undo-bar"))
    press(signed_in, "u")
    arrived(signed_in, f"/review/traces/{id}")
    assert standing(pages, id) == []


def test_keys_judge_one_finding_after_the_other(signed_in: WebDriver, base: str, pages: Site) -> None:
    """The finding at hand moves on; letters in the note are letters; keys that are off do nothing."""
    id = documents.agent()["id"]
    opened(signed_in, base, id)
    press(signed_in, "1", "2", "3", "5", "n")
    press(signed_in, "1 2 s u")
    signed_in.switch_to.active_element.send_keys(Keys.CONTROL, Keys.ENTER)
    WebDriverWait(signed_in, 5, 0.03).until(lambda b: standing(pages, id))
    assert standing(pages, id) == [
        ("true_positive", 0), ("false_positive", 1), ("wrong_action", 2), ("unsure", 3),
    ]  # fmt: skip
    assert reviews.reviews(pages.store, id)[0]["note"] == "1 2 s u"


def test_saving_one_finding_swaps_only_its_row(signed_in: WebDriver, base: str, pages: Site) -> None:
    """The page stays where it is, the focus too, and what was saved is read out."""
    id = documents.agent()["id"]
    opened(signed_in, base, id)
    signed_in.execute_script("window.stays = true")
    row = signed_in.find_element(By.ID, "finding-5")
    row.find_element(By.CSS_SELECTOR, "label.true_positive").click()
    only = signed_in.find_element(By.ID, "only-5")
    only.send_keys(Keys.ENTER)
    WebDriverWait(signed_in, 5, 0.03, [StaleElementReferenceException]).until(
        lambda b: "You said: True positive" in b.find_element(By.ID, "finding-5").text
    )
    assert signed_in.execute_script("return window.stays")
    assert "Saved" in signed_in.find_element(By.ID, "said").text
    assert signed_in.switch_to.active_element.get_attribute("id") == "only-5"
    assert ("true_positive", 4) in standing(pages, id)
