"""Commands: `flask --app wsgi COMMAND`. Each does one thing: call the function that a view would call."""

from __future__ import annotations

import click
import flask_migrate
from flask import Flask
from flask.cli import with_appcontext

from app import accounts
from app.cli_accounts import accounts_commands
from app.cli_analyse import analyse
from app.cli_clinics import clinics_commands
from app.cli_store import store_commands
from app.clinics import directory


@click.command("prepare")
@with_appcontext
def prepare() -> None:
    """Make everything ready to serve: tables up to date, clinics filled in, set-up link printed at first start."""
    flask_migrate.upgrade()
    directory.seed()
    accounts.announce_setup()


def bind(app: Flask) -> None:
    """Register every command."""
    for command in (prepare, analyse, *store_commands, clinics_commands, *accounts_commands):
        app.cli.add_command(command)
