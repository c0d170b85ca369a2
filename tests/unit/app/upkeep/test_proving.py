"""What comes with a backup that is not ours is refused: triggers, views, links, odd names, other tables."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask

from app.reading import images
from app.store import erasures, schema
from app.store.database import DATABASE, driver
from app.store.schema import UnknownSchema
from app.tables import Analysis, Image, Review
from app.upkeep import backup, restoring
from app.upkeep.backup_keys import BadBackup
from app.upkeep.restoring import Trust
from app.web.extensions import db
from tests.factories.earlier import backup_of_0_2_0

OLDER, OPEN = Trust(is_older_allowed=True), Trust(is_open_allowed=True)
IDS = [f"{number:032x}" for number in (1, 2, 3)]


@pytest.fixture
def earlier(product: Flask, tmp_path: Path) -> Path:
    """A backup as release 0.2.0 made it, of three images."""
    backup_of_0_2_0(tmp_path / "earlier", IDS)
    return tmp_path / "earlier"


def change(folder: Path, statement: str) -> None:
    with closing(driver.connect(folder / DATABASE)) as database, database:
        database.execute(statement)


class TestEarlierRelease:
    def test_it_restores_behind_a_word_and_its_tables_are_brought_up_to_date(
        self, earlier: Path, data: Path, at_rest: Callable[[], None]
    ) -> None:
        at_rest()
        with pytest.raises(BadBackup, match="--older"):
            restoring.restore(earlier, data, Trust())
        found, _ = restoring.restore(earlier, data, OLDER)
        assert (found.images, found.pictures, found.missing) == (3, 3, 0)
        assert {row.id: row.label for row in db.session.query(Image)} == dict.fromkeys(IDS, "malignant")
        assert {row.image_id for row in db.session.query(Analysis)} == set(IDS)
        assert [row.note for row in db.session.query(Review)] == ["an earlier note"] * 3
        schema.prove(data / DATABASE)

    def test_whoever_was_deleted_since_is_deleted_again(self, earlier: Path, data: Path) -> None:
        erasures.add(data, [erasures.name_of(IDS[0])])
        with restoring._unpacked(earlier, data, OLDER) as (folder, found):
            assert (found.images, found.erased) == (2, (erasures.short_name_of(IDS[0]),))
            assert len(list((folder / "pictures").glob("*/*.png"))) == 3  # two images, one mask that all share
            assert IDS[0].encode() not in (folder / DATABASE).read_bytes()

    def test_its_remains_of_what_was_deleted_are_written_over(self, earlier: Path, data: Path) -> None:
        change(earlier, "PRAGMA secure_delete=OFF")
        change(earlier, "UPDATE review SET note = 'rewritten' WHERE id = 2")
        change(earlier, "DELETE FROM review WHERE id = 3")
        assert b"an earlier note" in (earlier / DATABASE).read_bytes()
        change(earlier, "DELETE FROM review WHERE id = 1")
        with restoring._unpacked(earlier, data, OLDER) as (folder, _):
            content = (folder / DATABASE).read_bytes()
        assert b"an earlier note" not in content
        assert b"rewritten" in content


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("CREATE TRIGGER t AFTER INSERT ON study BEGIN DELETE FROM study; END", "trigger t"),
        ("CREATE VIEW v AS SELECT * FROM study", "view v"),
        ("CREATE TABLE other (id TEXT)", "table other"),
        ("CREATE INDEX ix_other ON study (place)", "index ix_other"),
        ("ALTER TABLE study ADD COLUMN other TEXT", "table study"),
        ("DROP INDEX ix_study_work", "missing: index ix_study_work"),
        ("CREATE VIRTUAL TABLE f USING fts5(a)", "table f"),
        ("DROP TABLE alembic_version", "does not say"),
        ("INSERT INTO alembic_version VALUES ('0000')", "does not say"),
        ("UPDATE alembic_version SET version_num = '9999'", "newer one"),
    ],
)
def test_tables_that_are_not_ours_are_refused(earlier: Path, data: Path, statement: str, named: str) -> None:
    change(earlier, statement)
    with pytest.raises(BadBackup, match=named):
        restoring.drill(earlier, data, OLDER)


def test_a_trigger_written_past_sqlite_s_own_checks_is_refused(earlier: Path, data: Path) -> None:
    sql = "CREATE TRIGGER sqlite_hidden AFTER INSERT ON study BEGIN DELETE FROM study; END"
    with closing(driver.connect(earlier / DATABASE)) as database, database:
        database.execute("PRAGMA writable_schema=ON")
        row = ("trigger", "sqlite_hidden", "study", 0, sql)
        database.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", row)
    with pytest.raises(BadBackup, match="trigger sqlite_hidden"):
        restoring.drill(earlier, data, OLDER)


def test_rows_that_belong_to_nobody_or_name_no_picture_are_refused(earlier: Path, data: Path) -> None:
    change(earlier, "UPDATE study SET picture_sha256 = '../../../etc/passwd' WHERE id LIKE '%1'")
    with pytest.raises(BadBackup, match="can't be one"):
        restoring.drill(earlier, data, OLDER)
    change(earlier, "DELETE FROM study WHERE id LIKE '%1'")  # without foreign keys: its note stays
    with pytest.raises(BadBackup, match="not there"):
        restoring.drill(earlier, data, OLDER)


def test_links_and_files_of_other_kinds_are_refused(earlier: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "passwd").write_text("of somebody else")
    for name in ("recalibrated", "postcodes/DE.txt", "pictures/ab/" + "ab" * 32 + ".png", "sonotriage.db-wal"):
        link = earlier / name
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(tmp_path / "passwd")
        with pytest.raises(BadBackup, match="no backup of ours holds"):
            restoring.drill(earlier, data, OLDER)
        link.unlink()
    (earlier / "pictures" / "run.sh").write_text("echo")
    with pytest.raises(BadBackup, match=r"run\.sh"):
        restoring.drill(earlier, data, OLDER)


@pytest.mark.usefixtures("earlier")
def test_a_picture_that_is_not_what_it_says_is_refused(earlier: Path, data: Path) -> None:
    next((earlier / "pictures").glob("*/*.png")).write_bytes(b"another")
    with pytest.raises(BadBackup, match="1 pictures of the backup are damaged"):
        restoring.drill(earlier, data, OLDER)


class TestTar:
    """An open backup is a tar file that anybody can make."""

    def made(self, path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
        with tarfile.open(path, "w") as tar:
            for head, content in members:
                head.size = len(content)
                tar.addfile(head, io.BytesIO(content))
        return path

    def head(self, name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
        head = tarfile.TarInfo(name)
        head.type, head.linkname = kind, link
        return head

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("../outside", tarfile.REGTYPE), ("/etc/cron.d/x", tarfile.REGTYPE), ("pictures/../../x", tarfile.REGTYPE),
            (DATABASE, tarfile.SYMTYPE), (DATABASE, tarfile.LNKTYPE), ("postcodes/DE.txt", tarfile.FIFOTYPE),
            ("pictures", tarfile.SYMTYPE), ("postcodes/../x", tarfile.REGTYPE), ("postcodes/.x", tarfile.REGTYPE),
            ("secret_key", tarfile.REGTYPE), (f"{DATABASE}-wal", tarfile.REGTYPE), ("contents.txt", tarfile.SYMTYPE),
        ],
    )  # fmt: skip
    def test_names_and_kinds_that_we_don_t_write_are_refused(
        self, data: Path, tmp_path: Path, name: str, kind: bytes
    ) -> None:
        path = self.made(tmp_path / "tar", (self.head(name, kind, "/etc/passwd"), b""))
        with pytest.raises(BadBackup, match="no backup of ours holds"):
            restoring.drill(path, data, OPEN)

    def test_a_name_twice_is_refused(self, data: Path, tmp_path: Path) -> None:
        twice = [(self.head(DATABASE), b"one"), (self.head(DATABASE), b"two")]
        with pytest.raises(BadBackup, match="could not be unpacked"):
            restoring.drill(self.made(tmp_path / "tar", *twice), data, OPEN)

    @pytest.mark.usefixtures("image_ids")
    def test_a_file_left_out_or_put_in_is_noticed(self, data: Path, tmp_path: Path) -> None:
        backup.create(data, tmp_path / "open", None)
        with tarfile.open(tmp_path / "open") as tar:
            members = [(head, tar.extractfile(head).read()) for head in tar]  # type: ignore[union-attr]
        picture = next(one for one in members if one[0].name.endswith(".png"))
        without = [one for one in members if one is not picture]
        extra = [members[0], (self.head("postcodes/DE.txt"), b"DE"), *members[1:]]
        for number, changed in enumerate((without, extra, members[:-2])):
            with pytest.raises(BadBackup, match="does not hold the files that it lists"):
                restoring.drill(self.made(tmp_path / f"{number}", *changed), data, OPEN)
        with pytest.raises(BadBackup, match="somebody else made it"):
            restoring.drill(self.made(tmp_path / "unsealed", *members[:-1]), data, OPEN)
        assert restoring.drill(self.made(tmp_path / "same", *members), data, OPEN).images == 3


def test_the_present_tables_are_proved_and_those_of_create_all_are_not(
    product: Flask, data: Path, at_rest: Callable[[], None]
) -> None:
    schema.prove(data / DATABASE)
    db.drop_all()
    db.create_all()
    at_rest()
    with pytest.raises(UnknownSchema):
        schema.prove(data / DATABASE)


def test_what_is_deleted_stays_deleted_when_it_is_deleted_twice(data: Path, image_ids: list[str]) -> None:
    images.delete(image_ids[0], "visitor")
    with pytest.raises(images.UnknownImage):
        images.delete(image_ids[0], "visitor")
    assert len(erasures.read(data)) == 1
