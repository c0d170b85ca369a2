"""What the start refuses or warns of: unmounted volumes, damage, network disks, wheels; and F16's restores."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from app.store.database import driver
from app.upkeep import startup
from tests.exam.conftest import Launch
from tests.exam.faults import Sender, refused_start
from tests.exam.footprint import worker_of
from tests.exam.fuzzing.oracle import examine, run_flask
from tests.exam.marks import exam
from tests.factories.earlier import as_folder
from tests.factories.keys import give_keys
from tests.factories.server import ROOT, Server

Seen = Callable[[str], None]


@pytest.fixture
def stopped(launch: Launch, tiny_models: Path) -> tuple[Server, Sender]:
    """A server that kept five pictures and was stopped in order, and their sender."""
    server = launch(models=tiny_models).start()
    sender = Sender(server)
    for number in range(5):
        sender.insist(number)
    server.stop()
    return server, sender


def told(server: Server, text: str) -> str:
    """Both ways to start must refuse with this text: `flask prepare` and gunicorn itself. The sentence."""
    prepared, served = run_flask(server, "prepare"), refused_start(server)
    assert prepared.returncode != 0
    assert text in prepared.stderr
    assert text in served
    assert "Traceback" not in prepared.stderr + served
    return prepared.stderr.strip().splitlines()[-1].replace(str(server.data), "DATA_DIR")


@exam("F10", given="The volume is not mounted: the data folder is empty, and EXPECT_DATA is set",
      expected="the server does not start; no new database is made")  # fmt: skip
def test_an_empty_folder_is_refused_when_data_is_expected(stopped: tuple[Server, Sender], seen: Seen) -> None:
    server, _ = stopped
    server.environment["EXPECT_DATA"] = "yes"
    server.data.rename(server.data.with_name("unmounted"))
    server.data.mkdir()
    sentence = told(server, "is its volume mounted?")
    assert not (server.data / "sonotriage.db").exists()
    shutil.rmtree(server.data)
    server.data.with_name("unmounted").rename(server.data)
    assert server.start().get("/health/ready")[0] == 200
    seen(sentence)


@exam("F10", given="The volume of the pictures alone is not mounted", expected="the server does not start")
def test_an_empty_picture_folder_is_refused_when_rows_name_pictures(stopped: tuple[Server, Sender], seen: Seen) -> None:
    server, sender = stopped
    pictures = server.data / "pictures"
    pictures.rename(server.data / "elsewhere")
    sentence = told(server, "is its volume mounted?")
    pictures.rmdir()  # made by the check, and empty
    (server.data / "elsewhere").rename(pictures)
    server.start()
    assert examine(server, sender.acknowledged.values()).faults == []
    seen(sentence)


@exam("F10", given="The database is gone from a folder that was in use", expected="the server does not start empty")
def test_a_lost_database_is_not_replaced_by_an_empty_one(stopped: tuple[Server, Sender], seen: Seen) -> None:
    server, _ = stopped
    (server.data / "sonotriage.db").unlink()
    seen(told(server, "is gone"))


@exam("F10", given="A first start: the folder is empty and nothing is expected", expected="it starts")
def test_a_first_start_is_no_fault(launch: Launch, tiny_models: Path, seen: Seen) -> None:
    server = launch(models=tiny_models)
    assert run_flask(server, "prepare").returncode == 0
    marker = (server.data / startup.MARKER).read_text(encoding="ascii")
    server.start()
    assert (server.data / startup.MARKER).read_text(encoding="ascii") == marker
    seen(f"started; the marker {startup.MARKER} was written once")


@exam("F13", given="The data folder lies on NFS, SMB or another network disk", expected="the start warns of it")
def test_a_network_disk_is_told_from_one_of_the_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seen: Seen
) -> None:
    mounts = tmp_path / "mounts"
    for kind in ("nfs4", "cifs", "fuse.sshfs", "9p"):
        mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\nserver:/share {tmp_path} {kind} rw 0 0\n", encoding="ascii")
        monkeypatch.setattr(startup, "MOUNTS", mounts)
        (warning,) = [text for text in startup.warnings(tmp_path / "data") if "network file system" in text]
        assert kind in warning
    mounts.write_text(f"server:/share /elsewhere nfs4 rw 0 0\n/dev/sda1 {tmp_path} ext4 rw 0 0\n", encoding="ascii")
    assert [text for text in startup.warnings(tmp_path / "data") if "network file system" in text] == []
    seen(f"warned of {kind} and three more; the table of mounts was given, no network disk was there")


@exam("F13", given="gunicorn forks its worker", expected="only the worker opens the database, after the fork")
def test_the_database_is_opened_after_the_fork_only(launch: Launch, tiny_models: Path, seen: Seen) -> None:
    server = launch(models=tiny_models).start()
    Sender(server).insist(1)
    assert server.process is not None
    by_main, by_worker = open_files(server.process.pid), open_files(worker_of(server))
    assert [name for name in by_main if "sonotriage.db" in name] == []
    assert [name for name in by_worker if name.endswith("sonotriage.db")]
    seen(f"gunicorn's first process: {len(by_main)} open files, none of the database; the worker has it open")


def open_files(process_id: int) -> list[str]:
    names = []
    for link in Path(f"/proc/{process_id}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since it was listed
            names.append(os.readlink(link))  # noqa: PTH115 - may be "socket:[1]"
    return names


@pytest.mark.parametrize("rounds", [4, pytest.param(60, marks=pytest.mark.long)])
@exam("F14", given="64 random bytes over a page of the database, and a backup was made",
      expected="the start says damaged and names the backup; nothing is changed, no empty database is made; "
               "the backup restores all")  # fmt: skip
def test_a_damaged_page_is_told_at_the_start_with_the_backup(
    stopped: tuple[Server, Sender], tmp_path: Path, seen: Seen, rounds: int
) -> None:
    server, sender = stopped
    backup, key = tmp_path / "backups" / "newest", give_keys(server, tmp_path / "keys")
    server.flask("backup", str(backup))
    database = server.data / "sonotriage.db"
    sound, chance, found = database.read_bytes(), random.Random(rounds), 0
    for turn in range(rounds):
        damaged = bytearray(sound)
        page = chance.randrange(0, len(sound) // 4096) * 4096
        start = page + (chance.randrange(0, 4096 - 64) if turn % 2 else 0)
        damaged[start : start + 64] = chance.randbytes(64)
        database.write_bytes(damaged)
        answer = run_flask(server, "prepare")
        if answer.returncode == 0:  # the bytes hit an unused part of a page, or a text, which no checksum guards
            assert turn % 2, "the head of a page was overwritten and nobody noticed"
        else:
            found += 1
            assert "damaged" in answer.stderr
            assert str(backup) in answer.stderr
            assert "Traceback" not in answer.stderr
            assert database.read_bytes() == bytes(damaged)
        for name in ("sonotriage.db-wal", "sonotriage.db-shm"):
            (server.data / name).unlink(missing_ok=True)
    server.flask("restore", str(backup), *key)
    server.start()
    verdict = examine(server, sender.acknowledged.values())
    assert verdict.faults == []
    assert found >= rounds // 2
    seen(f"{found} of {rounds} told; the others hit unused bytes or a text. After the restore: {verdict}")


LATER = '''"""A later version of the tables."""
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "9999", {newest!r}, None, None
def upgrade(): op.add_column("image", sa.Column("exam_note", sa.String(20)))
def downgrade(): op.drop_column("image", "exam_note")
'''
PRODUCT = ("app", "imaging", "migrations", "templates", "static", "wsgi.py", "server")


@exam("F16", given="A backup of today's tables is restored by a later version, whose tables have a column more",
      expected="it is migrated once somebody says that it may be older; every row and picture is there")  # fmt: skip
def test_an_older_backup_is_migrated(stopped: tuple[Server, Sender], tmp_path: Path, seen: Seen) -> None:
    server, sender = stopped
    backup, key = tmp_path / "backup", give_keys(server, tmp_path / "keys")
    server.flask("backup", str(backup))
    newest = version_of(server.data)
    later = tmp_path / "later"
    later.mkdir()
    for name in PRODUCT:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, later / name)
    (later / "migrations" / "versions" / "9999_later.py").write_text(LATER.format(newest=newest), encoding="utf-8")
    refused = run_flask(server, "restore", str(backup), *key, folder=later)
    assert (refused.returncode, "--older" in refused.stderr) == (1, True)
    restored = run_flask(server, "restore", str(backup), *key, "--older", folder=later)
    assert restored.returncode == 0, restored.stderr
    assert version_of(server.data) == "9999"
    with closing(driver.connect(server.data / "sonotriage.db")) as database:
        rows = dict(database.execute("SELECT id, exam_note FROM image").fetchall())
    assert rows == dict.fromkeys(sender.acknowledged.values())
    checked = run_flask(server, "check", folder=later)
    assert "damaged or missing: 0, orphaned pictures: 0" in checked.stdout
    seen(f"tables {newest} to 9999 while restoring, {len(rows)} rows; {checked.stdout.splitlines()[-1]}")


def version_of(data: Path) -> str:
    with closing(driver.connect(data / "sonotriage.db")) as database:
        return str(database.execute("SELECT version_num FROM alembic_version").fetchone()[0])


@exam("F16", given="A backup of a newer version that this one can't read, or none at all, or a damaged one",
      expected="refused; what was there before is there again")  # fmt: skip
@pytest.mark.parametrize(
    "kind",
    [
        "newer",
        *(
            pytest.param(kind, marks=pytest.mark.long)
            for kind in ("no database", "damaged database", "damaged picture")
        ),
    ],
)
def test_a_backup_that_can_not_be_read_changes_nothing(
    stopped: tuple[Server, Sender], tmp_path: Path, seen: Seen, kind: str
) -> None:
    server, sender = stopped
    backup = tmp_path / "backup"
    server.flask("backup", str(tmp_path / "open"), "--unencrypted")
    as_folder(tmp_path / "open", backup)
    spoil(backup, kind)
    answer = run_flask(server, "restore", str(backup), "--older")
    assert answer.returncode != 0
    assert "Traceback" not in answer.stderr
    server.start()
    verdict = examine(server, sender.acknowledged.values())
    assert verdict.faults == []
    assert verdict.rows == len(sender.acknowledged)
    seen(f"{kind}: {answer.stderr.strip().splitlines()[-1].replace(str(backup), 'FOLDER')}")


def spoil(backup: Path, kind: str) -> None:
    if kind == "newer":
        with closing(driver.connect(backup / "sonotriage.db")) as database:
            database.execute("UPDATE alembic_version SET version_num = 'ffff'")
            database.commit()
    elif kind == "no database":
        (backup / "sonotriage.db").unlink()
    elif kind == "damaged database":
        content = bytearray((backup / "sonotriage.db").read_bytes())
        content[4096 : 4096 + 64] = random.Random(1).randbytes(64)
        (backup / "sonotriage.db").write_bytes(content)
    else:
        with closing(driver.connect(backup / "sonotriage.db")) as database:
            key = database.execute("SELECT picture_sha256 FROM image LIMIT 1").fetchone()[0]
        picture = backup / "pictures" / key[:2] / f"{key}.png"
        picture.write_bytes(picture.read_bytes()[:-10])


@exam("F18", given="Two packages of onnxruntime are installed side by side", expected="the start warns of it")
def test_two_wheels_of_onnxruntime_are_told(launch: Launch, tiny_models: Path, tmp_path: Path, seen: Seen) -> None:
    server = launch("alone", tiny_models).start()
    server.stop()
    assert "side by side" not in server.log.read_text(encoding="utf-8")
    for name in ("onnxruntime", "onnxruntime_gpu"):
        folder = tmp_path / "site" / f"{name}-1.2.3.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 1.2.3\n")
    server = launch("doubled", tiny_models, PYTHONPATH=str(tmp_path / "site")).start()
    server.stop()
    (line,) = [line for line in server.log.read_text(encoding="utf-8").splitlines() if "side by side" in line]
    seen(f"one line in the log, twice the metadata of a package: {line[line.index('onnxruntime') :][:120]}")
