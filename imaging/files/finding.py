"""From decoded pixels to the ultrasound image in them: margins cut off, text that may name a person blanked."""

from __future__ import annotations

from imaging.files.deidentify import without_text_bands
from imaging.layout import margins
from imaging.picture import Picture


def found(picture: Picture) -> Picture:
    """The image within a picture, with notices of what was taken away; training and serving both read it so.

    Margins go first, and with them what is written on paper; then bands of text, and the black that they leave.
    """
    return margins.cut(without_text_bands(margins.cut(picture)))
