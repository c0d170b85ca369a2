"""`flask analyse`: files and folders in, JSON lines or CSV and masks out; no server, no database."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from flask import Flask
from PIL import Image

from app.commands import found_files
from app.reports.answer_rows import COLUMNS

Scan = Callable[..., bytes]
ROOT = Path(__file__).parents[4]


@pytest.fixture
def folder(tmp_path: Path, scan: Scan) -> Path:
    """Two scans in nested folders, a black picture, a text and a hidden file."""
    root = tmp_path / "scans"
    (root / "left" / "deep").mkdir(parents=True)
    (root / "a.png").write_bytes(scan(1))
    (root / "left" / "deep" / "=cmd.png").write_bytes(scan(2))
    Image.fromarray(np.zeros((200, 200), np.uint8)).save(root / "black.png")
    (root / "note.txt").write_text("hello")
    (root / ".hidden.png").write_bytes(scan(3))
    return root


def run(app: Flask, *arguments: object) -> Result:
    return app.test_cli_runner().invoke(args=["analyse", *(str(one) for one in arguments)])


def answers(result: Result) -> dict[str, dict[str, Any]]:
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return {Path(line["path"]).name: line for line in lines}


def test_every_file_of_a_folder_is_answered_or_told_why_not(app: Flask, folder: Path) -> None:
    result = run(app, folder)
    assert result.exit_code == 0, result.output
    found = answers(result)
    assert set(found) == {"a.png", "=cmd.png", "black.png", "note.txt", ".hidden.png"}
    assert found["a.png"]["status"] == "done"
    assert sum(found["a.png"]["probabilities"].values()) == pytest.approx(1.0)
    assert found["black.png"]["status"] == "declined"
    assert found["note.txt"]["status"] == "refused"
    assert found["note.txt"]["reason"]["code"] == "not_an_image"
    assert (found[".hidden.png"]["status"], found[".hidden.png"]["reason"]["code"]) == ("left_out", "hidden")
    assert all(set(one) == set(found["a.png"]) for one in found.values())


def test_progress_goes_to_standard_error(app: Flask, folder: Path) -> None:
    result = run(app, folder)
    assert "5/5" in result.stderr
    assert "5/5" not in result.stdout


def test_command_line_and_json_interface_give_the_same_answer(app: Flask, tmp_path: Path, scan: Scan) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(scan())
    image = app.test_client().post("/api/v1/studies", data={"file": (io.BytesIO(scan()), "a.png")}).json
    line = answers(run(app, path))["a.png"]
    shared = set(line) & set(image) - {"milliseconds"}
    assert {"probabilities", "label", "category", "lesion", "descriptors", "advice", "picture"} <= shared
    assert {name: line[name] for name in shared} == {name: image[name] for name in shared}


def test_masks_lie_in_the_folders_of_their_pictures(app: Flask, folder: Path, tmp_path: Path) -> None:
    masks = tmp_path / "masks"
    found = answers(run(app, folder, "--masks", masks))
    expected = masks / "scans" / "left" / "deep" / "=cmd.png.mask.png"
    assert found["=cmd.png"]["mask"] == str(expected)
    with Image.open(expected) as image:
        assert (image.size, image.mode) == ((260, 220), "L")
    assert sorted(path.name for path in masks.rglob("*.png")) == ["=cmd.png.mask.png", "a.png.mask.png"]
    assert found["black.png"]["mask"] is None


def test_masks_of_an_earlier_run_are_not_read_again(app: Flask, folder: Path) -> None:
    run(app, folder, "--masks", folder / "masks")
    found = answers(run(app, folder))
    assert found["a.png.mask.png"]["reason"]["code"] == "earlier_mask"
    assert {one["status"] for name, one in found.items() if name.endswith(".mask.png")} == {"left_out"}
    assert {"a.png", "=cmd.png", "black.png", "note.txt"} < set(found)


def test_a_file_that_is_named_twice_is_read_once(app: Flask, folder: Path) -> None:
    assert len(run(app, folder / "a.png", folder / "a.png").stdout.splitlines()) == 1


def test_masks_of_files_with_one_name_are_told_apart(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(b"")
    places = [source.below for source in found_files.sources([tmp_path / "one/a.png", tmp_path / "two/a.png"])]
    assert len(set(places)) == 2


def test_csv_has_a_row_per_file_and_no_formula(
    app: Flask, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out" / "answers.csv"
    monkeypatch.chdir(folder / "left" / "deep")
    result = run(app, "=cmd.png", "../../note.txt", "--format", "csv", "--output", output)
    assert (result.exit_code, result.stdout) == (0, "")
    with output.open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file))
    assert tuple(header) == COLUMNS
    table = [dict(zip(header, row, strict=True)) for row in rows]
    assert [row["path"] for row in table] == ["'=cmd.png", "../../note.txt"]
    assert [row["status"] for row in table] == ["done", "refused"]
    assert float(table[0]["benign"]) <= 1
    assert table[1]["reason_code"] == "not_an_image"


def test_the_exit_status_is_1_only_when_nothing_was_read(app: Flask, folder: Path) -> None:
    assert run(app, folder / "note.txt").exit_code == 1
    assert run(app, folder / "missing.png").exit_code == 1
    assert answers(run(app, folder / "missing.png"))["missing.png"]["reason"]["code"] == "unreadable_file"
    assert run(app, folder / "note.txt", folder / "a.png").exit_code == 0


def test_unusable_networks_end_the_run_with_2(make_app: Callable[..., Flask], folder: Path, tmp_path: Path) -> None:
    result = run(make_app(MODELS_DIR=tmp_path / "nowhere"), folder / "a.png")
    assert result.exit_code == 2
    assert "manifest" in result.stderr
    assert "Traceback" not in result.output


def test_a_file_above_the_limit_is_refused_without_being_read(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.truncate(3_000_000)
    line = answers(run(make_app(MAX_UPLOAD_MB=1), path))["large.png"]
    assert line["reason"] == {"code": "too_large", "sentence": "The file is larger than 1 MB."}


@pytest.mark.slow
def test_the_command_itself_leaves_no_data_folder_behind(tmp_path: Path, folder: Path, tiny_models: Path) -> None:
    environment = os.environ | {
        "DATA_DIR": str(tmp_path / "data"), "MODELS_DIR": str(tiny_models), "PROVIDER": "cpu",
    }  # fmt: skip
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "analyse", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 5
    assert not (tmp_path / "data").exists()
