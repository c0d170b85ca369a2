"""The revisions build the tables that the code expects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import flask_migrate
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from sqlalchemy import inspect

from app.audit import trail
from app.reading import images
from app.store.database import driver
from app.tables import Analysis, Review
from app.web.extensions import db
from tests.factories import first_release

MakeApp = Callable[..., Flask]


def empty(app: Flask) -> Flask:
    with app.app_context():
        db.drop_all()
    return app


def test_an_empty_database_becomes_the_tables_of_the_code(app: Flask) -> None:
    with empty(app).app_context():
        flask_migrate.upgrade()
        with db.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, db.metadata) == []


def test_migrating_twice_changes_nothing(app: Flask) -> None:
    with empty(app).app_context():
        flask_migrate.upgrade()
        flask_migrate.upgrade()
        assert {"image", "analysis", "alembic_version"} <= set(inspect(db.engine).get_table_names())


def test_the_first_tables_can_be_taken_back(app: Flask) -> None:
    with empty(app).app_context():
        flask_migrate.upgrade()
        flask_migrate.downgrade(revision="base")
        assert inspect(db.engine).get_table_names() == ["alembic_version"]


def test_prepare_makes_everything_ready_and_prints_the_setup_link_once(app: Flask) -> None:
    runner = empty(app).test_cli_runner()
    first = runner.invoke(args=["prepare"])
    assert first.exit_code == 0, first.output
    assert "http://localhost:8000/setup/" in first.output
    with app.app_context():
        from app import accounts
        from app.tables import Clinic

        assert db.session.query(Clinic).count() > 100
        accounts.create("ada", "three quiet lanterns", "admin", actor="system")
    again = runner.invoke(args=["prepare"])
    assert (again.exit_code, again.output) == (0, "")


def test_a_database_file_that_is_no_database_is_not_overwritten(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app()
    with app.app_context():
        db.engine.dispose()
    path = next(app.config["DATA_DIR"].glob("*.db"))
    for other in app.config["DATA_DIR"].glob("*.db-*"):
        other.unlink()
    path.write_bytes(b"this is not a database, and it must be kept" * 200)
    result = app.test_cli_runner().invoke(args=["prepare"])
    assert result.exit_code != 0
    assert "damaged" in result.output
    assert path.read_bytes().startswith(b"this is not a database")


def test_the_sqlite_that_ships_has_no_known_corruption_bug() -> None:
    assert driver.sqlite_version_info >= (3, 51, 3)


def test_rows_of_the_first_release_keep_everything_under_the_new_names(app: Flask) -> None:
    """A database of release 0.2.0: image, reading, verdict and trail stay, and refer to each other as before."""
    with empty(app).app_context():
        flask_migrate.upgrade(revision="0001")
        with db.engine.begin() as connection:
            first_release.fill(connection)
        flask_migrate.upgrade()
        image = images.find(first_release.IMAGE_ID)
        assert image.source == "page"  # as the trail tells: a visitor's
        assert image.reading is not None
        assert image.reading.findings == {"label": "benign"}
        assert [review.note for review in image.reviews] == [first_release.NOTE]
        assert [(event.action, event.image_id) for event in trail.of_image(first_release.IMAGE_ID)] == [
            ("image.receive", first_release.IMAGE_ID)
        ]
        images.delete(first_release.IMAGE_ID, actor="system")
        assert db.session.query(Review).count() == db.session.query(Analysis).count() == 0
