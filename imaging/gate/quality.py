"""Is this one grey breast ultrasound picture, as the networks were made for? Cheap statistics, no network.

The limits stand a little outside of what 2,911 real pictures of three public sets show. How many of them, and of other
pictures, are declined: `benchmarks/questions/declining.py`. The out-of-distribution score judges what passes here.
"""

from __future__ import annotations

from imaging.errors import UnusablePicture
from imaging.gate.panels import has_several_panels
from imaging.gate.texture import Texture, texture
from imaging.picture import Picture

LEAST_DEVIATION = 8.0
LEAST_SPAN = 45.0
MOST_COLOUR = 0.03
NOTED_COLOUR = 0.003
MOST_PAPER = 0.6
LEAST_STRUCTURE = 0.3
LEAST_STRUCTURE_OF_SCREEN = 0.2
MOST_FLAT = 0.3
MOST_FLAT_TISSUE = 0.35
LEAST_LIT_LAYERING = 1.08
LEAST_LAYERING = 1.16
# Text around a picture on a whole screen pulls `layering` to 1, but leaves the median over tiles as high as it was.
LEAST_BAND_LAYERING, LEAST_BAND_LAYERING_OF_SCREEN = 1.12, 1.4

_SENTENCES = {
    "blank": "The picture is nearly one shade of grey, so nothing can be seen in it.",
    "colour": "Part of the picture is in colour. Switch off Doppler, elastography and colour maps, and export it again "
    "in grey.",
    "text": "This looks like a page or a screen of text, not like an ultrasound picture.",
    "noise": "The picture is fine grain or print without any larger structure, not an ultrasound picture.",
    "not_ultrasound": "This does not look like a breast ultrasound picture: the fine layers that lie parallel to the "
    "skin are missing. A photo, a mammogram, a drawing or a picture turned on its side looks like that.",
    "several_panels": "This looks like several pictures in one. Export each of them by itself.",
    "inverted": "The greys of this picture look inverted: shadows are bright, and bright layers are dark. Switch the "
    "inversion off in the viewer, and export it again.",
    "photo_of_screen": "This looks like a photo of a screen or of a print. Export the picture from the device or from "
    "the viewer, or ask the practice for the file.",
}
_FEW_COLOURS = "Coloured marks in the picture were turned to grey."


def refusal(code: str) -> UnusablePicture:
    """The refusal with the gate's sentence for a code: of its own, or of the layout network."""
    return UnusablePicture(code, _SENTENCES[code])


def check(picture: Picture) -> tuple[str, ...]:
    """Say whether a picture is what the networks were made for.

    This runs beside them; what they found in a picture that is declined is thrown away.

    Returns:
        Notices, sentences fit to be shown.

    Raises:
        UnusablePicture: `blank`, `colour`, `text`, `noise`, `not_ultrasound` or `several_panels`, with a sentence;
            what the file itself says comes first (`other_organ`, too).
    """
    if picture.objection is not None:
        raise UnusablePicture(picture.objection.code, picture.objection.sentence)
    code = _objection(picture)
    if code is not None:
        raise refusal(code)
    return (_FEW_COLOURS,) if picture.colour_share > NOTED_COLOUR else ()


def _objection(picture: Picture) -> str | None:
    found = texture(picture.pixels)
    if found.deviation < LEAST_DEVIATION or found.span < LEAST_SPAN:
        return "blank"
    if picture.colour_share > MOST_COLOUR:
        return "colour"
    if _is_text(found):
        return "text"
    if found.structure < LEAST_STRUCTURE and found.flat <= MOST_FLAT:
        return "noise"
    if not _is_layered(found):
        return "not_ultrasound"
    return "several_panels" if has_several_panels(picture.pixels) else None


def _is_text(found: Texture) -> bool:
    return found.paper > MOST_PAPER or (found.structure < LEAST_STRUCTURE_OF_SCREEN and found.flat > MOST_FLAT)


def _is_layered(found: Texture) -> bool:
    """Whether rows change faster than columns, with the grain that ultrasound always has."""
    if found.flat_tissue > MOST_FLAT_TISSUE or found.lit_layering < LEAST_LIT_LAYERING:
        return False
    limit = LEAST_BAND_LAYERING if found.layering >= LEAST_LAYERING else LEAST_BAND_LAYERING_OF_SCREEN
    return found.band_layering >= limit
