"""`flask models`: fit the probabilities to a clinic's own pictures, and take that back."""

from __future__ import annotations

from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext
from tqdm import tqdm

from app import audit
from app.commands.endings import Aside
from app.commands.named_files import NamedFile
from app.inference.manifest import ModelUnusable
from app.recalibration import fitting, labelled_pictures
from app.recalibration.fitting import Comparison
from app.recalibration.labelled_pictures import CantRecalibrate
from app.store.database import writing
from app.workers.services import RECALIBRATED, services


@click.group("models")
def models_commands() -> None:
    """Look after the networks' calibration."""


@models_commands.command("recalibrate")
@click.argument("labels", type=NamedFile(dir_okay=False))
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--dry-run", is_flag=True, help="Show the figures, write nothing.")
@with_appcontext
def recalibrate(labels: Path, folder: Path, dry_run: bool) -> None:
    """Refit temperature and threshold on 50 to 200 labelled pictures.

    LABELS is a CSV with the columns file, label (benign, malignant or normal) and, where a patient has several
    pictures, group. FOLDER holds the files. The new figures count from the next start of the server on.
    """
    try:
        listed = labelled_pictures.read_list(labels, folder)
        seen = tqdm(
            labelled_pictures.observe(listed), total=len(listed), unit="picture", file=Aside(), dynamic_ncols=True
        )
        observed = labelled_pictures.gathered(seen)
        manifest = services().engine.manifest
        comparison = fitting.compare(observed, manifest)
    except CantRecalibrate as error:
        raise click.ClickException(str(error)) from error
    except ModelUnusable as error:
        raise click.ClickException(error.sentence) from error
    finally:
        services().decoder.close()
    unread = len(listed) - len(observed.labels)
    click.echo(f"{len(observed.labels)} pictures were read, {unread} were refused or declined.")
    _show(comparison)
    if not dry_run:
        version = fitting.keep(comparison, manifest, _folder(), len(observed.labels))
        with writing():
            audit.record("command line", "models.recalibrate", version=version, pictures=len(observed.labels))
        click.echo(f"Written as version {version}. Restart the server to use it; `flask models undo` takes it back.")


@models_commands.command("undo")
@with_appcontext
def undo() -> None:
    """Forget the newest recalibration."""
    version = fitting.undo(_folder())
    if version is None:
        raise click.ClickException("There is no recalibration to take back.")
    with writing():
        audit.record("command line", "models.undo", version=version)
    click.echo(
        f"Version {version} is gone. Version {services().engine.manifest.version} counts from the next start on."
    )


def _folder() -> Path:
    return Path(current_app.config["DATA_DIR"]) / RECALIBRATED


def _show(comparison: Comparison) -> None:
    click.echo(f"{'':28}{'as shipped':>24}{'after, on unseen parts':>26}")
    for name, before in comparison.before.items():
        both = (before, comparison.after[name])
        shown = [f"{figure['value']:.3f} ({figure['low']:.3f}-{figure['high']:.3f})" for figure in both]
        click.echo(f"{name:28}{shown[0]:>24}{shown[1]:>26}")
    click.echo(f"Temperature times {comparison.fit.factor:.2f}, threshold {comparison.fit.threshold:.3f}.")
    if (
        comparison.after["expected calibration error"]["value"]
        >= comparison.before["expected calibration error"]["value"]
    ):
        click.echo("The fit does not make the probabilities truer on pictures that it did not see.")
