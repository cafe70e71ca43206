"""Every screen in a real browser: it fits, can be read, reached and understood, and nothing in it runs or calls out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.looking import (
    CONTRAST,
    FOCUS,
    THEMES,
    WIDTHS,
    arrived,
    axe,
    messages,
    outside,
    seen_as,
    sign_in,
    trespasses,
    watched,
    weight,
    without_scripts,
)
from tests.browser.screens import SCREENS, Screen, routes_of, screens_of
from tests.browser.seeds import Names, hostile, realistic
from tests.browser.test_review import PAYLOADS
from tests.browser.whole import whole
from tests.proxy.review.site import Site

pytestmark = pytest.mark.browser
HEAVIEST = 150 * 1024
"""Bytes of a page with all that it loads, as they come over the network."""
MOST_STOPS = 800
"""Times that Tab is pressed on one page."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, str]]:
    """A proxy with its pages, and their address."""
    with whole(tmp_path_factory.mktemp("screens")) as found:
        yield found


@pytest.fixture(scope="module")
def pages(running: tuple[Site, str]) -> Site:
    """The pages."""
    return running[0]


@pytest.fixture(scope="module")
def names(pages: Site) -> Names:
    """What stands in their addresses, over a month of traffic."""
    return realistic(pages)


@pytest.fixture(scope="module")
def base(running: tuple[Site, str], names: Names) -> str:
    """Where a real server serves them."""
    return running[1]


@pytest.fixture
def reviewer(browser: WebDriver, base: str) -> WebDriver:
    """The browser, signed in."""
    sign_in(browser, base)
    return browser


def shown(browser: WebDriver, base: str, screen: Screen, names: Names) -> None:
    """Open a screen, signed out where it is for strangers."""
    if not screen.signed_in:
        browser.delete_all_cookies()
    browser.get(base + screen.address(names))


def every(pages: Site) -> list[Screen]:
    """All screens, those for strangers last: opening them signs out."""
    return sorted(screens_of(pages.app), key=lambda screen: not screen.signed_in)


def test_every_page_is_a_screen(pages: Site) -> None:
    """None is forgotten here, and none is here that is gone."""
    assert routes_of(pages.app) == {screen.route for screen in SCREENS}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", THEMES)
def test_screens_fit_and_can_be_read(
    reviewer: WebDriver, pages: Site, base: str, names: Names, theme: str, width: int
) -> None:
    """What must be there is; nothing is wider than the window; axe and the contrast of every text find nothing."""
    faults = []
    with seen_as(reviewer, theme, width):
        for screen in every(pages):
            shown(reviewer, base, screen, names)
            if not reviewer.find_elements(By.CSS_SELECTOR, screen.must):
                faults.append(f"{screen.name}: no {screen.must}")
            wide = reviewer.execute_script("return document.documentElement.scrollWidth")
            faults += [f"{screen.name}: {wide} wide"] if wide > width else []
            faults += [f"{screen.name}: {fault}" for fault in axe(reviewer)]
            faults += [f"{screen.name}: {poor}" for poor in reviewer.execute_script(CONTRAST)]
    assert not faults, "\n".join(faults)


def test_screens_are_light_and_call_nobody(reviewer: WebDriver, pages: Site, base: str, names: Names) -> None:
    """With nothing in the cache a screen comes in one page and few bytes, all of them ours, and breaks no rule."""
    faults = []
    reviewer.execute_cdp_cmd("Network.enable", {})
    reviewer.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": True})
    try:
        with watched(reviewer):
            for screen in every(pages):
                messages(reviewer)
                shown(reviewer, base, screen, names)
                faults += [f"{screen.name}: {each}" for each in trespasses(reviewer)]
                log = messages(reviewer)
                faults += [f"{screen.name} asked {url}" for url in outside(log, base)]
                if (bytes_ := weight(log)) > HEAVIEST or not bytes_:
                    faults.append(f"{screen.name}: {bytes_} bytes")
    finally:
        reviewer.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": False})
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    reviewer: WebDriver, pages: Site, base: str, names: Names, width: int
) -> None:
    """Tab stops at every link, button and field that is seen, and each looks different while it has the focus."""
    faults = []
    with seen_as(reviewer, "light", width):
        for screen in every(pages):
            shown(reviewer, base, screen, names)
            reviewer.execute_script(COUNT)
            reviewer.execute_script(
                "document.activeElement.blur(); window.getSelection().removeAllRanges(); window.scrollTo(0, 0)"
            )
            seen: set[str] = set()
            left = 0
            for _ in range(MOST_STOPS):
                reviewer.execute_cdp_cmd("Input.dispatchKeyEvent", TAB)
                stop, fault = reviewer.execute_script(STOP.replace("FOCUS", FOCUS))
                # Past the last stop the focus is nowhere on the page once, and then at its beginning.
                left += stop is None
                if left == 2 or stop in seen:
                    break
                if stop is not None:
                    seen.add(stop)
                faults += [f"{screen.name}: {fault}"] if fault else []
            missed = reviewer.execute_script(MISSED, [*seen])
            faults += [f"{screen.name}: Tab never comes to {each}" for each in missed]
    assert not faults, "\n".join(faults)


TAB = {"type": "rawKeyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
"""A press of the key as the browser itself gets it."""
COUNT = """
const radios = new Set();
window.stops = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
  .filter((e) => e.checkVisibility({visibilityProperty: true}) && !e.disabled && e.type !== "hidden" && e.tabIndex >= 0 && !e.closest("dialog"))
  .filter((e) => { if (e.type !== "radio") return true; const first = !radios.has(e.name); radios.add(e.name); return first; });
window.stops.forEach((e, place) => { e.dataset.stop = String(place); });
"""
"""Numbers what Tab has to come to; of a group of radio buttons it is one."""
STOP = """
const element = document.activeElement;
if (!element || element === document.body) return [null, ""];
const group = element.type === "radio" ? document.querySelector(`input[type=radio][name="${CSS.escape(element.name)}"]`) : element;
const fault = (() => { FOCUS })();
return [group.dataset.stop ?? element.outerHTML.slice(0, 90), fault];
"""
MISSED = "return window.stops.filter((e) => !arguments[0].includes(e.dataset.stop)).map((e) => e.outerHTML.slice(0, 100))"


def test_without_scripts_every_screen_can_be_read(
    reviewer: WebDriver, pages: Site, base: str, names: Names
) -> None:
    """All that must be there is there, and all words but those of what only a script can do."""
    told: dict[str, set[str]] = {}
    for scripts in (True, False):
        sign_in(reviewer, base)
        for screen in every(pages):
            if scripts:
                shown(reviewer, base, screen, names)
                reviewer.execute_script(REST)
                told[screen.name] = words(reviewer)
                continue
            with without_scripts(reviewer):
                shown(reviewer, base, screen, names)
                assert reviewer.find_elements(By.CSS_SELECTOR, screen.must), screen.name
                missing = told[screen.name] - words(reviewer)
                assert not {word for word in missing if not any(letter.isdigit() for letter in word)}, (
                    screen.name
                )


REST = "document.querySelectorAll('main button[type=button], main [data-script]').forEach((e) => e.remove())"


def words(browser: WebDriver) -> set[str]:
    """The words of the page's content."""
    return set(browser.find_element(By.TAG_NAME, "main").text.split())


def test_attacks_in_every_field_do_nothing(
    browser: WebDriver, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """On every screen: no violation of the policy, no script, no element of theirs, no request out."""
    faults: list[str] = []
    with whole(tmp_path_factory.mktemp("hostile")) as (attacked, base):
        found = hostile(attacked, PAYLOADS)
        sign_in(browser, base)
        messages(browser)
        with watched(browser):
            for screen in screens_of(attacked.app):
                if not screen.signed_in:
                    continue
                for names in found if "{" in screen.path else found[:1]:
                    address = screen.address(names)
                    browser.get(base + address)
                    arrived(browser, address.partition("?")[0])
                    faults += [f"{address}: {each}" for each in trespasses(browser)]
        faults += sorted(outside(messages(browser), base))
    assert not faults, "\n".join(faults)


def test_the_page_holds_at_twice_the_size_and_in_forced_colours(
    reviewer: WebDriver, pages: Site, base: str, names: Names
) -> None:
    """At 200 % of 1280 nothing is wider than the window; with forced colours and without motion all is there."""
    faults = []
    for width, media in ((640, {}), (1280, {"forced_colors": "active", "prefers_reduced_motion": "reduce"})):
        with seen_as(reviewer, "light", width, **media):
            sign_in(reviewer, base)
            for screen in every(pages):
                shown(reviewer, base, screen, names)
                wide = reviewer.execute_script("return document.documentElement.scrollWidth")
                faults += [f"{screen.name}: {wide} wide in {width}"] if wide > width else []
                if not reviewer.find_elements(By.CSS_SELECTOR, screen.must):
                    faults.append(f"{screen.name}: no {screen.must}")
    assert not faults, "\n".join(faults)


def test_one_chart_can_be_zoomed_by_keyboard(reviewer: WebDriver, base: str) -> None:
    """The button puts a finer chart in place of the drawing; keys move it; the policy of the page stops none of it."""
    with watched(reviewer):
        reviewer.get(f"{base}/review/overview")
        reviewer.find_element(By.CSS_SELECTOR, "button.zoom").send_keys(Keys.ENTER)
        reviewer.implicitly_wait(3)
        room = reviewer.find_element(By.CSS_SELECTOR, ".zoomed canvas")
        reviewer.implicitly_wait(0)
        focused = reviewer.switch_to.active_element
        assert focused.get_attribute("class") == "zoomed" and room.is_displayed()
        before = room.screenshot_as_base64
        focused.send_keys("+", "+")
        assert room.screenshot_as_base64 != before
        assert reviewer.execute_script("return [window.violations, window.ran]") == [[], []]
