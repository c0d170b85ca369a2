"""Who looked at what can be found out afterwards, and a trail that somebody changed says so."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.store.erasures import short_name_of
from tests.exam.fuzzing.oracle import run_flask
from tests.exam.marks import exam
from tests.exam.senders.browser_client import PASSWORD, Browser, add_user, signed_in
from tests.factories.pictures import encoded, ultrasound
from tests.factories.server import ROOT, Server

Seen = Callable[[str], None]
audited = exam(
    "S12",
    given="A reviewer looks at a list page, images and single layers and exports ticked rows; rows of the trail are "
    "changed, taken out, put in and emptied in the database file; an image is deleted",
    expected="The trail says who saw which images and when, and what an export held; `flask audit verify` names the "
    "first broken row; erasing a deleted image's details breaks nothing; the trail can be followed as JSON lines",
)


@pytest.fixture(scope="module")
def looked_at(server: Server, chief: Browser) -> list[str]:
    """Three images, and a reviewer who looked at the list, at two of them and at a layer of the third, and exported."""
    ids = [str(server.upload(encoded(ultrasound(seed)))[1]["id"]) for seed in (121, 122, 123)]
    add_user(chief, "looker", "reviewer")
    browser = signed_in(server, "looker")
    assert browser.get("/admin/?sort=newest").status == 200
    for path in (f"/admin/images/{ids[0]}", f"/r/{ids[1]}", f"/admin/images/{ids[2]}/picture.png"):
        assert browser.get(path).status == 200, path
    assert browser.get(f"/admin/export.csv?id={ids[0]}&id={ids[2]}").status == 200
    return ids


def rows(server: Server, *flags: str) -> list[dict[str, Any]]:
    """The trail as `flask audit export` prints it."""
    return [json.loads(line) for line in server.flask("audit", "export", *flags).splitlines()]


@audited
def test_the_trail_says_who_saw_which_images_and_what_an_export_held(
    server: Server, looked_at: list[str], seen: Seen
) -> None:
    own = [row for row in rows(server) if row["actor"] == "looker"]
    listed = [row["details"] for row in own if row["action"] == "list.view"]
    viewed = [row["image"] for row in own if row["action"] == "image.view"]
    exported = [row["details"]["ids"] for row in own if row["action"] == "export.csv"]
    halves = [image_id[:16] for image_id in looked_at]
    assert [(one["filters"], one["ids"]) for one in listed] == [({"sort": "newest"}, halves[::-1])]
    assert viewed == looked_at
    assert exported == [[halves[0], halves[2]]]
    assert all(row["request"] and row["at"].endswith("+00:00") for row in own)
    seen(f"{len(own)} rows of one reviewer: 1 list page with 3 ids, {len(viewed)} images, an export with its 2 ids")


@audited
def test_looks_do_not_drown_the_page(chief: Browser, looked_at: list[str]) -> None:
    assert "<code>image.view</code>" not in chief.get("/admin/audit").text
    page = chief.get(f"/admin/audit?kind=looks&ref={looked_at[0][:8]}").text
    assert page.count("<code>image.view</code>") == 1


CHANGES = {
    "an actor is changed": "UPDATE audit_event SET actor = 'nobody' WHERE id = :id",
    "a moment is moved": "UPDATE audit_event SET created_at = '2020-01-01 00:00:00.000000' WHERE id = :id",
    "details are changed": """UPDATE audit_event SET details = '{"ids": []}' WHERE id = :id""",
    "details are emptied as a deletion would": "UPDATE audit_event SET details = '{}', salt = NULL WHERE id = :id",
    "a row is taken out": "DELETE FROM audit_event WHERE id = :id - 1",
}


@pytest.fixture
def copy(server: Server, looked_at: list[str], launch: Callable[..., Server]) -> Server:
    """A server that does not run, with a copy of the data."""
    other = launch("copy")
    other.data.mkdir(parents=True)
    with closing(sqlite3.connect(server.data / "sonotriage.db", timeout=20)) as database:
        database.execute("VACUUM INTO ?", (str(other.data / "sonotriage.db"),))
    shutil.copy(server.data / "secret_key", other.data / "secret_key")
    return other


@audited
@pytest.mark.parametrize("change", CHANGES)
def test_a_trail_that_somebody_changed_names_the_first_broken_row(copy: Server, change: str, seen: Seen) -> None:
    sound = run_flask(copy, "audit", "verify")
    assert sound.returncode == 0, sound.stderr
    with closing(sqlite3.connect(copy.data / "sonotriage.db")) as database, database:
        (row,) = database.execute("SELECT MIN(id) FROM audit_event WHERE action = 'export.csv'").fetchone()
        assert database.execute(CHANGES[change], {"id": row}).rowcount == 1
    broken = run_flask(copy, "audit", "verify")
    assert broken.returncode == 1
    assert f"ow {row}" in broken.stderr, broken.stderr
    seen(f"{change}: {broken.stderr.strip().splitlines()[-1]}")


@audited
def test_rows_cut_off_at_the_end_are_missed_by_the_seal_that_was_noted(copy: Server, seen: Seen) -> None:
    noted = run_flask(copy, "audit", "verify").stdout.splitlines()[-1].removeprefix("Newest: ")
    with closing(sqlite3.connect(copy.data / "sonotriage.db")) as database, database:
        database.execute("DELETE FROM audit_event WHERE id = (SELECT MAX(id) FROM audit_event)")
    assert run_flask(copy, "audit", "verify").returncode == 0
    missed = run_flask(copy, "audit", "verify", "--noted", noted)
    assert missed.returncode == 1
    seen(missed.stderr.strip().splitlines()[-1])


@audited
def test_erasing_what_the_trail_says_of_a_deleted_image_breaks_nothing(
    server: Server, chief: Browser, looked_at: list[str], seen: Seen
) -> None:
    image_id = str(server.upload(encoded(ultrasound(124)))[1]["id"])
    page = f"/admin/images/{image_id}"
    opened = chief.get(page)
    token, analysis = opened.token, re.findall(r'name="analysis_id" value="(\d*)"', opened.text)[0]
    verdict = {"verdict": "disagree", "label": "none", "note": "zebra crossing", "analysis_id": analysis}
    assert chief.post(f"{page}/review", token, **verdict).status == 302
    said = next(row for row in rows(server) if row["image"] == image_id and row["action"] == "image.review")
    assert said["details"] == {"verdict": "disagree", "label": None}
    assert chief.post(f"{page}/delete", token, confirm="yes").status == 302
    assert image_id not in server.flask("audit", "export")
    left = [row for row in rows(server) if row["image"] == short_name_of(image_id)]
    assert len(left) >= 4
    assert all((row["details"], row["salt"]) == ({}, None) for row in left if row["action"] != "image.delete")
    assert [row["seal"] for row in left if row["id"] == said["id"]] == [said["seal"]]
    proof = server.flask("audit", "verify")
    seen(proof.splitlines()[0])


@pytest.fixture
def follower(server: Server, tmp_path: Path) -> Iterator[Path]:
    """What `flask audit follow` prints, from the newest row on."""
    printed = tmp_path / "followed.jsonl"
    newest = str(rows(server)[-1]["id"])
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "audit", "follow", "--since", newest]
    with printed.open("wb") as file:
        process = subprocess.Popen(command, cwd=ROOT, env=server.environment, stdout=file)
        yield printed
        process.terminate()
        process.wait(10)


@audited
def test_new_rows_are_followed_as_json_lines(server: Server, chief: Browser, follower: Path, seen: Seen) -> None:
    assert Browser(server).log_in("chief", "not the password").status == 401
    deadline = time.monotonic() + 30
    while not (lines := follower.read_text().splitlines()):
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.2)
    assert [json.loads(line)["action"] for line in lines] == ["login.refuse"]
    assert Browser(server).log_in("chief", PASSWORD).status in (302, 429)
    seen(f"a refused login came as {lines[0][:90]}...")
