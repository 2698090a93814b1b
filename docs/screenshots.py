"""Pictures of the pages for the documentation: python docs/screenshots.py REPORT.html COST.html, the pages of
``edgegan compress`` and ``edgegan bench --html``; needs ``[browser]`` and Chromium."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from edgegan.bench.in_browser import chromium_path

FOLDER = Path(__file__).parent / "images"
LOOKS: dict[str, tuple[int, dict[str, Any]]] = {
    "report-light": (0, {"viewport": {"width": 1000, "height": 1200}}),
    "report-dark": (0, {"viewport": {"width": 1000, "height": 1200}, "color_scheme": "dark"}),
    "report-phone": (0, {"viewport": {"width": 390, "height": 844}}),
    "cost": (1, {"viewport": {"width": 1000, "height": 1200}}),
}
"""Which of the pages, and how it is looked at."""


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    pages = [Path(argument).resolve().as_uri() for argument in sys.argv[1:3]]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        for name, (which, look) in LOOKS.items():
            page = chromium.new_page(**look)
            page.goto(pages[which])
            page.wait_for_load_state("networkidle")
            page.screenshot(path=FOLDER / f"{name}.png")
            print(FOLDER / f"{name}.png")
        chromium.close()


if __name__ == "__main__":
    main()
