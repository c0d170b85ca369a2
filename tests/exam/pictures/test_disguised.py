"""Files that are not what their name says: the content decides, and only the reader of that content is asked."""

from __future__ import annotations

import gzip
import io
import pickle
import re
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from PIL import Image

from tests.exam.marks import exam
from tests.exam.senders.person import BOUNDARY, assert_refused, multipart
from tests.exam.twins import finished
from tests.factories.pictures import encoded, ultrasound
from tests.factories.server import ROOT, Server

Untouched = Callable[[], AbstractContextManager[None]]
Seen = Callable[[str], None]

PIXELS = ultrasound(5, "oval", 300, 360)
SCRIPT = b"<html><script>alert('exam-canary')</script></html>"


def archive(*members: tuple[str, bytes]) -> bytes:
    """A ZIP file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)
    return buffer.getvalue()


def forged_archive() -> bytes:
    """A ZIP whose headers claim 4 GB for what is a few bytes."""
    content = bytearray(archive(("picture.png", encoded(PIXELS))))
    content[22:26] = b"\xfe\xff\xff\xff"
    directory = bytes(content).index(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = b"\xfe\xff\xff\xff"
    return bytes(content)


@exam(
    "B7", given="A PNG with the name of a JPEG, and the other way round", expected="Read by content; its kind is kept"
)
@pytest.mark.parametrize(("kind", "name"), [("PNG", "scan.jpg"), ("JPEG", "scan.png"), ("BMP", "scan.dcm")])
def test_the_name_of_a_file_counts_for_nothing(server: Server, seen: Seen, kind: str, name: str) -> None:
    image = finished(server, encoded(PIXELS, kind), name)
    assert (image["status"], image["picture"]["kind"]) == ("done", kind.lower())
    seen(f"{name} is kept as {image['picture']['kind']}")


FOREIGN = {
    "text": b"a plain text, nothing else\n" * 40,
    "PDF": b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF\n",
    "MP4": b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + b"\0" * 400,
    "ZIP": archive(("readme.txt", b"words")),
}


@exam(
    "B8",
    given="A text, a PDF, a film and a ZIP called .png",
    expected="415 `not_an_image`, accepted kinds or a way out",
)
@pytest.mark.parametrize("kind", sorted(FOREIGN))
def test_other_files_are_no_pictures(server: Server, untouched: Untouched, seen: Seen, kind: str) -> None:
    with untouched():
        seen(f"{kind}: {assert_refused(server, FOREIGN[kind], 415, 'not_an_image')}")
    message = server.upload(FOREIGN[kind])[1]["message"]
    assert all(name in message for name in ("PNG", "JPEG", "DICOM")) or "Unpack it" in message


def pillow_bytes(kind: str) -> bytes:
    return encoded(Image.fromarray(PIXELS).convert("RGB"), kind)


OTHER_PICTURES = {
    "EPS": pillow_bytes("EPS"),
    "PPM": pillow_bytes("PPM"),
    "ICNS": pillow_bytes("ICNS"),
    "PSD": b"8BPS\0\x01" + b"\0" * 6 + b"\0\x03\0\0\x01\x2c\0\0\x01\x68\0\x08\0\x03" + b"\0" * 400,
}


@exam(
    "B9",
    given="EPS, PSD, PPM and ICNS called .png",
    expected="415 `not_an_image`; no reader is asked",
)
@pytest.mark.parametrize("kind", sorted(OTHER_PICTURES))
def test_picture_formats_off_the_list_are_refused(server: Server, untouched: Untouched, seen: Seen, kind: str) -> None:
    with untouched():
        seen(f"{kind}: {assert_refused(server, OTHER_PICTURES[kind], 415, 'not_an_image')}")


@exam("B9", given="TIFF, JPEG 2000 and AVIF called .png", expected="Accepted: they are on this product's list")
@pytest.mark.parametrize("kind", ["TIFF", "JPEG2000", "AVIF"])
def test_a_kind_on_the_list_is_read(server: Server, seen: Seen, kind: str) -> None:
    image = finished(server, encoded(PIXELS, kind))
    assert (image["status"], image["picture"]["kind"]) == ("done", kind.lower())
    seen(f"kept as {image['picture']['kind']}")


@exam("B10", given="An SVG drawing with a script", expected="415 `svg_not_allowed`")
@pytest.mark.parametrize("head", [b"", b'<?xml version="1.0"?>\n<!DOCTYPE svg>\n', b"\xef\xbb\xbf  \n"])
def test_a_drawing_is_refused(server: Server, untouched: Untouched, seen: Seen, head: bytes) -> None:
    drawing = head + b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    with untouched():
        seen(assert_refused(server, drawing, 415, "svg_not_allowed", "drawing.svg"))


POLYGLOTS = {
    "PNG and HTML": encoded(PIXELS) + SCRIPT,
    "JPEG and ZIP": encoded(PIXELS, "JPEG", quality=95) + archive(("exam-canary.txt", b"exam-canary" * 20)),
    "GIF and JAR": encoded(PIXELS, "GIF") + archive(("META-INF/exam-canary", b"exam-canary")),
}


@exam("B11", given="A picture that is an HTML page or an archive, too", expected="Only pixels are kept; served inert")
@pytest.mark.parametrize("kind", sorted(POLYGLOTS))
def test_only_the_pixels_of_a_polyglot_survive(server: Server, seen: Seen, kind: str) -> None:
    content = POLYGLOTS[kind]
    assert b"canary" in content
    image = finished(server, content)
    assert image["status"] == "done"
    for path in server.data.rglob("*"):
        if path.is_file():
            assert b"exam-canary" not in path.read_bytes(), path.name
    kept, headers = fetched(server, image["links"]["page"] + "/picture.png")
    assert kept.startswith(b"\x89PNG")
    assert kept.endswith(b"IEND\xaeB`\x82")
    assert headers["Content-Type"] == "image/png"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]
    seen(f"{kind}: kept as a PNG of {len(kept)} bytes that ends at IEND")


def fetched(server: Server, path: str) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a GET."""
    with urllib.request.urlopen(server.address + path, timeout=30) as answer:
        return answer.read(), dict(answer.headers)


ARCHIVES = {
    "pictures": archive(("a.png", encoded(PIXELS)), ("b.png", encoded(PIXELS))),
    "a way out": archive(("../../outside.png", encoded(PIXELS)), ("/etc/outside.png", b"x")),
    "without a picture": archive(("readme.txt", b"words")),
    "an archive inside": archive(("inner.zip", archive(("a.png", encoded(PIXELS))))),
}


@exam("B31", given="Archives: of several pictures, of none, of archives", expected="415 `not_an_image`, the way out")
@pytest.mark.parametrize("kind", sorted(ARCHIVES))
def test_an_archive_that_is_no_single_picture_is_refused(
    server: Server, untouched: Untouched, seen: Seen, kind: str
) -> None:
    with untouched():
        seen(f"{kind}: {assert_refused(server, ARCHIVES[kind], 415, 'not_an_image', 'pictures.zip')}")
    assert "Unpack it" in server.upload(ARCHIVES[kind])[1]["message"]


@exam("B31", given="A ZIP that claims 4 GB, or holds 120 MB of zeros", expected="422 or 413; never unpacked")
@pytest.mark.parametrize("kind", ["forged sizes", "a bomb"])
def test_an_archive_that_claims_too_much_is_refused(
    server: Server, untouched: Untouched, seen: Seen, kind: str
) -> None:
    bomb = archive(("a.png", encoded(PIXELS)[:8] + bytes(120_000_000)))
    content, status, code = (
        (forged_archive(), 422, "damaged_image") if kind == "forged sizes" else (bomb, 413, "too_many_pixels")
    )
    with untouched():
        seen(f"{kind}: {assert_refused(server, content, status, code, 'pictures.zip')}")


SINGLE = {
    "a ZIP": archive(("study/a.png", encoded(PIXELS)), ("readme.txt", b"words")),
    "gzip": gzip.compress(encoded(PIXELS)),
}


@exam("B31", given="A packed single picture", expected="Read; nothing is written under a name")
@pytest.mark.parametrize("kind", sorted(SINGLE))
def test_the_one_picture_of_an_archive_is_read(server: Server, seen: Seen, kind: str) -> None:
    image = finished(server, SINGLE[kind])
    assert (image["status"], image["picture"]["kind"]) == ("done", "png")
    assert not list(server.data.parent.rglob("outside.png"))
    seen(f"{kind}: read")


def networks() -> dict[str, bytes]:
    """Files of the kinds that hold networks; a pickle that would write a file if anybody loaded it."""

    class Loaded:
        def __reduce__(self) -> tuple[object, tuple[str, str]]:
            return open, ("loaded-by-the-server", "w")

    return {
        "evil.pkl": pickle.dumps(Loaded()),
        "weights.pt": archive(("archive/data.pkl", pickle.dumps(Loaded())), ("archive/version", b"3")),
        "unet.onnx": (ROOT / "models" / "unet.onnx").read_bytes()[:2_000_000],
    }


@exam("B68", given="A pickle, a PyTorch file, an ONNX network as a picture", expected="415 `not_an_image`")
@pytest.mark.parametrize("name", sorted(networks()))
def test_a_network_is_no_picture(server: Server, untouched: Untouched, seen: Seen, name: str) -> None:
    with untouched():
        seen(f"{name}: {assert_refused(server, networks()[name], 415, 'not_an_image', name)}")


@exam("B68", given="A pickle to every door that takes a form", expected="Refused by each; nothing is loaded or kept")
def test_no_door_takes_a_network(server: Server, untouched: Untouched, seen: Seen) -> None:
    doors = [path for path, methods in routes(server) if "POST" in methods]
    assert len(doors) >= 8
    body = multipart([("file", "evil.pkl", networks()["evil.pkl"])])
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    with untouched():
        answers = {door: status_of(urllib.request.Request(server.address + door, body, kind)) for door in doors}
    assert all(400 <= status < 500 for status in answers.values()), answers
    assert not (ROOT / "loaded-by-the-server").exists()
    seen(f"{len(doors)} doors answered {sorted(set(answers.values()))}")


def routes(server: Server) -> list[tuple[str, str]]:
    """Every address with its methods, ids filled in with one that nobody has."""
    lines = (re.split(r"\s{2,}", line.strip()) for line in server.flask("routes").splitlines()[2:])
    return [(re.sub(r"<[^>]*>", "1", line[2]), line[1]) for line in lines]


def status_of(request: urllib.request.Request) -> int:
    """Status of an answer, redirects not followed."""
    opener = urllib.request.build_opener(_Stay)
    try:
        with opener.open(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: object) -> None:
        """None: the redirect itself is the answer."""
