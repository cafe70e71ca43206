"""A queue is reviewed with the keyboard alone, from the sign-in to the last item, and by two who see nothing of another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.wait import WebDriverWait
from sqlalchemy import select

from proxy.roles import Role
from proxy.store import claims
from proxy.store.tables import ANNOTATION
from proxy.store.tables_review import ASSIGNMENT, ITEM
from tests.browser import by_keyboard
from tests.browser.looking import arrived
from tests.browser.test_review import press
from tests.browser.whole import whole
from tests.proxy.review.site import Site

pytestmark = pytest.mark.browser

ITEMS = 100


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, str]]:
    """A whole proxy with an empty store, and its address."""
    with whole(tmp_path_factory.mktemp("keyboard")) as found:
        yield found


def item_of(browser: WebDriver) -> str:
    """The item on the screen."""
    (item,) = parse_qs(urlsplit(browser.current_url).query)["item"]
    return item


def texts(browser: WebDriver, selector: str) -> str:
    """What stands in some elements."""
    return " ".join(each.text for each in browser.find_elements(By.CSS_SELECTOR, selector))


def test_a_hundred_items_take_two_keys_each(browser: WebDriver, place: tuple[Site, str]) -> None:
    """True and false in turn, Enter, and the next is there: every verdict is stored, none twice, none of another item."""
    pages, base = place
    queue = by_keyboard.filled(pages, ITEMS)
    who = by_keyboard.known(pages, "ann")
    with by_keyboard.clocked(browser):
        by_keyboard.enter(browser, base, "ann")
        by_keyboard.begin(browser)
        given = {}
        while by_keyboard.at_item(browser):
            item, key = item_of(browser), "12"[len(given) % 2]
            assert item not in given
            assert f"{len(given) + 1} of {ITEMS}" in texts(browser, "#claim")
            given[item] = {"1": "true_positive", "2": "false_positive"}[key]
            by_keyboard.judge(browser, key)

    assert "Nothing is left for you" in texts(browser, "main") and len(given) == ITEMS
    said = select(ANNOTATION.c.item_id, ANNOTATION.c.verdict, ANNOTATION.c.finding, ANNOTATION.c.author)
    with pages.store.read() as connection:
        kept = connection.execute(said).all()
        states = Counter(connection.execute(select(ITEM.c.state).where(ITEM.c.queue_id == queue)).scalars())
    assert Counter(row.item_id for row in kept) == Counter(dict.fromkeys(given, 1))
    assert {(row.item_id, row.verdict, row.finding, row.author) for row in kept} == {
        (item, verdict, 0, who) for item, verdict in given.items()
    }
    assert states == {"agreed": ITEMS}


def test_a_submit_is_undone_with_one_key(browser: WebDriver, place: tuple[Site, str]) -> None:
    """From the next item and after the last: the item is at hand again, and what is said then is what counts."""
    pages, base = place
    by_keyboard.filled(pages, 2)
    who = by_keyboard.known(pages, "ann")
    with by_keyboard.clocked(browser):
        by_keyboard.enter(browser, base, "ann")
        by_keyboard.begin(browser)
        first = item_of(browser)
        by_keyboard.judge(browser, "2")
        second = item_of(browser)
        press(browser, "u")
        WebDriverWait(browser, 5, 0.03).until(lambda b: item_of(b) == first)
        by_keyboard.shown(browser)
        by_keyboard.judge(browser, "1")
        assert item_of(browser) == second
        by_keyboard.judge(browser, "1")
        arrived(browser, "/review/queues")
        press(browser, "u")
        WebDriverWait(browser, 5, 0.03).until(lambda b: by_keyboard.at_item(b) and item_of(b) == second)
    assert [claim.item_id for claim in claims.claims_of(pages.store, who)] == [second]
    with pages.store.read() as connection:
        row = connection.execute(select(ITEM).where(ITEM.c.id == first)).one()
    assert (row.state, row.verdict, row.submitted) == ("agreed", "true_positive", 1)


def test_who_lost_a_claim_is_told_and_keeps_the_text(browser: WebDriver, place: tuple[Site, str]) -> None:
    """Its lease over and the item another's: the page says so by itself, and sent all the same, shows what was typed."""
    pages, base = place
    queue = by_keyboard.filled(pages, 1)
    by_keyboard.known(pages, "ann")
    with by_keyboard.clocked(browser):
        by_keyboard.enter(browser, base, "ann")
        by_keyboard.begin(browser)
        press(browser, "2", "n")
        press(browser, "These words took long.")
        with pages.store.begin() as connection:
            connection.execute(ASSIGNMENT.update().values(lease_us=1))
        assert claims.take_next(pages.store, queue, "user:bob", None) is not None
        WebDriverWait(browser, 30, 0.1).until(lambda b: "the item went to others" in texts(b, "lease-beat"))
        assert browser.find_element(By.ID, "note").get_attribute("value") == "These words took long."
        browser.find_element(By.ID, "note").send_keys(Keys.CONTROL, Keys.ENTER)
        WebDriverWait(browser, 10, 0.03).until(lambda b: "was not saved" in texts(b, "main"))
    assert (
        browser.find_element(By.CSS_SELECTOR, "textarea").get_attribute("value") == "These words took long."
    )
    with pages.store.read() as connection:
        assert connection.execute(select(ANNOTATION.c.id)).all() == []


def test_the_second_reviewer_sees_nothing_of_the_first(browser: WebDriver, place: tuple[Site, str]) -> None:
    """Blind: no verdict, note or name on any page until both have spoken; then who may decides, with one key more."""
    pages, base = place
    by_keyboard.filled(pages, 1, reviews=2)
    for name, role in (("ann", Role.REVIEWER), ("bob", Role.REVIEWER), ("eve", Role.PRIVILEGED)):
        by_keyboard.known(pages, name, role)
    with by_keyboard.clocked(browser):
        by_keyboard.enter(browser, base, "ann")
        by_keyboard.begin(browser)
        trace = urlsplit(browser.current_url).path
        press(browser, "2", "n")
        press(browser, "annswords")
        browser.find_element(By.ID, "note").send_keys(Keys.CONTROL, Keys.ENTER)
        arrived(browser, "/review/queues")

        by_keyboard.enter(browser, base, "bob")
        for path in (trace, f"{trace}.json", "/review?outcome=any", "/review/queues", "/review/disputed"):
            browser.get(base + path)
            for word in ("annswords", "user:ann", "You said", "False positive"):
                assert word not in browser.page_source, (path, word)
        browser.get(f"{base}/review/queues")
        by_keyboard.begin(browser)
        assert urlsplit(browser.current_url).path == trace
        assert "blind" in texts(browser, "#claim") and "annswords" not in browser.page_source
        by_keyboard.judge(browser, "1")
        browser.get(base + trace)
        assert "annswords" in texts(browser, "#reviews")

        by_keyboard.enter(browser, base, "eve")
        browser.get(f"{base}/review/disputed")
        button = next(
            each for each in browser.find_elements(By.TAG_NAME, "button") if "Adjudicate" in each.text
        )
        button.send_keys(Keys.ENTER)
        arrived(browser, trace)
        assert "adjudication" in texts(browser, "#claim") and "annswords" in texts(browser, "#reviews")
        press(browser, "2", Keys.ENTER)
        arrived(browser, "/review/disputed")
    with pages.store.read() as connection:
        row = connection.execute(select(ITEM).where(ITEM.c.state == "adjudicated")).one()
    assert (row.state, row.verdict) == ("adjudicated", "false_positive")


def test_a_claim_is_given_back_with_a_key_press(browser: WebDriver, place: tuple[Site, str]) -> None:
    """Release is reached with Tab; others have the item at once."""
    pages, base = place
    queue = by_keyboard.filled(pages, 1)
    by_keyboard.known(pages, "ann")
    with by_keyboard.clocked(browser):
        by_keyboard.enter(browser, base, "ann")
        by_keyboard.begin(browser)
        item = item_of(browser)
        for _ in range(60):
            press(browser, Keys.TAB)
            if browser.switch_to.active_element.text == "Release":
                break
        press(browser, Keys.ENTER)
        arrived(browser, "/review/claims")
    given = claims.take_next(pages.store, queue, "user:bob", None)
    assert given is not None and given.item_id == item
