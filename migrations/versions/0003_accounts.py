"""first passwords that have to be changed, and when a login was last seen"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = '0003_accounts'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Columns are added in place. Made anew, as SQLite would have it otherwise, a table would have to be dropped, and what
    # refers to its rows would forbid that, or go with them.
    op.add_column('user', sa.Column('must_change_password', sa.Boolean(), nullable=False, server_default=sa.false()))
    never = sa.text("'1970-01-01 00:00:00'")
    op.add_column('login_session', sa.Column('last_seen_at', sa.DateTime(), nullable=False, server_default=never))
    # Who is logged in while the program is updated stays so: the first sign of life is now.
    moment = datetime.now(UTC).replace(tzinfo=None)
    op.execute(sa.table('login_session', sa.column('last_seen_at', sa.DateTime())).update().values(last_seen_at=moment))


def downgrade() -> None:
    op.drop_column('login_session', 'last_seen_at')
    op.drop_column('user', 'must_change_password')
