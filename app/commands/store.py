"""Commands for what is kept: check, backup and its keys, restore and its drill."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext

from app import audit
from app.commands import named_files
from app.commands.named_files import NamedFile, NamedPath
from app.store.database import writing
from app.upkeep import backup as backups
from app.upkeep import backup_keys, integrity, restoring, startup
from app.upkeep.backup_keys import BadBackup, Keys
from app.upkeep.restoring import Trust, Unpacked
from app.web.extensions import db
from imaging.errors import RefusedUpload

_NO_KEY = (
    "No key is set, so the backup would be open to whoever gets the file. Make a pair of keys with `flask --app wsgi "
    "backup-key FOLDER`, set BACKUP_KEY_FILE to the public one, and take the private one away from this machine. To "
    "write an open backup all the same, say --unencrypted."
)


@click.command("check")
@click.option("--mend", is_flag=True, help="Remove orphaned pictures, redo lost results, read given-up images again.")
@with_appcontext
def check(mend: bool) -> None:
    """Check the database and every kept picture; the exit status is 1 when something is damaged."""
    report = integrity.check(mend)
    click.echo(f"database: {report.database}")
    click.echo(f"images: {report.images}, pictures: {report.pictures}")
    click.echo(f"given up after three failures: {len(report.given_up)}")
    click.echo(f"deleted and here again: {len(report.returned)}")
    click.echo(f"damaged or missing: {len(report.damaged)}, orphaned pictures: {len(report.orphans)}")
    for image_id in report.damaged:
        click.echo(f"damaged image: {image_id}")
    if not report.is_sound:
        raise SystemExit(1)


@click.command("backup-key")
@click.argument("folder", type=NamedPath())
@with_appcontext
def backup_key(folder: Path) -> None:
    """Make the pair of keys for backups in FOLDER: one to make them, one to read them."""
    with _told():
        public, private = backup_keys.make(folder, current_app.config["DATA_DIR"])
    click.echo(f"{public}: makes backups and reads none. Leave it here and set BACKUP_KEY_FILE={public.absolute()}.")
    click.echo(
        f"{private}: reads every backup. Copy it to two places away from this machine (a safe, another site), check "
        "that the copies can be read, and delete it here. Without it no backup can ever be restored."
    )


@click.command("backup")
@click.argument("target", type=NamedPath())
@click.option("--unencrypted", is_flag=True, help="Write a backup that everybody can read who gets the file.")
@with_appcontext
def backup(target: Path, unencrypted: bool) -> None:
    """Copy everything to TARGET, a new file or a folder for it, while the server runs, and check the copy."""
    with _told():
        keys = None if unencrypted else _keys()
        if keys is None and not unencrypted:
            raise BadBackup(_NO_KEY)
        copied = backups.create(current_app.config["DATA_DIR"], target, keys)
    click.echo(f"{copied.images} images, {copied.pictures} pictures copied to {copied.file} and checked")
    for key in copied.missing:
        click.echo(f"missing before the copy: {key}")


def _of_a_backup(command: Callable[..., None]) -> Callable[..., None]:
    """What every command asks that reads a backup."""
    for decorate in (
        click.argument("source", type=NamedFile()),
        click.option("--key", type=NamedPath(), help="File of the private key; else BACKUP_KEY_FILE."),
        click.option("--unencrypted", is_flag=True, help="Take a backup that is not encrypted: nothing proves it."),
        click.option("--older", is_flag=True, help="Take a backup of an older version of this program."),
    ):
        command = decorate(command)
    return command


@click.command("restore")
@_of_a_backup
@with_appcontext
def restore(source: Path, key: Path | None, unencrypted: bool, older: bool) -> None:
    """Put the backup SOURCE in place of what is kept; the server must be stopped."""
    data = current_app.config["DATA_DIR"]
    db.session.remove()
    db.engine.dispose()
    with _told():
        found, point = restoring.restore(source, data, _trust(key, unencrypted, older))
    startup.mark(data)
    with writing():
        for name in found.erased:
            audit.record("command line", "image.delete", name)
    _tell(found)
    click.echo(f"restored; what was there before is kept in {point.name}")


@click.command("restore-drill")
@_of_a_backup
@with_appcontext
def restore_drill(source: Path, key: Path | None, unencrypted: bool, older: bool) -> None:
    """Try a restore of SOURCE beside what is kept, tell its times, and leave nothing; the server may run."""
    with _told():
        found = restoring.drill(source, current_app.config["DATA_DIR"], _trust(key, unencrypted, older))
    _tell(found)
    for step, seconds in found.seconds.items():
        click.echo(f"{step}: {seconds:.1f} s")
    click.echo("the backup can be restored")


def _tell(found: Unpacked) -> None:
    click.echo(f"{found.images} images, {found.pictures} pictures, {found.missing} missing")
    if found.erased:
        click.echo(f"{len(found.erased)} images that were deleted since the backup are deleted again")


def _trust(key: Path | None, is_open_allowed: bool, is_older_allowed: bool) -> Trust:
    return Trust(_keys(key), is_open_allowed, is_older_allowed)


def _keys(path: Path | None = None) -> Keys | None:
    """Of a key file, or of the one that is set; None when there is none."""
    named = path or current_app.config["BACKUP_KEY_FILE"]
    if not named:
        return None
    if Path(named).is_fifo():  # `--key <(command)`: such a key lies on no disk
        try:
            return backup_keys.parsed(named_files.content(Path(named), backup_keys.LONGEST), Path(named))
        except RefusedUpload as error:
            raise BadBackup(f"The key can't be read. {error.sentence}") from error
    return backup_keys.read(Path(named), current_app.config["DATA_DIR"])


@contextmanager
def _told() -> Iterator[None]:
    """What is wrong with a backup is said in a sentence."""
    try:
        yield
    except BadBackup as error:
        raise click.ClickException(str(error)) from error


store_commands = (check, backup_key, backup, restore, restore_drill)
