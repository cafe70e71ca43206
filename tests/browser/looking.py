"""How a browser is made to look at a page, and what it tells of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.wait import WebDriverWait

from tests.proxy.review.site import ADMIN_KEY

_FOLDER = Path(__file__).parent
AXE = (_FOLDER / "vendor" / "axe.min.js").read_text(encoding="utf-8")
CONTRAST = (_FOLDER / "contrast.js").read_text(encoding="utf-8")
"""Lists the texts whose colour is too close to what is behind them."""
FOCUS = (_FOLDER / "focus.js").read_text(encoding="utf-8")
"""Says whether what has the focus looks different for it."""
WATCH = """
window.violations = [];
window.ran = [];
document.addEventListener("securitypolicyviolation", (e) => window.violations.push(e.violatedDirective + " " + e.blockedURI));
window.alert = (text) => window.ran.push(text);
window.addEventListener("error", (e) => window.ran.push("error: " + e.message));
"""
"""Notes what the policy of a page stopped, and what ran that is not ours."""
FOREIGN = """
return [...document.querySelectorAll("img, iframe, object, embed, style, base, [style], script:not([src^='/review/static/']), "
  + "link:not([href^='/review/static/']), meta[http-equiv], a[href^='javascript'], form:not([action^='/review']):not([method=dialog])")]
  .concat([...document.querySelectorAll("main *")].filter((e) => [...e.attributes].some((a) => a.name.startsWith("on"))))
  .map((e) => e.outerHTML);
"""
"""Everything on the page that none of our templates would put there."""
WIDTHS = (1280, 390)
THEMES = ("light", "dark")


def sign_in(browser: WebDriver, base: str) -> None:
    """Sign in with the admin key, at the queue."""
    browser.delete_all_cookies()
    browser.get(f"{base}/review")
    # With people known, the field for a key is folded away.
    browser.execute_script(
        "document.querySelectorAll('main details').forEach((each) => { each.open = true; })"
    )
    browser.find_element(By.NAME, "key").send_keys(ADMIN_KEY, Keys.ENTER)
    arrived(browser, "/review")


def arrived(browser: WebDriver, path: str) -> None:
    """Returns when the browser is at a path."""
    WebDriverWait(browser, 5, 0.03).until(lambda b: urlsplit(b.current_url).path == path)
    WebDriverWait(browser, 5, 0.03).until(
        lambda b: b.execute_script("return document.readyState") == "complete"
    )


@contextmanager
def seen_as(browser: WebDriver, theme: str, width: int, **media: str) -> Iterator[None]:
    """Pages in a theme and at a width; `media` sets further features, e.g. `forced_colors="active"`."""
    features = [{"name": "prefers-color-scheme", "value": theme}]
    features += [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        yield
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@contextmanager
def watched(browser: WebDriver) -> Iterator[None]:
    """Every page opened inside notes violations and scripts of others: see `trespasses`."""
    watcher = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    try:
        yield
    finally:
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", watcher)


def trespasses(browser: WebDriver) -> list[str]:
    """What the page's policy stopped, what ran, and what stands there that is not ours."""
    stopped, ran = browser.execute_script("return [window.violations, window.ran]")
    return [*stopped, *ran, *browser.execute_script(FOREIGN)]


@contextmanager
def without_scripts(browser: WebDriver) -> Iterator[None]:
    """Pages as a browser without JavaScript shows them."""
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        yield
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def axe(browser: WebDriver) -> list[str]:
    """The serious and critical faults that axe finds on the page."""
    browser.execute_script(AXE)
    found = browser.execute_async_script(
        "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']}).then((r) => done(r.violations), (e) => done([{id: String(e), impact: 'critical', nodes: []}]))"
    )
    return [
        f"{fault['id']}: {node['target']} {node['failureSummary'][:160]}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"] or [{"target": "", "failureSummary": ""}]
    ]


def messages(browser: WebDriver) -> list[dict[str, Any]]:
    """What the network did since the last look."""
    return [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]


def outside(log: list[dict[str, Any]], base: str) -> set[str]:
    """The addresses asked for that are not ours."""
    asked = (m["params"]["request"]["url"] for m in log if m["method"] == "Network.requestWillBeSent")
    return {url for url in asked if not url.startswith((base + "/", "data:", "chrome"))}


def weight(log: list[dict[str, Any]]) -> int:
    """Bytes that came over the network, heads included."""
    return sum(int(m["params"]["encodedDataLength"]) for m in log if m["method"] == "Network.loadingFinished")
