"""One sender who wants to fill the server: stopped at the quota, while others go on."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing

from tests.exam.footprint import footprint
from tests.exam.marks import exam
from tests.exam.senders.person import Person
from tests.factories.pictures import encoded, ultrasound
from tests.factories.server import Server

Seen = Callable[[str], None]
Launch = Callable[..., Server]


def fill(server: Server, image_id: str, count: int) -> None:
    """Give the sender of an image `count` more of them, as rows that name the same kept files."""
    with closing(sqlite3.connect(server.data / "sonotriage.db", timeout=30)) as database, database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(image)")]
        other = {"id": "printf('%032x', value)", "content_sha256": "printf('%064x', value)"}
        values = ", ".join(other.get(column, column) for column in columns)
        database.execute(
            "WITH RECURSIVE numbers(value) AS "
            f"(SELECT 1 UNION ALL SELECT value + 1 FROM numbers WHERE value < {count}) "
            f"INSERT INTO image ({', '.join(columns)}) SELECT {values} FROM image, numbers WHERE id = ?",
            (image_id,),
        )


@exam("B67", given="A browser that keeps 10,000 pictures sends one more", expected="413 `quota`; others go on")
def test_a_browser_is_stopped_at_its_quota(launch: Launch, seen: Seen) -> None:
    server = launch(UPLOADS_PER_SENDER="10000").start()
    person = Person(server)
    status, headers, _ = person.send(encoded(ultrasound(1)))
    assert status == 303
    while not json.loads(server.get(headers["Location"] + "/status")[1])["is_finished"]:
        time.sleep(0.2)
    fill(server, headers["Location"].rsplit("/", 1)[1], 9_998)
    assert person.send(encoded(ultrasound(2)))[0] == 303
    before = footprint(server).rows
    assert before["image"] == 10_000
    status, _, page = person.send(encoded(ultrasound(3)))
    assert status == 413
    assert "as many pictures as this server takes from one sender" in page
    assert footprint(server).rows == before | {"analysis": footprint(server).rows["analysis"]}
    assert Person(server).send(encoded(ultrasound(3)))[0] == 303
    assert person.send(encoded(ultrasound(2)))[0] == 303, "what was taken in before is still found"
    seen(f"{before['image']} kept, then {status}; another browser 303")


@exam("B67", given="A script that sends more than its quota through the form, as a new browser each time",
      expected="413 `quota`")  # fmt: skip
def test_a_browser_that_is_new_each_time_is_stopped_too(launch: Launch, seen: Seen) -> None:
    server = launch(UPLOADS_PER_SENDER="3").start()
    statuses = [Person(server).send(encoded(ultrasound(seed)))[0] for seed in range(5)]
    assert statuses == [303, 303, 303, 413, 413]
    assert server.upload(encoded(ultrasound(9)))[0] < 300, "a program at the same address"
    seen(f"{statuses}, then a program at the same address is taken")


@exam("B67", given="A program that sends more than its quota, each picture with a new key", expected="413 `quota`")
def test_a_program_is_stopped_at_its_quota(launch: Launch, seen: Seen) -> None:
    server = launch(UPLOADS_PER_SENDER="3").start()
    answers = [server.upload(encoded(ultrasound(seed))) for seed in range(5)]
    assert [status < 300 for status, _ in answers] == [True, True, True, False, False]
    status, answer = answers[-1]
    assert (status, answer["code"]) == (413, "quota")
    kept = footprint(server).rows["image"]
    assert kept == 3
    assert Person(server).send(encoded(ultrasound(9)))[0] == 303
    seen(f"{[status for status, _ in answers]}, {kept} kept")
