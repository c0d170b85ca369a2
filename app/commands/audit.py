"""Commands for the audit trail: prove it, follow it, take it away."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from app.audit import lines, seals, verifying
from app.audit.verifying import Noted
from app.commands import named_files
from app.commands.names import told
from imaging.errors import RefusedUpload

PAUSE_S = 1.0
LONGEST_KEY = 65_536  # bytes


@click.group("audit")
def audit_commands() -> None:
    """Prove, follow or export the audit trail."""


class _NotedType(click.ParamType[Noted]):
    name = "ROW:SEAL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Noted:
        found = re.fullmatch(r"(\d+):([0-9a-f]{64})", str(value))
        if found is None:
            self.fail("expected the number of a row, a colon and its seal, as `audit verify` prints them.", param, ctx)
        return Noted(int(found[1]), found[2])


@audit_commands.command("verify")
@click.option("--noted", type=_NotedType(), help="A row that must still stand, as an earlier run printed it.")
@click.option(
    "--former", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with an earlier SECRET_KEY; may be given several times.",
)  # fmt: skip
@with_appcontext
def verify(noted: Noted | None, former: tuple[Path, ...]) -> None:
    """Prove that no row was changed, taken out or put in. Names the first one that was, and ends with status 1."""
    texts = [current_app.config["SECRET_KEY"], *(_text(path) for path in former)]
    proof = verifying.verify([seals.key_of(text) for text in texts], noted)
    if proof.fault is not None:
        raise click.ClickException(f"{proof.fault.sentence} The {proof.rows} rows before it hold.")
    click.echo(f"{proof.rows} rows, all as they were written; the details of {proof.erased} went with their images.")
    click.echo(f"Newest: {proof.newest.row}:{proof.newest.seal}")


@audit_commands.command("follow")
@click.option(
    "--since", type=click.IntRange(0), help="Begin after this row; 0 begins with the first. Else with new ones."
)
@with_appcontext
def follow(since: int | None) -> None:
    """Print each new row as a JSON line, until interrupted."""
    for text in lines.follow(lines.newest_id() if since is None else since, _wait):
        click.echo(text)


@audit_commands.command("export")
@click.option("--since", type=click.IntRange(0), default=0, help="Begin after this row.")
@with_appcontext
def export(since: int) -> None:
    """Print all rows as JSON lines."""
    for text in lines.since(since):
        click.echo(text)


def _text(path: Path) -> str:
    try:
        return named_files.content(path, LONGEST_KEY).decode().strip()
    except RefusedUpload as error:
        raise click.ClickException(f"{told(path)}: {error.sentence}") from error
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{told(path)} holds no SECRET_KEY: it is no text.") from error


def _wait() -> bool:
    time.sleep(PAUSE_S)
    return True
