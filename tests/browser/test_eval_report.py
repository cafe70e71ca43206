"""The page of an eval in a real browser: nothing in it runs or is fetched, and it can be read on any screen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from evals import html
from evals.run import Run, RunCase, TargetRef
from evals.types import ToolCall
from tests.browser.looking import AXE, CONTRAST, THEMES, WATCH, WIDTHS, seen_as
from tests.evals.blocked import blocked
from tests.evals.strange_runs import ATTACKS

pytestmark = pytest.mark.browser


def hostile() -> Run:
    """Every attack in every place that a model, a golden set or a proxy fills."""
    run = blocked((" ".join(ATTACKS), " ".join(ATTACKS[::-1])), suite=ATTACKS[0], unfinished=ATTACKS[1])
    attacks = [ATTACKS[place % len(ATTACKS)] for place in range(len(run.items))]
    items = tuple(
        replace(
            item,
            output=replace(
                item.output,
                text=text,
                error=text,
                verdict=text,
                trace_id=text,
                transcript=({"role": text, "content": text},),
                tool_calls=(ToolCall(text, text),),
            )
            if item.id != "c0"
            else replace(item.output, trace_id="t-1"),
        )
        for item, text in zip(run.items, attacks, strict=True)
    )
    cases = tuple(
        RunCase(item.id, item.sha256, text, text, (text,)) for item, text in zip(items, attacks, strict=True)
    )
    assert run.baseline
    target = TargetRef("http", "http://127.0.0.1:9/v1", ATTACKS[2])
    told = replace(run.baseline, differences=ATTACKS)
    return replace(run, items=items, cases=cases, baseline=told, target=target)


def opened(browser: WebDriver, run: Run, folder: Path) -> None:
    """Opens the page from a file, as a reader does who got it by mail, with everything unfolded."""
    page = folder / "report.html"
    page.write_text(html.render(run), "utf-8")
    browser.get(page.as_uri())
    browser.execute_script("document.querySelectorAll('details').forEach((each) => { each.open = true; })")


def test_attacks_do_nothing(browser: WebDriver, tmp_path: Path) -> None:
    """No script runs, nothing is fetched, no element is there but ours, and every link leads to the proxy."""
    script = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    try:
        browser.get_log("performance")
        opened(browser, hostile(), tmp_path)
        ran, violations = browser.execute_script("return [window.ran, window.violations]")
        strange = browser.execute_script(
            "return [...document.querySelectorAll('script, img, iframe, object, embed, base, form, link, [style]')]"
            ".concat([...document.querySelectorAll('*')].filter("
            "(e) => [...e.attributes].some((a) => a.name.startsWith('on')))).map((e) => e.outerHTML)"
        )
        links = browser.execute_script("return [...document.links].map((each) => each.href)")
        sent = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
        asked = [
            each["params"]["request"]["url"] for each in sent if each["method"] == "Network.requestWillBeSent"
        ]
    finally:
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)

    assert (ran, violations, strange) == ([], [], [])
    assert links
    assert all(link.startswith("http://127.0.0.1:9/review/traces/") for link in links)
    assert [url for url in asked if not url.startswith("file:")] == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", THEMES)
def test_it_can_be_read(browser: WebDriver, tmp_path: Path, theme: str, width: int) -> None:
    """In both themes and at both widths: it fits, and texts stand out from what is behind them."""
    with seen_as(browser, theme, width):
        opened(browser, hostile(), tmp_path)
        wide = browser.execute_script("return document.documentElement.scrollWidth")
        pale = browser.execute_script(CONTRAST)

    assert wide <= width
    assert pale == []


def test_everybody_can_use_it(browser: WebDriver, tmp_path: Path) -> None:
    """The rules of axe find nothing to complain of."""
    opened(browser, blocked(), tmp_path)
    browser.execute_script(AXE)
    told = browser.execute_async_script(
        "const done = arguments[arguments.length - 1]; axe.run(document, {rules: {'color-contrast': {enabled: false}}})"
        ".then((found) => done(found.violations.map((each) => each.id + ' ' + each.nodes[0].html)))"
    )

    assert told == []


def test_cases_can_be_chosen_without_a_script(browser: WebDriver, tmp_path: Path) -> None:
    """By what is said of them."""
    opened(browser, blocked(), tmp_path)
    count = "return [...document.querySelectorAll('.case')].filter((each) => each.checkVisibility()).length"

    every = browser.execute_script(count)
    browser.execute_script("document.getElementById('only-lost').click()")

    assert (every, browser.execute_script(count)) == (30, 10)
