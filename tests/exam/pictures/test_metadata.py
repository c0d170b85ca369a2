"""What a picture carries beside its pixels - place, name, device, scripts, burned-in text - must not come through."""

from __future__ import annotations

import io
import urllib.request
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from imaging.files.deidentify import TOP_BLANKED
from tests.exam.marks import exam
from tests.exam.twins import finished
from tests.factories.pictures import encoded, screenshot, ultrasound
from tests.factories.server import Server

Seen = Callable[[str], None]
PIXELS = ultrasound(6, "oval", 375, 448)
CANARY = "exam-canary-7391"
INJECTED = f"<script>alert('{CANARY}')</script>' OR 1=1 --"


def exif(text: str) -> Image.Exif:
    """Owner, device, serial number, comment, and a point on the map."""
    block = Image.Exif()
    block[0x010E] = block[0x010F] = block[0x013B] = block[0x8298] = text
    details = block.get_ifd(0x8769)
    details[0xA430] = details[0xA431] = text  # owner and serial number of the device
    point = block.get_ifd(0x8825)
    point[1], point[2], point[3], point[4] = "N", (43.0, 15.0, 22.0), "W", (79.0, 52.0, 4.0)
    point[29] = text[:10]
    return block


def texts(text: str) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", text)
    info.add_text("Comment", text, zip=True)
    info.add_itxt("XML:com.adobe.xmp", f"<x:xmpmeta>{text}</x:xmpmeta>")
    return info


def carrying(text: str) -> dict[str, bytes]:
    """One picture in every kind, with `text` wherever that kind takes texts."""
    xmp = f"<x:xmpmeta>{text}</x:xmpmeta>".encode()
    return {
        "PNG": encoded(PIXELS, "PNG", pnginfo=texts(text), exif=exif(text)),
        "JPEG": encoded(PIXELS, "JPEG", exif=exif(text), comment=text.encode(), xmp=xmp),
        "WebP": encoded(PIXELS, "WEBP", exif=exif(text), xmp=xmp),
        "TIFF": encoded(PIXELS, "TIFF", exif=exif(text), description=text, artist=text),
        "GIF": encoded(PIXELS, "GIF", comment=text.encode()),
    }


def everything_served(server: Server, links: dict[str, str]) -> bytes:
    """All that the server gives away about an image: answers, pages, layers and their headers."""
    page = links["page"]
    paths = [links["self"], links["mask"], links["overlay"], page, f"{page}/picture.png", f"{page}/thumbnail.png"]
    served = b""
    for path in paths:
        with urllib.request.urlopen(server.address + path, timeout=30) as answer:
            served += str(answer.headers).encode() + answer.read()
    return served


def everything_kept(server: Server) -> bytes:
    """All files of the data folder, and the log."""
    kept = b"".join(path.read_bytes() for path in server.data.rglob("*") if path.is_file())
    return kept + server.log.read_bytes()


@exam(
    "B21",
    given="A picture with place, names and serial numbers in its header",
    expected="Nothing of it is kept or served",
)
@pytest.mark.parametrize("kind", sorted(carrying(CANARY)))
def test_no_header_comes_through(server: Server, seen: Seen, kind: str) -> None:
    content = carrying(CANARY)[kind]
    assert CANARY.encode() in content
    image = finished(server, content, f"{CANARY}.png")
    assert image["status"] == "done"
    served, kept = everything_served(server, image["links"]), everything_kept(server)
    assert CANARY.encode() not in served
    assert CANARY.encode() not in kept
    for name in (b"GPS", b"Exif", b"eXIf"):
        assert name not in served
    seen(f"{kind}: none of {content.count(CANARY.encode())} plain marks in {len(served) + len(kept)} bytes")


@exam(
    "B22", given="A header that holds a script and a piece of SQL", expected="Dropped; nothing of it is kept or shown"
)
@pytest.mark.parametrize("kind", sorted(carrying(INJECTED)))
def test_a_script_in_a_header_is_dropped(server: Server, seen: Seen, kind: str) -> None:
    content = carrying(INJECTED)[kind]
    image = finished(server, content)
    assert image["status"] == "done"
    served = everything_served(server, image["links"])
    for trace in (CANARY.encode(), b"alert(", b"OR 1=1"):
        assert trace not in served
        assert trace not in everything_kept(server)
    seen(f"{kind}: no trace in {len(served)} served bytes")


@exam(
    "B25",
    given="A screen with a name and a date above the picture",
    expected="A warning; the band is not in what is kept",
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_burned_in_text_is_blanked(server: Server, seen: Seen, kind: str) -> None:
    screen = screenshot(PIXELS)
    assert screen[:40].max() > 200
    image = finished(server, encoded(screen, kind))
    assert TOP_BLANKED in image["notices"]
    page = image["links"]["page"]
    status, content = server.get(f"{page}/picture.png")
    assert status == 200
    with Image.open(io.BytesIO(content)) as kept_picture:
        kept = np.asarray(kept_picture)
    part = image["picture"]["part"] | image["picture"]["offset"]
    assert (image["picture"]["file"]["height"], image["picture"]["file"]["width"]) == screen.shape
    assert part["top"] >= 38  # blanked, the band is a margin
    assert kept.shape == (part["height"], part["width"])
    assert TOP_BLANKED in server.get(page)[1].decode() or image["status"] != "done"
    seen(f"{kind}: {image['status']}, band of {screen[:38].max()} sent; kept from row {part['top']} on")


@exam("B25", given="The same screen", expected="No file of the server holds the text's pixels")
def test_only_the_blanked_picture_is_kept(server: Server, seen: Seen) -> None:
    screen = screenshot(PIXELS, "ROE, RICHARD  01-02-1950")
    finished(server, encoded(screen))
    pictures = list((server.data / "pictures").rglob("*.png"))
    assert pictures
    checked = 0
    for path in pictures:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("L"))
        if pixels.shape == PIXELS.shape:
            checked += 1
            assert not np.array_equal(pixels[:38], screen[:38, : pixels.shape[1]]), path.name
        assert pixels.shape != screen.shape, path.name
    assert checked > 0
    seen(f"{checked} kept files of the picture's size, none of the screen's")
