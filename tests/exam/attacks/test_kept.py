"""Attacks on what is kept: words after their deletion, other users of the machine, backups that somebody prepared."""

from __future__ import annotations

import io
import os
import re
import shutil
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyrage
import pytest
from flask import current_app

from app import create_app
from app.store.database import DATABASE, driver
from app.upkeep.backup_keys import PUBLIC
from tests.exam.conftest import Launch
from tests.exam.faults import picture, until
from tests.exam.fuzzing.oracle import run_flask, waiting_ids
from tests.exam.marks import exam
from tests.exam.senders import browser_client
from tests.exam.senders.browser_client import Browser
from tests.exam.stock import store_of
from tests.factories.earlier import as_folder, backup_of_0_2_0
from tests.factories.keys import give_keys
from tests.factories.server import Server

NOTE = "wide scar after a dog bite near the mill"


def files_with(folder: Path, words: list[str]) -> list[str]:
    """Files below a folder that hold one of the words, or have it in their name."""
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and any(word in path.name or word.encode() in path.read_bytes() for word in words)
    ]


def reviewed(server: Server, chief: Browser, number: int, note: str) -> str:
    """Send a picture, have it read, and write a reviewer's note; returns its id."""
    image_id = chief.sent_and_read(picture(number))
    page = chief.get(f"/admin/images/{image_id}")
    shown = re.search(r'name="analysis_id"[^>]* value="(\d+)"', page.text)
    assert shown is not None
    answer = chief.post(
        f"/admin/images/{image_id}/review", page.token, verdict="agree", note=note, analysis_id=shown[1]
    )
    assert answer.status in (302, 303), answer.text[:500]
    return image_id


def delete(chief: Browser, image_id: str) -> None:
    token = chief.get(f"/admin/images/{image_id}").token
    answer = chief.post(f"/admin/images/{image_id}/delete", token, confirm="y")
    assert answer.status in (302, 303), answer.text[:500]


def words_of(server: Server, image_id: str) -> list[str]:
    """Words that must be gone with an image: its id, the note, its place, its hashes, its findings."""
    with closing(driver.connect(server.data / DATABASE, timeout=10)) as database:
        row = database.execute("SELECT picture_sha256, content_sha256 FROM image WHERE id = ?", (image_id,)).fetchone()
    return [image_id, NOTE, *row]


@exam(
    "S7",
    given="A picture with a reviewer's note is read, backed up, set aside by a restore, deleted; somebody searches "
    "every file for note, id, class and hashes, restores the old backup, and waits for retention",
    expected="Words are gone from the running server's files within 10 s and from what a restore set aside within the "
    "hour; a restore deletes it again; old backups and restore points go with their time",
)
def test_what_is_deleted_is_gone(launch: Launch, tmp_path: Path, seen: Callable[[str], None]) -> None:
    server = launch(BACKUP_RETENTION_DAYS="30")
    server.start()
    chief = browser_client.admin(server)
    image_id = reviewed(server, chief, 1, NOTE)
    key = give_keys(server, tmp_path / "keys")
    words = words_of(server, image_id)
    (tmp_path / "backups").mkdir()
    server.flask("backup", str(tmp_path / "backups" / "old"))
    server.stop()
    server.flask("restore", str(tmp_path / "backups" / "old"), *key)
    server.start()
    found_before = files_with(server.data, words)
    assert {DATABASE} < set(found_before)
    browser = browser_client.signed_in(server, browser_client.ADMIN)
    started = time.monotonic()
    delete(browser, image_id)

    def in_use() -> list[str]:
        return [name for name in files_with(server.data, words) if not name.startswith("before-restore-")]

    until(lambda: in_use() == [], timeout_s=10)
    gone_after_s = time.monotonic() - started
    assert _classes(server) == []
    assert files_with(tmp_path / "backups", words) == []  # encrypted, and the list of deletions names no id
    server.stop()
    server.start()  # the hourly round comes at the start, too
    until(lambda: files_with(server.data, words) == [], timeout_s=30)
    server.stop()
    again = server.flask("restore", str(tmp_path / "backups" / "old"), *key)
    assert "deleted again" in again
    assert [name for name in files_with(server.data, words) if not name.startswith("before-restore-")] == []
    _make_older(server, tmp_path / "backups" / "old")
    server.flask("backup", str(tmp_path / "backups" / "new"))
    server.start()
    assert server.get(f"/r/{image_id}")[0] == 404
    until(lambda: not (tmp_path / "backups" / "old").exists() and not list(server.data.glob("before-*")), timeout_s=30)
    assert (tmp_path / "backups" / "new").exists()
    assert files_with(server.data, words) == []
    seen(
        f"{len(found_before)} files held note, id or hashes before; none in use {gone_after_s:.1f} s after the "
        "deletion, none at all after the next hourly round; restored once more: deleted again; backup and restore "
        "points older than their days are gone"
    )


def _classes(server: Server) -> list[str]:
    """What rows or findings are left of an image's class; there was but one image."""
    with closing(driver.connect(server.data / DATABASE, timeout=10)) as database:
        left = [
            f"{count} rows in {table}"
            for table in ("image", "analysis", "review")
            if (count := _count(database, table))
        ]
        details = [row[0] for row in database.execute("SELECT details FROM audit_event WHERE image_id IS NOT NULL")]
    content = (server.data / DATABASE).read_bytes()
    return (
        left
        + [text for text in details if text != "{}"]
        + [word for word in ('"malignant":', '"benign":') if word.encode() in content]
    )


def _count(database: object, table: str) -> int:
    return int(database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])  # type: ignore[attr-defined]


def _make_older(server: Server, backup: Path) -> None:
    """Let everything have been made forty days ago."""
    then = datetime.now(UTC) - timedelta(days=40)
    for number, point in enumerate(sorted(server.data.glob("before-restore-*"))):
        point.rename(server.data / f"before-restore-{then + timedelta(seconds=number):%Y%m%dT%H%M%SZ}")
    notes = server.data / "backups.json"
    made = datetime.fromtimestamp(backup.stat().st_mtime, UTC)
    text = notes.read_text()
    assert f"{made:%Y-%m-%d}" in text
    notes.write_text(text.replace(f"{made:%Y-%m-%d}", f"{then:%Y-%m-%d}"))


@exam(
    "S8",
    given="`ls -l` by another user of the machine, with the usual umask of 022, after a whole journey and after an "
    "update from a version that left everything readable",
    expected="Every folder 0700 and every file 0600: database and its log, pictures, secret key, keys, backups; rights "
    "that an earlier version left are taken away at the start, with one line in the log",
)
def test_no_other_user_of_the_machine_reads_what_is_kept(
    launch: Launch, tmp_path: Path, usual_umask: None, seen: Callable[[str], None]
) -> None:
    server = launch()
    server.start()
    chief = browser_client.admin(server)
    reviewed(server, chief, 1, NOTE)
    chief.get("/admin/")  # thumbnails
    key = give_keys(server, tmp_path / "keys")
    (tmp_path / "backups").mkdir()
    server.flask("backup", str(tmp_path / "backups" / "copy"))
    looked_at = _wide_below(server.data), _wide_below(tmp_path / "keys"), _wide_below(tmp_path / "backups")
    server.stop()
    server.flask("restore", str(tmp_path / "backups" / "copy"), *key)
    assert [*looked_at, _wide_below(server.data)] == [[], [], [], []]
    count = len(list(server.data.rglob("*")))
    for path in [server.data, *server.data.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    server.log.write_text("")
    server.start()
    server.upload(picture(2))
    assert _wide_below(server.data) == []
    lines = [line for line in server.log.read_text().splitlines() if "rights of other users" in line]
    assert len(lines) == 1
    seen(
        f"{count} files and folders of the data folder, keys and a backup: none wider than 0600 and 0700; what an "
        "earlier version left wide is tightened at the start, with one line"
    )


@pytest.fixture
def usual_umask(tmp_path: Path) -> Iterator[None]:
    """The umask of most machines, which servers and commands inherit here."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def _wide_below(folder: Path) -> list[str]:
    """Files and folders that others may read or enter; a folder of the operator itself is not ours to judge."""
    paths = [*folder.rglob("*")] if folder.name == "backups" else [folder, *folder.rglob("*")]
    return [f"{path.name} {path.stat().st_mode & 0o777:o}" for path in paths if path.stat().st_mode & 0o077]


TRIGGER = "CREATE TRIGGER quiet AFTER UPDATE ON image BEGIN DELETE FROM review; END"


@exam(
    "S9",
    given="Backups that somebody prepared: a trigger or a view in the database, a link to /etc/passwd, a path that "
    "leads out, rows changed, pieces changed, swapped or cut off, made with the public key alone, or not encrypted",
    expected="Each is refused in a sentence, and every file of the data folder is as before; the untouched backup, and "
    "one of release 0.2.0 behind --older, restore",
)
def test_a_backup_that_somebody_prepared_is_refused(
    launch: Launch, tmp_path: Path, seen: Callable[[str], None]
) -> None:
    server = launch()
    server.start()
    chief = browser_client.admin(server)
    image_id = reviewed(server, chief, 1, NOTE)
    key = give_keys(server, tmp_path / "keys")
    server.flask("backup", str(tmp_path / "good"))
    server.flask("backup", str(tmp_path / "open"), "--unencrypted")
    server.stop()
    attacks = dict(_prepared(tmp_path))
    before = {path: path.read_bytes() for path in server.data.rglob("*") if path.is_file()}
    with store_of(server):
        run = current_app.test_cli_runner().invoke
        for name, (path, *flags) in attacks.items():
            ended = run(args=["restore", str(path), *flags, *key])
            assert (ended.exit_code, ended.output.startswith("Error: ")) == (1, True), f"{name}: {ended.output}"
    assert run_flask(server, "restore", str(tmp_path / "with trigger"), "--older").returncode == 1
    assert {path: path.read_bytes() for path in server.data.rglob("*") if path.is_file()} == before
    assert "the backup can be restored" in server.flask("restore-drill", str(tmp_path / "good"), *key)
    server.flask("restore", str(tmp_path / "good"), *key)
    server.start()
    assert image_id in waiting_ids(server, "done")
    _restores_an_earlier_release(launch("later"), tmp_path)
    seen(
        f"{len(attacks)} prepared backups: all refused, nothing changed; the untouched one "
        "restores, and one of release 0.2.0 behind --older"
    )


def _restores_an_earlier_release(server: Server, folder: Path) -> None:
    with create_app(DATA_DIR=folder / "scratch").app_context():
        backup_of_0_2_0(folder / "earlier", ["1" * 32, "2" * 32])
    server.flask("prepare")
    assert run_flask(server, "restore", str(folder / "earlier")).returncode == 1
    server.flask("restore", str(folder / "earlier"), "--older")
    server.start()
    assert sorted(waiting_ids(server, "done")) == ["1" * 32, "2" * 32]
    server.stop()


def _prepared(folder: Path) -> Iterator[tuple[str, tuple[Path | str, ...]]]:
    """Name, path and flags of every prepared backup; flags as whoever is deceived would give them."""
    yield from _encrypted(folder)
    yield from _open(folder)


def _encrypted(folder: Path) -> Iterator[tuple[str, tuple[Path | str, ...]]]:
    content = (folder / "good").read_bytes()
    piece, middle = 64 * 1024 + 16, len(content) // 2
    for name, changed in {
        "a bit changed": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "cut off": content[:-piece],
        "swapped": content[:400]
        + content[400 + piece : 400 + 2 * piece]
        + content[400 : 400 + piece]
        + content[400 + 2 * piece :],
        "grown": content + content,
    }.items():
        (folder / name).write_bytes(changed)
        yield name, (folder / name,)
    recipient = (folder / "keys" / PUBLIC).read_text().split()[-1]
    forged = pyrage.encrypt((folder / "open").read_bytes(), [pyrage.x25519.Recipient.from_str(recipient)])
    (folder / "forged").write_bytes(forged)
    yield "made with the public key", (folder / "forged",)
    yield "not encrypted, and nobody says so", (folder / "open",)


def _open(folder: Path) -> Iterator[tuple[str, tuple[Path | str, ...]]]:
    """Whoever restores these believes that they are open backups, or of an older version, and says so."""
    unpacked = folder / "unpacked"
    as_folder(folder / "open", unpacked)
    for name, statement in {
        "trigger": TRIGGER,
        "view": "CREATE VIEW quiet AS SELECT * FROM image",
        "table": "CREATE TABLE quiet (id TEXT)",
        "path in a row": "UPDATE image SET picture_sha256 = '../../../etc/passwd'",
        "row of nobody": "DELETE FROM image",
    }.items():
        changed = folder / f"with {name}"
        shutil.copytree(unpacked, changed)
        with closing(driver.connect(changed / DATABASE)) as database, database:
            database.execute(statement)
        yield name, (changed, "--older")
    yield "rows changed", (_tar(folder / "rows", folder / "with table"), "--unencrypted")
    linked = folder / "linked"
    shutil.copytree(unpacked, linked)
    (linked / "postcodes").mkdir(exist_ok=True)
    (linked / "postcodes" / "DE.txt").symlink_to("/etc/passwd")
    yield "link in a folder", (linked, "--older")
    for name, kind, link in (
        ("../../outside", tarfile.REGTYPE, ""),
        ("postcodes/DE.txt", tarfile.SYMTYPE, "/etc/passwd"),
    ):
        path = folder / f"tar with {kind!r}"
        with tarfile.open(path, "w") as tar:
            head = tarfile.TarInfo(name)
            head.type, head.linkname = kind, link
            tar.addfile(head, io.BytesIO())
        yield f"{name} in a tar", (path, "--unencrypted")


def _tar(path: Path, folder: Path) -> Path:
    with tarfile.open(path, "w") as tar:
        tar.add(folder, "")
    return path
