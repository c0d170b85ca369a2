"""Commands for accounts: the first admin, a forgotten password, a new setup link."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask import current_app
from flask.cli import with_appcontext

from app import accounts
from app.accounts import AccountError, UnknownUser
from app.tables.user import ADMIN

ACTOR = "system"


@click.command("create-admin")
@click.argument("name")
@with_appcontext
def create_admin(name: str) -> None:
    """Make a user NAME who may do everything. The password is asked for, or read from the standard input."""
    with _told():
        accounts.create(name, _password(), ADMIN, ACTOR)
    click.echo(f"{name} can sign in now, and is asked for a password of their own first.")


@click.command("set-password")
@click.argument("name")
@with_appcontext
def set_password(name: str) -> None:
    """Give user NAME a new password, to be changed at the next login, and end all their logins."""
    with _told():
        user = accounts.by_name(name)
        if user is None:
            raise UnknownUser
        accounts.set_password(user.id, _password(), ACTOR)
    click.echo(f"The password of {name} is changed.")


@click.command("setup-link")
@with_appcontext
def setup_link() -> None:
    """Print a new setup link for the first admin; an older one is dead."""
    with _told():
        click.echo(f"http://localhost:{current_app.config['PORT']}{accounts.setup_link()}")


def _password() -> str:
    """From the terminal, unseen and twice; from a pipe, its first line."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")


@contextmanager
def _told() -> Iterator[None]:
    """Turn a refusal into the command's own message and exit status."""
    try:
        yield
    except AccountError as refusal:
        raise click.ClickException(refusal.sentence) from refusal


accounts_commands = (create_admin, set_password, setup_link)
