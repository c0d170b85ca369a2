"""The one picture of a request; where there is none, what its sender probably did wrong."""

from __future__ import annotations

from typing import IO

from flask import request

from app.refusals.interface import NoFile, OneFileOnly

FIELD = "file"
_LONGEST_NAME = 40

_NO_BOUNDARY = "The Content-Type has no boundary. Let your client set that header itself."
_BROKEN = (
    "The form has no part that can be read. It was cut off, or its boundary is not the one that the Content-Type names."
)
_JSON = "This is JSON. Send the picture itself, in the multipart field 'file'."
_NO_FORM = "The body is no multipart form. Send the picture in the multipart field 'file', as curl does with -F."
_TEXT = "The field 'file' came as a text. Its part needs a file name, as curl gives it with -F file=@picture.png."


def single_file() -> IO[bytes]:
    """The file of the present request, which is a multipart form.

    Raises:
        NoFile, OneFileOnly: it has none in the field of that name, or several.
    """
    files = request.files.getlist(FIELD)
    if sum(len(several) for several in request.files.listvalues()) > 1:
        raise OneFileOnly
    if not files:
        raise NoFile(_mistake())
    return files[0].stream


def _mistake() -> str | None:
    """A sentence about what is wrong; None for nothing in particular."""
    if request.mimetype != "multipart/form-data":
        return (_JSON if request.is_json else _NO_FORM) if request.content_length != 0 and request.mimetype else None
    if not request.mimetype_params.get("boundary"):
        return _NO_BOUNDARY
    if request.files:
        return _other_field(str(next(iter(request.files))))
    if FIELD in request.form:
        return _TEXT
    return None if request.form else _BROKEN


def _other_field(name: str) -> str:
    is_plain = name.isascii() and name.isprintable() and 0 < len(name) <= _LONGEST_NAME
    called = f"'{name}'" if is_plain else "otherwise"
    return f"The field is called {called}; it must be called '{FIELD}'."
