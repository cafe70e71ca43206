"""A real browser: Debian's chromium, driven by selenium, with nothing of it going out."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver

CHROMIUM, DRIVER = "chromium", "chromedriver"
ARGUMENTS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-dev-shm-usage",
    "--window-size=1280,900",
)  # fmt: skip


def start(profile: Path) -> webdriver.Chrome:
    """A browser with a profile of its own."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which(CHROMIUM))
    for argument in (*ARGUMENTS, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(shutil.which(DRIVER))))
    driver.set_page_load_timeout(20)
    return driver


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A browser with a fresh profile; skips where there is none, unless services are required."""
    found = shutil.which(CHROMIUM), shutil.which(DRIVER)
    if None in found:
        reason = (
            f"{CHROMIUM} and {DRIVER} are not installed (Debian: apt-get install chromium chromium-driver)"
        )
        if os.environ.get("GUARDHOUSE_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    driver = start(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()
