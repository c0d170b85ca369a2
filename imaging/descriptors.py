"""BI-RADS ultrasound terms for measured numbers.

The terms are those of the ACR BI-RADS Atlas, 5th edition, ultrasound lexicon. The numbers behind each term and their
thresholds are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

ROUND_ASPECT = 0.87
REGULAR_SOLIDITY = 0.93
PARALLEL_ASPECT = 1.0
SMOOTH_CIRCULARITY = 0.72
SHARP_EDGE_DB = 3.0
ANECHOIC_DB = -18.0
HYPOECHOIC_DB = -2.0
HYPERECHOIC_DB = 2.0
POSTERIOR_DB = 2.5


@dataclass(frozen=True)
class Descriptor:
    """One BI-RADS descriptor.

    Attributes:
        name: shape, orientation, margin, echo pattern or posterior features.
        term: the field's term, for instance "parallel".
        value: the measured number that the term rests on; unit: its unit or what it is.
        meaning: one plain sentence for a person, saying what was measured, never what they have.
    """

    name: str
    term: str
    value: float
    unit: str
    meaning: str


def shape(solidity: float, aspect: float) -> Descriptor:
    """Oval, round or irregular, from area over hull area and from shorter over longer axis (both 0..1)."""
    term = "irregular" if solidity < REGULAR_SOLIDITY else "round" if aspect >= ROUND_ASPECT else "oval"
    return Descriptor(
        "shape", term, round(solidity, 3), "outline area / hull area",
        f"The outlined area fills {solidity:.0%} of the tightest band around it; its short side is {aspect:.0%} of "
        "its long side.",
    )  # fmt: skip


def orientation(height_to_width: float) -> Descriptor:
    """Parallel when wider than tall: the transducer's face is the upper edge of the picture."""
    term = "parallel" if height_to_width <= PARALLEL_ASPECT else "not parallel"
    words = "wider than tall" if term == "parallel" else "taller than wide"
    return Descriptor(
        "orientation", term, round(height_to_width, 2), "height / width",
        f"The outlined area is {words}.",
    )  # fmt: skip


def margin(circularity: float, edge_db: float) -> Descriptor:
    """Circumscribed when the outline is even and the echo changes within a few pixels of it."""
    is_even, is_sharp = circularity >= SMOOTH_CIRCULARITY, edge_db >= SHARP_EDGE_DB
    term = "circumscribed" if is_even and is_sharp else "not circumscribed"
    outline = "even" if is_even else "uneven"
    edge = "clear" if is_sharp else "soft"
    return Descriptor(
        "margin", term, round(circularity, 3), "4 pi area / perimeter^2",
        f"The outline is {outline}, and its edge is {edge} ({edge_db:.1f} dB across it).",
    )  # fmt: skip


def echo_pattern(contrast_db: float) -> Descriptor:
    """Anechoic, hypoechoic, isoechoic or hyperechoic, against the ring of tissue around."""
    if contrast_db <= ANECHOIC_DB:
        term = "anechoic"
    elif contrast_db <= HYPOECHOIC_DB:
        term = "hypoechoic"
    else:
        term = "hyperechoic" if contrast_db >= HYPERECHOIC_DB else "isoechoic"
    words = {"hyperechoic": "brighter than", "isoechoic": "about as bright as"}.get(term, "darker than")
    return Descriptor(
        "echo pattern", term, round(contrast_db, 1), "dB against the ring around",
        f"Inside, the picture is {words} the tissue around it.",
    )  # fmt: skip


def posterior_features(posterior_db: float | None) -> Descriptor | None:
    """Enhancement, shadowing or none; None where too little of the picture lies below."""
    if posterior_db is None:
        return None
    if posterior_db >= POSTERIOR_DB:
        term, words = "enhancement", "brighter than"
    elif posterior_db <= -POSTERIOR_DB:
        term, words = "shadowing", "darker than"
    else:
        term, words = "no posterior features", "about as bright as"
    return Descriptor(
        "posterior features", term, round(posterior_db, 1), "dB against tissue beside it",
        f"Below it, the picture is {words} the tissue beside that.",
    )  # fmt: skip
