"""one picture is an image; a study, which holds images, comes later under its own name

Tables and columns are renamed in place: nothing is copied, and what refers to them follows.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

LIST_COLUMNS = ["created_at", "id", "category", "label", "status", "is_reviewed"]
INDEXES = {
    "newest": LIST_COLUMNS,
    "picture": ["picture_sha256"],
    "status_lease": ["status", "lease_until"],
    "weight": ["malignant", *LIST_COLUMNS],
    "work": ["work_rank", *LIST_COLUMNS],
}
REFERRING = ("analysis", "review", "audit_event")


def _rename(before: str, after: str) -> None:
    for name in INDEXES:
        op.drop_index(f"ix_{before}_{name}", table_name=before)
    for table in REFERRING:
        op.drop_index(f"ix_{table}_{before}_id", table_name=table)
    op.rename_table(before, after)
    for table in REFERRING:
        op.execute(sa.text(f'ALTER TABLE "{table}" RENAME COLUMN {before}_id TO {after}_id'))
        op.create_index(f"ix_{table}_{after}_id", table, [f"{after}_id"])
    for name, columns in INDEXES.items():
        op.create_index(f"ix_{after}_{name}", after, columns)
    prefix = sa.text("UPDATE audit_event SET action = :after || substr(action, :length) WHERE action LIKE :before")
    op.execute(prefix.bindparams(after=f"{after}.", before=f"{before}.%", length=len(before) + 2))


def upgrade() -> None:
    _rename("study", "image")


def downgrade() -> None:
    _rename("image", "study")
