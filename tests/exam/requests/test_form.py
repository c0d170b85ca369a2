"""The form around the picture: no file, several files, and names of files that are meant to break something."""

from __future__ import annotations

import http.client
import re
import unicodedata
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.exam.marks import exam
from tests.exam.senders.person import BOUNDARY, Part, Person, multipart
from tests.factories.pictures import encoded, ultrasound
from tests.factories.server import Server

Untouched = Callable[[], AbstractContextManager[None]]
Seen = Callable[[str], None]
PICTURE = encoded(ultrasound(8))
OTHER = encoded(ultrasound(9))


def post(server: Server, parts: list[Part], **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a POST of these parts to the JSON interface."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        connection.request("POST", "/api/v1/studies", multipart(parts), {**kind, **headers})
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()
    finally:
        connection.close()


NO_FILES: dict[str, list[Part]] = {
    "nothing": [],
    "a text only": [("place", None, b"Hamilton")],
    "another field": [("upload", "picture.png", PICTURE)],
    "the file as a text": [("file", None, PICTURE)],
}


@exam("B2", given="A form without a file, or with the file in another field", expected="400 `no_file`")
@pytest.mark.parametrize("case", sorted(NO_FILES))
def test_a_form_needs_a_file(server: Server, untouched: Untouched, seen: Seen, case: str) -> None:
    with untouched():
        status, _, body = post(server, NO_FILES[case])
    assert status == 400
    assert b'"no_file"' in body
    seen(f"{case}: {status} no_file")


@exam("B2", given="The page's form with an empty file field", expected="400 and the page with one sentence")
@pytest.mark.parametrize("parts", [[], [("picture", "", b"")]], ids=["no field", "empty field"])
def test_the_page_asks_for_a_picture(server: Server, untouched: Untouched, seen: Seen, parts: list[Part]) -> None:
    with untouched():
        status, _, page = Person(server).send_parts(parts)
    assert status == 400
    assert "Choose an ultrasound picture first." in page
    seen(f"{status}, {page.count('error-summary')} error summary")


@exam("B3", given="Two files in one request, in one field or in two", expected="400 `one_file_only`; neither is kept")
@pytest.mark.parametrize("second", ["file", "another"])
def test_one_picture_at_a_time(server: Server, untouched: Untouched, seen: Seen, second: str) -> None:
    with untouched():
        status, _, body = post(server, [("file", "a.png", PICTURE), (second, "b.png", OTHER)])
        page_status, _, page = Person(server).send_parts([("picture", "a.png", PICTURE), ("picture", "b.png", OTHER)])
    assert status == page_status == 400
    assert b'"one_file_only"' in body
    assert "Send one picture at a time." in page
    seen(f"{status} one_file_only, page {page_status}")


NAMES = {
    "a way up": "../../../../etc/exam-name.png",
    "a way up, encoded": "..%2f..%2fexam-name.png",
    "an absolute path": "/etc/exam-name.png",
    "a drive": "C:\\Windows\\exam-name.png",
    "a zero byte": "exam-name\0.png",
    "a server's settings": ".htaccess-exam-name",
    "a device": "CON",
    "a script": "<script>exam-name</script>.png",
    "a template": "{{7*7}}exam-name.png",
}
LONG_NAMES = {
    "4000 letters": "exam-name" + "x" * 4000 + ".png",
    "emoji": "exam-name-\U0001f9a6\U0001f469‍⚕️.png",
    "right to left": "exam-name-‮gnp.exe",
    "composed": unicodedata.normalize("NFC", "exam-name-Žůžo.png"),
    "decomposed": unicodedata.normalize("NFD", "exam-name-Žůžo.png"),
    "control characters": "exam-name-\x1b[31m\x07.png",
}


def dropped_name(server: Server, name: str) -> str:
    """The picture is taken in, and its name stands nowhere: not on disk, in the answer, on the page or in the log."""
    status, headers, body = post(server, [("file", name, PICTURE)])
    assert status in (200, 201, 202), body[:300]
    page = server.get("/r/" + headers["Location"].rsplit("/", 1)[1])[1]
    kept = b"".join(path.read_bytes() for path in server.data.rglob("*") if path.is_file()) + server.log.read_bytes()
    for place in (body, page, kept, str(headers).encode()):
        assert b"exam-name" not in place
    for path in (server.data / "pictures").rglob("*"):
        if path.is_file():
            assert re.fullmatch(r"[0-9a-f]{64}\.png", path.name), path.name
    assert not list(server.data.parent.rglob("*exam-name*"))
    return f"{status}, no trace of the name"


@exam(
    "B34", given="File names that climb, name devices or hold scripts", expected="Read; the name is never used or kept"
)
@pytest.mark.parametrize("case", sorted(NAMES))
def test_a_bad_name_leads_nowhere(server: Server, seen: Seen, case: str) -> None:
    seen(f"{case}: {dropped_name(server, NAMES[case])}")


@exam(
    "B35",
    given="Names of 4000 letters, emoji, right-to-left, composed and not",
    expected="Read; no name is kept or shown",
)
@pytest.mark.parametrize("case", sorted(LONG_NAMES))
def test_a_strange_name_does_no_harm(server: Server, seen: Seen, case: str) -> None:
    seen(f"{case}: {dropped_name(server, LONG_NAMES[case])}")


@exam(
    "B36",
    given="A file name with line breaks and quotes",
    expected="No header of any answer is split or quotes the name",
)
@pytest.mark.parametrize("name", ['a"\r\nX-Exam: split\r\nb="c', 'a\\"; filename=\\"evil.html', "a%0d%0aX-Exam: split"])
def test_a_name_never_reaches_a_header(server: Server, seen: Seen, name: str) -> None:
    status, headers, body = post(server, [("file", name, PICTURE)])
    assert status in (200, 201, 202, 400), body[:300]
    answers = [headers]
    if status != 400:
        image = "/r/" + headers["Location"].rsplit("/", 1)[1]
        answers += [headers_of(server, path) for path in (image, f"{image}/picture.png")]
    for one in answers:
        assert "X-Exam" not in one
        assert "evil.html" not in str(one)
        assert "split" not in str(one)
    seen(f"{status}, {len(answers)} answers without the name")


def headers_of(server: Server, path: str) -> dict[str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
        return dict(answer.headers)
    finally:
        connection.close()
