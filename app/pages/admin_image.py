"""What the template of one image may read: everything that is known of it, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.inference.results import LABELS
from app.pages.admin import percent, tag
from app.pages.frames import frame_in_words
from app.pages.technical import origin_in_words
from app.tables import Analysis, AuditEvent, Image, Review
from app.tables.image import DECLINED, DONE, FAILED


@dataclass(frozen=True)
class Fact:
    """A name with its value, and what it means where that is not plain."""

    name: str
    value: str
    meaning: str = ""


@dataclass(frozen=True)
class Bar:
    """One class of the bar chart: `share` is in 0..1."""

    name: str
    share: float
    percent: str


@dataclass(frozen=True)
class Run:
    """One analysis of an image in a few words."""

    analysis_id: int
    made_at: datetime
    category: str
    label: str
    malignant: str
    models_version: str
    provider: str


@dataclass(frozen=True)
class Opinion:
    """One verdict; `sentence` says it in words."""

    given_at: datetime
    reviewer: str
    sentence: str
    note: str
    models_version: str | None


@dataclass(frozen=True)
class ImagePage:
    """One image with everything that is known of it. `layers` names the picture layers that exist."""

    image_id: str
    reference: str
    status: str
    tag: str
    reason: str | None
    received_at: datetime
    source: str
    width: int
    height: int
    analysis_id: int | None
    label: str | None
    bars: tuple[Bar, ...]
    layers: tuple[str, ...]
    lesion: tuple[Fact, ...]
    descriptors: tuple[Fact, ...]
    certainty: tuple[Fact, ...]
    technical: tuple[Fact, ...]
    notices: tuple[str, ...]
    runs: tuple[Run, ...]
    opinions: tuple[Opinion, ...]
    events: tuple[AuditEvent, ...]
    next_id: str | None

    @property
    def is_finished(self) -> bool:
        return self.status in (DONE, DECLINED, FAILED)

    @classmethod
    def of(cls, image: Image, events: Sequence[AuditEvent], next_id: str | None) -> ImagePage:
        analysis = image.reading
        findings: Mapping[str, Any] = analysis.findings if analysis is not None else {}
        return cls(
            image_id=image.id, reference=image.reference, status=image.status, tag=tag(image), reason=image.reason,
            received_at=image.created_at, source=image.source, width=image.width, height=image.height,
            analysis_id=analysis.id if analysis is not None else None, label=image.label,
            bars=_bars(findings), layers=_layers(analysis), lesion=_lesion(findings),
            descriptors=_descriptors(findings), certainty=_certainty(findings),
            technical=_picture_facts(image) + _run_facts(findings),
            notices=tuple(dict.fromkeys((*image.notices, *findings.get("notices", ())))),
            runs=tuple(_run(analysis) for analysis in reversed(image.analyses)),
            opinions=_opinions(image), events=tuple(events), next_id=next_id,
        )  # fmt: skip


def _bars(findings: Mapping[str, Any]) -> tuple[Bar, ...]:
    shares = findings.get("probabilities") or {}
    return tuple(Bar(label, shares[label], percent(shares[label])) for label in LABELS if label in shares)


def _layers(analysis: Analysis | None) -> tuple[str, ...]:
    if analysis is None:
        return ()
    drawn = ("outline", "fill") if analysis.findings.get("lesion") else ()
    return (*drawn, "heat") if analysis.heat_sha256 else drawn


def _lesion(findings: Mapping[str, Any]) -> tuple[Fact, ...]:
    lesion = findings.get("lesion")
    if not lesion:
        return ()
    facts = [
        Fact("Width × height", _size(lesion, "width", "height")),
        Fact("Longest axis", _length(lesion, "longest_axis"), "greatest distance between two points of the contour"),
        Fact("Area", _area(lesion)),
        Fact("Circularity", f"{lesion['circularity']:.2f}", "4π area / perimeter², 1 for a disc"),
        Fact("Solidity", f"{lesion['solidity']:.2f}", "area over the area of its convex hull"),
        Fact("Contrast", f"{lesion['contrast_db']:+.1f} dB", "echo of the lesion against the ring around it"),
    ]
    if lesion.get("posterior_db") is not None:
        facts.append(Fact("Posterior echo", f"{lesion['posterior_db']:+.1f} dB", "below it against beside it"))
    top, left, bottom, right = lesion["bbox"]
    return (*facts, Fact("Box", f"x {left} to {right - 1}, y {top} to {bottom - 1} px"), _parts(lesion))


def _parts(lesion: Mapping[str, Any]) -> Fact:
    count = lesion["parts"]
    return Fact("Parts of the mask", str(count), "the largest is measured" if count > 1 else "")


def _length(lesion: Mapping[str, Any], name: str) -> str:
    pixels, millimetres = lesion[f"{name}_px"], lesion.get(f"{name}_mm")
    return f"{pixels:.0f} px" + (f" ({millimetres:.1f} mm)" if millimetres is not None else "")


def _size(lesion: Mapping[str, Any], *names: str) -> str:
    return " × ".join(_length(lesion, name) for name in names)


def _area(lesion: Mapping[str, Any]) -> str:
    square_millimetres = lesion.get("area_mm2")
    return f"{lesion['area_px']} px²" + (f" ({square_millimetres:.1f} mm²)" if square_millimetres is not None else "")


def _descriptors(findings: Mapping[str, Any]) -> tuple[Fact, ...]:
    described = (findings.get("lesion") or {}).get("descriptors", ())
    return tuple(
        Fact(str(one["name"]).capitalize(), f"{one['term']} ({one['value']:.2f} {one['unit']})", str(one["meaning"]))
        for one in described
    )


def _certainty(findings: Mapping[str, Any]) -> tuple[Fact, ...]:
    if not findings:
        return ()
    facts = [
        Fact("Classes that fit", ", ".join(findings["plausible"]), "the conformal set"),
        Fact(
            "Out-of-distribution score",
            f"{findings['novelty']:.2f}",
            f"above {findings['novelty_limit']:.2f} the program can't tell",
        ),
    ]
    if findings.get("heat_in_lesion") is not None:
        facts.append(Fact("Heat inside the mask", percent(findings["heat_in_lesion"])))
    return (*facts, Fact("Rule that decided", str(findings.get("because") or "–")))


def _picture_facts(image: Image) -> tuple[Fact, ...]:
    facts = [
        Fact("Id", image.id),
        Fact("Size", f"{image.width} × {image.height} px, {image.kind.upper()}"),
        Fact("Colour dropped", percent(image.colour_share)),
    ]
    if part := origin_in_words(image):
        facts.append(Fact("Part of the file", part))
    if image.frames > 1:
        facts.append(Fact("Frame", frame_in_words(image)))
    spacing = f"{image.spacing_mm:.4f} mm per pixel, from {image.spacing_source}" if image.spacing_mm else "not known"
    return (*facts, Fact("Scale", spacing))


def _run_facts(findings: Mapping[str, Any]) -> tuple[Fact, ...]:
    if not findings:
        return ()
    times = ", ".join(f"{stage} {spent:.0f}" for stage, spent in findings["milliseconds"].items())
    networks = ", ".join(f"{name} {version}" for name, version in findings["models"].items())
    return (
        Fact("Networks", f"{networks} (manifest {findings['models_version']})"),
        Fact("Ran on", f"{findings['provider']}, {findings['precision']}"),
        Fact("Times in ms", times),
    )


def _run(analysis: Analysis) -> Run:
    probabilities = analysis.findings["probabilities"]
    return Run(
        analysis.id, analysis.created_at, analysis.category, str(analysis.findings["label"]),
        percent(probabilities["malignant"]), analysis.models_version, analysis.provider,
    )  # fmt: skip


def _opinions(image: Image) -> tuple[Opinion, ...]:
    versions = {analysis.id: analysis.models_version for analysis in image.analyses}
    return tuple(_opinion(review, versions) for review in reversed(image.reviews))


def _opinion(review: Review, versions: Mapping[int, str]) -> Opinion:
    label = review.label or "none of the classes"
    sentence = f"Agrees: {label}" if review.verdict == "agree" else f"Disagrees: {label}"
    version = versions.get(review.analysis_id) if review.analysis_id is not None else None
    return Opinion(review.created_at, review.user.name, sentence, review.note, version)
