"""Full, read-only and failing disks: F7, F8, F9, F34. Small disks are mounted for it, which takes root."""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.exam.conftest import Launch
from tests.exam.faults import Sender, fill, is_alive, mount, picture, refused_start, small_disk, until
from tests.exam.fuzzing.oracle import examine, run_flask
from tests.exam.marks import exam
from tests.exam.senders import browser_client
from tests.exam.senders.person import Person
from tests.factories.server import ROOT, Server

Seen = Callable[[str], None]
SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN of linux/fs/ext4/ext4.h
NO_LOG_FLUSH = struct.pack("I", 2)  # neither dirty pages nor the journal reach the disk any more


@contextmanager
def ext4_disk(folder: Path, megabytes: int = 64) -> Iterator[Path]:
    """A disk of its own in a file: it can lose power, and be mounted again."""
    image, point = folder / "disk.img", folder / "disk"
    point.mkdir()
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    made = subprocess.run([_mkfs(), "-q", "-F", str(image)], capture_output=True, text=True)
    if made.returncode != 0:
        pytest.skip(f"no ext4 here: {made.stderr}")
    mount("-o", "loop,errors=remount-ro", str(image), str(point))
    try:
        yield point
    finally:
        subprocess.run(["umount", "-l", str(point)], check=True)


def _mkfs() -> str:
    """Where it lies on Debian, too: not every user's PATH names that folder."""
    found = shutil.which("mkfs.ext4", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    return found or pytest.skip("no mkfs.ext4 here")


def cut_power(point: Path) -> None:
    """Whatever was not flushed to the disk is lost from this moment on."""
    descriptor = os.open(point, os.O_RDONLY)
    try:
        fcntl.ioctl(descriptor, SHUTDOWN, NO_LOG_FLUSH)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("rounds", [2, pytest.param(50, marks=pytest.mark.long)])
@exam("F7", given="The power of the disk is cut during uploads: what was not flushed is lost",
      expected="every acknowledged picture and its row are there when the disk is mounted again")  # fmt: skip
def test_what_was_acknowledged_survives_a_power_cut(
    launch: Launch, tiny_models: Path, tmp_path: Path, seen: Seen, rounds: int
) -> None:
    with ext4_disk(tmp_path) as disk:
        server = launch("disk/data", tiny_models, WAIT_S="0")
        server.log = tmp_path / "server.log"
        sender = Sender(server, patience_s=1.0)
        for turn in range(rounds):
            server.start()
            with sender.busy(insists=lambda _: False):
                sender.wait_for(len(sender.acknowledged) + 2 + turn % 5)
                cut_power(disk)
            server.kill()
            until(lambda: subprocess.run(["umount", str(disk)], capture_output=True).returncode == 0, pause_s=0.2)
            mount("-o", "loop,errors=remount-ro", str(tmp_path / "disk.img"), str(disk))
        server.start()
        verdict = examine(server, sender.acknowledged.values())
        server.stop()
    assert verdict.faults == []
    assert verdict.states == {"done": verdict.rows}
    assert verdict.rows >= len(sender.acknowledged) >= 2 * rounds
    seen(f"{rounds} power cuts (ext4, shut down without a flush), {len(sender.acknowledged)} acknowledged; {verdict}")


def read_pages(server: Server, image_id: str) -> list[int]:
    return [server.get(path)[0] for path in ("/", f"/r/{image_id}", f"/r/{image_id}/picture.png", "/about")]


@pytest.mark.parametrize("part", ["pictures", "database", pytest.param("temporary", marks=pytest.mark.long)])
@exam("F8", given="The disk of the pictures, of the database with its log, or of temporary files is full (20 MB)",
      expected="507 `storage_full`; results can be read; it goes on without a restart once there is room")  # fmt: skip
def test_a_full_disk_refuses_uploads_and_nothing_else(
    launch: Launch, tiny_models: Path, tmp_path: Path, seen: Seen, part: str
) -> None:
    server = launch(models=tiny_models, LEASE_S="3", WAIT_S="30")
    full = {"pictures": server.data / "pictures", "database": server.data, "temporary": tmp_path / "tmp"}[part]
    server.environment["TMPDIR"] = str(tmp_path / "tmp")
    (tmp_path / "tmp").mkdir()
    with small_disk(full):
        if part == "database":  # the pictures keep a disk with room
            (tmp_path / "pictures").mkdir()
            (server.data / "pictures").symlink_to(tmp_path / "pictures")
        server.start()
        sender = Sender(server)
        sender.insist(0)
        first = sender.acknowledged[0]
        assert server.upload(picture(100, 1000, 1400))[0] == 201
        filler = fill(full)
        codes = [refusal(server, number) for number in range(1, 6)]
        pages = read_pages(server, first)
        ready = server.get("/health/ready")[0]
        filler.unlink()
        sender.insist(9)
        verdict = examine(server, sender.acknowledged.values())
        server.stop()
    assert set(codes) == {(507, "storage_full")}
    assert pages == [200] * len(pages)
    assert verdict.faults == []
    seen(f"{part}: {len(codes)} uploads refused with 507 storage_full, pages {set(pages)}, ready {ready}; {verdict}")


def refusal(server: Server, number: int) -> tuple[int, str]:
    """Status and code of an upload large enough to need the disk at once, as temporary file too."""
    status, answer = server.upload(picture(number, 1000, 1400))
    return status, str(answer.get("code"))


@exam("F8", given="The disk is full while an admin is signed in", expected="the system page says so")
def test_the_system_page_tells_of_a_full_disk(launch: Launch, tiny_models: Path, seen: Seen) -> None:
    server = launch(models=tiny_models)
    with small_disk(server.data / "pictures"):
        server.start()
        browser_client.admin(server, "ada")
        person = Person(server)
        assert person.fill_in("/login", name="ada", password=browser_client.PASSWORD)[0] == 302
        before = person.get("/admin/system")[2]
        filler = fill(server.data / "pictures")
        during = person.get("/admin/system")[2]
        filler.unlink()
        server.stop()
    assert "store_bad" not in before
    assert "store_bad" in during
    seen("store_bad on the system page while the disk was full")


@pytest.mark.parametrize("part", ["data", "pictures"])
@exam("F9", given="The data folder or the picture folder is read-only at the start",
      expected="the server does not start, and names the folder")  # fmt: skip
def test_a_read_only_folder_stops_the_start(launch: Launch, tiny_models: Path, seen: Seen, part: str) -> None:
    server = launch(models=tiny_models).start()
    server.stop()
    folder = server.data if part == "data" else server.data / "pictures"
    mount("--bind", str(folder), str(folder))
    try:
        mount("-o", "remount,bind,ro", str(folder))
        prepared = run_flask(server, "prepare")
        served = refused_start(server)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
    assert prepared.returncode != 0
    assert str(folder) in prepared.stderr
    assert "Traceback" not in prepared.stderr
    assert "can't start" in served
    assert str(folder) in served
    seen(prepared.stderr.strip().splitlines()[-1][-200:].replace(str(server.data), "DATA_DIR"))


@exam("F9", given="The data folder belongs to another user", expected="the server does not start, and names the folder")
def test_a_folder_of_another_user_stops_the_start(launch: Launch, tiny_models: Path, seen: Seen) -> None:
    server = launch(models=tiny_models).start()
    server.stop()
    for path in [*tiny_models.parents][:3]:
        path.chmod(0o755)
    ended = subprocess.run(
        ["setpriv", "--reuid=65534", "--clear-groups", "--", sys.executable, "-m", "flask", "--app", "wsgi", "prepare"],
        cwd=ROOT, env=server.environment | {"HOME": "/"}, capture_output=True, text=True,
    )  # fmt: skip
    if "setpriv" in ended.stderr:
        pytest.skip(ended.stderr)
    assert ended.returncode != 0
    assert str(server.data) in ended.stderr
    assert "Traceback" not in ended.stderr
    seen(ended.stderr.strip().splitlines()[-1][-200:].replace(str(server.data), "DATA_DIR"))


@exam("F9", given="The disk turns read-only while the server runs (an ext4 error)",
      expected="uploads get 503, results can be read")  # fmt: skip
def test_a_disk_that_turns_read_only_refuses_uploads_and_nothing_else(
    launch: Launch, tiny_models: Path, tmp_path: Path, seen: Seen
) -> None:
    with ext4_disk(tmp_path) as disk:
        server = launch("disk/data", tiny_models)
        server.log = tmp_path / "server.log"
        server.start()
        sender = Sender(server)
        sender.insist(0)
        break_ext4(disk)
        answers = {server.upload(picture(number))[0] for number in range(1, 5)}
        pages = read_pages(server, sender.acknowledged[0])
        assert is_alive(server)
        server.stop()
    assert answers == {503}
    assert pages == [200] * len(pages)
    seen(f"uploads {answers}, pages {set(pages)}")


def break_ext4(point: Path) -> None:
    """Have the kernel find an error on the disk, after which it is read-only."""
    device = subprocess.run(["findmnt", "-no", "SOURCE", str(point)], capture_output=True, text=True).stdout.strip()
    trigger = Path("/sys/fs/ext4") / Path(device).name / "trigger_fs_error"
    if not trigger.exists():
        pytest.skip("this kernel can't be asked for a disk error")
    trigger.write_text("exam")


@exam("F34", given="The disk that the log is written to is full", expected="uploads and pages go on")
def test_a_full_log_disk_stops_nothing(launch: Launch, tiny_models: Path, tmp_path: Path, seen: Seen) -> None:
    server = launch(models=tiny_models)
    with small_disk(tmp_path / "logs", megabytes=1) as logs:
        server.log = logs / "server.log"
        server.start()
        fill(logs)
        size = server.log.stat().st_size
        sender = Sender(server)
        for number in range(10):
            sender.insist(number)
        pages = read_pages(server, sender.acknowledged[0])
        verdict = examine(server, sender.acknowledged.values())
        grown = server.log.stat().st_size - size
        server.stop()
    assert (sender.faults, verdict.faults, pages) == ([], [], [200] * len(pages))
    assert sender.retries == 0
    assert grown < 4096
    seen(f"{len(sender.acknowledged)} uploads taken and read while not a line could be written; {verdict}")
