"""BI-RADS ultrasound terms for measured numbers.

The terms are those of the ultrasound lexicon of the ACR BI-RADS Atlas, 5th edition (2013). The lexicon gives words, not
numbers: the numbers behind each term and their limits are ours. They were chosen on the masks that doctors drew in
two public sets (BUSI, 630 lesions; BUS-BRA, 1,875), with some allowance for the smoother masks of a network. How
well each number alone separates benign from malignant there, as area under the ROC curve
(`benchmarks/questions/descriptors.py`):

    number                               term            BUSI   BUS-BRA
    mask area / hull area                shape           0.99   0.85
    hull perimeter / contour perimeter   margin          0.99   0.91
    change of echo across the contour    margin          0.77   0.77
    height / width                       orientation     0.71   0.78
    echo below against echo beside       posterior       0.77   0.64
    echo inside against the ring         echo pattern    0.62   0.56

The two first are so high in BUSI since its doctors drew what they knew to be malignant with a jagged line; on a
network's mask they say less. No term decides anything in this product: it is shown, the networks decide.
"""

from __future__ import annotations

from dataclasses import dataclass

# Shape. 0.93 keeps 97 % (BUSI) and 83 % (BUS-BRA) of benign lesions oval or round, and calls 83 and 74 % of malignant
# ones irregular.
REGULAR_SOLIDITY = 0.93
ROUND_ASPECT = 0.87
# Orientation. The lexicon counts what is round as not parallel, so the limit is a little below 1.
PARALLEL_HEIGHT_TO_WIDTH = 0.9
# Margin. Both are needed for "circumscribed": 74 and 86 % of benign lesions are, 7 and 17 % of malignant ones.
EVEN_CONVEXITY = 0.91
SHARP_EDGE_DB = 1.5
# Echo, in dB of the grey values as they are shown (log-compressed by the scanner, so not the dB of the echo itself).
ANECHOIC_DB = -12.0
HYPOECHOIC_DB = -1.5
HYPERECHOIC_DB = 1.5
POSTERIOR_DB = 2.0


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
        "shape", term, round(solidity, 3), "mask area / hull area",
        f"The outlined area fills {solidity:.0%} of the tightest band around it; its short side is {aspect:.0%} of "
        "its long side.",
    )  # fmt: skip


def orientation(height_to_width: float) -> Descriptor:
    """Parallel to the skin when wider than tall: the transducer is at the upper edge of the picture."""
    term = "parallel" if height_to_width <= PARALLEL_HEIGHT_TO_WIDTH else "not parallel"
    words = "wider than tall" if term == "parallel" else "taller than wide, or about as tall"
    return Descriptor(
        "orientation", term, round(height_to_width, 2), "height / width",
        f"The outlined area is {words}.",
    )  # fmt: skip


def margin(convexity: float, edge_db: float) -> Descriptor:
    """Circumscribed when the contour is even (hull perimeter over its own, 0..1) and the echo changes within 3 px."""
    is_even, is_sharp = convexity >= EVEN_CONVEXITY, edge_db >= SHARP_EDGE_DB
    term = "circumscribed" if is_even and is_sharp else "not circumscribed"
    outline = "even" if is_even else "uneven"
    edge = "clear" if is_sharp else "soft"
    return Descriptor(
        "margin", term, round(convexity, 3), "hull perimeter / contour perimeter",
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
