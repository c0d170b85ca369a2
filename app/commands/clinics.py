"""`flask clinics import FILE` and `flask clinics check`."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup

from app.clinics import directory
from app.clinics.facts import KINDS, OLD_AFTER_YEARS, ClinicFacts
from app.clinics.importing.checking import oddities
from app.clinics.importing.draft import ImportRefused, Note
from app.clinics.importing.preview import FORMATS, MAX_BYTES, SMALLEST_TOWNS, Preview, prepare
from app.commands import named_files, new_files
from app.commands.found_files import identity
from app.commands.named_files import NamedPath
from app.places import gazetteer
from imaging.errors import RefusedUpload

MAX_SHOWN = 50

clinics_commands = AppGroup("clinics", help="The directory of clinics.")


@clinics_commands.command("import")
@click.argument("file", type=NamedPath(exists=True, dir_okay=False, allow_dash=True))
@click.option("--format", "form", type=click.Choice(["auto", *FORMATS]), default="auto", show_default=True)
@click.option("--mode", type=click.Choice(["replace", "merge"]), default="merge", show_default=True,
              help="Replace the whole directory, or add to it and update what it holds already.")  # fmt: skip
@click.option("--source", default="", help="Credit for rows that carry none.")
@click.option("--checked-on", default="", help="Date of the facts (YYYY-MM-DD) for rows that carry none; else today.")
@click.option("--report", type=NamedPath(dir_okay=False, readable=False), help="Write every refused or odd row here.")
@click.option("--force", is_flag=True, help="Replace a report that is there.")
@click.option("--yes", is_flag=True, help="Don't ask before writing.")
def import_clinics(
    file: Path, form: str, mode: str, source: str, checked_on: str, report: Path | None, force: bool, yes: bool
) -> None:
    """Read FILE (- is standard input), show what would change, and put it into the directory."""
    folder = current_app.config["DATA_DIR"] / "postcodes"
    if report:
        new_files.check(report, {found for found in [identity(file)] if found}, force, "--report")
    try:
        preview = prepare(named_files.content(file, MAX_BYTES), form, folder, source, _date(checked_on))
    except ImportRefused as error:
        raise click.ClickException(str(error)) from error
    except RefusedUpload as error:
        raise click.ClickException(error.sentence) from error
    _show(preview)
    if report:
        _write_report(report, preview, force)
    if not preview.facts:
        raise click.ClickException("Nothing to import; the directory is as it was.")
    if not yes:
        click.confirm(f"Import {len(preview.facts):,} clinics ({mode})?", abort=True)
    apply = directory.replace if mode == "replace" else directory.merge
    change = apply(preview.facts, actor="system", format=preview.title, refused=len(preview.refused))
    click.echo(f"Done: {change.added:,} added, {change.replaced:,} updated, {change.removed:,} removed.")


def _date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError as error:
        raise click.BadParameter("expected YYYY-MM-DD", param_hint="--checked-on") from error


def _show(preview: Preview) -> None:
    click.echo(f"Read as: {preview.title}")
    click.echo(f"Accepted: {len(preview.facts):,} ({preview.approximate:,} placed by town or postcode)")
    for kind, count in preview.by_kind.most_common():
        click.echo(f"  {KINDS[kind]}: {count:,}")
    countries = ", ".join(f"{country} {count:,}" for country, count in preview.by_country.most_common(12))
    click.echo(f"  Countries: {countries or 'none'}")
    _show_notes("Refused", preview.refused)
    _show_notes("Accepted, but look at", preview.flagged)


def _show_notes(title: str, notes: Sequence[Note]) -> None:
    click.echo(f"{title}: {len(notes):,}")
    for note in notes[:MAX_SHOWN]:
        click.echo(f"  line {note.line}: {note.name or '(no name)'}: {note.reason}")
    if len(notes) > MAX_SHOWN:
        click.echo(f"  ... and {len(notes) - MAX_SHOWN:,} more; --report FILE writes them all")


def _write_report(path: Path, preview: Preview, is_forced: bool) -> None:
    with new_files.sheet(path, is_forced) as sheet:
        writer = csv.writer(sheet)
        writer.writerow(("outcome", "line", "name", "reason"))
        for outcome, notes in (("refused", preview.refused), ("accepted, look at it", preview.flagged)):
            writer.writerows((outcome, note.line, _plain(note.name), note.reason) for note in notes)
        sheet.end_row()
        sheet.is_worth_keeping = True


def _plain(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\0"} else text


@clinics_commands.command("check")
def check_clinics() -> None:
    """Look for clinics that are out of place, stale or twice in the directory."""
    facts = directory.stored()
    if not facts:
        raise click.ClickException("The directory is empty; `flask prepare` or `flask clinics import` fills it.")
    found = [*_out_of_place(facts), *_twice(facts)]
    for line in found:
        click.echo(line)
    oldest = min((row.checked_on for row in facts if row.checked_on), default="unknown")
    old = sum(row.checked_on < _old_before() for row in facts)
    click.echo(f"{len(facts):,} clinics in {len({row.country for row in facts})} countries; {len(found)} to look at.")
    click.echo(f"Oldest facts: {oldest}; older than {OLD_AFTER_YEARS} years: {old:,}.")


def _out_of_place(facts: Sequence[ClinicFacts]) -> list[str]:
    towns = gazetteer.load(SMALLEST_TOWNS)
    return [f"{row.name} ({row.city}, {row.country}): {oddity}" for row in facts for oddity in oddities(row, towns)]


def _twice(facts: Sequence[ClinicFacts]) -> list[str]:
    counted = Counter(row.key for row in facts)
    named = {row.key: row for row in facts}
    return [
        f"{named[key].name} ({named[key].city}, {named[key].country}): {count} times"
        for key, count in counted.items()
        if count > 1
    ]


def _old_before() -> str:
    today = date.today()
    return f"{today.year - OLD_AFTER_YEARS}{today.isoformat()[4:]}"
