"""`flask analyse PATH...`: files and folders through the same line as an upload, without server or database."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import click
from flask.cli import with_appcontext
from tqdm import tqdm

from app.commands import file_analysis
from app.commands.file_analysis import Answer
from app.inference.manifest import ModelUnusable
from app.reports.answer_rows import FORMATS
from app.workers.services import services


@click.command("analyse")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(sorted(FORMATS)), default="jsonl", help="Shape of the output.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="File; standard output without it.")
@click.option("--masks", type=click.Path(path_type=Path, file_okay=False), help="Folder for the masks, as PNG.")
@click.option("--frame", type=click.IntRange(0), help="Frame of multi-frame files, counted from 0.")
@with_appcontext
def analyse(paths: tuple[Path, ...], form: str, output: Path | None, masks: Path | None, frame: int | None) -> None:
    """Read pictures from files and folders (folders with all that lies below).

    What can't be read is skipped with its reason in the output. The exit status is 0 when at least one picture was
    read, 1 when none was, 2 when the networks can't be used.
    """
    sources = file_analysis.sources(paths)
    with ExitStack() as stack:
        stack.callback(services().decoder.close)
        file = stack.enter_context(_opened(output)) if output else sys.stdout
        answers = _with_progress(file_analysis.answers(sources, frame, masks), len(sources))
        try:
            worked = _write(answers, form, file)
        except ModelUnusable as error:
            click.echo(f"{error.sentence} Nothing was read.", err=True)
            raise SystemExit(2) from error
    if not worked:
        click.echo("No picture could be read.", err=True)
        raise SystemExit(1)


def _opened(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("w", encoding="utf-8", errors="backslashreplace", newline="")


def _with_progress(answers: Iterable[Answer], count: int) -> Iterator[Answer]:
    """The same answers, with a bar on standard error."""
    yield from tqdm(answers, total=count, unit="picture", file=sys.stderr)


def _write(answers: Iterable[Answer], form: str, file: IO[str]) -> int:
    """Write each answer as soon as it is there; the number of pictures that were read."""
    write_row = FORMATS[form](file)
    worked = 0
    for answer in answers:
        write_row(answer.body)
        file.flush()
        worked += answer.is_read
    return worked
