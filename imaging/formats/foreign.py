"""Files of kinds that are not read: what each is, and what its owner can do. Told by the first bytes alone."""

from __future__ import annotations

import re

from imaging.errors import RefusedUpload

ALLOWED = "PNG, JPEG, WebP, BMP, TIFF, GIF, HEIC, AVIF, JPEG 2000 or DICOM (.dcm)"
_BOXES = {  # brands of ISO base media files that hold no picture of a kind that is read
    b"qt  ": "film", b"mp41": "film", b"mp42": "film", b"isom": "film", b"iso2": "film", b"iso4": "film",
    b"iso5": "film", b"iso6": "film", b"avc1": "film", b"M4V ": "film", b"MSNV": "film", b"dash": "film",
    b"3gp4": "film", b"3gp5": "film", b"3g2a": "film", b"crx ": "raw",
}  # fmt: skip
_STARTS = (
    (b"%PDF-", "pdf"), (b"PK\x03\x04", "zip"), (b"PK\x05\x06", "zip"), (b"Rar!\x1a\x07", "archive"),
    (b"7z\xbc\xaf\x27\x1c", "archive"), (b"BZh", "archive"), (b"\xfd7zXZ\0", "archive"), (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "archive"), (b"\x1aE\xdf\xa3", "film"), (b"FLV\x01", "film"), (b"\x00\x00\x01\xba", "film"),
    (b"\x00\x00\x01\xb3", "film"), (b"0&\xb2u\x8ef\xcf\x11", "film"), (b"8BPS", "photoshop"), (b"%!PS", "postscript"),
    (b"\xc5\xd0\xd3\xc6", "postscript"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "office"), (b"{\\rtf", "office"),
    (b"\x5c\x01\x00\x00", "nifti"), (b"\x00\x00\x01\x5c", "nifti"), (b"NRRD000", "volume"),
    (b"\x89HDF\r\n\x1a\n", "volume"), (b"ObjectType", "volume"), (b"\x00\x00\x01\x00", "icon"),
    (b"P5\n", "netpbm"), (b"P6\n", "netpbm"), (b"P5 ", "netpbm"), (b"P6 ", "netpbm"), (b"\xff\x0a", "jpeg_xl"),
    (b"\x00\x00\x00\x0cJXL \r\n", "jpeg_xl"),
)  # fmt: skip
_SENTENCES = {
    "pdf": "This is a PDF{holds}. Send the picture that is in it: ask whoever made the PDF for the file, or open the "
    "PDF in the free LibreOffice Draw, right-click the picture, save it as PNG, and send that.",
    "zip": "This is a ZIP archive. Unpack it and send one picture of it.",
    "archive": "This is a packed archive. Unpack it and send one picture of it.",
    "gzip": "This is a file packed with gzip. Unpack it and send what is in it.",
    "film": "This is a film. Export one still of it as PNG or JPEG, and send that. The free VLC does so: Video, "
    "Take Snapshot.",
    "raw": "This is a camera's raw file. Export it as JPEG, and send that.",
    "photoshop": "This is a Photoshop file. Export it as PNG, and send that. The free GIMP opens it.",
    "postscript": "This is a PostScript file. Export it as PNG, and send that. The free GIMP opens it.",
    "office": "This is an Office document. Save the picture that is in it as PNG or JPEG, and send that.",
    "nifti": "This is a volume in NIfTI format. Export one slice of it as PNG, and send that. "
    "The free 3D Slicer opens it.",
    "volume": "This is a file of volume data. Export one slice of it as PNG, and send that. "
    "The free 3D Slicer opens it.",
    "icon": "This is an icon. Send the picture as PNG or JPEG.",
    "netpbm": "This is a PGM or PPM picture. Convert it to PNG, and send that. The free GIMP opens it.",
    "jpeg_xl": "This is a JPEG XL picture. Convert it to PNG or JPEG, and send that. The free GIMP opens it.",
    "web_page": "This is a web page, not a picture: the download may have led to a page that asks for a log-in. "
    "Download the picture again, and send that.",
    "text": "This is a text, not a picture.",
}
_PAGE = re.compile(rb"<(!doctype\s+html|html|head|body)[\s>]", re.IGNORECASE)
# Pictures of a PDF are streams, so their dictionaries are never packed; a mask of transparency is one, too.
_PICTURE_OF_PDF, _MASK_OF_PDF = re.compile(rb"/Subtype\s{0,9}/Image\b"), re.compile(rb"/SMask\s{1,9}(\d{1,9})\s")
_TAR_AT = 257
_MOST_NOISE = 0.02  # of the bytes of a text


def refusal_of(content: bytes) -> RefusedUpload:
    """The refusal of a file that is no picture of a kind that is read: 415 `svg_not_allowed` or `not_an_image`."""
    kind = kind_of_foreign(content)
    if kind == "svg":
        return RefusedUpload("svg_not_allowed", f"SVG drawings are not accepted. Send {ALLOWED}.", 415)
    sentence = _SENTENCES.get(kind or "", "This file is not a picture that we read.")
    if kind == "pdf":
        sentence = sentence.format(holds=_held_by_pdf(content))
    return RefusedUpload("not_an_image", f"{sentence} We read {ALLOWED}.", 415)


def kind_of_foreign(content: bytes) -> str | None:
    """The name of a known kind that is not read, None where it is unknown."""
    for start, kind in _STARTS:
        if content.startswith(start):
            return kind
    if content[4:8] == b"ftyp":
        return _BOXES.get(content[8:12], "film")
    if content[:4] == b"RIFF" and content[8:11] == b"AVI":
        return "film"
    if content[344:348] in (b"n+1\0", b"ni1\0"):
        return "nifti"
    if content.startswith(b"ustar", _TAR_AT):
        return "archive"
    head = content[:4096]
    if _PAGE.search(head):
        return "web_page"
    if b"<svg" in head.lower():
        return "svg"
    return "text" if _is_text(head) else None


def _held_by_pdf(content: bytes) -> str:
    """How many pictures a PDF holds, for its sentence; empty where none is seen, as in one that is drawn."""
    masks = {found[1] for found in _MASK_OF_PDF.finditer(content)}
    count = len(_PICTURE_OF_PDF.findall(content)) - len(masks)
    return "" if count < 1 else " that holds one picture" if count == 1 else f" that holds {count} pictures"


def _is_text(head: bytes) -> bool:
    strange = sum(byte < 32 and byte not in b"\t\r\n\f" for byte in head)
    return strange <= _MOST_NOISE * len(head) and b"\0" not in head
