"""Is this a grey breast ultrasound picture that the networks may judge? Cheap statistics, no network."""

from __future__ import annotations

import cv2
import numpy as np

from imaging.errors import UnusablePicture
from imaging.picture import Picture


def check(picture: Picture) -> tuple[str, ...]:
    """Look at a picture before any network does.

    Returns:
        Notices, sentences fit to be shown.

    Raises:
        UnusablePicture: with the reason.
    """
    pixels = picture.pixels
    if float(pixels.std()) < 6:
        raise UnusablePicture("blank", "The picture is nearly one shade of grey; nothing can be seen in it.")
    if picture.colour_share > 0.03:
        raise UnusablePicture("colour", "The picture is in colour. Export it without colour.")
    smooth = cv2.GaussianBlur(pixels, (0, 0), 4).astype(np.float32)
    if float(smooth.std()) < 0.12 * float(pixels.std()):
        raise UnusablePicture("noise", "The picture is noise without any structure.")
    return ()
