"""Runs the revisions in versions/ against the application's database."""

from __future__ import annotations

from typing import Any

from alembic import context
from flask import current_app

import app.tables  # noqa: F401 - registers every table
from app.tables.moment import Moment
from app.web.extensions import db


def render_item(kind: str, item: Any, _autogen: Any) -> str | bool:
    """Write moments as plain date-times, so that a revision does not depend on today's code."""
    return "sa.DateTime()" if kind == "type" and isinstance(item, Moment) else False


def run() -> None:
    """Upgrade in one transaction that holds the write lock; two processes that start at once take turns."""
    engine = current_app.extensions["migrate"].db.engine
    with engine.connect().execution_options(is_writing=True) as connection:
        context.configure(
            connection=connection, target_metadata=db.metadata, render_as_batch=True, render_item=render_item
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run()
