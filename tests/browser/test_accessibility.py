"""Every page in both widths and schemes: no WCAG violation that axe can find, nothing wider than the screen."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.test_journey import send, sign_in
from tests.factories.server import ROOT, Server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
LOOKS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
SCREENSHOTS = ROOT / "screenshots"


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_pages_are_accessible_and_fit(
    browser: Browser, server: Server, ultrasound: Path, photo: Path, width: int, scheme: str
) -> None:
    context = browser.new_context(
        base_url=server.address, viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    send(page, ultrasound, "Hamilton, ON")
    result = page.url
    send(page, photo)
    declined = page.url
    sign_in(page)
    image = "/admin/images/" + result.split("/r/")[1].split("?")[0]
    pages = {
        "upload": "/", "result": result, "declined": declined, "clinics": "/clinics?place=Hamilton,%20ON",
        "asked": "/clinics?place=10115", "none-near": "/clinics?place=Whitehorse",
        "beyond": "/clinics?place=Luxembourg&beyond=yes",
        "about": "/about", "missing": "/r/" + "0" * 32, "list": "/admin/?reviewed=", "image": image,
        "users": "/admin/users", "audit": "/admin/audit", "system": "/admin/system", "account": "/account",
        "interface": "/api/v1/docs",
    }  # fmt: skip
    problems = []
    for name, address in pages.items():
        page.goto(address)
        page.wait_for_load_state("networkidle")
        SCREENSHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}-{width}-{scheme}.png", full_page=True)
        problems += _problems(page, name)
    context.close()
    assert problems == []


def _problems(page: Page, name: str) -> list[str]:
    found = [
        f"{name}: {violation['id']}: {violation['nodes'][0]['html'][:160]}"
        for violation in Axe().run(page, options=RULES)["violations"]
    ]
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return found + ([f"{name}: {overflow} px wider than the screen"] if overflow > 0 else [])
