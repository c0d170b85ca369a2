"""Backup and restore on a real database and real files."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from app import audit
from app.reading import images
from app.store import erasures, known_backups
from app.store.database import DATABASE, driver, writing
from app.tables import AuditEvent, Image
from app.tables.image import DONE
from app.upkeep import backup, backup_keys, integrity, restoring
from app.upkeep.backup_keys import BadBackup, Keys
from app.upkeep.restoring import Trust
from app.web.extensions import db

Rest = Callable[[], None]


def test_a_restored_backup_holds_what_was_there_and_the_present_is_set_aside(
    data: Path, image_ids: list[str], at_rest: Rest, public: Keys, trust: Trust, tmp_path: Path
) -> None:
    fitted = data / "recalibrated" / "0001.json"
    fitted.parent.mkdir()
    fitted.write_text("fitted here")
    copied = backup.create(data, tmp_path / "copy", public)
    assert (copied.images, copied.pictures, copied.missing) == (3, 3, ())
    fitted.write_text("fitted later")
    db.session.query(Image).filter_by(id=image_ids[0]).update({"place": "changed later"})
    db.session.commit()
    at_rest()
    found, point = restoring.restore(tmp_path / "copy", data, trust)
    assert (found.images, found.pictures, found.missing, found.erased) == (3, 3, 0, ())
    assert {row.id: (row.status, row.place) for row in db.session.query(Image)} == dict.fromkeys(
        image_ids, (DONE, None)
    )
    assert integrity.check().is_sound
    with closing(driver.connect(point / DATABASE)) as earlier:
        assert earlier.execute("SELECT COUNT(*) FROM image WHERE place = 'changed later'").fetchone() == (1,)
    assert fitted.read_text() == "fitted here"
    assert (point / "recalibrated" / "0001.json").read_text() == "fitted later"


def test_whoever_was_deleted_does_not_come_back(
    data: Path, image_ids: list[str], at_rest: Rest, public: Keys, trust: Trust, tmp_path: Path
) -> None:
    backup.create(data, tmp_path / "copy", public)
    images.delete(image_ids[0], "visitor")
    at_rest()
    found, _ = restoring.restore(tmp_path / "copy", data, trust)
    assert found.erased == (erasures.short_name_of(image_ids[0]),)
    assert {row.id for row in db.session.query(Image)} == set(image_ids[1:])
    report = integrity.check()
    assert (report.is_sound, report.orphans, report.returned) == (True, [], [])
    assert image_ids[0].encode() not in (data / DATABASE).read_bytes()


def test_the_list_beside_the_backup_is_enough_on_another_machine(
    data: Path, image_ids: list[str], at_rest: Rest, public: Keys, trust: Trust, tmp_path: Path
) -> None:
    backup.create(data, tmp_path / "copy", public)
    images.delete(image_ids[0], "visitor")
    at_rest()
    (data / "erased.txt").unlink()
    assert restoring.drill(tmp_path / "copy", data, trust).erased == (erasures.short_name_of(image_ids[0]),)
    (tmp_path / "erased.txt").unlink()
    assert restoring.drill(tmp_path / "copy", data, trust).erased == ()


def test_a_drill_leaves_nothing_behind_and_tells_its_times(
    data: Path, image_ids: list[str], public: Keys, trust: Trust, tmp_path: Path
) -> None:
    backup.create(data, tmp_path / "copy", public)
    before = {path: path.stat().st_mtime_ns for path in data.rglob("*") if path.is_file()}
    found = restoring.drill(tmp_path / "copy", data, trust)
    assert found.images == len(image_ids)
    assert set(found.seconds) == {"unpack", "prove", "bring up to date", "delete again", "write to the disk"}
    assert {path: path.stat().st_mtime_ns for path in data.rglob("*") if path.is_file()} == before


def test_an_existing_file_is_never_overwritten(data: Path, public: Keys, tmp_path: Path) -> None:
    (tmp_path / "copy").write_text("something else")
    with pytest.raises(BadBackup, match="exists"):
        backup.create(data, tmp_path / "copy", public)


def test_a_folder_gets_a_file_named_by_the_moment(data: Path, public: Keys, tmp_path: Path) -> None:
    copied = backup.create(data, tmp_path, public)
    assert copied.file.parent == tmp_path
    assert [one.path for one in known_backups.known(data)] == [copied.file]


def test_a_backup_that_can_t_be_written_leaves_nothing(data: Path, public: Keys, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadBackup, match="could not be written"):
        backup.create(data, tmp_path / "file" / "copy", public)
    assert not list(data.glob(f"{backup.UNDER_WAY}*"))


@pytest.mark.usefixtures("image_ids")
def test_a_damaged_picture_is_told_and_no_backup_is_made(data: Path, public: Keys, tmp_path: Path) -> None:
    path = next((data / "pictures").glob("*/*.png"))
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(BadBackup, match="1 pictures are damaged"):
        backup.create(data, tmp_path / "copy", public)
    assert not list(tmp_path.glob("copy*"))


def test_a_picture_that_is_gone_is_named(data: Path, image_ids: list[str], public: Keys, tmp_path: Path) -> None:
    key = images.find(image_ids[0]).picture_sha256
    (data / "pictures" / key[:2] / f"{key}.png").unlink()
    assert backup.create(data, tmp_path / "copy", public).missing == (key,)


def test_a_link_in_the_data_folder_is_not_followed(
    data: Path, image_ids: list[str], public: Keys, trust: Trust, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of somebody else")
    (data / "postcodes").mkdir()
    (data / "postcodes" / "DE.txt").symlink_to(secret)
    backup.create(data, tmp_path / "copy", public)
    with restoring._unpacked(tmp_path / "copy", data, trust) as (folder, found):
        assert found.images == len(image_ids)
        assert not (folder / "postcodes").exists()


def test_restoring_is_refused_while_the_server_runs(data: Path, public: Keys, trust: Trust, tmp_path: Path) -> None:
    backup.create(data, tmp_path / "copy", public)
    with (data / "worker.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as a running server's worker does
        with pytest.raises(BadBackup, match="running"):
            restoring.restore(tmp_path / "copy", data, trust)


class TestTrust:
    """What is not proved to be our own backup is refused, and nothing is touched."""

    @pytest.fixture
    def copy(self, data: Path, image_ids: list[str], public: Keys, tmp_path: Path) -> Path:
        """A backup of three images."""
        backup.create(data, tmp_path / "copy", public)
        return tmp_path / "copy"

    def refused(self, copy: Path, data: Path, trust: Trust, match: str) -> None:
        before = {path: path.stat().st_mtime_ns for path in data.rglob("*") if path.is_file()}
        with pytest.raises(BadBackup, match=match):
            restoring.drill(copy, data, trust)
        assert {path: path.stat().st_mtime_ns for path in data.rglob("*") if path.is_file()} == before

    def test_no_word_of_it_can_be_read_without_the_key(self, copy: Path, image_ids: list[str]) -> None:
        content = copy.read_bytes()
        assert content.startswith(b"age-encryption.org/v1\n")
        assert not [one for one in (*image_ids, "SQLite format", "PNG", "pictures/") if one.encode() in content]

    def test_a_flipped_bit_anywhere_is_noticed(self, copy: Path, data: Path, trust: Trust) -> None:
        content = copy.read_bytes()
        for place in (100, len(content) // 3, len(content) - 1):
            copy.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            self.refused(copy, data, trust, "damaged, cut off, or was changed|another key, or its head")

    def test_a_cut_is_noticed_also_between_two_pieces(self, copy: Path, data: Path, trust: Trust) -> None:
        content = copy.read_bytes()
        head = content.index(b"\n--- ") + len(b"\n--- ") + 43 + 1 + 16
        for length in (head + 64 * 1024 + 16, len(content) - 1):
            copy.write_bytes(content[:length])
            self.refused(copy, data, trust, "damaged, cut off, or was changed")

    def test_two_swapped_pieces_are_noticed(self, copy: Path, data: Path, trust: Trust) -> None:
        content, piece = copy.read_bytes(), 64 * 1024 + 16
        head = content.index(b"\n--- ") + len(b"\n--- ") + 43 + 1 + 16
        first, second = content[head : head + piece], content[head + piece : head + 2 * piece]
        copy.write_bytes(content[:head] + second + first + content[head + 2 * piece :])
        self.refused(copy, data, trust, "damaged, cut off, or was changed")

    def test_what_hangs_behind_it_is_noticed(self, copy: Path, data: Path, trust: Trust) -> None:
        copy.write_bytes(copy.read_bytes() + b"more")
        self.refused(copy, data, trust, "damaged, cut off, or was changed")

    def test_the_public_key_reads_nothing(self, copy: Path, data: Path, public: Keys) -> None:
        self.refused(copy, data, Trust(public), "takes the private key")
        self.refused(copy, data, Trust(None), "takes the private key")

    def test_another_pair_of_keys_reads_nothing(self, copy: Path, data: Path, tmp_path: Path) -> None:
        _, other = backup_keys.make(tmp_path / "others", data)
        self.refused(copy, data, Trust(backup_keys.read(other, data)), "another key")

    def test_a_forger_who_knows_the_public_key_has_no_seal(
        self, data: Path, image_ids: list[str], public: Keys, trust: Trust, tmp_path: Path
    ) -> None:
        backup.create(data, tmp_path / "forged", replace(public, seal=b"guessed"))
        self.refused(tmp_path / "forged", data, trust, "somebody else made it")

    def test_an_open_backup_is_taken_only_when_somebody_says_so(
        self, copy: Path, data: Path, trust: Trust, tmp_path: Path
    ) -> None:
        backup.create(data, tmp_path / "open", None)
        self.refused(tmp_path / "open", data, trust, "not encrypted")
        assert restoring.drill(tmp_path / "open", data, Trust(is_open_allowed=True)).images == 3
        self.refused(copy, data, replace(trust, is_open_allowed=True), "is encrypted")

    def test_a_file_that_is_no_backup_is_told(self, data: Path, tmp_path: Path, trust: Trust) -> None:
        (tmp_path / "other").write_text("something else")
        self.refused(tmp_path / "other", data, trust, "or is none")
        self.refused(tmp_path / "other", data, Trust(is_open_allowed=True), "damaged, or is none")


class TestKeys:
    def test_they_are_their_owner_s_alone_and_never_overwritten(
        self, key_files: tuple[Path, Path], data: Path, tmp_path: Path
    ) -> None:
        assert [path.stat().st_mode & 0o777 for path in key_files] == [0o600, 0o600]
        with pytest.raises(BadBackup, match="exists already"):
            backup_keys.make(tmp_path / "keys", data)

    def test_half_a_pair_is_never_left(self, data: Path, tmp_path: Path) -> None:
        (tmp_path / "keys").mkdir()
        (tmp_path / "keys" / backup_keys.PUBLIC).write_text("an older one")
        with pytest.raises(BadBackup, match="exists already"):
            backup_keys.make(tmp_path / "keys", data)
        assert [path.name for path in (tmp_path / "keys").iterdir()] == [backup_keys.PUBLIC]
        assert (tmp_path / "keys" / backup_keys.PUBLIC).read_text() == "an older one"
        with pytest.raises(BadBackup, match="Not a directory"):
            backup_keys.make(tmp_path / "keys" / backup_keys.PUBLIC / "below", data)

    def test_the_public_one_does_not_hold_the_private_one(self, key_files: tuple[Path, Path]) -> None:
        public, private = (path.read_text() for path in key_files)
        assert "AGE-SECRET-KEY-1" in private
        assert "AGE-SECRET-KEY-1" not in public

    def test_in_the_data_folder_they_would_protect_nothing(self, data: Path, key_files: tuple[Path, Path]) -> None:
        with pytest.raises(BadBackup, match="lies in the data folder"):
            backup_keys.make(data / "keys", data)
        (data / "key").write_text(key_files[0].read_text())
        with pytest.raises(BadBackup, match="lies in the data folder"):
            backup_keys.read(data / "key", data)

    @pytest.mark.parametrize(
        ("text", "match"),
        [
            ("", "no key file"),
            ("age1nonsense", "damaged key"),
            ("AGE-SECRET-KEY-1NO", "damaged key"),
            ("ü", "no key file"),
        ],
    )
    def test_what_is_no_key_is_told(self, text: str, match: str, data: Path, tmp_path: Path) -> None:
        (tmp_path / "key").write_text(text)
        with pytest.raises(BadBackup, match=match):
            backup_keys.read(tmp_path / "key", data)

    def test_nothing_of_a_key_is_printed(self, trust: Trust) -> None:
        assert trust.keys is not None
        assert trust.keys.seal.hex() not in repr(trust)
        assert "SECRET" not in repr(trust)


class TestCommands:
    def test_the_journey_from_keys_to_a_restored_backup(
        self, product: Flask, image_ids: list[str], tmp_path: Path
    ) -> None:
        run = product.test_cli_runner().invoke
        refused = run(args=["backup", str(tmp_path / "copy")])
        assert refused.exit_code == 1
        assert "No key is set" in refused.output
        assert "reads every backup" in run(args=["backup-key", str(tmp_path / "keys")]).output
        product.config["BACKUP_KEY_FILE"] = str(tmp_path / "keys" / backup_keys.PUBLIC)
        made = run(args=["backup", str(tmp_path / "copy")])
        assert "3 images, 3 pictures copied" in made.output, made.output
        assert "takes the private key" in run(args=["restore-drill", str(tmp_path / "copy")]).output
        key = ["--key", str(tmp_path / "keys" / backup_keys.PRIVATE)]
        assert "the backup can be restored" in run(args=["restore-drill", str(tmp_path / "copy"), *key]).output
        restored = run(args=["restore", str(tmp_path / "copy"), *key])
        assert restored.exit_code == 0, restored.output
        assert "is kept in before-restore-" in restored.output
        assert {row.id for row in db.session.query(Image)} == set(image_ids)

    def test_the_trail_still_proves_itself_after_people_were_deleted_again(
        self, product: Flask, image_ids: list[str], tmp_path: Path
    ) -> None:
        with writing():
            audit.record("visitor", "image.receive", image_ids[0], kind="png")
        run = product.test_cli_runner().invoke
        run(args=["backup", str(tmp_path / "copy"), "--unencrypted"])
        images.delete(image_ids[0], "visitor")
        told = run(args=["restore", str(tmp_path / "copy"), "--unencrypted"])
        assert "1 images that were deleted since the backup are deleted again" in told.output
        events = [(event.action, event.image_id, event.details) for event in db.session.query(AuditEvent)]
        short = erasures.short_name_of(image_ids[0])
        assert events == [("image.receive", short, {}), ("image.delete", short, {})]
        proved = run(args=["audit", "verify"])
        assert proved.exit_code == 0, proved.output

    def test_26_a_key_may_come_through_a_pipe(
        self, product: Flask, image_ids: list[str], key_files: tuple[Path, Path], tmp_path: Path
    ) -> None:
        product.config["BACKUP_KEY_FILE"] = str(key_files[0])
        run = product.test_cli_runner().invoke
        assert run(args=["backup", str(tmp_path / "copy")]).exit_code == 0
        os.mkfifo(tmp_path / "pipe")
        sender = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(key_files[1].read_bytes(),))
        sender.start()
        drilled = run(args=["restore-drill", str(tmp_path / "copy"), "--key", str(tmp_path / "pipe")])
        assert "the backup can be restored" in drilled.output, drilled.output
        sender.join()

    def test_26_no_pipe_holds_a_command_up(
        self, product: Flask, image_ids: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.commands.named_files.SILENCE_S", 0.1)
        run, pipe = product.test_cli_runner().invoke, str(tmp_path / "pipe")
        os.mkfifo(pipe)
        assert "named pipe" in run(args=["restore", pipe]).output
        assert "Nothing came through" in run(args=["restore-drill", str(tmp_path), "--key", pipe]).output
        assert "Nothing came through" in run(args=["audit", "verify", "--former", pipe]).output
        assert "named pipe" in run(args=["models", "recalibrate", pipe, str(tmp_path)]).output
        assert "Nothing came through" in run(args=["clinics", "import", pipe, "--yes"]).output
        assert run(args=["backup", pipe, "--unencrypted"]).exit_code == 1

    def test_an_open_backup_takes_a_word(self, product: Flask, image_ids: list[str], tmp_path: Path) -> None:
        run = product.test_cli_runner().invoke
        assert run(args=["backup", str(tmp_path / "copy"), "--unencrypted"]).exit_code == 0
        assert "3 images" in run(args=["restore", str(tmp_path / "copy"), "--unencrypted"]).output
