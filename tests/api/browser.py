"""A real browser for tests, with JavaScript switched off, which asks nobody but this machine."""

import contextlib
import os
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, async_playwright

_QUIET = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def browser_path() -> str:
    """Return where the browser is. Without one the test fails on CI and is skipped, loudly, elsewhere."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is not None:
        return found
    advice = "NO BROWSER: run apt-get install chromium, or make test-setup as root, to test the review page in one"
    if os.environ.get("CI") == "true":
        pytest.fail(advice)
    pytest.skip(advice)


@contextlib.asynccontextmanager
async def opened_page() -> AsyncIterator[Page]:
    """Open a page of a fresh browser."""
    arguments = [*_QUIET, "--no-sandbox"] if os.geteuid() == 0 else _QUIET
    path = browser_path()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=arguments)
        context = await browser.new_context(java_script_enabled=False)
        context.set_default_timeout(20_000)
        yield await context.new_page()
        await browser.close()
