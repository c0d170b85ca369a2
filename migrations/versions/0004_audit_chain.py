"""the rows of the audit trail are chained by seals

The rows that are there get theirs now: from here on nobody changes them unseen. What was done to them before can't be
known. The seals are made as `app/audit/seals.py` makes them; this file keeps its own copy, so that it goes on working.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from datetime import UTC
from typing import Any

import sqlalchemy as sa
from alembic import op
from flask import current_app

revision = '0004_audit_chain'
down_revision = '0003_accounts'
branch_labels = None
depends_on = None

NEW = (('salt', 32), ('details_sha256', 64), ('sealed_with', 8), ('seal', 64))
BATCH = 1000


def upgrade() -> None:
    for name, length in NEW:
        op.add_column('audit_event', _column(name, length))
    _seal_all(op.get_bind())


def _column(name: str, length: int) -> sa.Column[str]:
    """Salts go when their details do; the rest is in every row, and empty only until it is sealed below."""
    if name == 'salt':
        return sa.Column(name, sa.String(length), nullable=True)
    return sa.Column(name, sa.String(length), nullable=False, server_default='')


def downgrade() -> None:
    for name, _length in NEW:
        op.drop_column('audit_event', name)


def _seal_all(connection: sa.Connection) -> None:
    table = sa.Table('audit_event', sa.MetaData(), autoload_with=connection)
    secret = hmac.digest(current_app.config['SECRET_KEY'].encode(), b'sonotriage audit trail', 'sha256')
    key_id = hashlib.sha256(secret).hexdigest()[:8]
    before, last = '0' * 64, 0
    query = sa.select(table).order_by(table.c.id).limit(BATCH)
    while rows := connection.execute(query.where(table.c.id > last)).all():
        for row in rows:
            salt = secrets.token_hex(16)
            digest = hashlib.sha256(f'{salt}\n{_canonical(row.details)}'.encode()).hexdigest()
            moment = row.created_at.replace(tzinfo=UTC).isoformat(timespec='microseconds')
            said = [before, row.id, moment, row.actor, row.action, _name(row.image_id), row.request_id, digest]
            before = hmac.digest(secret, _canonical(said).encode(), 'sha256').hex()
            connection.execute(
                table.update()
                .where(table.c.id == row.id)
                .values(salt=salt, details_sha256=digest, sealed_with=key_id, seal=before)
            )
        last = rows[-1].id


def _name(image_id: str | None) -> str | None:
    if image_id is None or image_id.startswith('-'):
        return image_id
    return '-' + hashlib.sha256(image_id.encode()).hexdigest()[:31]


def _canonical(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(',', ':'))
