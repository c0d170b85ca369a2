"""Explains a reading in sentences: what was outlined, what was measured on it, and where the network looked.

Every number here is in the findings; nothing is guessed, and nothing says what a person has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST = 0.5  # share of the heat from which on the answer rests mostly on the area
CONCENTRATED = 2.0  # times its share of the picture from which on the area draws heat

GROUPS = {
    "benign": "pictures of harmless lesions",
    "malignant": "pictures of cancers",
    "normal": "pictures without a lesion",
}


def sentences(findings: Mapping[str, Any], height: int, width: int) -> tuple[str, ...]:
    """The explanation, one sentence or two per paragraph.

    Args:
        findings: `results.to_json` of the Findings.
        height, width: of the picture in pixels.
    """
    lesion = findings.get("lesion")
    if lesion is None:
        return (_nothing_outlined(findings), _heat_without_lesion(findings))
    told = (
        _outlined(lesion, height, width),
        _contradiction(findings),
        _described(lesion),
        _heat(findings, lesion, height * width),
    )
    return tuple(sentence for sentence in told if sentence)


def percent(share: float) -> str:
    """A share of 0..1 in words that claim no more precision than there is: "62%", "under 1%", "over 99%"."""
    if share < 0.01:
        return "under 1%"
    return "over 99%" if share > 0.99 else f"{share:.0%}"


def where_in_picture(bbox: tuple[int, int, int, int], height: int, width: int) -> str:
    """The part of the picture in which a box (top, left, bottom, right) has its centre, by thirds."""
    down = (bbox[0] + bbox[2]) / 2 / height
    across = (bbox[1] + bbox[3]) / 2 / width
    row = "upper" if down < 1 / 3 else "lower" if down > 2 / 3 else ""
    column = "left" if across < 1 / 3 else "right" if across > 2 / 3 else ""
    return " ".join(part for part in (row, column) if part) or "middle"


def size_in_words(lesion: Mapping[str, Any]) -> str:
    """Width and height in millimetres where the file gave a scale, else in pixels."""
    if lesion.get("width_mm") is not None:
        return f"{lesion['width_mm']:.1f} × {lesion['height_mm']:.1f} mm"
    return f"{lesion['width_px']} × {lesion['height_px']} pixels"


def _nothing_outlined(findings: Mapping[str, Any]) -> str:
    return (
        "No area is outlined: the program found none, or only a faint one on a picture that looks to it like one "
        f"without a lesion. As a whole, it resembles {GROUPS[findings['label']]} most."
    )


def _heat_without_lesion(findings: Mapping[str, Any]) -> str:
    return f"The heat map shows which parts of the picture made the program lean to '{findings['label']}' most."


def _contradiction(findings: Mapping[str, Any]) -> str:
    if findings["label"] != "normal":
        return ""
    return (
        "Yet as a whole the picture looks to it like one without a lesion. One of the two is wrong, and it can't say "
        "which."
    )


def _outlined(lesion: Mapping[str, Any], height: int, width: int) -> str:
    place = where_in_picture(tuple(lesion["bbox"]), height, width)
    more = "" if lesion["parts"] == 1 else f" It is the largest of {lesion['parts']} outlined areas."
    scale = "" if lesion.get("width_mm") is not None else " The file gives no scale, so there are no millimetres."
    return f"The program outlined an area of {size_in_words(lesion)} in the {place} part of the picture.{more}{scale}"


def _described(lesion: Mapping[str, Any]) -> str:
    terms = [f"{item['name']} {item['term']}" for item in lesion["descriptors"] if not item["term"].startswith("no ")]
    return f"Measured on that area, in the terms that radiologists use: {'; '.join(terms)}." if terms else ""


def _heat(findings: Mapping[str, Any], lesion: Mapping[str, Any], picture_px: int) -> str:
    share = findings.get("heat_in_lesion")
    if share is None:
        return ""
    area = lesion["area_px"] / picture_px
    start = (
        f"The area takes up {percent(area)} of the picture and gets {percent(share)} of the heat, which marks what "
        f"made the program lean to '{findings['label']}'."
    )
    return f"{start} {_judgement(share, share / max(area, 1e-6))}"


def _judgement(share: float, times: float) -> str:
    """What the heat says: its share on the area, and how many times the area's share of the picture that is."""
    if share >= MOST and times >= 1.0:
        return "So the answer rests mostly on the outlined area."
    if times >= CONCENTRATED:
        return "So the answer rests on the outlined area more than on other parts of its size, but not on it alone."
    if share < MOST and times < 1.0:
        return "So the answer rests mostly on something else than the outlined area: trust it less."
    return "So the answer rests on the outlined area and on its surroundings alike."
