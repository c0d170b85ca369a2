"""Commands for what is kept: check, backup, restore."""

from __future__ import annotations

from pathlib import Path

import click
import flask_migrate
from flask import current_app
from flask.cli import with_appcontext

from app.upkeep import backup as backups
from app.upkeep import integrity, startup
from app.web.extensions import db


@click.command("check")
@click.option("--mend", is_flag=True, help="Remove orphaned pictures, redo lost results, read given-up images again.")
@with_appcontext
def check(mend: bool) -> None:
    """Check the database and every kept picture; the exit status is 1 when something is damaged."""
    report = integrity.check(mend)
    click.echo(f"database: {report.database}")
    click.echo(f"images: {report.images}, pictures: {report.pictures}")
    click.echo(f"given up after three failures: {len(report.given_up)}")
    click.echo(f"damaged or missing: {len(report.damaged)}, orphaned pictures: {len(report.orphans)}")
    for image_id in report.damaged:
        click.echo(f"damaged image: {image_id}")
    if not report.is_sound:
        raise SystemExit(1)


@click.command("backup")
@click.argument("folder", type=click.Path(path_type=Path))
@with_appcontext
def backup(folder: Path) -> None:
    """Copy everything to a new FOLDER while the server runs, and check the copy."""
    try:
        copied = backups.create(current_app.config["DATA_DIR"], folder)
    except backups.BadBackup as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{copied.images} images, {copied.pictures} pictures copied and checked")
    for key in copied.missing:
        click.echo(f"missing before the copy: {key}")


@click.command("restore")
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@with_appcontext
def restore(folder: Path) -> None:
    """Put the backup in FOLDER in place of what is kept; the server must be stopped."""
    data = current_app.config["DATA_DIR"]
    try:
        point = backups.restore(folder, data)
    except backups.BadBackup as error:
        raise click.ClickException(str(error)) from error
    _bring_up_to_date(point, data)
    startup.mark(data)
    click.echo(f"restored; what was there before is kept in {point.name}")


def _bring_up_to_date(point: Path, data: Path) -> None:
    """Bring restored tables to this version; where that fails, what was there before comes back.

    Raises:
        ClickException: it failed.
    """
    try:
        flask_migrate.upgrade()
    except (Exception, SystemExit) as error:  # Flask-Migrate ends the process on what it does not know
        db.session.remove()
        db.engine.dispose()
        backups.take_back(point, data)
        raise click.ClickException(
            "This version can't read the tables of the backup: it may come from a newer one. What was there before "
            f"is back; what was restored lies in {point.name}."
        ) from error


store_commands = (check, backup, restore)
