"""Signing in as a person in a real browser: cookies, redirects and policies are the browser's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from proxy.roles import Role
from tests.proxy.review.oidc_site import provider, settings
from tests.proxy.review.site import PASSWORD, Site, let_in, served, site

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Site]:
    """The pages over an empty store."""
    with site(tmp_path) as found:
        yield found


@pytest.fixture
def base(pages: Site, browser: WebDriver) -> Iterator[str]:
    """Where a real server serves them; nobody is signed in."""
    with served(pages.app) as address:
        browser.get(f"{address}/review/login")
        browser.delete_all_cookies()
        yield address


def at(browser: WebDriver, path: str) -> None:
    """Returns when the browser is at a path of ours."""
    WebDriverWait(browser, 10, 0.03).until(lambda b: urlsplit(b.current_url).path == path)


def test_a_person_signs_in_and_out(browser: WebDriver, base: str, pages: Site) -> None:
    """By keyboard alone, from the form to the page, and out again."""
    let_in(pages, "root", Role.ADMIN, display="Root <b>")
    browser.get(f"{base}/review/people")
    browser.switch_to.active_element.send_keys("root", Keys.TAB, PASSWORD, Keys.ENTER)
    at(browser, "/review/people")
    browser.find_element(By.LINK_TEXT, "Root <b>").click()
    at(browser, "/review/me")
    browser.find_element(By.CSS_SELECTOR, ".out button").click()
    at(browser, "/review/login")
    browser.get(f"{base}/review/people")
    at(browser, "/review/login")


def test_the_way_through_a_provider(browser: WebDriver, base: str, pages: Site) -> None:
    """From a page to the other site, back, and to that page, under a strict cookie that the redirect brings along."""
    with provider() as issuer:
        pages.config.oidc = settings(issuer, public_url=base)
        browser.get(f"{base}/review/runs?x=1")
        at(browser, "/review/login")
        browser.find_element(By.PARTIAL_LINK_TEXT, "Sign in with").click()
        at(browser, "/oauth2/authorize")
        browser.find_element(
            By.CSS_SELECTOR, "button[name=sub][value=sub-ada], button[value=sub-ada]"
        ).click()
        at(browser, "/review/runs")
        assert "Ada Lovelace" in browser.find_element(By.CSS_SELECTOR, ".top").text
        assert browser.get_cookie("guardhouse_oidc") is None
        cookie = browser.get_cookie("guardhouse_review")
        assert cookie is not None and cookie["sameSite"] == "Strict" and cookie["httpOnly"]
        browser.find_element(By.CSS_SELECTOR, ".out button").click()
        at(browser, "/review/login")
        assert browser.find_element(By.PARTIAL_LINK_TEXT, "Sign out there too").is_displayed()
    errors = [
        entry["message"] for entry in browser.get_log("browser") if "Content Security" in entry["message"]
    ]
    assert errors == []
