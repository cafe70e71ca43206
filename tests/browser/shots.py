"""Pictures of every screen in both themes and at both widths: `python -m tests.browser.shots FOLDER [SCREEN ...]`."""

from __future__ import annotations

import base64
import sys
import tempfile
from pathlib import Path

from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.conftest import start
from tests.browser.looking import THEMES, WIDTHS, seen_as, sign_in
from tests.browser.screens import screens_of
from tests.browser.seeds import realistic
from tests.browser.whole import whole

TALLEST = 4000
"""Pixels of a picture; what is below is cut off."""


def picture(browser: WebDriver, width: int) -> bytes:
    """The whole page as PNG."""
    height = min(int(browser.execute_script("return document.documentElement.scrollHeight")), TALLEST)
    clip = {"x": 0, "y": 0, "width": width, "height": max(height, 400), "scale": 1}
    told = browser.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True})
    return base64.b64decode(told["data"])


def main(folder: Path, only: list[str]) -> None:
    """Write the pictures, each with its name, theme and width in the name of its file."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data, whole(Path(data)) as (pages, base):
        names = realistic(pages)
        browser = start(Path(data) / "profile")
        try:
            sign_in(browser, base)
            for screen in screens_of(pages.app):
                if only and screen.name not in only:
                    continue
                for theme in THEMES:
                    for width in WIDTHS:
                        with seen_as(browser, theme, width):
                            if not screen.signed_in:
                                browser.delete_all_cookies()
                            browser.get(base + screen.address(names))
                            shot = picture(browser, width)
                        (folder / f"{screen.name}-{theme}-{width}.png").write_bytes(shot)
                if not screen.signed_in:
                    sign_in(browser, base)
                print(screen.name, flush=True)
        finally:
            browser.quit()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
