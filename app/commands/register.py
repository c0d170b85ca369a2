"""Commands: `flask --app wsgi COMMAND`. Each does one thing: call the function that a view would call."""

from __future__ import annotations

import click
import flask_migrate
from flask import Flask, current_app
from flask.cli import with_appcontext
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from app import accounts
from app.clinics import directory
from app.commands.accounts import accounts_commands
from app.commands.analyse import analyse
from app.commands.audit import audit_commands
from app.commands.clinics import clinics_commands
from app.commands.endings import steady
from app.commands.models import models_commands
from app.commands.store import store_commands
from app.store import known_backups, wiping
from app.store.database import DAMAGED, DATABASE, is_out_of_reach
from app.upkeep import startup
from app.web.extensions import db


@click.command("prepare")
@with_appcontext
def prepare() -> None:
    """Make everything ready to serve: tables up to date, clinics filled in, set-up link printed at first start."""
    try:
        startup.check(current_app.config)
    except startup.CantStart as error:
        raise click.ClickException(str(error)) from error
    _check_database()
    flask_migrate.upgrade()
    _rewrite()
    startup.mark(current_app.config["DATA_DIR"])
    directory.seed()
    accounts.announce_setup()


def _rewrite() -> None:
    """Where there is no room for it now, the next start tries again."""
    db.session.remove()
    db.engine.dispose()
    try:
        wiping.replace(current_app.config["DATA_DIR"] / DATABASE)
    except DAMAGED as error:
        click.echo(f"Remains of what was deleted before this version stay in the database for now ({error}).", err=True)


def _check_database() -> None:
    """Stop before anything is written to a damaged database.

    Raises:
        ClickException: it is damaged, or can't be opened; the message says what to do.
    """
    data = current_app.config["DATA_DIR"]
    try:
        state = db.session.execute(text("PRAGMA quick_check(1)")).scalar()
    except DatabaseError as error:
        if is_out_of_reach(error):
            raise click.ClickException(
                f"The database in {data} can't be opened now ({error.orig}). Nothing was changed. Check that the disk "
                "has room, that its files belong to the user that runs the server, and that no other program has them."
            ) from error
        state = str(error.orig)
    except UnicodeDecodeError:  # SQLite's message quotes a damaged name
        state = "names can't be read"
    finally:
        db.session.remove()
    if state != "ok":
        newest = known_backups.newest(data)
        raise click.ClickException(
            f"The database in {data} is damaged ({state}). Nothing was changed. Restore a backup: flask --app wsgi "
            f"restore FILE. {f'The newest known here is {newest}.' if newest else 'None is known here.'}"
        )


_GROUPS = (clinics_commands, models_commands, audit_commands)
_COMMANDS = tuple(map(steady, (prepare, analyse, *store_commands, *_GROUPS, *accounts_commands)))  # once: they are kept


def bind(app: Flask) -> None:
    """Register every command."""
    for command in _COMMANDS:
        app.cli.add_command(command)
