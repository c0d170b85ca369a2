"""The audit trail holds together, and says where it does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import flask_migrate
import pytest
from flask import Flask, current_app
from sqlalchemy import text

from app import audit
from app.audit import lines, seals, verifying
from app.audit.verifying import Noted, Proof
from app.store.database import writing
from app.store.erasures import short_name_of
from app.tables import User
from app.tables.moment import now
from app.web.extensions import db

IMAGE, OTHER = "a" * 32, "b" * 32


@pytest.fixture
def trail(app: Flask) -> Iterator[Flask]:
    """Six rows; the image's details are erased and its deletion recorded."""
    with app.app_context():
        with writing():
            audit.record("ada", "login.succeed")
            audit.record("api", "image.receive", IMAGE, kind="png")
        with writing():
            audit.record("ada", "image.review", IMAGE, verdict="agree", label="malignant")
        with writing():
            audit.record("ada", "image.review", OTHER, verdict="disagree", label=None)
        with writing():
            audit.forget(IMAGE, short_name_of(IMAGE))
            audit.record("ada", "image.delete", short_name_of(IMAGE))
        with writing():
            audit.record("ada", "export.csv", images=1, filters={"category": "prompt"}, ids=[OTHER])
        yield app


def _proof(noted: Noted | None = None, *secret_keys: str) -> Proof:
    keys = [seals.key_of(text) for text in secret_keys or (current_app.config["SECRET_KEY"],)]
    return verifying.verify(keys, noted)


def _change(statement: str, **values: object) -> None:
    db.session.execute(text(statement), values)
    db.session.commit()


def test_an_empty_trail_holds(app: Flask) -> None:
    with app.app_context():
        assert _proof() == Proof(0, 0, Noted(0, seals.FIRST), None)


def test_a_trail_holds_and_counts_what_was_erased(trail: Flask) -> None:
    proof = _proof()
    assert (proof.rows, proof.erased, proof.newest.row, proof.fault) == (6, 2, 6, None)


def test_the_id_of_a_deleted_image_stands_nowhere_and_the_seals_hold(trail: Flask) -> None:
    """They are made over the name that is left."""
    rows = db.session.execute(text("SELECT image_id, action FROM audit_event WHERE id IN (2, 3, 5)")).all()
    assert {row.image_id for row in rows} == {short_name_of(IMAGE)}
    assert IMAGE not in "".join(lines.since(0))
    assert _proof().fault is None


def test_an_id_that_is_gone_without_a_deletion_is_told(trail: Flask) -> None:
    _change("UPDATE audit_event SET image_id = :name WHERE id = 4", name=short_name_of(OTHER))
    fault = _proof().fault
    assert fault is not None
    assert (fault.row, "no deletion of that image is recorded" in fault.sentence) == (4, True)


def test_an_event_can_t_be_moved_to_another_image(trail: Flask) -> None:
    _change("UPDATE audit_event SET image_id = :name WHERE id = 3", name=short_name_of(OTHER))
    fault = _proof().fault
    assert fault is not None
    assert fault.row == 3


def test_what_is_erased_can_be_found_nowhere_in_its_row(trail: Flask) -> None:
    row = db.session.execute(text("SELECT * FROM audit_event WHERE id = 3")).one()._asdict()
    assert (row["details"], row["salt"]) == ("{}", None)
    guesses = [{"verdict": verdict, "label": "malignant"} for verdict in ("agree", "disagree")]
    assert row["details_sha256"] not in {seals.digest(guess, salt) for guess in guesses for salt in ("", "None", "{}")}


CHANGES = {
    "UPDATE audit_event SET actor = 'eve' WHERE id = 4": (4, "Row 4 was changed"),
    "UPDATE audit_event SET created_at = '2020-01-01 00:00:00.000000' WHERE id = 1": (1, "Row 1 was changed"),
    "UPDATE audit_event SET action = 'login.end' WHERE id = 1": (1, "Row 1 was changed"),
    "UPDATE audit_event SET image_id = NULL WHERE id = 2": (2, "Row 2 was changed"),
    "UPDATE audit_event SET request_id = 'x' WHERE id = 6": (6, "Row 6 was changed"),
    "UPDATE audit_event SET details_sha256 = hex(randomblob(32)) WHERE id = 5": (5, "Row 5 was changed"),
    "UPDATE audit_event SET seal = hex(randomblob(32)) WHERE id = 2": (2, "Row 2 was changed"),
    """UPDATE audit_event SET details = '{"verdict": "agree", "label": null}' WHERE id = 4""": (4, "details of row 4"),
    "UPDATE audit_event SET salt = 'x' WHERE id = 6": (6, "details of row 6"),
    "UPDATE audit_event SET salt = NULL, details = '{}' WHERE id = 1": (1, "details of row 1"),
    "UPDATE audit_event SET salt = NULL, details = '{}' WHERE id = 4": (4, "no deletion of that image is recorded"),
    """UPDATE audit_event SET details = '{"label": "benign"}' WHERE id = 2""": (2, "details of row 2"),
    "DELETE FROM audit_event WHERE id = 1": (2, "Row 1 is missing"),
    "DELETE FROM audit_event WHERE id IN (3, 4)": (5, "Rows 3 to 4 are missing"),
    "DELETE FROM audit_event WHERE id = 5": (6, "Row 5 is missing"),
    "UPDATE audit_event SET id = id + 1 WHERE id = 6": (7, "Row 6 is missing"),
    "UPDATE audit_event SET sealed_with = '00000000' WHERE id = 3": (3, "another SECRET_KEY"),
}


@pytest.mark.parametrize("statement", CHANGES)
def test_the_first_row_that_is_not_as_it_was_written_is_named(trail: Flask, statement: str) -> None:
    _change(statement)
    fault = _proof().fault
    row, words = CHANGES[statement]
    assert fault is not None
    assert fault.row == row
    assert words in fault.sentence


def test_a_row_that_somebody_made_up_at_the_end_is_found(trail: Flask) -> None:
    _change(
        "INSERT INTO audit_event SELECT 7, created_at, 'eve', action, image_id, request_id, details, salt, "
        "details_sha256, sealed_with, seal FROM audit_event WHERE id = 6"
    )
    fault = _proof().fault
    assert fault is not None
    assert fault.row == 7


def test_rows_cut_off_at_the_end_are_missed_only_by_who_noted_the_newest(trail: Flask) -> None:
    newest = _proof().newest
    _change("DELETE FROM audit_event WHERE id > 5")
    assert _proof().fault is None
    noted = _proof(newest).fault
    assert noted is not None
    assert noted.sentence == "Row 6 is missing, and no row comes after it."


def test_a_trail_written_anew_does_not_carry_the_seal_that_was_noted(trail: Flask) -> None:
    """Whoever knows the key can do that; a seal kept elsewhere tells."""
    earlier = _proof().newest
    assert _proof(earlier).fault is None
    fault = _proof(Noted(earlier.row, "0" * 64)).fault
    assert fault is not None
    assert (fault.row, "another seal than the one that was noted" in fault.sentence) == (6, True)


def test_after_a_new_secret_key_the_rows_before_it_hold_with_the_former_one(trail: Flask) -> None:
    former = trail.config["SECRET_KEY"]
    trail.config["SECRET_KEY"] = "a new one"
    with writing():
        audit.record("ada", "login.end")
    alone = _proof().fault
    assert alone is not None
    assert alone.row == 1
    assert "another SECRET_KEY" in alone.sentence
    assert _proof(None, "a new one", former).rows == 7


def test_a_trail_can_t_be_sealed_anew_without_the_key(trail: Flask) -> None:
    """As an attacker would who has the database and the program, and a key of his own."""
    key = seals.key_of("a guess")
    before = seals.FIRST
    for row in db.session.execute(text("SELECT * FROM audit_event ORDER BY id")).all():
        said = seals.Said(row.id, now(), "eve", row.action, row.image_id, None, row.details_sha256)
        before = seals.seal(key, before, said)
        _change("UPDATE audit_event SET actor = 'eve', seal = :seal WHERE id = :id", seal=before, id=row.id)
    fault = _proof().fault
    assert fault is not None
    assert fault.row == 1


def test_what_waits_in_the_session_is_not_written_early_by_an_event(app: Flask) -> None:
    with app.app_context(), writing():
        half = User(name="ada", role="reviewer")
        db.session.add(half)
        audit.record("root", "user.create", name="ada")
        half.password_hash = "later"


def test_a_rolled_back_act_leaves_no_gap(trail: Flask) -> None:
    def act() -> None:
        with writing():
            audit.record("ada", "image.rerun", OTHER)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        act()
    with writing():
        audit.record("ada", "login.end")
    assert (_proof().newest.row, _proof().fault) == (7, None)


def test_rows_of_threads_that_write_at_once_stand_in_one_order(app: Flask) -> None:
    def act(number: int) -> None:
        with app.app_context():
            for _ in range(5):
                with writing():
                    audit.record(f"user{number}", "login.succeed")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(act, range(8)))
    with app.app_context():
        proof = _proof()
    assert (proof.rows, proof.newest.row, proof.fault) == (40, 40, None)


class TestLines:
    def test_every_row_is_a_json_object_with_its_seal(self, trail: Flask) -> None:
        rows = [json.loads(one) for one in lines.since(0)]
        assert [row["id"] for row in rows] == [1, 2, 3, 4, 5, 6]
        assert rows[3] | {"salt": "", "at": ""} == {
            "id": 4, "at": "", "actor": "ada", "action": "image.review", "image": OTHER, "request": None, "salt": "",
            "details": {"verdict": "disagree", "label": None}, "details_sha256": rows[3]["details_sha256"],
            "sealed_with": seals.key_of(trail.config["SECRET_KEY"]).id, "seal": rows[3]["seal"],
        }  # fmt: skip
        assert seals.digest(rows[3]["details"], rows[3]["salt"]) == rows[3]["details_sha256"]
        assert (rows[2]["details"], rows[2]["salt"]) == ({}, None)
        assert rows[0]["at"].endswith("+00:00")

    def test_they_are_followed_as_they_come(self, trail: Flask) -> None:
        waits = []

        def pause() -> bool:
            waits.append(lines.newest_id())
            if len(waits) == 1:
                with writing():
                    audit.record("ada", "login.end")
            return len(waits) < 3

        followed = [json.loads(one)["id"] for one in lines.follow(5, pause)]
        assert followed == [6, 7]
        assert waits == [6, 7, 7]

    def test_more_rows_than_a_batch_come_whole(self, trail: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lines, "BATCH", 2)
        assert len(list(lines.since(1))) == 5


class TestCommands:
    def test_verify_says_how_many_rows_hold_and_what_to_note(self, trail: Flask) -> None:
        runner = trail.test_cli_runner()
        first = runner.invoke(args=["audit", "verify"])
        assert first.exit_code == 0, first.output
        assert first.output.startswith("6 rows, all as they were written; the details of 2 went with their images.\n")
        noted = first.output.splitlines()[1].removeprefix("Newest: ")
        assert runner.invoke(args=["audit", "verify", "--noted", noted]).exit_code == 0
        assert runner.invoke(args=["audit", "verify", "--noted", "7"]).exit_code == 2

    def test_verify_names_the_first_broken_row_and_fails(self, trail: Flask) -> None:
        _change("UPDATE audit_event SET actor = 'eve' WHERE id IN (4, 6)")
        result = trail.test_cli_runner().invoke(args=["audit", "verify"])
        assert result.exit_code == 1
        assert "Row 4 was changed" in result.output
        assert "The 3 rows before it hold." in result.output

    def test_verify_takes_a_former_key_from_a_file(self, trail: Flask, tmp_path: Path) -> None:
        former = tmp_path / "former"
        former.write_text(trail.config["SECRET_KEY"] + "\n")
        trail.config["SECRET_KEY"] = "a new one"
        runner = trail.test_cli_runner()
        assert runner.invoke(args=["audit", "verify"]).exit_code == 1
        assert runner.invoke(args=["audit", "verify", "--former", str(former)]).exit_code == 0

    def test_export_prints_all_lines(self, trail: Flask) -> None:
        result = trail.test_cli_runner().invoke(args=["audit", "export", "--since", "4"])
        assert [json.loads(one)["id"] for one in result.output.splitlines()] == [5, 6]


def test_rows_of_an_older_release_are_sealed_by_the_migration(make_app: Callable[..., Flask]) -> None:
    app = make_app()
    with app.app_context():
        db.drop_all()
        flask_migrate.upgrade(revision="0003_accounts")
        columns = "id, created_at, actor, action, image_id, request_id, details"
        for number, details in (
            (1, "{}"),
            (2, '{"label": "malignant", "a": 1.5, "\u00fc": null}'),
            (5, '{"ids": ["x"]}'),
        ):
            _change(
                f"INSERT INTO audit_event ({columns}) VALUES ({number}, '2026-01-0{number} 10:00:00.123456', 'ada', "
                f"'image.review', :image, 'r1', :details)",
                image=IMAGE if number > 1 else None, details=details,
            )  # fmt: skip
        flask_migrate.upgrade()
        assert (_proof().rows, _proof().fault) == (3, None)
        with writing():
            audit.record("ada", "login.end")
        assert (_proof().newest.row, _proof().fault) == (6, None)
        _change("UPDATE audit_event SET actor = 'eve' WHERE id = 2")
        fault = _proof().fault
        assert fault is not None
        assert fault.row == 2
