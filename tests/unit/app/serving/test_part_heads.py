"""Names of files in every encoding that programs send. The number is that of the kind in the collection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.serving.part_heads import legible, named
from server.headers import HEADERS

IMAGES = "/api/v1/studies"
NAMES: dict[str, bytes] = {
    "windows-1252": b'filename="M\xfcller.png"',
    "windows-1252, bare": b"filename=M\xfcller.png",
    "windows-1252 with an escaped quote": b'filename="M\xfc\\"ller.png"',
    "windows-1256": 'filename="صورة.png"'.encode("windows-1256"),
    "shift-jis": 'filename="超音波.png"'.encode("shift_jis"),
    "shift-jis, ends like an escape": 'filename="図表"'.encode("shift_jis"),
    "gbk": 'filename="超声.png"'.encode("gbk"),
    "big5, ends like an escape": 'filename="成功"'.encode("big5"),
    "utf-8": 'filename="Müller 超音波 \U0001f9a6.png"'.encode(),
    "utf-8 after RFC 5987": b"filename*=UTF-8''M%C3%BCller.png",
    "latin-1 after RFC 5987": b"filename*=iso-8859-1'de'M%FCller.png",
    "windows-1252 after RFC 5987": b"filename*=windows-1252''M%FCller.png",
    "shift-jis after RFC 5987": b"filename*=Shift_JIS'ja'%92%B4.png",
    "wrong after RFC 5987": b"filename*=UTF-8''M%FCller.png",
    "raw after RFC 5987": b"filename*=UTF-8''M\xfcller.png",
    "nothing after RFC 5987": b"filename*=(",
    "both": b"filename=\"M\xfcller.png\"; filename*=UTF-8''M%C3%BCller.png",
    "in pieces": b"filename*0*=windows-1252''M%FC; filename*1*=ller.png",
    "an open quotation mark": b'filename="scan.png',
    "a bracket": b"filename=(1).png",
    "encoded words": b'filename="=?windows-1252?Q?M=FCller.png?="',
}


def form(head: bytes, content: bytes, boundary: bytes = b"xx") -> dict[str, Any]:
    """A form with one part, as a client's bytes."""
    lines = (b"--" + boundary, b"Content-Disposition: " + head, b"Content-Type: image/png", b"", content)
    body = b"\r\n".join((*lines, b"--" + boundary + b"--", b""))
    return {"data": body, "content_type": f"multipart/form-data; boundary={boundary.decode()}"}


@pytest.mark.parametrize("case", NAMES)
def test_27_a_name_in_any_encoding_does_not_matter(client: FlaskClient, scan: Callable[..., bytes], case: str) -> None:
    sent = form(b'form-data; name="file"; ' + NAMES[case], scan())
    answer = client.post(IMAGES, **sent)
    assert (answer.status_code, answer.json["status"]) == (201, "done"), answer.json


@pytest.mark.parametrize("case", NAMES)
def test_27_so_it_is_on_the_page(client: FlaskClient, scan: Callable[..., bytes], case: str) -> None:
    client.application.config["WTF_CSRF_ENABLED"] = False
    answer = client.post("/", **form(b'form-data; name="picture"; ' + NAMES[case], scan()))
    assert answer.status_code == 303, answer.text


def test_27_a_foreign_name_of_the_field_beside_it_spoils_nothing(
    client: FlaskClient, scan: Callable[..., bytes]
) -> None:
    sent = form(b'form-data; name="file"; filename="M\xfcller.png"', scan())
    other = b'--xx\r\nContent-Disposition: form-data; name="St\xe4dte"\r\n\r\nHamilton\r\n'
    assert client.post(IMAGES, data=other + sent["data"], content_type=sent["content_type"]).status_code == 201


def test_27_utf_8_stays_as_it_is() -> None:
    head = 'Content-Disposition: form-data; filename="Müller\\".png"'.encode()
    assert legible(head) == head
    assert legible(b'filename="\x95\x5c"; x="\xfc"') == b'filename="_"; x="_"'


@pytest.mark.parametrize(
    "disposition", ['form-data; name="place"', 'form-data; name="file"; filename=""', "form-data", ""]
)
def test_27_what_has_no_name_of_a_file_gets_none(disposition: str) -> None:
    assert named(disposition) == disposition


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "no boundary": ({"data": form(b'form-data; name="file"; filename="a"', b"x")["data"],
                     "content_type": "multipart/form-data"}, "The Content-Type has no boundary."),
    "another boundary": ({"data": form(b'form-data; name="file"; filename="a"', b"x")["data"],
                          "content_type": "multipart/form-data; boundary=yy"}, "its boundary is not the one"),
    "cut off": ({"data": form(b'form-data; name="file"; filename="a"', b"x")["data"][:-8],
                 "content_type": "multipart/form-data; boundary=xx"}, "It was cut off"),
    "a bare picture": ({"data": b"\x89PNG", "content_type": "image/png"}, "The body is no multipart form."),
    "a bare DICOM file": ({"data": b"DICM", "content_type": "application/dicom"}, "The body is no multipart form."),
    "curl without -F": ({"data": b"\x89PNG", "content_type": "application/x-www-form-urlencoded"},
                        "The body is no multipart form."),
    "JSON": ({"json": {"file": "iVBORw0KGgo="}}, "This is JSON."),
    "another field": (form(b'form-data; name="image"; filename="a"', b"x"), "The field is called 'image'; it must be"),
    "a foreign field": (form(b'form-data; name="Bild \xfc <b>"; filename="a"', b"x"), "The field is called"),
    "a long field": (form(b'form-data; name="' + b"x" * 300 + b'"; filename="a"', b"x"), "is called otherwise;"),
    "no field": (form(b'form-data; filename="a"', b"x"), "The field is called"),
    "a text": (form(b'form-data; name="file"', b"picture.png"), "The field 'file' came as a text."),
    "nothing": ({}, "Send the picture in the multipart field 'file'."),
    "other texts": (form(b'form-data; name="place"', b"Hamilton"), "Send the picture in the multipart field 'file'."),
}  # fmt: skip


# Werkzeug leaves the file of a part that broke off to the garbage collector, which closes it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("case", MISTAKES)
def test_27_what_came_instead_of_a_file_is_said(client: FlaskClient, case: str) -> None:
    sent, sentence = MISTAKES[case]
    answer = client.post(IMAGES, **sent)
    assert (answer.status_code, answer.json["code"]) == (400, "no_file")
    assert sentence in answer.json["message"]
    assert answer.headers["X-Content-Type-Options"] == HEADERS["X-Content-Type-Options"]
