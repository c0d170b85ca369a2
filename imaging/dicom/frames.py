"""Which frames a clip holds, and in which order they are tried until one shows something."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pydicom.encaps import get_frame

from imaging.errors import RefusedUpload
from imaging.formats.pieces import check_fragments

_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_NEAR, _FAR = 20, 20  # frames tried beside the middle, and spread over the rest of a long clip


def order(frames: int) -> Iterator[int]:
    """Frames in the order of trying: from the middle outwards, of a long clip then some spread over all of it."""
    middle = frames // 2
    near = [middle + (step + 1) // 2 * (1 if step % 2 else -1) for step in range(min(frames, _NEAR) + 1)]
    far = range(0, frames, max(1, frames // _FAR))
    yield from dict.fromkeys(frame for frame in (*near, *far) if 0 <= frame < frames)


def check_asked(frame: int | None, frames: int) -> None:
    """Refuse a frame that the clip does not hold.

    Raises:
        RefusedUpload: `no_such_frame` (422).
    """
    if frame is not None and not 0 <= frame < frames:
        raise RefusedUpload("no_such_frame", f"The clip has {frames} frames; there is no frame {frame + 1}.")


def which(asked: int | None, chosen: int, frames: int) -> tuple[str, ...]:
    """The notice on which frame was read."""
    if frames == 1:
        return ()
    read = f"Frame {chosen + 1} of {frames} was read"
    if asked is not None:
        return (f"{read}, as asked.",)
    if chosen == frames // 2:
        return (f"{read}, the middle one.",)
    return (f"{read}, the one nearest to the middle that shows something.",)


def fewer(said: int, held: int) -> tuple[str, ...]:
    """The notice on a clip that holds fewer frames than its header says."""
    return (f"The file promises {said} frames and holds {held}.",) if held < said else ()


def whole_fragments(encapsulated: bytes) -> tuple[list[tuple[int, int]], bool]:
    """Where the fragments of compressed pixels lie that are there in full, after the table of offsets.

    Returns:
        Start and end of each, its head included; whether one is cut.
    """
    found: list[tuple[int, int]] = []
    position, is_cut = 0, False
    while encapsulated[position : position + 4] == _ITEM and position + 8 <= len(encapsulated):
        (length,) = struct.unpack_from("<I", encapsulated, position + 4)
        end = position + 8 + length
        if end > len(encapsulated):
            is_cut = True
            break
        found.append((position, end))
        position = end
    return found[1:], is_cut


def held(encapsulated: bytes, said: int) -> tuple[int, bytes]:
    """How many frames compressed pixels hold, and the pixels, mended where a clip breaks off.

    Raises:
        RefusedUpload: `bad_dicom`, not one frame is whole; `too_many_pieces`.
    """
    check_fragments(encapsulated)
    fragments, is_cut = whole_fragments(encapsulated)
    if not fragments or (is_cut and said == 1):
        raise RefusedUpload("bad_dicom", "The DICOM file breaks off within the picture.")
    if len(fragments) >= said and not is_cut:
        return said, encapsulated
    items = b"".join(encapsulated[start:end] for start, end in fragments)
    return min(said, len(fragments)), _ITEM + b"\0\0\0\0" + items + _END + b"\0\0\0\0"


def frame_of(encapsulated: bytes, frame: int, frames: int) -> bytes:
    """The bytes of one compressed frame."""
    return get_frame(encapsulated, frame, number_of_frames=frames)
