"""The same upload again: by a person, by a program, by a replayed request, many at once. One image, always."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256

import pytest

from tests.exam.footprint import footprint
from tests.exam.marks import exam
from tests.exam.senders.person import Person
from tests.factories.pictures import encoded, ultrasound
from tests.factories.server import Server

Seen = Callable[[str], None]


def key(text: str) -> dict[str, str]:
    return {"Idempotency-Key": text}


def images(server: Server) -> int:
    return footprint(server).rows["image"]


def kept_is_whole(server: Server, image_id: str) -> bool:
    """The image's kept picture is there, and its name is the hash of its content or of its pixels: it opens."""
    with closing(sqlite3.connect(server.data / "sonotriage.db", timeout=10)) as database:
        (name,) = database.execute("SELECT picture_sha256 FROM image WHERE id = ?", (image_id,)).fetchone()
    (path,) = (server.data / "pictures").rglob(f"{name}.png")
    return sha256(path.read_bytes()).hexdigest() == name


@exam("B50", given="The same file twice by one sender", expected="One image; the second answer leads to the first")
def test_a_second_copy_leads_to_the_first(server: Server, seen: Seen) -> None:
    content, before = encoded(ultrasound(21)), images(server)
    first, image = server.upload(content, **key("exam-twice"))
    second, again = server.upload(content, **key("exam-twice"))
    assert (first in (201, 202), second in (200, 202)) == (True, True)
    assert image["id"] == again["id"]
    assert images(server) == before + 1
    assert kept_is_whole(server, image["id"])
    seen(f"{first}, then {second} with the same id; 1 image")


@exam(
    "B50", given="The same file 20 times at once by one sender", expected="One image, its file whole, 20 equal answers"
)
@pytest.mark.parametrize("run", range(3))
def test_twenty_copies_at_once_are_one_image(server: Server, seen: Seen, run: int) -> None:
    content, before = encoded(ultrasound(30 + run)), images(server)
    with ThreadPoolExecutor(20) as senders:
        answers = list(senders.map(lambda _: server.upload(content, **key(f"exam-crowd-{run}")), range(20)))
    assert {status for status, _ in answers} <= {200, 201, 202}
    ids = {image["id"] for _, image in answers}
    assert len(ids) == 1
    assert images(server) == before + 1
    assert kept_is_whole(server, ids.pop())
    seen(f"{len(answers)} answers, {images(server) - before} image")


@exam("B50", given="One person sends the page's form with the same file twice", expected="Both lead to one result")
def test_a_person_comes_back_to_the_same_result(server: Server, seen: Seen) -> None:
    content, person, before = encoded(ultrasound(22)), Person(server), images(server)
    answers = [person.send(content) for _ in range(2)]
    assert [status for status, _, _ in answers] == [303, 303]
    assert len({headers["Location"] for _, headers, _ in answers}) == 1
    assert images(server) == before + 1
    seen(f"{images(server) - before} image, {answers[1][0]} to the first result")


@exam("B50", given="The same file by two senders", expected="Two images that share nothing but pixels")
def test_two_senders_get_an_image_each(server: Server, seen: Seen) -> None:
    content, before = encoded(ultrasound(23)), images(server)
    ids = {server.upload(content, **key(name))[1]["id"] for name in ("exam-one", "exam-two")}
    assert len(ids) == 2
    assert images(server) == before + 2
    assert all(kept_is_whole(server, image_id) for image_id in ids)
    seen(f"{len(ids)} ids")


@exam("B52", given="A captured upload, sent again ten times", expected="The same id each time; no second row")
def test_a_replayed_request_changes_nothing(server: Server, seen: Seen) -> None:
    content, before = encoded(ultrasound(24)), images(server)
    answers = [server.upload(content, **key("exam-replay")) for _ in range(11)]
    assert len({image["id"] for _, image in answers}) == 1
    assert {status for status, _ in answers[1:]} <= {200, 202}
    assert images(server) == before + 1
    seen(f"{len(answers)} requests, statuses {sorted({status for status, _ in answers})}, 1 image")


@exam(
    "B52",
    given="The key of an upload (a UUID) with another file",
    expected="422 `idempotency_mismatch`; nothing is kept",
)
def test_a_key_belongs_to_one_file(server: Server, seen: Seen) -> None:
    own = key("0d5f9a0e-3b1c-4c55-9d0e-7f1f2b6a8c44")
    server.upload(encoded(ultrasound(25)), **own)
    before = footprint(server)
    status, answer = server.upload(encoded(ultrasound(26)), **own)
    assert (status, answer["code"]) == (422, "idempotency_mismatch")
    assert footprint(server).rows["image"] == before.rows["image"]
    seen(f"{status} {answer['code']}")
