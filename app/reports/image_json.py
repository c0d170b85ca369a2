"""An image as JSON. Page, JSON interface and command line all take their numbers from `reading_json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from app.reading.triage import WORDS
from app.tables import Image
from app.tables.image import QUEUED, RUNNING
from imaging.picture import Origin, Picture

DISCLAIMER = (
    "Research software, not a medical device. One picture is not enough for a judgement: symptoms go to a doctor, "
    "whatever this answer says."
)


def reading_json(findings: Mapping[str, Any], category: str) -> dict[str, Any]:
    """What was read from one picture.

    Args:
        findings: `results.to_json` of the Findings, as kept in the analysis row.
        category: what triage decided.

    Returns:
        Probabilities in 0..1 (together 1), lesion in pixels and, where the spacing is known, millimetres, descriptors,
        the conformal set, models and what they ran on.
    """
    lesion = findings["lesion"]
    return {
        "probabilities": findings["probabilities"],
        "label": findings["label"],
        "category": category,
        "plausible": list(findings["plausible"]),
        "because": findings.get("because"),
        "lesion": _lesion(lesion),
        "descriptors": [dict(descriptor) for descriptor in lesion["descriptors"]] if lesion else [],
        "novelty": {"score": findings["novelty"], "limit": findings["novelty_limit"]},
        "heat_in_lesion": findings["heat_in_lesion"],
        "notices": list(findings["notices"]),
        "models": {"version": findings["models_version"], "networks": findings["models"]},
        "provider": findings["provider"],
        "precision": findings["precision"],
        "milliseconds": findings["milliseconds"],
    }


def unread_json(category: str | None, notices: list[str], decode_ms: float) -> dict[str, Any]:
    """The same keys for a picture that was not read: it waits, or it was declined, or the analysis failed."""
    empty: dict[str, Any] = dict.fromkeys(
        ("probabilities", "label", "because", "lesion", "novelty", "heat_in_lesion", "models", "provider", "precision")
    )
    return empty | {
        "category": category, "plausible": [], "descriptors": [], "notices": notices,
        "milliseconds": {"decode": decode_ms},
    }  # fmt: skip


def image_json(image: Image) -> dict[str, Any]:
    """A stored image, with the addresses of what belongs to it. An image under analysis is reported as queued."""
    analysis = image.reading
    has_reading = analysis is not None
    reading = (
        reading_json(analysis.findings, analysis.category)
        if analysis is not None
        else unread_json(image.category, list(image.notices), image.decode_ms)
    )
    return {
        "id": image.id,
        "source": image.source,
        "status": QUEUED if image.status == RUNNING else image.status,
        "reason": reason_json(image.reason_code, image.reason),
        **reading,
        "advice": advice_json(reading["category"]),
        "picture": picture_json(image, _origin(image)),
        "created_at": image.created_at.isoformat(),
        "finished_at": image.finished_at.isoformat() if image.finished_at else None,
        "links": _links(image.id, has_reading),
        "disclaimer": DISCLAIMER,
    }


def picture_json(picture: Picture | Image, place: Origin) -> dict[str, Any]:
    """The picture as it was read, and where it lay in the file's own frame (pixels of the file)."""
    plain = {name: getattr(picture, name) for name in ("kind", "height", "width", "frame", "frames")}
    return plain | {
        "offset": {"top": place.top, "left": place.left},
        "part": {"height": place.height, "width": place.width},
        "file": {"height": place.file_height, "width": place.file_width},
    }


def _origin(image: Image) -> Origin:
    return Origin(**image.origin) if image.origin else Origin.whole(image.height, image.width)


def reason_json(code: str | None, sentence: str | None) -> dict[str, str] | None:
    """Why a picture was declined or its analysis failed: a code for programs and a sentence for people."""
    return {"code": code, "sentence": sentence or ""} if code else None


def advice_json(category: str | None) -> dict[str, Any] | None:
    """The words of a category, the same as on the result page."""
    return asdict(WORDS[category]) if category else None


def _lesion(lesion: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if lesion is None:
        return None
    plain = {name: value for name, value in lesion.items() if name != "descriptors"}
    return plain | {"bbox": list(lesion["bbox"])}


def _links(image_id: str, has_reading: bool) -> dict[str, str | None]:
    """Addresses within this server; no host name, because only the client knows by which one it reached us."""
    address = f"/api/v1/studies/{image_id}"
    return {
        "self": address,
        "mask": f"{address}/mask.png" if has_reading else None,
        "overlay": f"{address}/overlay.png" if has_reading else None,
        "page": f"/r/{image_id}",
    }
