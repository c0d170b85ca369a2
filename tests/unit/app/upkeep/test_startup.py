"""What the start looks at, on real folders."""

from __future__ import annotations

import errno
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from app import config, create_app
from app.config import BadSetting
from app.store import database, schema
from app.store.database import DATABASE, driver
from app.store.schema import UnknownSchema
from app.upkeep import backup_keys, startup

MOUNTS = """proc /proc proc rw 0 0
/dev/sda1 / ext4 rw 0 0
server:/share /srv/with\\040space nfs4 rw 0 0
//server/share /srv/with\\040space/inner cifs rw 0 0
"""


def settings(data: Path, is_expected: bool = False) -> dict[str, object]:
    return config.load({}, DATA_DIR=data, EXPECT_DATA=is_expected)


def make_tables(data: Path) -> None:
    with driver.connect(data / DATABASE) as database:
        database.execute("CREATE TABLE image (id TEXT)")


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/srv/data", "ext4"), ("/srv/with space/data", "nfs4"), ("/srv/with space/inner/data", "cifs"),
        ("/srv/with spaces", "ext4"),
    ],
)  # fmt: skip
def test_the_innermost_mount_tells_the_file_system(folder: str, kind: str) -> None:
    assert startup.file_system_of(Path(folder), MOUNTS) == kind


def test_a_key_for_backups_that_will_not_do_is_told(tmp_path: Path) -> None:
    data = tmp_path / "data"
    public, private = backup_keys.make(tmp_path / "keys", data)
    assert startup.warnings(data, str(public)) == []
    assert "keep it away from this machine" in startup.warnings(data, str(private))[0]
    assert "No backup can be made" in startup.warnings(data, str(tmp_path / "none"))[0]


def test_an_empty_folder_is_a_first_start_unless_data_is_expected(tmp_path: Path) -> None:
    startup.check(settings(tmp_path / "data"))
    with pytest.raises(startup.CantStart, match="volume mounted"):
        startup.check(settings(tmp_path / "data", is_expected=True))


def test_a_folder_with_tables_is_marked_once(tmp_path: Path) -> None:
    startup.mark(tmp_path)
    assert not (tmp_path / startup.MARKER).exists()
    make_tables(tmp_path)
    startup.mark(tmp_path)
    marker = (tmp_path / startup.MARKER).read_text()
    startup.mark(tmp_path)
    assert (tmp_path / startup.MARKER).read_text() == marker
    startup.check(settings(tmp_path, is_expected=True))


def test_a_marked_folder_without_tables_lost_its_database(tmp_path: Path) -> None:
    make_tables(tmp_path)
    startup.mark(tmp_path)
    (tmp_path / DATABASE).unlink()
    with pytest.raises(startup.CantStart, match="gone"):
        startup.check(settings(tmp_path))


def test_damaged_names_of_tables_are_told_as_damage(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    make_tables(data)
    content = (data / DATABASE).read_bytes()
    damaged = content.replace(b"tablestudystudy", b"table\x99\xfe\xff\x99\xfestudy").replace(b"CREATE", b"CREAT\x99")
    (data / DATABASE).write_bytes(damaged)
    with closing(driver.connect(data / DATABASE)) as database, pytest.raises(UnicodeDecodeError):
        database.execute("PRAGMA quick_check")
    assert startup.has_tables(data)
    told = create_app(DATA_DIR=data).test_cli_runner().invoke(args=["prepare"])
    assert told.exit_code != 0
    assert "is damaged" in told.output
    assert (data / DATABASE).read_bytes() == damaged
    with create_app(DATA_DIR=tmp_path / "other").app_context(), pytest.raises(UnknownSchema, match="damaged"):
        schema.prove(data / DATABASE)


def test_a_database_that_can_t_be_opened_now_is_not_called_damaged(tmp_path: Path) -> None:
    make_tables(tmp_path)
    with closing(driver.connect(tmp_path / DATABASE)) as database:
        database.execute("PRAGMA journal_mode=WAL")
    (tmp_path / f"{DATABASE}-wal").mkdir()  # as good as a file that may not be read, for root too
    told = create_app(DATA_DIR=tmp_path).test_cli_runner().invoke(args=["prepare"])
    assert told.exit_code != 0
    assert "can't be opened now (unable to open database file)" in told.output
    assert "damaged" not in told.output


def test_a_damaged_header_is_told_as_damage(tmp_path: Path) -> None:
    make_tables(tmp_path)
    with (tmp_path / DATABASE).open("r+b") as file:
        file.seek(44)  # the number of the schema's format
        file.write(bytes([99] * 4))
    told = create_app(DATA_DIR=tmp_path).test_cli_runner().invoke(args=["prepare"])
    assert "is damaged (unsupported file format)" in told.output


def test_a_full_disk_is_no_reason_not_to_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(number: int) -> None:
        def touch(path: Path, exist_ok: bool = True) -> None:
            raise OSError(number, "no", str(path))

        monkeypatch.setattr(Path, "touch", touch)

    fail(errno.ENOSPC)
    startup.check(settings(tmp_path))
    fail(errno.EROFS)
    with pytest.raises(startup.CantStart, match="can't be written"):
        startup.check(settings(tmp_path))


def test_the_secret_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(lambda _: database._kept_secret(tmp_path / "secret_key"), range(32)))
    assert len(keys) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600


def test_the_secret_key_is_made_where_there_are_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    key = database._kept_secret(tmp_path / "secret_key")
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600
    database._make_secret(tmp_path / "secret_key")
    assert database._kept_secret(tmp_path / "secret_key") == key


def test_a_power_cut_while_the_secret_key_is_made_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(database.os, "fsync", cut)
    with pytest.raises(OSError, match="Input/output error"):
        database._kept_secret(tmp_path / "secret_key")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_secret_key_stops_the_start_and_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "secret_key").touch()
    with pytest.raises(BadSetting, match=r"secret_key is empty\. .* remove it"):
        create_app(DATA_DIR=tmp_path)


def test_where_decoders_can_be_shut_in_nothing_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    startup.check(settings(tmp_path) | {"SANDBOX": "required"})
    assert "shut in" not in caplog.text


def test_without_means_to_shut_decoders_in_the_start_goes_as_the_setting_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(startup, "missing_for_a_sandbox", lambda: "libseccomp is not installed")
    with pytest.raises(startup.CantStart, match=r"libseccomp is not installed\. Install .* SANDBOX=off"):
        startup.check(settings(tmp_path) | {"SANDBOX": "required"})
    for chosen, reason in (("auto", "libseccomp is not installed"), ("off", "SANDBOX=off")):
        caplog.clear()
        startup.check(settings(tmp_path) | {"SANDBOX": chosen})
        assert f"not shut in: {reason}." in caplog.text


def test_a_trial_that_can_not_be_made_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup.sys, "executable", "/nonexistent/python")
    assert startup.missing_for_a_sandbox() == "it could not be tried (FileNotFoundError)"


def test_an_unknown_kind_of_sandbox_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="SANDBOX='maybe'"):
        create_app(DATA_DIR=tmp_path, SANDBOX="maybe")
