"""How pages leave: escaped, under the strict policy, without anything inline."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from jinja2 import UndefinedError

import proxy.review
from proxy.errors import NotFound
from proxy.review.pages import Pages

FOLDER = Path(proxy.review.__path__[0])
VENDORED = {
    "htmx.min.js": "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717",
    "uplot.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    "uplot.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
}
TEMPLATES = sorted((FOLDER / "templates").iterdir())


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_have_nothing_inline_and_nothing_unescaped(path: Path) -> None:
    """No inline style, script or handler, no `safe`, no address of another site."""
    text = path.read_text(encoding="utf-8")

    assert re.findall(r"\sstyle=|<style|\son\w+=|javascript:|\|\s*safe|autoescape|https?://", text) == []
    assert re.findall(r"<script(?! (?:type=\"module\"|defer) src=\"\{\{ home \}\})", text) == []


def test_static_files_call_nowhere() -> None:
    """Style, script and icon name no other address, and the script builds no HTML."""
    for path in [path for path in (FOLDER / "static").iterdir() if path.is_file()]:
        text = path.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert (
            re.findall(r"https?:|//\w|@import|url\(|innerHTML|insertAdjacent|eval\(|document\.write", text)
            == []
        ), path.name


@pytest.mark.parametrize(("name", "sha256"), VENDORED.items())
def test_what_others_wrote_is_as_they_published_it(name: str, sha256: str) -> None:
    """A file that was changed by hand, or replaced without a look, is told."""
    assert hashlib.sha256((FOLDER / "static" / "vendor" / name).read_bytes()).hexdigest() == sha256


def test_every_vendored_file_is_known() -> None:
    """None is served that is not held here."""
    served = {
        path.name for path in (FOLDER / "static" / "vendor").iterdir() if path.suffix in (".js", ".css")
    }

    assert served == set(VENDORED)


def test_every_page_has_the_policy() -> None:
    """The headers stand on pages and on files; pages are never stored."""
    pages = Pages(lambda: "default@1")
    page, file = pages.problem(NotFound("nothing"), None), pages.asset("review.css")

    for answer in (page, file):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none';") and "unsafe" not in policy and "*" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert file.headers["content-type"].startswith("text/css")


def test_values_are_escaped_and_half_characters_replaced() -> None:
    """Any message is text on the page, even one that UTF-8 cannot carry."""
    body = bytes(Pages(lambda: "<b>@1").problem(NotFound("<script>\ud800"), None).body).decode()

    assert "<script>" not in body
    assert "&lt;script&gt;" in body


def test_a_missing_value_is_an_error_not_a_blank() -> None:
    """A template that asks for what it was not given fails in tests, not silently."""
    with pytest.raises(UndefinedError):
        Pages(lambda: "p").html("queue.html", {"reader": None})


@pytest.mark.parametrize("name", ["../pages.py", "routes.py", "", "queue.html"])
def test_only_listed_files_are_served(name: str) -> None:
    """No path leads out of the static folder."""
    with pytest.raises(NotFound):
        Pages(lambda: "p").asset(name)
