"""A backup as release 0.2.0 made it: a folder with the first tables, filled with rows of every kind, and pictures."""

from __future__ import annotations

import hashlib
import json
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any

from app.store import schema
from app.store.database import driver
from app.upkeep.archive import CONTENTS, SEAL
from tests.factories.pictures import encoded, ultrasound

FIRST_TABLES = "0001"
MOMENT = "2026-03-01 12:00:00.000000"


def backup_of_0_2_0(folder: Path, ids: list[str], note: str = "an earlier note") -> list[str]:
    """Make it; each study has an analysis and a reviewer's note. Returns the keys of the pictures."""
    folder.mkdir()
    database = folder / "sonotriage.db"
    schema.build(database, FIRST_TABLES)
    keys = [_picture(folder, encoded(ultrasound(seed))) for seed in range(len(ids))]
    mask = _picture(folder, encoded(ultrasound(99)))
    with closing(driver.connect(database)) as connection, connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        _insert(connection, "user", id=1, name="ada", password_hash="x", role="admin", is_enabled=1, created_at=MOMENT)
        for number, (study_id, key) in enumerate(zip(ids, keys, strict=True), start=1):
            _insert(
                connection, "study", id=study_id, created_at=MOMENT, owner="0" * 64, content_sha256=key,
                wanted_frame=-1, frame=0, picture_sha256=key, kind="png", height=150, width=180, frames=1,
                colour_share=0.0, decode_ms=1.0, notices="[]", status="done", attempts=1, category="urgent",
                label="malignant", malignant=0.9, urgency=4, is_reviewed=1, work_rank=11,
            )  # fmt: skip
            _insert(
                connection, "analysis", id=number, study_id=study_id, created_at=MOMENT, findings="{}",
                category="urgent", models_version="1.3.0", provider="CPUExecutionProvider", mask_sha256=mask,
                thumbnail_sha256="",
            )  # fmt: skip
            _insert(
                connection, "review", id=number, study_id=study_id, user_id=1, analysis_id=number, created_at=MOMENT,
                verdict="agree", label="malignant", note=note,
            )  # fmt: skip
            _insert(
                connection, "audit_event", created_at=MOMENT, actor="visitor", action="study.receive",
                study_id=study_id, details='{"kind": "png"}',
            )  # fmt: skip
    (folder / "backup.json").write_text(json.dumps({"made": "2026-03-02T00:00:00+00:00", "studies": len(ids)}))
    return keys


def as_folder(open_backup: Path, folder: Path) -> None:
    """An open backup of today in the form that 0.2.0 had: a folder, without list and seal."""
    with tarfile.open(open_backup) as tar:
        tar.extractall(folder, filter="data")
    for name in (CONTENTS, SEAL):
        (folder / name).unlink()


def _picture(folder: Path, content: bytes) -> str:
    key = hashlib.sha256(content).hexdigest()
    path = folder / "pictures" / key[:2] / f"{key}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return key


def _insert(connection: Any, table: str, **values: object) -> None:
    names, places = ", ".join(values), ", ".join("?" * len(values))
    connection.execute(f'INSERT INTO "{table}" ({names}) VALUES ({places})', tuple(values.values()))
