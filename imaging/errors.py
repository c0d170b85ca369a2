"""What can be wrong with a picture. Each error carries a code for programs and a sentence for people.

ImagingError
├── RefusedUpload        the bytes are not a picture that we read (415, 422 or 413)
└── UnusablePicture      a picture, but not one that the networks may judge (the study is declined)
"""

from __future__ import annotations


class ImagingError(Exception):
    """Base of all picture errors.

    Args:
        code: short machine name, listed in docs/reference/errors.md.
        sentence: one sentence fit to be shown to the person who sent the picture.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class RefusedUpload(ImagingError):
    """The bytes cannot become a picture. `status` is the HTTP status that a door should answer with."""

    def __init__(self, code: str, sentence: str, status: int = 422) -> None:
        super().__init__(code, sentence)
        self.status = status


class UnusablePicture(ImagingError):
    """The picture was read, yet it is not a breast ultrasound picture that the networks were made for."""
