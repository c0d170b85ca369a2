"""`flask analyse PATH...`: files and folders through the same line as an upload, without server or database."""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Collection
from contextlib import ExitStack, suppress
from pathlib import Path

import click
from flask.cli import with_appcontext
from tqdm import tqdm

from app.commands import file_analysis, found_files, new_files
from app.commands.endings import Aside, say
from app.commands.file_analysis import LEFT_OUT, REFUSED, Masks
from app.commands.found_files import Identity, Source, identity
from app.commands.named_files import NamedPath
from app.commands.new_files import Sheet
from app.inference.manifest import ModelUnusable
from app.reports.answer_rows import FORMATS, HEAD_BYTES, are_answers
from app.tables.image import DECLINED, DONE
from app.workers.services import services

_COUNTED = {DONE: "read", DECLINED: "declined", REFUSED: "refused", LEFT_OUT: "left out"}


@click.command("analyse")
@click.argument("paths", nargs=-1, required=True, type=NamedPath(readable=False))
@click.option("--format", "form", type=click.Choice(sorted(FORMATS)), default="jsonl", help="Shape of the output.")
@click.option(
    "--output", type=NamedPath(dir_okay=False, readable=False),
    help="File, which is there when the run has ended; standard output without it, or as -.",
)  # fmt: skip
@click.option("--masks", type=NamedPath(file_okay=False), help="Folder for the masks, as PNG.")
@click.option("--frame", type=click.IntRange(0), help="Frame of multi-frame files, counted from 0.")
@click.option("--force", is_flag=True, help="Replace the output and masks that are there.")
@with_appcontext
def analyse(
    paths: tuple[Path, ...], form: str, output: Path | None, masks: Path | None, frame: int | None, force: bool
) -> None:
    """Read pictures from files and folders (folders with all that lies below). A path of - is standard input.

    What can't be read, or is left out of a folder, stands in the output with its reason. The exit status is 0 when at
    least one picture was read, 1 when none was, 2 when an option or the networks can't be used, 4 when the output
    can't be written, 130 after Ctrl-C.
    """
    sources = found_files.sources(paths, _own(output))
    read = {found for source in sources if source.unread is None and (found := identity(source.path))}
    new_files.check(output, read, force, "--output")
    kept = Masks(masks, force) if masks else None
    if kept:
        kept.check(sources, read)
    counts = Counter[str]()
    try:
        with ExitStack() as stack:
            stack.callback(services().decoder.close)
            sheet = stack.enter_context(new_files.sheet(output, force))
            stack.callback(lambda: say(_told(counts)))
            _write(sources, frame, kept, form, sheet, counts)
    except ModelUnusable as error:
        say(" ".join((error.sentence, *getattr(error, "__notes__", ("Nothing was read.",)))))
        raise SystemExit(2) from error
    if not sheet.is_worth_keeping:
        say("No picture could be read.")
        raise SystemExit(1)


def _own(output: Path | None) -> Collection[Identity]:
    """The files that answers go to and that folders may hold, if what they hold now is answers and no picture."""
    found = {new_files.standard_file()}
    if output is not None and _holds_answers(output):
        found.add(identity(output))
    return {one for one in found if one}


def _holds_answers(path: Path) -> bool:
    with suppress(OSError):
        if stat.S_ISREG(path.stat().st_mode):
            with path.open("rb") as file:
                return are_answers(file.read(HEAD_BYTES))
    return False


def _write(
    sources: Collection[Source], frame: int | None, masks: Masks | None, form: str, sheet: Sheet, counts: Counter[str]
) -> None:
    """Write each answer as soon as it is there, with a bar on standard error."""
    write_row = FORMATS[form](sheet)
    sheet.end_row()  # a table has a head
    with tqdm(total=len(sources), unit="file", file=Aside(), dynamic_ncols=True) as bar:
        for answer in file_analysis.answers(sources, frame, masks):
            write_row(answer.body)
            sheet.end_row()
            sheet.is_worth_keeping |= answer.is_read
            counts[answer.status] += 1
            bar.update()


def _told(counts: Counter[str]) -> str:
    """What became of all files, each of which has a row."""
    return ", ".join(f"{counts[status]} {word}" for status, word in _COUNTED.items()) + "."
