"""The whole journey in a real browser: a person uploads and reads, a clinician finds, judges and exports."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.exam.senders.browser_client import PASSWORD
from tests.factories import pictures

pytestmark = [pytest.mark.browser, pytest.mark.slow]


WAITING = "Reading your picture"


def send(page: Page, path: Path, place: str = "") -> None:
    """Choose a file, type a place, send, and wait for the answer."""
    page.goto("/")
    page.set_input_files("#picture", str(path))
    if place:
        page.fill("#place", place)
    page.click("[data-send]")
    page.wait_for_url(re.compile(r"/r/[0-9a-f]{32}"), timeout=30_000)
    expect(page.locator("h1")).not_to_have_text(WAITING, timeout=60_000)


def sign_in(page: Page) -> None:
    page.goto("/login")
    page.fill("input[name=name]", "admin")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button:has-text('Sign in')")
    page.wait_for_url("**/admin/**")


def reference_of(page: Page) -> str:
    return page.url.split("/r/")[1][:8].upper()


def test_a_person_sees_outline_bars_explanation_and_clinics_near_a_typed_place(page: Page, ultrasound: Path) -> None:
    send(page, ultrasound, "Hamilton, ON")
    body = page.inner_text("main")
    for heading in (
        "How strongly the program leans to each group",
        "What was seen and measured",
        "What to do next",
        "Clinics near you",
    ):
        assert heading in body
    for label in ("Benign", "Malignant", "Normal"):
        assert re.search(rf"{label}.*?\d+%", body, re.DOTALL)
    assert "Juravinski" in body
    assert "not a medical device" in page.inner_text("body")
    for picture in page.query_selector_all("main img"):
        assert picture.evaluate("image => image.complete && image.naturalWidth > 0")


def test_clinics_follow_the_browsers_own_position(page: Page, ultrasound: Path) -> None:
    page.context.grant_permissions(["geolocation"])
    page.context.set_geolocation({"latitude": 51.4880, "longitude": -0.1740})
    page.goto("/")
    page.set_input_files("#picture", str(ultrasound))
    page.click("[data-locate]")
    expect(page.locator("[data-located]")).not_to_be_empty()
    page.click("[data-send]")
    page.wait_for_selector("text=Clinics near you", timeout=60_000)
    assert "Marsden" in page.inner_text("#clinics")


def test_an_ambiguous_place_is_asked_about(page: Page) -> None:
    page.goto("/clinics?place=Hamilton")
    assert "Ontario" in page.inner_text("main")
    page.locator("main a, main button", has_text="Ontario").first.click()
    page.wait_for_selector("text=Juravinski")


def test_a_postcode_of_several_countries_is_chosen_by_keyboard_without_javascript(browser, server) -> None:
    context = browser.new_context(base_url=server.address, java_script_enabled=False)
    page = context.new_page()
    page.goto("/clinics")
    page.focus("#clinic-place")
    page.keyboard.type("10115")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Which one do you mean?")
    german = page.locator("main a", has_text="Berlin").first
    german.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Clinics near about 10115 Berlin, Germany")
    assert page.locator(".clinic").count() > 0
    context.close()


def test_the_page_works_without_javascript(page: Page, browser, server, ultrasound: Path) -> None:
    context = browser.new_context(base_url=server.address, java_script_enabled=False)
    plain = context.new_page()
    plain.goto("/")
    plain.set_input_files("#picture", str(ultrasound))
    plain.click("[data-send]")
    plain.wait_for_url(re.compile(r"/r/[0-9a-f]{32}"))
    for _ in range(60):
        if plain.inner_text("h1") != WAITING:
            break
        plain.wait_for_timeout(500)
        plain.reload()
    assert "How strongly the program leans to each group" in plain.inner_text("main")
    context.close()


def test_a_photo_is_declined_with_the_reason_and_a_way_on(page: Page, photo: Path) -> None:
    send(page, photo)
    expect(page.locator("h1")).to_have_text("This picture can't be used")
    assert "%" not in page.inner_text("main h1")
    assert "How strongly the program leans to each group" not in page.inner_text("main")
    assert page.locator("main a[href='/']").count() >= 1


def test_a_text_file_is_refused_on_the_page_itself(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "notes.png"
    path.write_text("this is no picture", encoding="utf-8")
    page.goto("/")
    page.set_input_files("#picture", str(path))
    page.click("[data-send]")
    alert = page.locator(".error-summary")
    expect(alert).to_be_visible()
    assert "PNG" in alert.inner_text()


def test_a_sample_is_read_with_one_click(page: Page) -> None:
    page.goto("/")
    page.locator(".sample").first.click()
    page.wait_for_url(re.compile(r"/r/[0-9a-f]{32}"))
    expect(page.locator("h1")).not_to_have_text(WAITING, timeout=60_000)


def test_the_viewer_switches_layers_by_keyboard_and_mouse(page: Page, ultrasound: Path) -> None:
    send(page, ultrasound)
    chosen = page.locator("input[name=viewer-layer]:checked")
    page.locator("label:has(input[name=viewer-layer][value=heat])").click()
    expect(chosen).to_have_attribute("value", "heat")
    expect(page.locator("img[data-layer=heat]")).to_be_visible()
    expect(page.locator("img[data-layer=outline]")).to_be_hidden()
    chosen.focus()
    page.keyboard.press("ArrowRight")
    expect(chosen).to_have_attribute("value", "none")


def test_a_clinician_finds_the_picture_records_a_verdict_and_exports_it(
    page: Page, ultrasound: Path, tmp_path: Path
) -> None:
    send(page, ultrasound, "Hamilton, ON")
    reference = reference_of(page)
    sign_in(page)
    page.goto(f"/admin/?reference={reference}&reviewed=")
    page.locator("main a[href*='/admin/images/']", has_text=reference).first.click()
    page.wait_for_url("**/admin/images/**")
    page.check("input[name=verdict][value=agree]")
    page.fill("textarea[name=note]", "=1+1 seen in the browser test")
    page.click("text=Record the verdict")
    page.wait_for_load_state()
    page.goto(f"/admin/?reference={reference}&reviewed=")
    with page.expect_download() as download:
        page.evaluate("location.href = '/admin/export.csv?reviewed='")
    path = tmp_path / "export.csv"
    download.value.save_as(path)
    rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    own = [row for row in rows if any(reference.lower() in str(value).lower() for value in row.values())]
    assert own
    assert not any(str(value).startswith("=") for row in rows for value in row.values())


def test_a_person_deletes_their_data(page: Page, ultrasound: Path) -> None:
    send(page, ultrasound)
    address = page.url.split("?")[0]
    page.goto(f"{address}/delete")
    page.locator("main form button").first.click()
    page.wait_for_url("**/")
    answer = page.goto(address)
    assert answer is not None
    assert answer.status == 404


def test_another_frame_of_a_clip_is_read_from_its_result_by_keyboard_on_a_phone(page: Page, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    whole = np.stack([pictures.ultrasound(seed, height=300, width=360) for seed in range(5)])
    clip = tmp_path / "clip.dcm"
    clip.write_bytes(pictures.dicom(whole, NumberOfFrames=5))
    send(page, clip)
    part = page.locator(".frames")
    expect(part.locator("h2")).to_have_text("Frame 3 of 5 was read")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert all(box["height"] >= 44 for box in (one.bounding_box() for one in part.locator("a, button").all()) if box)

    number = part.locator("input")
    number.focus()
    number.fill("5")
    number.press("Enter")
    page.wait_for_url("**/?frame=5")
    assert "Frame 5 will be read" in page.inner_text("main")
    expect(page.locator("#frame")).to_have_value("5")
    page.set_input_files("#picture", str(clip))
    expect(page.locator("#frame")).to_be_visible()
    page.keyboard.press("Enter")  # the button that sends has the focus
    page.wait_for_url(re.compile(r"/r/[0-9a-f]{32}"), timeout=30_000)
    expect(part.locator("h2")).to_have_text("Frame 5 of 5 was read", timeout=60_000)


@pytest.mark.parametrize(("name", "is_asked"), [("a.tif", True), ("a.gif", True), ("a.dcm.gz", True), ("a.png", False)])
def test_the_number_of_a_frame_is_asked_for_only_of_files_that_may_hold_several(
    page: Page, tmp_path: Path, name: str, is_asked: bool
) -> None:
    (tmp_path / name).write_bytes(b"x")
    page.goto("/")
    page.set_input_files("#picture", str(tmp_path / name))
    expect(page.locator("#frame")).to_be_visible(visible=is_asked)
