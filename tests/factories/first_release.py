"""Rows as release 0.2.0 wrote them, whose tables are those of the first revision."""

from __future__ import annotations

from sqlalchemy import Connection

IMAGE_ID = "a" * 32
NOTE = "looks like a cyst"

_ROWS = f"""
INSERT INTO user (id, name, password_hash, role, is_enabled, created_at)
    VALUES (1, 'ada', '', 'reviewer', 1, '2026-11-01');
INSERT INTO study (id, created_at, owner, content_sha256, wanted_frame, frame, picture_sha256, kind, height, width,
    frames, colour_share, decode_ms, notices, status, attempts, urgency, is_reviewed, work_rank)
    VALUES ('{IMAGE_ID}', '2026-11-01', 'o', 'c', -1, 0, '{"0" * 64}', 'png', 9, 9, 1, 0, 0, '[]', 'done', 0, 2, 1, 13);
INSERT INTO analysis (id, study_id, created_at, findings, category, models_version, provider, mask_sha256,
    thumbnail_sha256)
    VALUES (7, '{IMAGE_ID}', '2026-11-01', '{{"label": "benign"}}', 'routine', '1', 'CPU', '', '');
INSERT INTO review (id, study_id, user_id, analysis_id, created_at, verdict, label, note)
    VALUES (1, '{IMAGE_ID}', 1, 7, '2026-11-01', 'agree', 'benign', '{NOTE}');
INSERT INTO audit_event (id, created_at, actor, action, study_id, details)
    VALUES (1, '2026-11-01', 'visitor', 'study.receive', '{IMAGE_ID}', '{{}}')
"""


def fill(connection: Connection) -> None:
    """Write an image with a reading, a verdict and an event into the tables of the first revision."""
    for statement in _ROWS.split(";\n"):
        connection.exec_driver_sql(statement)
