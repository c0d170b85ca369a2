"""Every pair of ink and ground that the style sheets use can be read, in the light and in the dark scheme."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CSS = Path(__file__).parents[4] / "static" / "css"
TEXT, LARGE = 4.5, 3.0  # WCAG 2.2, success criteria 1.4.3 and 1.4.11

TONES = ("prompt", "unsure", "routine", "clear", "declined", "failed", "success")
INKS = ("ink", "ink-soft", "accent", "accent-strong")
READ = [
    *((ink, ground) for ink in INKS for ground in ("paper", "surface", "sunken")),
    ("on-accent", "accent"), ("on-accent", "accent-strong"), ("accent", "accent-soft"),
    ("accent-strong", "accent-soft"),
    ("ink", "accent-soft"), ("ink-soft", "accent-soft"), ("surface", "declined-ink"),
    ("on-viewer", "viewer"), ("on-viewer-soft", "viewer"), ("on-viewer", "viewer-control"),
    *((f"{tone}-ink", f"{tone}-soft") for tone in TONES), *((f"{tone}-ink", "surface") for tone in TONES),
    *(("ink", f"{tone}-soft") for tone in TONES),
]  # fmt: skip
SEEN = [
    ("line-strong", "surface"), ("line-strong", "paper"), ("focus", "surface"), ("focus", "paper"),
    ("viewer-focus", "viewer"), ("overlay", "viewer"), *((f"{tone}-line", "surface") for tone in TONES),
]  # fmt: skip


def scheme(name: str) -> dict[str, str]:
    light, dark = (CSS / "tokens.css").read_text(encoding="utf-8").split("@media (prefers-color-scheme: dark)")
    text = light if name == "light" else light + dark
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", text))


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    darker, lighter = sorted((luminance(first), luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def test_black_on_white_has_the_greatest_contrast() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_text_can_be_read(name: str) -> None:
    colours = scheme(name)
    weak = {(ink, ground): round(contrast(colours[ink], colours[ground]), 2) for ink, ground in READ
            if contrast(colours[ink], colours[ground]) < TEXT}  # fmt: skip
    assert weak == {}


@pytest.mark.parametrize("name", ["light", "dark"])
def test_borders_of_fields_and_the_focus_ring_can_be_seen(name: str) -> None:
    colours = scheme(name)
    weak = {(mark, ground): round(contrast(colours[mark], colours[ground]), 2) for mark, ground in SEEN
            if contrast(colours[mark], colours[ground]) < LARGE}  # fmt: skip
    assert weak == {}


def test_no_style_sheet_but_the_tokens_names_a_colour() -> None:
    """Print and the viewer's own black and white excepted."""
    free = {"tokens.css", "print.css", "viewer.css"}
    named = {
        path.name: re.findall(r"#[0-9a-fA-F]{3,8}\b", path.read_text(encoding="utf-8")) for path in CSS.glob("*.css")
    }
    assert {name: found for name, found in named.items() if found and name not in free} == {}


def test_every_token_that_is_used_is_defined() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in CSS.glob("*.css"))
    defined = set(re.findall(r"(--[a-z0-9-]+):", text))
    assert set(re.findall(r"var\((--[a-z0-9-]+)", text)) - defined == set()
