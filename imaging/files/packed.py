"""Packed files: what gzip holds, and the one picture of a ZIP archive. Nothing is ever written; names are never paths.

Unpacked bytes are bounded, whatever a header claims, and what is packed again within is not opened.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass

from imaging.errors import RefusedUpload
from imaging.formats.validate import kind_of

ONE_OF_ZIP = "The only picture in the ZIP archive was read."
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_MOST_MEMBERS = 1000
_HEAD_BYTES = 512  # enough to tell a kind
_AT_ONCE = 1 << 20
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_UNPACK = "Unpack it and send one picture of it."
_DISC = " It is a copy of a disc: a free DICOM viewer, such as Weasis, shows which is which, and exports one as PNG."
_OFFICE = "[Content_Types].xml"
_BROKEN = RefusedUpload("damaged_image", f"The archive is damaged or incomplete. {_UNPACK}")


@dataclass(frozen=True)
class Unpacked:
    """The bytes to read, and notices."""

    content: bytes
    notices: tuple[str, ...] = ()


def unpacked(content: bytes, most: int) -> Unpacked:
    """What is to be read of a file: what gzip or a ZIP archive holds, else the file itself.

    Args:
        most: bytes that it may unpack to.

    Raises:
        RefusedUpload: `not_an_image` (415) where a ZIP holds no picture, several, or locked ones; `damaged_image`;
            `too_many_pixels` (413) where it unpacks to more than `most`.
    """
    if content.startswith(_GZIP):
        return Unpacked(_inflated(content, most))
    if content.startswith(_ZIP):
        return _of_zip(content, most)
    return Unpacked(content)


def _inflated(content: bytes, most: int) -> bytes:
    inflater, parts, size, rest = zlib.decompressobj(zlib.MAX_WBITS | 16), list[bytes](), 0, content
    try:
        while rest and not inflater.eof:
            parts.append(inflater.decompress(rest, _AT_ONCE))
            size, rest = size + len(parts[-1]), inflater.unconsumed_tail
            _check(size, most)
    except zlib.error:
        raise _BROKEN from None
    if not inflater.eof:
        raise _BROKEN
    return b"".join(parts)


def _of_zip(content: bytes, most: int) -> Unpacked:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            pictures = [member for member in _files(archive) if _is_picture(archive, member)]
            if len(pictures) != 1:
                raise RefusedUpload("not_an_image", _said_of(len(pictures), archive.namelist()), 415)
            return Unpacked(_member(archive, pictures[0], most), (ONE_OF_ZIP,))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError):
        raise _BROKEN from None


def _files(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    members = [member for member in archive.infolist() if not member.is_dir() and not _is_byproduct(member.filename)]
    if len(members) > _MOST_MEMBERS:
        raise RefusedUpload("not_an_image", f"This is a ZIP archive of very many files. {_UNPACK}", 415)
    if any(member.flag_bits & 1 for member in members):
        raise RefusedUpload("not_an_image", f"This is a ZIP archive with a password. {_UNPACK}", 415)
    if any(_leads_out(member.filename) for member in members):
        raise RefusedUpload("not_an_image", f"This is a ZIP archive whose names lead out of it. {_UNPACK}", 415)
    return [member for member in members if member.compress_type in _METHODS]


def _leads_out(name: str) -> bool:
    """Nothing is written under these names; who makes them up means no good with the rest, either."""
    return name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or name[1:2] == ":"


def _is_byproduct(name: str) -> bool:
    """What a Mac puts into every archive beside the files themselves."""
    return name.startswith("__MACOSX/") or name.rsplit("/", 1)[-1].startswith("._")


def _is_picture(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    with archive.open(member) as file:
        head = file.read(_HEAD_BYTES)
    try:
        return bool(kind_of(head)) and member.filename.rsplit("/", 1)[-1].upper() != "DICOMDIR"
    except RefusedUpload:
        return False


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    parts, size = list[bytes](), 0
    with archive.open(member) as file:
        while part := file.read(_AT_ONCE):
            parts.append(part)
            size += len(part)
            _check(size, most)
    if size != member.file_size:
        raise _BROKEN
    return b"".join(parts)


def _check(size: int, most: int) -> None:
    if size > most:
        raise RefusedUpload("too_many_pixels", f"The file unpacks to more than {most // 1_000_000} MB.", 413)


def _said_of(count: int, names: list[str]) -> str:
    if _OFFICE in names:
        return "This is an Office document. Save the one picture that is meant as PNG or JPEG, and send that."
    if count == 0:
        return "This is a ZIP archive without a picture that we read. Unpack it and send a picture."
    is_disc = any(name.rsplit("/", 1)[-1].upper() == "DICOMDIR" for name in names)
    return f"This is a ZIP archive of {count} pictures. {_UNPACK}{_DISC if is_disc else ''}"
