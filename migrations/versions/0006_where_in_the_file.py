"""Where a picture lay in its file, and what the file says that speaks against reading it

Revision ID: 0006_where_in_the_file
Revises: 0005_sources
"""

import sqlalchemy as sa
from alembic import op

revision = '0006_where_in_the_file'
down_revision = '0005_sources'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('image', schema=None) as batch_op:
        batch_op.add_column(sa.Column('origin', sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column('objection_code', sa.String(length=48), nullable=True))
        batch_op.add_column(sa.Column('objection', sa.String(length=500), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('image', schema=None) as batch_op:
        batch_op.drop_column('objection')
        batch_op.drop_column('objection_code')
        batch_op.drop_column('origin')
