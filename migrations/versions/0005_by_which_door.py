"""by which door an image came: the page, somebody signed in, a program

Of rows that are there already the audit trail tells it: who received them was written down as "visitor" or "api".
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005_sources"
down_revision = "0004_audit_chain"
branch_labels = None
depends_on = None

LIST_COLUMNS = ["created_at", "id", "category", "label", "status", "is_reviewed"]
INDEXES = {
    "ix_image_newest": LIST_COLUMNS,
    "ix_image_weight": ["malignant", *LIST_COLUMNS],
    "ix_image_work": ["work_rank", *LIST_COLUMNS],
}
SOURCES = {"visitor": "page", "api": "api"}
FILL = """
    UPDATE image SET source = :source WHERE id IN
    (SELECT image_id FROM audit_event WHERE action = 'image.receive' AND actor = :actor)
"""


def _index_with(*more: str) -> None:
    for name, columns in INDEXES.items():
        op.drop_index(name, table_name="image")
        op.create_index(name, "image", [*columns, *more])


def upgrade() -> None:
    op.add_column("image", sa.Column("source", sa.String(16), nullable=False, server_default="unknown"))
    for actor, source in SOURCES.items():
        op.execute(sa.text(FILL).bindparams(actor=actor, source=source))
    _index_with("source")


def downgrade() -> None:
    _index_with()
    op.drop_column("image", "source")
