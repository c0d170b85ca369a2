"""What people really do at the command line. The number of each is that of its kind in the collection."""

from __future__ import annotations

import csv
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import Result
from flask import Flask

from app.commands import endings, found_files, named_files
from app.web.extensions import db
from tests.unit.app.commands.test_analyse import ROOT, Scan, answers, run

FULL = Path("/dev/full")


@pytest.fixture
def picture(tmp_path: Path, scan: Scan) -> Path:
    path = tmp_path / "work" / "scans" / "scan.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(scan())
    return path


@contextmanager
def room(size: int) -> Iterator[None]:
    """No file may grow beyond so many bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def reasons(result: Result) -> dict[str, tuple[str, str]]:
    """Status and code of each row, by the last part of its path."""
    return {name: (row["status"], (row["reason"] or {}).get("code", "")) for name, row in answers(result).items()}


def beside(path: Path) -> list[str]:
    return sorted(one.name for one in path.parent.iterdir())


def is_told(result: Result, status: int, *words: str) -> bool:
    """One sentence, the status, no traceback: where a runner catches something else, it is in `exception`."""
    assert isinstance(result.exception, SystemExit), result.exception
    assert (result.exit_code, "Traceback" in result.output) == (status, False), result.output
    return all(word in result.stderr for word in words)


# 24: what is there already


def test_24_an_output_that_is_an_input_is_refused(app: Flask, picture: Path) -> None:
    before = picture.read_bytes()
    for options in ((), ("--force",)):
        assert is_told(run(app, picture, "--output", picture, *options), 2, "one of the files to be read")
        assert is_told(run(app, picture.parent, "--output", picture, *options), 2, "one of the files to be read")
    assert picture.read_bytes() == before
    assert beside(picture) == ["scan.png"]


@pytest.mark.parametrize("make", [os.link, os.symlink])
def test_24_so_it_is_under_another_name(app: Flask, picture: Path, make: Callable[..., None]) -> None:
    other = picture.parent.parent / "other.png"
    make(picture, other)
    assert is_told(run(app, picture, "--output", other, "--force"), 2, "one of the files to be read")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_24_yesterdays_file_stays_unless_it_may_go(app: Flask, picture: Path) -> None:
    output = picture.parent.parent / "results.csv"
    output.write_text("yesterday's results")
    assert is_told(run(app, picture, "--format", "csv", "--output", output), 2, "is there already", "--force")
    assert output.read_text() == "yesterday's results"
    assert run(app, picture, "--format", "csv", "--output", output, "--force").exit_code == 0
    assert output.read_text().startswith("path,status")
    assert beside(output) == ["results.csv", "scans"]


def test_24_when_nothing_was_read_it_stays_in_any_case(app: Flask, picture: Path) -> None:
    output = picture.parent.parent / "results.csv"
    output.write_text("yesterday's results")
    assert is_told(run(app, "/typo", "--output", output, "--force"), 1, "0 read, 0 declined, 1 refused")
    assert output.read_text() == "yesterday's results"
    assert beside(output) == ["results.csv", "scans"]


def test_24_so_it_does_when_the_networks_cant_be_used(
    make_app: Callable[..., Flask], picture: Path, tmp_path: Path
) -> None:
    output = picture.parent.parent / "results.csv"
    output.write_text("yesterday's results")
    unusable = make_app(MODELS_DIR=tmp_path / "nowhere")
    assert is_told(run(unusable, picture, "--output", output, "--force"), 2, "Nothing was read.")
    assert output.read_text() == "yesterday's results"
    assert is_told(run(unusable, picture, "--output", output.parent / "new" / "results.csv"), 2)
    assert beside(output) == ["results.csv", "scans"]


def test_24_a_link_at_the_output_stays_a_link(app: Flask, picture: Path, tmp_path: Path) -> None:
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "true.jsonl")
    assert run(app, picture, "--output", tmp_path / "link.jsonl").exit_code == 0
    assert (tmp_path / "link.jsonl").is_symlink()
    assert json.loads((tmp_path / "true.jsonl").read_text())["status"] == "done"


def test_24_answers_of_an_earlier_run_in_the_folder_are_no_picture(app: Flask, picture: Path) -> None:
    """`cd scans; analyse . --output results.csv`, day by day."""
    output = picture.parent / "results.csv"
    assert run(app, picture.parent, "--format", "csv", "--output", output).exit_code == 0
    assert run(app, picture.parent, "--format", "csv", "--output", output, "--force").exit_code == 0
    with output.open(newline="") as file:
        rows = {Path(row["path"]).name: row for row in csv.DictReader(file)}
    assert (rows["scan.png"]["status"], rows["results.csv"]["reason_code"]) == ("done", "own_output")


def test_24_a_file_that_came_meanwhile_stays(app: Flask, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = picture.parent.parent / "results.jsonl"
    decode = app.extensions["sonotriage"].decoder.decode

    def another_writes(*arguments: Any) -> Any:
        output.write_text("another's")
        return decode(*arguments)

    monkeypatch.setattr(app.extensions["sonotriage"].decoder, "decode", another_writes)
    result = run(app, picture, "--output", output)
    assert is_told(result, 4, "can't be written", "The rows so far are in")
    assert output.read_text() == "another's"
    (kept,) = output.parent.glob("*.unfinished")
    assert json.loads(kept.read_text())["status"] == "done"


def test_24_masks_that_are_there_stay_unless_they_may_go(app: Flask, picture: Path, tmp_path: Path) -> None:
    mask = tmp_path / "masks" / "scan.png.mask.png"
    mask.parent.mkdir()
    mask.write_text("drawn by hand")
    assert is_told(run(app, picture, "--masks", mask.parent), 2, "there already", "--force")
    assert mask.read_text() == "drawn by hand"
    assert run(app, picture, "--masks", mask.parent, "--force").exit_code == 0
    assert mask.read_bytes().startswith(b"\x89PNG")


def test_24_no_mask_replaces_an_input(app: Flask, picture: Path, scan: Scan) -> None:
    named = picture.with_name("scan.png.mask.png")
    named.write_bytes(scan(5))
    result = run(app, picture, named, "--masks", picture.parent, "--force")
    assert is_told(result, 2, "would replace one of the files to be read")
    assert named.read_bytes() == scan(5)


def test_24_masks_stay_in_their_folder(app: Flask, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (picture.parent / "deep").mkdir()
    monkeypatch.chdir(picture.parent / "deep")
    assert run(app, "..", "--masks", "masks").exit_code == 0
    assert [str(path) for path in Path().rglob("*.png")] == ["masks/scans/scan.png.mask.png"]


# 25: what is left out


def test_25_links_locks_and_what_is_no_file_have_a_row(
    app: Flask, picture: Path, scan: Scan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scans = picture.parent
    (tmp_path / "nas").mkdir()
    (tmp_path / "nas" / "far.png").write_bytes(scan(2))
    (scans / "link").symlink_to(tmp_path / "nas")
    (scans / "second").symlink_to(tmp_path / "nas")
    (scans / "broken.png").symlink_to("/no")
    (scans / "itself").symlink_to("itself")
    (scans / "linked.png").symlink_to(picture)
    (scans / ".git").mkdir()
    (scans / "locked").mkdir()
    os.mkfifo(scans / "pipe.png")
    _lock(monkeypatch, scans / "locked")
    with socket.socket(socket.AF_UNIX) as bound:
        monkeypatch.chdir(scans)
        bound.bind("socket.png")
        result = run(app, scans)
    assert reasons(result) == {
        "scan.png": ("done", ""), "far.png": ("done", ""), "linked.png": ("done", ""),
        "second": ("left_out", "linked_folder"), ".git": ("left_out", "hidden"),
        "broken.png": ("refused", "unreadable_file"), "itself": ("refused", "unreadable_file"),
        "locked": ("refused", "unreadable_file"), "pipe.png": ("refused", "unreadable_file"),
        "socket.png": ("refused", "unreadable_file"),
    }  # fmt: skip
    assert is_zero(result)
    assert "3 read, 0 declined, 5 refused, 2 left out." in result.stderr
    assert answers(result)["locked"]["reason"]["sentence"] == "The folder can't be opened: Permission denied."


def is_zero(result: Result) -> bool:
    return result.exit_code == 0


def _lock(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Whoever runs the tests may be root, whom no lock keeps out."""
    scandir = os.scandir

    def locked(path: Path) -> Any:
        if Path(path) == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", locked)


def test_25_a_folder_with_nothing_but_a_link_is_read(app: Flask, picture: Path, tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "data").symlink_to(picture.parent)
    result = run(app, tmp_path / "study")
    assert reasons(result) == {"scan.png": ("done", "")}
    assert answers(result)["scan.png"]["path"].endswith("study/data/scan.png")


def test_25_no_loop_of_links_is_endless(tmp_path: Path) -> None:
    study = tmp_path / "study"
    for name in ("one", "two"):
        (study / name).mkdir(parents=True)
        (study / name / f"{name}.png").write_bytes(b"x")
    (study / "one" / "to two").symlink_to("../two")
    (study / "two" / "to one").symlink_to("../one")
    (study / "round").symlink_to(study)
    (study / "up").symlink_to("..")
    (study / "root").symlink_to("/")
    found = {str(one.path.relative_to(study)): one.unread for one in found_files.sources([study])}
    assert {name: one and one.code for name, one in found.items()} == {
        "one/one.png": None, "two/two.png": None, "one/to two": "linked_folder", "two/to one": "linked_folder",
        "round": "linked_folder", "up": "linked_folder", "root": "linked_folder",
    }  # fmt: skip


def test_25_folders_that_need_no_link_come_first(tmp_path: Path) -> None:
    (tmp_path / "z").mkdir()
    (tmp_path / "z" / "x.png").write_bytes(b"x")
    (tmp_path / "a").symlink_to("z")
    found = {one.path.name: one for one in found_files.sources([tmp_path])}
    assert found["x.png"].path == tmp_path / "z" / "x.png"
    assert found["a"].unread is not None
    assert f"is read as {tmp_path / 'z'}." in found["a"].unread.sentence


def test_25_folders_may_be_thousands_deep(tmp_path: Path) -> None:
    home = Path.cwd()
    os.chdir(tmp_path)
    try:
        for _ in range(1500):
            os.mkdir("deep")  # noqa: PTH102 - the whole path is longer than the system takes
            os.chdir("deep")
    finally:
        os.chdir(home)
    (last,) = found_files.sources([tmp_path])
    assert last.unread is not None
    assert "File name too long" in last.unread.sentence
    subprocess.run(["rm", "-rf", tmp_path / "deep"], check=True)


def test_25_a_folder_named_twice_leaves_nothing_out(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "x.png").write_bytes(b"x")
    for paths in ([tmp_path, tmp_path], [tmp_path / "deep", tmp_path], [tmp_path, tmp_path / "deep" / ".." / "deep"]):
        assert [one.path.name for one in found_files.sources(paths)] == ["x.png"]


# 26: what the system does not allow


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_26_a_full_output_ends_in_a_sentence(app: Flask, picture: Path) -> None:
    assert is_told(run(app, picture, "--output", FULL), 4, "/dev/full can't be written: No space left on device.")


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_26_a_full_disk_leaves_whole_rows(app: Flask, picture: Path, form: str) -> None:
    output = picture.parent.parent / "results"
    (picture.parent / "a.txt").write_text("no picture")
    with room(1000):
        result = run(app, picture.parent, "--format", form, "--output", output)
    assert is_told(result, 4, "results can't be written: File too large.")
    assert beside(output) == ["scans"]


def test_26_rows_that_were_read_are_kept_whole(app: Flask, picture: Path, scan: Scan) -> None:
    output = picture.parent.parent / "results"
    for number in range(9):
        (picture.parent / f"{number}.png").write_bytes(scan(number))
    with room(10_000):
        result = run(app, picture.parent, "--output", output)
    assert is_told(result, 4, "The rows so far are in")
    (kept,) = output.parent.glob("results.*.unfinished")
    rows = [json.loads(line) for line in kept.read_text().splitlines()]
    assert {row["status"] for row in rows} == {"done"}
    assert f"{len(rows)} read," in result.stderr
    assert not output.exists()


def test_26_no_half_mask_stays(app: Flask, picture: Path) -> None:
    masks = picture.parent.parent / "masks"
    with room(50):
        result = run(app, picture, "--masks", masks)
    assert is_told(result, 4, "scan.png.mask.png can't be written: File too large.")
    assert not masks.exists()


def test_26_a_mask_with_too_long_a_name_stops_nothing(app: Flask, picture: Path, scan: Scan, tmp_path: Path) -> None:
    long = picture.with_name("x" * 250 + ".png")
    long.write_bytes(scan(2))
    found = answers(run(app, picture.parent, "--masks", tmp_path / "masks", "--output", tmp_path / ("y" * 255)))
    assert found == {}
    rows = [json.loads(line) for line in (tmp_path / ("y" * 255)).read_text().splitlines()]
    assert [row["mask"] is None for row in rows] == [False, True]
    assert rows[1]["notices"][-1] == "The mask was not written: the name of its file would be too long."


def test_26_a_folder_that_is_a_file_ends_in_a_sentence(app: Flask, picture: Path) -> None:
    assert is_told(run(app, picture, "--output", picture / "results"), 4, "Not a directory")
    assert is_told(run(app, picture, "--masks", picture / "masks"), 4, "Not a directory")
    assert is_told(run(app, picture, "--output", picture.parent / ("x" * 300)), 4, "File name too long")


@pytest.mark.parametrize("words", [[""], [".", "--output", ""], [".", "--masks", ""]])
def test_26_an_empty_name_is_not_the_present_folder(
    app: Flask, picture: Path, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(picture.parent)
    assert is_told(run(app, *words), 2, "the name is empty")


def test_26_a_pipe_that_ends_is_read(app: Flask, tmp_path: Path, scan: Scan) -> None:
    os.mkfifo(tmp_path / "pipe")
    sender = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(scan(),))
    sender.start()
    assert reasons(run(app, tmp_path / "pipe")) == {"pipe": ("done", "")}
    sender.join()


@pytest.mark.parametrize("has_writer", [False, True])
def test_26_a_pipe_that_says_nothing_is_given_up(
    app: Flask, tmp_path: Path, has_writer: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(named_files, "SILENCE_S", 0.2)
    os.mkfifo(tmp_path / "pipe")
    writer = os.open(tmp_path / "pipe", os.O_RDWR) if has_writer else None
    result = run(app, tmp_path / "pipe")
    assert "Nothing came through the pipe" in answers(result)["pipe"]["reason"]["sentence"]
    if writer is not None:
        os.close(writer)


def test_26_a_pipe_that_does_not_end_is_given_up(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named_files, "PATIENCE_S", 0.3)
    os.mkfifo(tmp_path / "pipe")
    writer = os.open(tmp_path / "pipe", os.O_RDWR)
    has_ended = threading.Event()

    def drip() -> None:
        while not has_ended.wait(0.05):
            os.write(writer, b"x")

    sender = threading.Thread(target=drip)
    sender.start()
    result = run(app, tmp_path / "pipe")
    has_ended.set()
    sender.join()
    os.close(writer)
    assert "The pipe did not end" in answers(result)["pipe"]["reason"]["sentence"]


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/dev/tty"])
def test_26_devices_are_refused(app: Flask, path: str) -> None:
    found = answers(run(app, path))[Path(path).name]
    assert found["reason"] == {"code": "unreadable_file", "sentence": "This is a device, not a file."}


def test_26_an_output_that_nobody_reads_is_refused(app: Flask, picture: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert is_told(run(app, picture, "--output", tmp_path / "pipe"), 4, "pipe can't be written")


def test_26_names_that_are_no_text_are_read_and_shown(app: Flask, tmp_path: Path, scan: Scan) -> None:
    name, scans = os.fsdecode(b"M\xfcller.png"), tmp_path / "scans"
    scans.mkdir()
    (scans / name).write_bytes(scan())
    (scans / "Łódź 超音波.png").write_bytes(scan(2))
    line, other = run(app, scans, "--masks", tmp_path / "masks").stdout.splitlines()
    assert json.loads(line)["path"] == f"{scans}/M\\xfcller.png"
    assert json.loads(other)["path"] == f"{scans}/Łódź 超音波.png"
    assert (tmp_path / "masks" / "scans" / f"{name}.mask.png").is_file()
    table = run(app, scans / name, "--format", "csv")
    assert "M\\xfcller.png,done," in table.stdout


def test_26_no_name_moves_a_terminal(app: Flask, picture: Path) -> None:
    result = run(app, picture, "--output", picture / "a\x1b[31m\nb")
    assert is_told(result, 4, "a\\x1b[31m\\nb can't be written: Not a directory.")
    assert "\x1b" not in result.output


def test_26_errors_of_the_system_end_every_command_in_a_sentence(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = app.test_cli_runner().invoke(args=["backup-key", str(tmp_path / "file" / "keys")])
    assert is_told(result, 1, "Not a directory")
    with app.app_context():
        db.drop_all()
    for words in (["audit", "export"], ["audit", "follow"], ["check"], ["clinics", "check"], ["setup-link"]):
        result = app.test_cli_runner().invoke(args=words)
        assert is_told(result, 1, "The database is empty."), words
    for command in every_command(app.cli):
        assert command.callback.__code__.co_filename == endings.__file__, command.name


def every_command(group: click.Group) -> Iterator[Any]:
    """Ours; the others are Flask-Migrate's and flask-smorest's."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group) and name not in ("db", "openapi"):
            yield from every_command(command)
        elif not isinstance(command, click.Group):
            yield command


class TestTheProcess:
    """What only a process of its own shows: signals, closed pipes, standard input."""

    pytestmark = pytest.mark.slow

    @pytest.fixture
    def command(self, tmp_path: Path, tiny_models: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
        begun: list[subprocess.Popen[bytes]] = []
        environment = os.environ | {
            "DATA_DIR": str(tmp_path / "data"), "MODELS_DIR": str(tiny_models), "PROVIDER": "cpu",
        }  # fmt: skip

        def begin(*arguments: object, **more: Any) -> subprocess.Popen[bytes]:
            streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
            words = [sys.executable, "-m", "flask", "--app", "wsgi", "analyse", *map(str, arguments)]
            begun.append(subprocess.Popen(words, cwd=ROOT, env=environment, preexec_fn=_as_typed, **streams))
            return begun[-1]

        yield begin
        for one in begun:
            one.kill()
            one.communicate()

    @pytest.fixture
    def many(self, picture: Path, scan: Scan) -> Path:
        for number in range(400):
            (picture.parent / f"{number}.png").write_bytes(scan(1))
        return picture.parent

    def test_26_ctrl_c_ends_with_130_and_whole_rows(
        self, command: Callable[..., subprocess.Popen[bytes]], many: Path
    ) -> None:
        output = many.parent / "results.jsonl"
        running = command(many, "--output", output, "--masks", many.parent / "masks")
        _until(lambda: len(list((many.parent / "masks").rglob("*.png"))) > 3)
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=60)
        assert running.returncode == 130, told
        assert b"Traceback" not in told
        assert b"Stopped before the end. The rows so far are in" in told
        (kept,) = output.parent.glob("*.unfinished")
        rows = [json.loads(line) for line in kept.read_text().splitlines()]
        assert f"{len(rows)} read,".encode() in told
        assert not output.exists()
        assert all(path.stat().st_size > 50 for path in (many.parent / "masks").rglob("*.png"))
        assert not list((many.parent / "masks").rglob("*.unfinished"))

    @pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="this system does not tell how far it has come")
    def test_26_ctrl_c_while_it_loads_is_told_too(self, command: Callable[..., subprocess.Popen[bytes]]) -> None:
        running = command("x")
        maps = Path(f"/proc/{running.pid}/maps")
        _until(lambda: "_sqlite3" in maps.read_text() or "onnxruntime" in maps.read_text())
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=60)
        assert (running.returncode, b"Traceback" in told) == (130, False), told

    @pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
    def test_26_other_signals_leave_no_half_file_either(
        self, command: Callable[..., subprocess.Popen[bytes]], many: Path, number: int, status: int
    ) -> None:
        running = command(many)
        assert running.stdout is not None
        running.stdout.readline()
        running.send_signal(number)
        rest, told = running.communicate(timeout=60)
        assert running.returncode == status, told
        assert rest[-1:] in (b"", b"\n")
        assert b"Traceback" not in told

    def test_26_a_closed_pipe_ends_with_141(self, command: Callable[..., subprocess.Popen[bytes]], many: Path) -> None:
        running = command(many)
        assert running.stdout is not None
        assert running.stderr is not None
        assert json.loads(running.stdout.readline())["status"] == "done"
        running.stdout.close()
        told = running.stderr.read()
        assert running.wait(60) == 141, told
        assert told.splitlines()[-1] == b"Whoever read the output has closed it."
        assert b"Traceback" not in told
        assert b"Exception" not in told

    @pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
    def test_26_full_standard_output_and_error_end_in_silence_or_a_sentence(
        self, command: Callable[..., subprocess.Popen[bytes]], picture: Path
    ) -> None:
        with FULL.open("wb") as full:
            running = command(picture, stdout=full)
            _, told = running.communicate(timeout=60)
            assert (running.returncode, told.splitlines()[-1]) == (
                4, b"Error: Standard output can't be written: No space left on device.",
            )  # fmt: skip
            running = command(picture, stderr=full)
            answer, _ = running.communicate(timeout=60)
            assert (running.returncode, json.loads(answer)["status"]) == (0, "done")

    def test_26_a_dash_is_standard_input(
        self, command: Callable[..., subprocess.Popen[bytes]], picture: Path, tmp_path: Path
    ) -> None:
        with picture.open("rb") as file:
            answer, _ = command("-", "--masks", tmp_path / "masks", "--output", "-", stdin=file).communicate(timeout=60)
        assert (json.loads(answer)["path"], json.loads(answer)["status"]) == ("-", "done")
        assert (tmp_path / "masks" / "-.mask.png").is_file()
        answer, _ = command("-").communicate(timeout=60)
        assert json.loads(answer)["reason"]["code"] == "empty_file"

    def test_24_standard_output_in_the_folder_is_left_out(
        self, command: Callable[..., subprocess.Popen[bytes]], picture: Path
    ) -> None:
        with (picture.parent / "answers.jsonl").open("wb") as file:
            assert command(picture.parent, stdout=file).wait(60) == 0
        rows = [json.loads(line) for line in (picture.parent / "answers.jsonl").read_text().splitlines()]
        assert [(Path(row["path"]).name, row["status"]) for row in rows] == [
            ("answers.jsonl", "left_out"), ("scan.png", "done"),
        ]  # fmt: skip


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def _as_typed() -> None:
    """Shells let what they start in the background ignore Ctrl-C, and tests may run there."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
