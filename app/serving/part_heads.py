r"""Heads of the parts of a form, whatever the names of files in them are written in.

Windows programs send their code page (`filename="M\xfcller.png"`), others an RFC 5987 charset of their own choice or a
quotation mark too few. No name is ever used, so none may matter: without this, Werkzeug drops the whole form.
"""

from __future__ import annotations

import re

from flask import Flask
from werkzeug import formparser
from werkzeug.datastructures import Headers
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import MultipartDecoder

DISPOSITION = "Content-Disposition"
UNNAMED = 'filename="unnamed"'

# In Shift-JIS, GBK and Big5 a letter may end in the byte of a backslash, which would keep a quotation mark open.
_FOREIGN = re.compile(rb"[\x80-\xff]+\\?")
_HAS_NAME = re.compile(r";\s*filename\*?(?:\d+\*?)?\s*=", re.IGNORECASE)


def bind(_app: Flask) -> None:
    """Let forms be read so, by all applications of this process: Werkzeug offers no place to say it for one."""
    formparser.MultipartDecoder = _Decoder  # type: ignore[attr-defined]


def legible(head: bytes) -> bytes:
    """The same head in UTF-8; letters that are not are replaced by an underscore."""
    try:
        head.decode()
    except UnicodeDecodeError:
        return _FOREIGN.sub(b"_", head)
    return head


def named(disposition: str) -> str:
    """The same Content-Disposition; where the name of a file is there and can't be read, with one that can."""
    _, options = parse_options_header(disposition)
    if "filename" in options or not _HAS_NAME.search(disposition):
        return disposition
    kind, _, rest = disposition.partition(";")
    return f"{kind}; {UNNAMED};{rest}"


class _Decoder(MultipartDecoder):
    def _parse_headers(self, data: bytes | bytearray) -> Headers:
        headers = super()._parse_headers(legible(bytes(data)))
        if DISPOSITION in headers:
            headers[DISPOSITION] = named(headers[DISPOSITION])
        return headers
