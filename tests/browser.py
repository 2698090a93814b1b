"""A page in a real browser, watched: what it fetches, what it says, whether everybody can use it."""

from __future__ import annotations

import shutil
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
FLAGS = ["--no-sandbox", "--disable-gpu", "--enable-features=SharedArrayBuffer"]


class Watched:
    """``page`` of Playwright, with the addresses that it asked for, and what went wrong on it."""

    def __init__(self, page):
        self.page, self.requests, self.errors = page, [], []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _said(self, message):
        # WebAssembly prints what it would to stderr, information included, as errors.
        if message.type == "error" and not message.text.startswith(("INFO:", "WARNING:")):
            self.errors.append(message.text)

    def foreign(self, *own):
        """What was fetched from elsewhere than ``own`` addresses and the page itself."""
        return [url for url in self.requests if not url.startswith(("data:", "blob:", "file:", *own))]

    def violations(self):
        """Rules of axe-core that the page breaks."""
        found = Axe().run(self.page).response["violations"]
        return [(rule["id"], rule["nodes"][0]["html"][:200]) for rule in found]


@contextmanager
def browser():
    """A headless Chromium."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield chromium
        finally:
            chromium.close()


@contextmanager
def watched(chromium, **context):
    """A new page in a context of its own, such as ``viewport`` and ``color_scheme`` make it."""
    own = chromium.new_context(**context)
    try:
        yield Watched(own.new_page())
    finally:
        own.close()
